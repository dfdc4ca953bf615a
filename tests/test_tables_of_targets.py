"""Several targets and labels in tables for people and other tools, there and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from comps.base import Competition, DataError
from pipelines.folds import FoldInput, FoldSpec, make_folds
from pipelines.results.imported import fold_table, imported_member, prediction_columns
from pipelines.results.prediction_tables import table_of_oof, table_of_test
from pipelines.store import Experiment, RunStore
from tests.several import BOTH, LABELS, LOGISTIC, PRICES
from tests.support import RIDGE, kfold, validate

FILES = {"oof": "oof.csv", "test": "test.csv"}
EACH = pytest.mark.parametrize("competition", BOTH, ids=lambda competition: competition.name)
pytestmark = pytest.mark.filterwarnings("ignore:'n_jobs' has no effect")


def trained(competition: Competition, data: Path, store: RunStore) -> tuple[Experiment, str]:
    """Return the experiment, and the name of a member that is in the store."""
    dataset = competition.load(data)
    return Experiment(competition, dataset, data, kfold(len(dataset.target))), (
        "logistic" if competition is LABELS else "ridge"
    )


@EACH
def test_predictions_of_several_targets_come_back_from_their_tables(
    competition: Competition, tiny_data: Path, store: RunStore
) -> None:
    experiment, name = trained(competition, tiny_data, store)
    dataset, folds = experiment.dataset, experiment.folds
    own = validate(experiment, [RIDGE if name == "ridge" else LOGISTIC], store).oofs[name]
    columns = list(competition.target_columns)
    assert prediction_columns(competition, dataset) == columns
    oof = table_of_oof(competition, dataset, folds, {name: own})
    test = table_of_test(competition, dataset, {name: own})
    assert list(oof) == ["id", "fold", *(f"target:{column}" for column in columns), *columns]
    assert list(test) == ["id", *columns]
    np.testing.assert_array_equal(oof[[f"target:{c}" for c in columns]], dataset.target)
    np.testing.assert_array_equal(oof[columns], own.valid)
    shuffled = oof.sample(frac=1, random_state=0)[["fold", *reversed(columns), "id"]]
    back = imported_member(competition, dataset, folds, "back", shuffled, test, FILES)
    np.testing.assert_array_equal(back.valid, own.valid)
    np.testing.assert_array_equal(back.test, own.test)
    assert back.score == pytest.approx(own.score)
    np.testing.assert_allclose(back.fold_scores, own.fold_scores, rtol=1e-6)


@EACH
def test_wide_tables_name_member_and_target(
    competition: Competition, tiny_data: Path, store: RunStore
) -> None:
    experiment, name = trained(competition, tiny_data, store)
    own = validate(experiment, [RIDGE if name == "ridge" else LOGISTIC], store).oofs
    wide = table_of_test(competition, experiment.dataset, own, wide=True)
    assert list(wide) == ["id", *(f"{name}:{column}" for column in competition.target_columns)]


def imported(competition: Competition, data: Path, **cells: object) -> None:
    """Import predictions of which some cells of the fourth row are others."""
    dataset = competition.load(data)
    folds = kfold(len(dataset.target))
    oof = fold_table(competition, dataset, folds)
    test = pd.DataFrame({"id": dataset.test_ids})
    for place, column in enumerate(competition.target_columns):
        oof[column], test[column] = dataset.target[:, place], 0.5
    for column, cell in cells.items():
        oof[column] = oof[column].astype(object)
        oof.loc[3, column] = cell
    imported_member(competition, dataset, folds, "foreign", oof, test, FILES)


def test_each_column_is_checked(tiny_data: Path) -> None:
    with pytest.raises(DataError, match=r"1 values of large are not from 0 to 1: ids 1003 \(1.5\)"):
        imported(LABELS, tiny_data, large=1.5)
    with pytest.raises(DataError, match=r"1 values of rent are no finite numbers: ids 1003 \(much"):
        imported(PRICES, tiny_data, rent="much")
    # Labels are no classes: their probabilities need not sum to 1.
    imported(LABELS, tiny_data, large=1.0, dear=1.0)


def test_a_column_that_is_missing_is_named(tiny_data: Path) -> None:
    with pytest.raises(DataError, match=r"oof.csv lacks the columns \['rent'\]"):
        dataset = PRICES.load(tiny_data)
        folds = kfold(len(dataset.target))
        oof = fold_table(PRICES, dataset, folds).assign(price=1.0)
        imported_member(PRICES, dataset, folds, "foreign", oof, oof, FILES)


def test_rows_that_the_user_put_into_no_fold_have_none(tiny_data: Path) -> None:
    dataset = replace(PRICES.load(tiny_data), folds=np.arange(120) % 4 - 1)
    rows = FoldInput.of(PRICES, dataset)
    table = fold_table(PRICES, dataset, make_folds(FoldSpec("column", 3), rows))
    np.testing.assert_array_equal(table["fold"].isna(), dataset.folds == -1)
    np.testing.assert_array_equal(table["fold"].dropna() - 1, dataset.folds[dataset.folds >= 0])
