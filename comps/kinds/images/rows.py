"""The rows of a competition of images: which images they are, their ids and their labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from comps.base import DataError, counted, some
from comps.kinds.images.layout import FORMS, Layout, but_for_case, by_name, matched
from comps.kinds.images.tree import Tree, below, inside, shown
from comps.reading.delimited import ALL, Table, read_table
from comps.reading.ids import checked_ids

# The column of labels that folders say.
LABEL = "label"


@dataclass(frozen=True)
class Rows:
    """Training and test images.

    Attributes:
        train: paths.
        test: paths; empty where nothing is to be predicted.
        train_ids: names of the training images.
        test_ids: names of the test images.
        places: rows of the table of labels, one for each training image; empty of folders.
        notes: what was left out.
    """

    train: Sequence[str]
    test: Sequence[str]
    train_ids: Sequence[str]
    test_ids: Sequence[str]
    places: Sequence[int]
    notes: Sequence[str]


def rows_of(tree: Tree, layout: Layout) -> Rows:
    """Return the images of a competition, in the order of their tables or of their names.

    Raises:
        DataError: if a table names an image that is not there, or names one twice.
    """
    test_ids, test = _test_images(tree, layout)
    apart = set(test)
    inner = [name for name in below(tree.images, layout.folder) if name not in apart]
    if layout.table is None:
        train = [name for name in inner if "/" in inside(name, layout.folder)]
        ids = [FORMS[layout.form](path, layout.folder) for path in train]
        places: list[int] = []
        said = "lie in no folder of a class"
    else:
        ids, train, places = _named(tree, layout, inner)
        said = f"are not in {layout.table}"
    notes = [
        *_of_case(ids, train, layout.table, layout.form, layout.folder),
        *_of_case(test_ids, test, layout.listing, layout.test_form, layout.test_folder or ""),
    ]
    taken = set(train)
    rest = [inside(name, layout.folder) for name in inner if name not in taken]
    if rest:
        notes.append(
            f"{counted(len(rest), 'image')} of {shown(layout.folder)} {said}: left out. "
            f"{some(rest)}."
        )
    return Rows(train, test, ids, test_ids, places, notes)


def labelled(tree: Tree, layout: Layout, ids: Sequence[str], places: Sequence[int]) -> Table:
    """Return the table of the training rows.

    Args:
        tree: the files.
        layout: of them.
        ids: of the training images.
        places: see `Rows`.
    """
    import pandas as pd

    if layout.table is None:
        labels = [PurePosixPath(name).parts[0] for name in ids]
        frame = pd.DataFrame({layout.column: ids, LABEL: labels}, dtype=object)
        return Table(frame, (), np.arange(1, len(ids) + 1), shown(layout.folder))
    table = table_of(tree, layout.table)
    frame = table.frame.iloc[list(places)].reset_index(drop=True)
    return Table(frame, table.notes, table.lines[list(places)], layout.table)


def table_of(tree: Tree, name: str) -> Table:
    """Return a table to the character."""
    return read_table(tree.read(name), name, text=ALL)


def _test_images(tree: Tree, layout: Layout) -> tuple[list[str], list[str]]:
    """Return names and paths of the test images."""
    folder, form = layout.test_folder or "", layout.test_form
    if layout.listing is None:
        images = [] if layout.test_folder is None else below(tree.images, folder)
        return [FORMS[form](path, folder) for path in images], images
    ids = table_of(tree, layout.listing).frame[layout.listed]
    names = [str(name) for name in checked_ids(ids, layout.listing)]
    inner = below(tree.images, folder)
    if layout.table is None and layout.test_folder is None:
        # What the folders of classes hold has a label, whatever it is called.
        labelled_ones = set(below(tree.images, layout.folder))
        inner = [name for name in inner if name not in labelled_ones]
    images_of = matched(names, inner, folder, form)
    if layout.table is not None and layout.test_folder is None:
        images_of = _but_training_images(tree, layout, images_of)
    missing = [name for name in names if name not in images_of]
    if missing:
        of = "Name their folder with --test-images." if layout.test_folder is None else ""
        hint = of or "Add the files, or take their rows out of the table."
        alike = but_for_case(missing, inner, folder, form)
        raise _missing(layout.listing, len(missing), folder, some(missing), alike, hint)
    return names, [images_of[name] for name in names]


def _but_training_images(
    tree: Tree, layout: Layout, images_of: Mapping[str, str]
) -> dict[str, str]:
    """Return images by name without those that the table of labels names in another case."""
    assert layout.table is not None
    names = table_of(tree, layout.table).frame[layout.column].dropna()
    inner = below(tree.images, layout.folder)
    labelled_as = {
        path: name for name, path in matched(names, inner, layout.folder, layout.form).items()
    }
    return {
        name: path
        for name, path in images_of.items()
        if name in (FORMS[layout.test_form](path, ""), labelled_as.get(path, name))
    }


def _named(
    tree: Tree, layout: Layout, inner: Sequence[str]
) -> tuple[list[str], list[str], list[int]]:
    """Return names and paths of the training images that the table names, and their rows in it."""
    assert layout.table is not None
    table = table_of(tree, layout.table)
    names = table.frame[layout.column]
    checked_ids(names, layout.table)
    # A table may list the test images, too, where they lie among the others.
    there = below(tree.images, layout.folder)
    images_of = matched(names, there, layout.folder, layout.form)
    images_of |= by_name(inner, layout.folder, layout.form)
    missing = [row for row, name in enumerate(names) if name not in images_of]
    if missing:
        lines = some(f"{names.iloc[row]} (line {table.lines[row]})" for row in missing)
        alike = but_for_case(list(names.iloc[missing]), there, layout.folder, layout.form)
        hint = "Add the files, or take their rows out of the table."
        raise _missing(layout.table, len(missing), layout.folder, lines, alike, hint)
    kept = set(inner)
    places = [row for row, name in enumerate(names) if images_of[name] in kept]
    ids = [str(names.iloc[row]) for row in places]
    return ids, [images_of[name] for name in ids], places


def _missing(
    table: str, count: int, folder: str, names: str, alike: Sequence[str], hint: str
) -> DataError:
    """Return the error of images that a table names and that are not there."""
    if alike:
        hint = f"{some(alike)}: there but for upper and lower case; write both in one way. {hint}"
    return DataError(
        f"{table} names {counted(count, 'image')} that {'is' if count == 1 else 'are'} not in "
        f"{shown(folder)}: {names}. {hint}"
    )


def _of_case(
    names: Sequence[str], paths: Sequence[str], table: str | None, form: str, folder: str
) -> Iterator[str]:
    """Yield a note of names that are not written as those of the files."""
    pairs = zip(names, (FORMS[form](path, folder) for path in paths), strict=True)
    other = [f"{name} for {written}" for name, written in pairs if name != written]
    if other:
        yield (
            f"{table} names {counted(len(other), 'image')} in other upper and lower case than the "
            f"files ({some(other)}): taken for the same."
        )
