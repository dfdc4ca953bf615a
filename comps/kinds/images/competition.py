"""A competition of images: a folder for each class, or a table that names them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from comps.base import Competition, Metric, Model, Task, UsageError
from comps.kinds.images.features import TRANSFORMERS
from comps.kinds.images.inference import ImageTables, infer
from comps.kinds.images.loader import ImageFiles
from comps.kinds.images.places import Said, find_layout
from comps.kinds.images.tree import Tree
from comps.kinds.images.zoo import image_models
from comps.kinds.table.competition import assembled, check_lists, check_n_folds, check_name
from comps.kinds.table.given import Given, Inference
from comps.kinds.table.inference import suggested_metrics
from comps.kinds.table.zoo import Zoo, table_baseline
from comps.metrics import as_metric


def image_competition(
    path: str | Path,
    *,
    images: str,
    metric: str | Metric,
    name: str = "images",
    target: str | Sequence[str] | None = None,
    id: str | None = None,
    test_images: str | None = None,
    group: str | None = None,
    weight: str | None = None,
    folds: str | None = None,
    models: Sequence[object] | None = None,
    scheme: str | None = None,
    n_folds: int | None = None,
    task: str | None = None,
    classes: Sequence[str] = (),
    outputs: Sequence[str] = (),
    positive: str | None = None,
    leave_out: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    ignore: Sequence[str] = (),
) -> Competition:
    """Return a competition of images.

    Where the images lie, what says their labels, and what is predicted is found out when this is
    called; they are decoded when their rows are needed.

    Args:
        path: of an archive, or a folder of images, tables and archives.
        images: the folder in it with the training images. A folder in it for each class says what
            they show, unless a table names them.
        metric: what models are judged by: a name as scikit-learn's, or a `Metric`.
        name: of the folder of results.
        target: columns of the table to predict; the only one beside the names unless given.
        id: column of the table that names the images; found by its cells unless given.
        test_images: folder of the images to predict; beside the training images one that is called
            test, or what the sample submission names, unless given.
        group: column of the table whose equal values stay in one fold, as duplicates do anyway.
        weight: column of what each training row counts for.
        folds: column with the number of the fold of each training row.
        models: as `comps.table_competition` takes them; the usual ones are those of images.
        scheme: of the folds; "stratified" unless a group or folds are given.
        n_folds: number of folds, 5 unless given.
        task: "multilabel" where a column has several labels in a cell, with blanks between them,
            or another task where it has not; it follows from metric and labels unless given.
        classes: all labels, in their order; the last of two is class 1.
        outputs: columns of the submission; they follow from labels and sample submission unless
            given.
        positive: the label whose probability is predicted, of two; there is a column of the
            submission for each unless given.
        leave_out: training rows that are left out: "missing-target", "rare-class".
        files: tables by part ("train", "test", "sample"), where their names do not say it.
        ignore: codes of checks that are switched off.

    Raises:
        AmbiguousError: if something may be read in several ways.
        DataError: if the files cannot be those of a competition of images.
        UsageError: if a folder, a column or a metric does not exist.

    >>> import tempfile
    >>> from PIL import Image
    >>> folder = Path(tempfile.mkdtemp())
    >>> for number in range(12):
    ...     place = folder / "train" / ("dark" if number % 2 else "light")
    ...     place.mkdir(parents=True, exist_ok=True)
    ...     colour = (250 - 20 * number,) * 3
    ...     Image.new("RGB", (20, 20), colour).save(place / f"{number}.png")
    >>> tones = image_competition(folder, images="train", metric="log_loss")
    >>> str(tones.task), tones.target_columns, tones.load(tones.data).train.pixels.shape
    ('binary', ('dark', 'light'), (12, 16, 16, 3))
    """
    check_n_folds(n_folds)
    check_lists(classes=classes, outputs=outputs, leave_out=leave_out)
    if not isinstance(path, (str, Path)):
        raise UsageError(
            f"image_competition takes the path of an archive or a folder; a "
            f"{type(path).__name__} came. Images have no other form."
        )
    given = Given(
        target=[target] if isinstance(target, str) else target or (),
        id=id,
        group=group,
        weight=weight,
        folds=folds,
        positive=positive,
        classes=classes,
        leave_out=leave_out,
        scheme=scheme,
        n_folds=n_folds,
    )
    said = Said(
        images=images,
        test_images=test_images,
        files=dict(files or {}),
        given=given,
        task=task,
        outputs=tuple(outputs),
    )
    plain = Path(os.path.normpath(path))
    found, _ = _found(plain, name, as_metric(metric), said, models, ignore)
    return found


def infer_images(
    path: Path, *, name: str, metric: Metric, said: Said
) -> tuple[Competition, Inference]:
    """Return the competition that a path holds, and what was inferred of it.

    Raises:
        WorkbenchError: see `image_competition`.
    """
    return _found(path, name, metric, said)


def suggested_image_metrics(path: Path, said: Said) -> list[str]:
    """Return metrics that suit the labels of images, the most usual first."""
    tree = Tree(path)
    layout, _ = find_layout(tree, said)
    return suggested_metrics(ImageTables.of(tree, layout), said.given)


def _found(
    path: Path,
    name: str,
    metric: Metric,
    said: Said,
    models: Sequence[object] | None = None,
    ignore: Sequence[str] = (),
) -> tuple[Competition, Inference]:
    check_name(name)
    found, layout = infer(Tree(path), metric, said)
    load = ImageFiles(found.schema, layout, metric)
    usual = Zoo(_models, TRANSFORMERS)
    competition = assembled(
        name, metric, found, load, models=models, ignore=ignore, data=path, usual=usual
    )
    return competition, found


def _models(task: Task, n_classes: int, n_targets: int, metric: Metric) -> tuple[Model, ...]:
    del metric
    return (table_baseline(task), *image_models(task, n_classes, n_targets))
