"""Out-of-fold and test predictions of members as tables by id, for people and other tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from comps.base import Array, Competition, Dataset, Task
from pipelines.folds import Folds
from pipelines.results.imported import fold_table, prediction_columns
from pipelines.results.oof import OutOfFold

if TYPE_CHECKING:
    import pandas as pd

TARGET = "target"
SCALES = ("target", "metric")


def table_of_oof(
    competition: Competition,
    dataset: Dataset,
    folds: Folds,
    oofs: Mapping[str, OutOfFold],
    scale: str = "target",
    *,
    wide: bool = False,
) -> pd.DataFrame:
    """Return id, fold, target and out-of-fold predictions of every training row.

    Args:
        competition: gives the columns and the metric.
        dataset: gives ids and targets.
        folds: the first repeat gives the fold, counted from 1; missing where no fold predicts
            a row.
        oofs: predictions by member; one, unless the table is `wide`.
        scale: "target": in the unit of the target, as the submission; "metric": on the metric's
            scale. Probabilities are the same on both.
        wide: whether columns are named by member, `member:column` where it has several.

    Returns:
        [n] rows in the order of the data: id, `fold`, `target` (`target:true` where predictions are
        called so) or `target:NAME` for each of several targets or labels, and predictions. These
        have the columns that `comps import-oof` reads, unless the table is wide.
    """
    table = fold_table(competition, dataset, folds)
    for name, values in _targets(competition, dataset, scale).items():
        table[name] = values
    return _with_predictions(
        table, competition, dataset, {name: oof.valid for name, oof in oofs.items()}, scale, wide
    )


def table_of_test(
    competition: Competition,
    dataset: Dataset,
    oofs: Mapping[str, OutOfFold],
    scale: str = "target",
    *,
    wide: bool = False,
    n_sealed: int = 0,
) -> pd.DataFrame:
    """Return id and predictions of every test row; arguments as for `table_of_oof`.

    The last `n_sealed` rows are the sealed rows; they are left out.
    """
    import pandas as pd

    n_rows = len(dataset.test_ids) - n_sealed
    table = pd.DataFrame({competition.id_column: dataset.test_ids[:n_rows]})
    predictions = {name: oof.test[:n_rows] for name, oof in oofs.items()}
    return _with_predictions(table, competition, dataset, predictions, scale, wide)


def _targets(competition: Competition, dataset: Dataset, scale: str) -> dict[str, Array]:
    """Return the targets by column: labels of classes, or values on the wanted scale."""
    name = f"{TARGET}:true" if TARGET in prediction_columns(competition, dataset) else TARGET
    if competition.task in (Task.BINARY, Task.MULTICLASS) and dataset.classes:
        return {name: np.asarray(dataset.classes)[dataset.target.astype(np.int64)]}
    target = competition.scaled_target(dataset) if scale == "metric" else dataset.target
    if target.ndim == 1:
        return {name: target}
    names = [f"{TARGET}:{column}" for column in competition.target_columns]
    return dict(zip(names, target.T, strict=True))


def _with_predictions(
    table: pd.DataFrame,
    competition: Competition,
    dataset: Dataset,
    predictions: Mapping[str, Array],
    scale: str,
    wide: bool,
) -> pd.DataFrame:
    import pandas as pd

    columns = prediction_columns(competition, dataset)
    parts: list[pd.DataFrame] = [table]
    for name, values in predictions.items():
        shown = competition.metric.scale.inverse(values) if scale == "target" else values
        headings = _headings(name, columns) if wide else columns
        parts.append(pd.DataFrame(shown.reshape(len(table), -1), columns=headings))
    return pd.concat(parts, axis=1)


def _headings(name: str, columns: Sequence[str]) -> list[str]:
    return [name] if len(columns) == 1 else [f"{name}:{column}" for column in columns]
