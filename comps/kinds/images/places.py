"""Finds where a competition's images lie, which table says their labels, and what is submitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from comps.base import AmbiguousError, DataError, counted, some, unknown_name
from comps.kinds.images.decoded import is_image
from comps.kinds.images.layout import (
    Layout,
    Match,
    but_for_case,
    matched,
    naming,
    to_the_letter,
)
from comps.kinds.images.rows import table_of
from comps.kinds.images.tree import Tree, below, inside, shown, table_named
from comps.kinds.table.files import check_parts, part_of, words_of
from comps.kinds.table.given import AS_YOU_SAY, Given, Inferred

# A column must name so many of the training images; if the user names table or column, half of
# its cells must be names of some.
_LEAST_SHARE = 0.5
# First words of the names of folders with test images; "testis" may be a class.
_TEST = [["test"], ["tests"], ["testing"], ["testset"], ["testdata"], ["testimages"]]


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the user says of files with images.

    Attributes:
        images: folder of the training images.
        test_images: that of the test images.
        files: tables by part ("train", "test", "sample"), where their names do not say it.
        given: what is said of the table; `id` is the column that names the images.
        task: what is predicted.
        outputs: columns of the submission behind the ids.
    """

    images: str
    test_images: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    given: Given = field(default_factory=Given)
    task: str | None = None
    outputs: tuple[str, ...] = ()


def find_layout(tree: Tree, said: Said) -> tuple[Layout, list[Inferred]]:
    """Return where the images of a competition lie, and what to show of it.

    Raises:
        AmbiguousError: if something may be read in several ways; it names the option that says it.
        DataError: if there are no images, or nothing says their labels.
        UsageError: if a folder, a table or a column that the user names does not exist.
    """
    check_parts(said.files)
    if tree.path.is_file() and is_image(tree.path.name):
        raise DataError(
            f"{tree.path} is an image. Name the folder, or the archive, that holds all of them."
        )
    if not tree.images:
        raise DataError(
            f"{tree.path} holds no images (jpg, png, webp, bmp, gif, tif). Is it the right file?"
        )
    folder = tree.folder(said.images, "--images")
    test, reason = _test_folder(tree, folder, said)
    tables = {part: _table(tree, part, said) for part in ("train", "test", "sample")}
    layout = Layout(folder=folder, test_folder=test, sample=tables["sample"])
    apart = set() if test is None else set(below(tree.images, test))
    train = [name for name in below(tree.images, folder) if name not in apart]
    layout, labels = _labels(tree, layout, train, tables, said)
    layout = _listed(tree, layout, tables["sample"] or tables["test"], train)
    trained = _row("images", train, folder, AS_YOU_SAY)
    return layout, [trained, labels, *_told_of_test(tree, layout, reason)]


def _told_of_test(tree: Tree, layout: Layout, reason: str) -> Iterator[Inferred]:
    """Yield what is shown of the test images."""
    if layout.test_folder is not None:
        images = below(tree.images, layout.test_folder)
        yield _row("test images", images, layout.test_folder, reason)
    elif layout.listing is not None:
        count = counted(len(table_of(tree, layout.listing).frame), "image")
        yield Inferred("test images", count, f"{layout.listing} names them")
    else:
        yield Inferred("test images", "none", "no folder is called test; --test-images names one")
    if layout.listing is not None:
        how = f"column {layout.listed!r} of {layout.listing}: the {layout.test_form} of an image"
        yield Inferred("id", how, "as the test images are listed there")


def _row(what: str, images: Sequence[str], folder: str, reason: str) -> Inferred:
    return Inferred(what, f"{counted(len(images), 'image')} in {shown(folder)}", reason)


def _test_folder(tree: Tree, folder: str, said: Said) -> tuple[str | None, str]:
    """Return the folder of the test images and the reason: one beside whose first word is test."""
    if said.test_images is not None:
        return tree.folder(said.test_images, "--test-images"), AS_YOU_SAY
    above = PurePosixPath(folder).parent
    beside = [
        name
        for name in tree.folders
        if PurePosixPath(name).parent == above
        and words_of(PurePosixPath(name).name)[:1] in _TEST
        and name != folder
    ]
    plain = [name for name in beside if PurePosixPath(name).name.lower() == "test"] or beside
    if len(plain) > 1:
        raise AmbiguousError("Which folder holds the test images?", plain, "--test-images")
    return (plain[0] if plain else None), "its name, beside the training images"


def _table(tree: Tree, part: str, said: Said) -> str | None:
    """Return the table of a part: the one that is named, or called so; None if there is none."""
    if part in said.files:
        return table_named(tree, said.files[part])
    if part == "train":
        return None
    called = [name for name in tree.tables if part_of(name) == part]
    depth = min((name.count("/") for name in called), default=0)
    best = [name for name in called if name.count("/") == depth]
    if len(best) > 1:
        raise AmbiguousError(f"Several tables may hold the {part} part.", best, f"--{part}-file")
    return best[0] if best else None


