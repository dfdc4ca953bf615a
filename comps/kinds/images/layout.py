"""Where the images of a competition lie, and what names them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from comps.kinds.images.tree import inside


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The files of a competition of images.

    Attributes:
        folder: of the training images.
        table: with the labels of training images; None where the folders say them.
        column: of the table, which names the images; of folders the name of that column.
        form: how the table names them, a name in `FORMS`.
        test_folder: of the test images; None where there is none.
        listing: table that lists the test images: the sample submission, or the test rows.
        listed: column of that table.
        test_form: how test images are named.
        sample: the sample submission.
    """

    folder: str
    table: str | None = None
    column: str = "image"
    form: str = "path"
    test_folder: str | None = None
    listing: str | None = None
    listed: str | None = None
    test_form: str = "path"
    sample: str | None = None

    @property
    def has_test(self) -> bool:
        """Whether there are images to predict."""
        return self.test_folder is not None or self.listing is not None


def _whole(path: str, folder: str) -> str:
    del folder
    return path


def _file(path: str, folder: str) -> str:
    del folder
    return PurePosixPath(path).name


def _bare_file(path: str, folder: str) -> str:
    del folder
    return PurePosixPath(path).stem


def _bare(path: str, folder: str) -> str:
    return str(PurePosixPath(inside(path, folder)).with_suffix(""))


#: How tables name images: functions of the path, and of the folder that it is seen from.
FORMS: Mapping[str, Callable[[str, str], str]] = {
    "path": inside,
    "whole path": _whole,
    "file name": _file,
    "file name without ending": _bare_file,
    "path without ending": _bare,
}


def by_name(images: Sequence[str], folder: str, form: str) -> dict[str, str]:
    """Return the paths of images by their names.

    Args:
        images: paths.
        folder: that they are seen from.
        form: a name in `FORMS`.

    Returns:
        Names that several images have are left out.

    >>> by_name(["a/1.png", "b/1.png", "b/2.png"], "", "file name")
    {'2.png': 'b/2.png'}
    """
    found: dict[str, list[str]] = {}
    for image in images:
        found.setdefault(FORMS[form](image, folder), []).append(image)
    return {name: paths[0] for name, paths in found.items() if len(paths) == 1}


def matched(
    names: Collection[str], images: Sequence[str], folder: str, form: str
) -> dict[str, str]:
    """Return the paths of the images that are meant, by names, where these are clear.

    Names are matched to the letter, and else but for upper and lower case, where neither several
    images nor several names are equal then.

    >>> matched(["A.png", "b.png", "B.png"], ["a.PNG", "b.png"], "", "path")
    {'b.png': 'b.png', 'A.png': 'a.PNG'}
    """
    exact = by_name(images, folder, form)
    found = {name: exact[name] for name in names if name in exact}
    if len(found) < len(names):
        alike = Counter(name.casefold() for name in names)
        folded = _folded(images, folder, form)
        for name in names:
            paths = folded.get(name.casefold(), ())
            if name not in found and len(paths) == 1 and alike[name.casefold()] == 1:
                found[name] = paths[0]
    return found


def but_for_case(
    names: Collection[str], images: Sequence[str], folder: str, form: str
) -> list[str]:
    """Return the names that some image has, or several have, but for upper and lower case.

    >>> but_for_case(["A.png", "b.png"], ["a.PNG", "a.png"], "", "path")
    ['A.png']
    """
    folded = _folded(images, folder, form)
    return [name for name in names if name.casefold() in folded]


def _folded(images: Sequence[str], folder: str, form: str) -> dict[str, list[str]]:
    """Return the paths of images by their names in small letters."""
    found: dict[str, list[str]] = {}
    for image in images:
        found.setdefault(FORMS[form](image, folder).casefold(), []).append(image)
    return found


#: How names of images are looked for: names, images, folder and form to those that are found.
Match = Callable[[Collection[str], Sequence[str], str, str], Collection[str]]


def to_the_letter(
    names: Collection[str], images: Sequence[str], folder: str, form: str
) -> Collection[str]:
    """Return the names that one image has."""
    return by_name(images, folder, form).keys() & set(names)


def naming(
    cells: Collection[str], images: Sequence[str], folder: str, match: Match = to_the_letter
) -> tuple[str, int]:
    """Return the form in which cells name the most images, and how many they name.

    >>> naming({"1.png", "3.png"}, ["train/1.png", "train/2.png"], "train")
    ('path', 1)
    """
    hits = {form: len(match(cells, images, folder, form)) for form in FORMS}
    best = max(hits, key=lambda form: hits[form])
    return best, hits[best]
