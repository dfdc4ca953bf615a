"""From a competition's images and tables to its rows, as its schema says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, DataError, Dataset, Images, Metric, Task, cache_root, some
from comps.kinds.images import duplicates
from comps.kinds.images.decoded import cache_key, decode_all, fingerprint, notes_of
from comps.kinds.images.image_cache import Known, Pixels, Shape, cached
from comps.kinds.images.layout import Layout
from comps.kinds.images.other_images import OtherImages
from comps.kinds.images.rows import labelled, rows_of, table_of
from comps.kinds.images.tree import Tree
from comps.kinds.table.rows import fold_numbers, group_codes, template, weights_of
from comps.kinds.table.schema import Schema
from comps.kinds.table.several import with_labels
from comps.kinds.table.targets import targets_of
from comps.reading.ids import check_same_ids, checked_ids

if TYPE_CHECKING:
    import pandas as pd

    from comps.reading.delimited import Table


@dataclass(frozen=True)
class ImageFiles:
    """The loader of a competition of images.

    Decoded images are kept in `comps.base.cache_root()`, found by the files, and mapped into
    memory by every process.

    Attributes:
        schema: what is predicted.
        layout: where the files lie.
        metric: on whose scale targets must be.
    """

    # New rows are no table of which an exported folder could keep a few.
    of_tables: ClassVar[bool] = False

    schema: Schema
    layout: Layout
    metric: Metric

    def __call__(self, path: Path) -> Dataset:
        """Return the rows: images [side, side, 3] uint8; for the side see `decoded.side_of`.

        Raises:
            DataError: if an image cannot be decoded, the cache cannot be written, or the files are
                not as the schema says.
        """
        tree, layout = Tree(path), self.layout
        source = json.dumps([tree.stamp(), asdict(layout)])

        def fill(allocate: Callable[[Shape], Pixels]) -> Known:
            return _filled(tree, layout, allocate)

        key = cache_key(fingerprint(source.encode(), (), ()))
        pixels, known = cached(cache_root() / "images", key, fill)
        return self._dataset(tree, pixels, known)

    def with_test(self, path: Path, rows: Any) -> Dataset:
        """Return the same with other images to predict; see `OtherImages`."""
        layout, schema = self.layout, self.schema
        form = layout.test_form if layout.has_test else layout.form
        read = OtherImages(self, self._is_own, form, schema.submitted_id, schema.submitted)
        return read(path, rows)

    def _is_own(self, tree: Tree) -> bool:
        """Whether files are laid out as those of the competition: folder and table are there."""
        layout = self.layout
        there = layout.folder in tree.folders if layout.folder else layout.table is not None
        return there and (layout.table is None or layout.table in tree.tables)

    def _dataset(self, tree: Tree, pixels: Pixels, known: Known) -> Dataset:
        schema, count = self.schema, len(known["train"])
        table = labelled(tree, self.layout, known["train"], known["places"])
        if schema.separated:
            frame = with_labels(table.frame, schema.separated, schema.targets, table.name)
            table = replace(table, frame=frame)
        found = targets_of(table, schema, self.metric, table.name)
        frame = table.frame.iloc[found.rows].reset_index(drop=True)
        same = _groups(known["pairs"], frame, found.rows, schema, count)
        images = Images(pixels, np.arange(len(pixels)))
        train = images[found.rows]
        train_ids = _ids([known["train"][row] for row in found.rows], table.name)
        test, test_ids, sample = train[np.arange(1)], train_ids[:1], None
        if self.layout.has_test:
            test = images[np.arange(count, len(pixels))]
            test_ids = _ids(known["test"], "The test images")
            sample = self._sample(tree, test_ids)
        notes = notes_of(pixels.shape[1], same, found.values, known["others"])
        return Dataset(
            train=train,
            test=test,
            target=found.values,
            train_ids=train_ids,
            test_ids=test_ids,
            sample_submission=sample,
            source=str(tree.path),
            fingerprint=self._fingerprint(known, table),
            groups=same if len(np.unique(same)) < len(same) else None,
            classes=schema.classes if schema.task is not Task.MULTILABEL else (),
            notes=tuple(dict.fromkeys((*table.notes, *known["notes"], *found.notes, *notes))),
            weights=None if schema.weight is None else weights_of(frame[schema.weight]),
            folds=None if schema.folds is None else fold_numbers(frame[schema.folds]),
            made_sample=sample is not None and self.layout.sample is None,
        )

    def _sample(self, tree: Tree, test_ids: Array) -> pd.DataFrame:
        """Return the sample submission, made up where there is none."""
        schema, name = self.schema, self.layout.sample
        if name is None:
            return template(test_ids, schema.submitted_id, schema.submitted)
        sample = table_of(tree, name)
        lacking = [c for c in (schema.submitted_id, *schema.submitted) if c not in sample.frame]
        if lacking:
            raise DataError(
                f"{name} lacks {some(map(repr, lacking))}; it has {some(map(repr, sample.frame))}."
            )
        ids = checked_ids(sample.frame[schema.submitted_id], name)
        check_same_ids(ids, test_ids, name, "the test images")
        return sample.frame

    def _fingerprint(self, known: Known, table: Table) -> str:
        rows = table.frame.to_json(orient="values")
        said = json.dumps([asdict(self.schema), known["test"], rows], sort_keys=True)
        return fingerprint(f"{known['fingerprint']}\0{said}".encode(), (), ())


def _ids(names: Sequence[str], where: str) -> Array:
    import pandas as pd

    return checked_ids(pd.Series(names, dtype=object), where)


def _filled(tree: Tree, layout: Layout, allocate: Callable[[Shape], Pixels]) -> Known:
    """Decode all images; return the other facts that the loader needs."""
    rows = rows_of(tree, layout)
    train, test = ([tree.image(name) for name in part] for part in (rows.train, rows.test))
    pixels, stamps = decode_all(train, test, allocate)
    return {
        "train": list(rows.train_ids),
        "test": list(rows.test_ids),
        "places": list(rows.places),
        "notes": list(rows.notes),
        "others": tree.others(layout.folder),
        "pairs": duplicates.same_images(pixels[: len(train)]).tolist(),
        "fingerprint": fingerprint(b"", [*rows.train_ids, *rows.test_ids], stamps),
    }


def _groups(
    pairs: Sequence[Sequence[int]],
    frame: pd.DataFrame,
    rows: NDArray[np.int64],
    schema: Schema,
    count: int,
) -> NDArray[np.int64]:
    """Return a number for each row that is kept: one for duplicates, and for a group's rows."""
    edges = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    if schema.group is not None:
        codes = group_codes(frame[schema.group])
        order = np.argsort(codes, kind="stable")
        again = np.diff(codes[order]) == 0
        together = np.column_stack([rows[order[:-1]], rows[order[1:]]])[again]
        edges = np.concatenate([edges, together])
    found: NDArray[np.int64] = duplicates.groups(edges, count)[rows]
    return np.unique(found, return_inverse=True)[1].astype(np.int64)
