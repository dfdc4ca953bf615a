"""Import predictions that another tool made on the folds of a competition, as a member."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import (
    Array,
    Competition,
    DataError,
    Dataset,
    Task,
    class_columns,
    counted,
    range_of,
    some,
)
from pipelines.basics.fingerprint import fingerprint
from pipelines.folds import Folds
from pipelines.results.imported_scale import problems_of_oof, problems_of_test
from pipelines.results.oof import OutOfFold

if TYPE_CHECKING:
    import pandas as pd

FOLD = "fold"
# What rounding in a file may cost the probabilities of a row.
_SUM_TOLERANCE = 1e-3


def fold_table(competition: Competition, dataset: Dataset, folds: Folds) -> pd.DataFrame:
    """Return the id and the fold of every training row, for another tool to train on.

    Returns:
        [n] rows in the order of the data: the competition's id column, and `fold` (Int64) of the
        first repeat, counted from 1; missing where no fold predicts the row.
    """
    import pandas as pd

    numbers = pd.Series(folds.fold_of_row() + 1, dtype="Int64")
    return pd.DataFrame(
        {competition.id_column: dataset.train_ids, FOLD: numbers.mask(numbers == 0)}
    )


def prediction_columns(competition: Competition, dataset: Dataset) -> list[str]:
    """Return the columns that hold predictions: the targets, or one for each of many classes.

    Of two classes, it is the column of class 1, though a submission may have one for each.
    """
    columns = list(competition.target_columns)
    if competition.task is Task.MULTICLASS:
        return [str(label) for label in dataset.classes[: competition.n_classes(dataset)]]
    if competition.task is Task.BINARY and len(columns) == 2:
        return [columns[(class_columns(columns, dataset.classes) or [0, 1]).index(1)]]
    return columns


def imported_member(
    competition: Competition,
    dataset: Dataset,
    folds: Folds,
    name: str,
    oof: pd.DataFrame,
    test: pd.DataFrame,
    files: Mapping[str, str],
) -> OutOfFold:
    """Check predictions of another tool and return them as a member.

    Rows are joined on ids, compared as text; their order does not matter, further columns are
    ignored. Values are in the target's own unit, of several targets a column each; of two classes
    or of labels, the probability of 1 (of two columns of a submission, that of class 1); of more
    classes, a column a class, named by its label.

    Args:
        competition: gives columns, range, scale and metric.
        dataset: gives ids and target.
        folds: those that the other tool must have trained on; the first repeat counts.
        name: of the member.
        oof: a row for every training row that a fold predicts: id, `fold` as in `fold_table`,
            predictions. Rows that no fold predicts may be there; their predictions are ignored.
        test: a row for every test row: id, predictions.
        files: the names of the files `oof` and `test`, for messages and the configuration.

    Returns:
        One repeat, at step 1, of which no time is known. Its key is a fingerprint of the content.

    Raises:
        DataError: with every problem of the first file that has one; the first offending ids are
            named, and both ranges where the predictions are on another scale than the target.
    """
    covered = folds.covered()
    columns = prediction_columns(competition, dataset)
    joined = _joined(competition, oof, files["oof"], dataset.train_ids, covered, [FOLD, *columns])
    _refuse(files["oof"], _fold_problems(competition, dataset, folds, joined))
    valid = np.full((len(covered), len(columns)), np.nan)
    valid[covered] = _predictions(competition, joined[covered], columns, files["oof"])
    everywhere = np.ones(len(dataset.test_ids), dtype=bool)
    joined = _joined(competition, test, files["test"], dataset.test_ids, everywhere, columns)
    tested = _predictions(competition, joined, columns, files["test"])
    if competition.task is Task.REGRESSION:
        _check_scale(competition, dataset, valid[covered], tested, covered, files)
    if competition.task is not Task.MULTICLASS and dataset.target.ndim == 1:
        valid, tested = valid[:, 0], tested[:, 0]
    return _member(competition, dataset, folds, name, valid, tested, files)


def _check_scale(
    competition: Competition,
    dataset: Dataset,
    valid: NDArray[np.float64],
    test: NDArray[np.float64],
    covered: NDArray[np.bool_],
    files: Mapping[str, str],
) -> None:
    """Refuse predictions that are not in the target's own unit.

    Raises:
        DataError: with both ranges.
    """
    back = competition.metric.scale.inverse
    target = dataset.target.reshape(len(dataset.target), -1)[covered]
    columns = list(zip(competition.target_columns, target.T, back(valid).T, strict=True))
    for column, own, oof in columns:
        _refuse(files["oof"], problems_of_oof(column, own, oof))
    for (column, own, oof), tested in zip(columns, back(test).T, strict=True):
        _refuse(files["test"], problems_of_test(column, own, oof, tested))


def _member(
    competition: Competition,
    dataset: Dataset,
    folds: Folds,
    name: str,
    valid: NDArray[np.float64],
    test: NDArray[np.float64],
    files: Mapping[str, str],
) -> OutOfFold:
    metric, covered = competition.metric, folds.covered()
    truth = competition.truth(dataset)
    scores = np.array([[metric.score(truth[rows], valid[rows]) for _, rows in folds.pairs[0]]])
    return OutOfFold(
        model=name,
        key=fingerprint(dataset.fingerprint, folds.fingerprint, valid, test),
        score=metric.score(truth[covered], valid[covered]),
        fold_scores=scores,
        step=1,
        steps=np.array([1]),
        curve=scores.mean(axis=1),
        valid=valid,
        covered=covered,
        test=test,
        fit_seconds=0.0,
        other_seconds=0.0,
        config={"name": name, "imported": True, **files},
        train_ids=dataset.train_ids,
        test_ids=dataset.test_ids,
        data_fingerprint=dataset.fingerprint,
        folds_fingerprint=folds.fingerprint,
    )


def _joined(
    competition: Competition,
    table: pd.DataFrame,
    file: str,
    ids: Array,
    needed: NDArray[np.bool_],
    columns: Sequence[str],
) -> pd.DataFrame:
    """Return columns of a table in the order of `ids`, which are its index as text.

    Raises:
        DataError: if columns or needed ids are missing, or ids are unknown or duplicate.
    """
    import pandas as pd

    lacking = [column for column in (competition.id_column, *columns) if column not in table]
    if lacking:
        hint = f" 'comps folds {competition.name}' writes the folds." if FOLD in lacking else ""
        raise DataError(f"{file} lacks the columns {lacking}; it has {list(table.columns)}.{hint}")
    nameless = table[competition.id_column].isna()
    if nameless.any():
        raise DataError(f"{file} has {counted(int(nameless.sum()), 'row')} without an id.")
    expected = pd.Index(ids).astype(str)
    found = pd.Index(table[competition.id_column]).astype(str)
    _refuse(file, _id_problems(expected, needed, found))
    return table.set_index(found)[list(columns)].reindex(expected)


def _id_problems(expected: pd.Index, needed: NDArray[np.bool_], found: pd.Index) -> Iterator[str]:
    twice = found[found.duplicated()].unique()
    # Many times as fast as `isin`, of texts.
    places = expected.get_indexer(found)
    there = np.zeros(len(expected), dtype=bool)
    there[places[places >= 0]] = True
    missing = expected[needed & ~there]
    unknown = found[places < 0]
    if len(twice):
        yield f"{len(twice)} duplicate ids: {some(twice)}."
    if len(missing):
        yield f"{len(missing)} ids of the data are missing: {some(missing)}."
    if len(unknown):
        yield f"{len(unknown)} ids are not in the data: {some(unknown)}."


def _fold_problems(
    competition: Competition, dataset: Dataset, folds: Folds, joined: pd.DataFrame
) -> Iterator[str]:
    differs = _differing(folds.fold_of_row() + 1, 1, joined[FOLD])
    if folds.spec.scheme == "column" and dataset.folds is not None:
        # The numbers that the user gave, which may begin with 0, are as good.
        own = _differing(dataset.folds, 0, joined[FOLD])
        differs = min(differs, own, key=np.count_nonzero)
    if differs.any():
        spec = folds.spec
        yield (
            f"{int(differs.sum())} ids are in another fold than here (scheme '{spec.scheme}', "
            f"{spec.n_folds} folds, seed {spec.seed}): {some(joined.index[differs])}. Train on "
            f"the folds that 'comps folds {competition.name}' writes, with the same options."
        )


def _differing(ours: NDArray[np.int64], first: int, cells: pd.Series) -> NDArray[np.bool_]:
    """Return which cells name another fold; numbers of ours below `first` are rows without one."""
    import pandas as pd

    theirs = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    # Where we predict nothing, nothing is what the cell must hold; a text is not.
    none = cells.isna().to_numpy() | (theirs < 0)
    return np.where(ours >= first, theirs != ours, ~none)


def _predictions(
    competition: Competition, joined: pd.DataFrame, columns: Sequence[str], file: str
) -> NDArray[np.float64]:
    """Return [rows, columns] predictions on the metric's scale.

    Raises:
        DataError: if a cell is no finite number, out of range, or the probabilities of a row do
            not sum to 1.
    """
    import pandas as pd

    cells = joined[list(columns)]
    values = cells.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    with np.errstate(all="ignore"):
        scaled: NDArray[np.float64] = competition.metric.scale.forward(values)
    _refuse(file, _value_problems(competition, cells, values, scaled))
    if competition.task is not Task.MULTICLASS:
        return scaled
    sums = values.sum(axis=1)
    _refuse(file, _sum_problems(joined.index, sums))
    probabilities: NDArray[np.float64] = values / sums[:, None]
    return probabilities


def _value_problems(
    competition: Competition,
    cells: pd.DataFrame,
    values: NDArray[np.float64],
    scaled: NDArray[np.float64],
) -> Iterator[str]:
    regression = competition.task is Task.REGRESSION
    low, high = competition.valid_range if regression else (0.0, 1.0)
    finite = np.isfinite(values)
    inside = (values >= low) & (values <= high)
    for place, column in enumerate(cells):
        for bad, what in (
            (~finite, "are no finite numbers"),
            (finite & ~inside, f"are not {range_of(low, high)}"),
            (
                finite & inside & ~np.isfinite(scaled),
                f"have no number on the scale '{competition.metric.scale.name}'",
            ),
        ):
            rows = bad[:, place]
            if rows.any():
                shown = _cells(cells.index[rows], cells[column][rows])
                yield f"{int(rows.sum())} values of {column} {what}: ids {shown}."


def _sum_problems(ids: pd.Index, sums: NDArray[np.float64]) -> Iterator[str]:
    off = np.abs(sums - 1) > _SUM_TOLERANCE
    if off.any():
        yield (
            f"The probabilities of {int(off.sum())} ids do not sum to 1: "
            f"{_cells(ids[off], sums[off].round(6))}."
        )


def _refuse(file: str, problems: Iterable[str]) -> None:
    found = list(problems)
    if found:
        raise DataError(
            f"{file} cannot be imported.\n" + "\n".join(f"- {problem}" for problem in found)
        )


def _cells(ids: Iterable[object], cells: Iterable[object]) -> str:
    return some(f"{row} ({cell})" for row, cell in zip(ids, cells, strict=True))
