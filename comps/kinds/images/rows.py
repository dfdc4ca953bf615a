"""The rows of a competition of images: which images they are, their ids and their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from comps.base import DataError, counted, some
from comps.kinds.images.layout import FORMS, Layout, by_name
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
    test = _test_images(tree, layout)
    test_ids = [FORMS[layout.test_form](path, layout.test_folder or "") for path in test]
    apart = set(test)
    inner = [name for name in below(tree.images, layout.folder) if name not in apart]
    if layout.table is None:
        train = [name for name in inner if "/" in inside(name, layout.folder)]
        places: list[int] = []
        said = "lie in no folder of a class"
    else:
        train, places = _named(tree, layout, inner)
        said = f"are not in {layout.table}"
    taken = set(train)
    rest = [inside(name, layout.folder) for name in inner if name not in taken]
    notes = []
    if rest:
        notes.append(
            f"{counted(len(rest), 'image')} of {shown(layout.folder)} {said}: left out. "
            f"{some(rest)}."
        )
    ids = [FORMS[layout.form](path, layout.folder) for path in train]
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


def _test_images(tree: Tree, layout: Layout) -> list[str]:
    if layout.listing is None:
        return [] if layout.test_folder is None else below(tree.images, layout.test_folder)
    ids = table_of(tree, layout.listing).frame[layout.listed]
    names = [str(name) for name in checked_ids(ids, layout.listing)]
    inner = below(tree.images, layout.test_folder or "")
    if layout.table is None and layout.test_folder is None:
        # What the folders of classes hold has a label, whatever it is called.
        taken = set(below(tree.images, layout.folder))
        inner = [name for name in inner if name not in taken]
    images = by_name(inner, layout.test_folder or "", layout.test_form)
    missing = [name for name in names if name not in images]
    if missing:
        of = "Name their folder with --test-images." if layout.test_folder is None else ""
        raise DataError(
            f"{layout.listing} names {counted(len(missing), 'image')} that "
            f"{'is' if len(missing) == 1 else 'are'} not in {shown(layout.test_folder or '')}: "
            f"{some(missing)}. {of or 'Add the files, or take their rows out of the table.'}"
        )
    return [images[name] for name in names]


def _named(tree: Tree, layout: Layout, inner: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return the training images that the table names, and their rows in it."""
    assert layout.table is not None
    table = table_of(tree, layout.table)
    names = table.frame[layout.column]
    checked_ids(names, layout.table)
    images = by_name(inner, layout.folder, layout.form)
    places = [row for row, name in enumerate(names) if name in images]
    # A table may list the test images, too, where they lie among the others.
    there = by_name(below(tree.images, layout.folder), layout.folder, layout.form)
    missing = [row for row, name in enumerate(names) if name not in there]
    if missing:
        lines = some(f"{names.iloc[row]} (line {table.lines[row]})" for row in missing)
        raise DataError(
            f"{layout.table} names {counted(len(missing), 'image')} that "
            f"{'is' if len(missing) == 1 else 'are'} not in {shown(layout.folder)}: {lines}. Add "
            "the files, or take their rows out of the table."
        )
    return [images[names.iloc[row]] for row in places], places