def _labels(
    tree: Tree,
    layout: Layout,
    train: Sequence[str],
    tables: Mapping[str, str | None],
    said: Said,
) -> tuple[Layout, Inferred]:
    """Return the layout with what says the labels: a table that names images, or folders."""
    others = [name for name in tree.tables if name not in (tables["test"], tables["sample"])]
    wanted = [name for name in others if tables["train"] in (None, name)]
    best = _naming_table(tree, layout.folder, train, wanted, said)
    if best is None:
        best = _naming_table(tree, layout.folder, train, wanted, said, matched)
    if best is not None:
        table, column, form = best
        found = Inferred(
            "image", f"column {column!r} of {table}", f"its cells are the {form} of the images"
        )
        return replace(layout, table=table, column=column, form=form), found
    if said.given.target or said.given.id or tables["train"] is not None:
        _check_columns(tree, layout, train, wanted, said)
        named = tables["train"] or some(map(repr, said.given.target)) or repr(said.given.id)
        raise DataError(
            f"No table that names the images of {shown(layout.folder)} was found, and {named} was "
            f"given. Tables: {some(wanted) or 'none'}. A column must hold the names of the image "
            "files, with or without folder and ending; --id names it."
            f"{_of_case(tree, layout.folder, train, wanted, said)}"
        )
    folder = layout.folder
    while len(_classes(train, folder)) == 1 and not _loose(train, folder):
        folder = f"{folder}/{_classes(train, folder)[0]}".strip("/")
    classes = _classes(train, folder)
    if len(classes) < 2:
        raise _no_labels(
            tree, layout.folder, train, _of_case(tree, layout.folder, train, wanted, said)
        )
    found = Inferred("labels", some(classes), f"the folders in {shown(folder)}, one for each class")
    return replace(layout, folder=folder), found


def _check_columns(
    tree: Tree, layout: Layout, train: Sequence[str], tables: Sequence[str], said: Said
) -> None:
    """Refuse an id that no table has, and a target that the one which names the images has not.

    Raises:
        UsageError: that names the columns.
    """
    there = [str(name) for table in tables for name in table_of(tree, table).frame]
    if said.given.id is not None and tables and said.given.id not in there:
        raise unknown_name(f"column of {some(tables)} called", said.given.id, there)
    others = replace(said, given=replace(said.given, target=()))
    best = _naming_table(tree, layout.folder, train, tables, others)
    if best is None:
        return
    columns = list(map(str, table_of(tree, best[0]).frame))
    for target in said.given.target:
        if target not in columns:
            raise unknown_name(f"column of {best[0]} called", target, columns)


def _of_case(
    tree: Tree, folder: str, train: Sequence[str], tables: Sequence[str], said: Said
) -> str:
    """Return what to do where a column names images but for case, and it is not clear which."""
    best = _naming_table(tree, folder, train, tables, said, but_for_case)
    if best is None:
        return ""
    return (
        f" Column {best[1]!r} of {best[0]} names them but for upper and lower case: write both in "
        "one way."
    )


def _naming_table(
    tree: Tree,
    folder: str,
    train: Sequence[str],
    tables: Sequence[str],
    said: Said,
    match: Match = to_the_letter,
) -> tuple[str, str, str] | None:
    """Return table, column and form that name the most images; None if there is no such column.

    Args:
        tree: the files.
        folder: of the training images.
        train: their paths.
        tables: that may name them.
        said: what the user says.
        match: how names are compared.

    Raises:
        AmbiguousError: if two tables name as many.
    """
    named = bool(said.given.target or said.given.id or "train" in said.files)
    found = []
    for table in tables:
        frame = table_of(tree, table).frame
        if said.given.target and not set(said.given.target) <= set(map(str, frame)):
            continue
        for column in frame if said.given.id is None else {said.given.id} & set(frame):
            cells = set(frame[column].dropna())
            form, hits = naming(cells, train, folder, match)
            if hits and hits >= _LEAST_SHARE * min(len(train), len(cells) if named else len(train)):
                found.append((hits, table, str(column), form))
    most = max((hits for hits, *_ in found), default=0)
    best = [(table, column, form) for hits, table, column, form in found if hits == most]
    several = list(dict.fromkeys(table for table, *_ in best))
    if len(several) > 1:
        raise AmbiguousError("Which table holds the labels of the images?", several, "--train-file")
    return best[0] if best else None


def _listed(tree: Tree, layout: Layout, table: str | None, train: Sequence[str]) -> Layout:
    """Return the layout with how test images are named in the table that lists them, if any.

    Raises:
        DataError: if its cells name none.
    """
    if table is None:
        return layout if layout.test_folder is None else replace(layout, test_form=layout.form)
    frame = table_of(tree, table).frame
    images = tree.images
    if layout.test_folder is not None:
        images = below(images, layout.test_folder)
    elif layout.table is None:
        taken = set(train)
        images = [name for name in images if name not in taken]
    columns = list(frame)[:1] if table == layout.sample else list(frame)
    for match in (to_the_letter, matched):
        tried = {
            str(column): naming(
                set(frame[column].dropna()), images, layout.test_folder or "", match
            )
            for column in columns
        }
        listed = max(tried, key=lambda column: tried[column][1])
        form, hits = tried[listed]
        if hits:
            break
    else:
        where = (
            f"in {shown(layout.test_folder)}"
            if layout.test_folder
            else "beside the training images"
        )
        raise DataError(
            f"{table} names test images as {some(map(repr, frame.iloc[:3, 0]))}, and no image "
            f"{where} is called so. Name their folder with --test-images."
        )
    return replace(layout, listing=table, listed=listed, test_form=form)


def _classes(train: Sequence[str], folder: str) -> list[str]:
    """Return the names of the folders in a folder."""
    parts = [PurePosixPath(inside(name, folder)).parts for name in below(list(train), folder)]
    return sorted({part[0] for part in parts if len(part) > 1})


def _loose(train: Sequence[str], folder: str) -> bool:
    """Whether images lie in a folder itself."""
    return any("/" not in inside(name, folder) for name in below(list(train), folder))


def _no_labels(tree: Tree, folder: str, train: Sequence[str], more: str) -> DataError:
    found = some(inside(name, folder) for name in train) or "none"
    return DataError(
        f"Nothing says what the images of {shown(folder)} show. Put those of each class into a "
        "folder of its own there, two or more; or add a table with a column of the names of the "
        f"image files and one of what is to be predicted. Images: {found}. Tables: "
        f"{some(tree.tables) or 'none'}.{more}"
    )
