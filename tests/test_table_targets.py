"""Targets of tables: how they are read, which rows are left out, and what is refused."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comps.base import DataError, Dataset, UsageError, WorkbenchError
from pipelines import infer
from tests.tables import own, table

PRICES = np.random.default_rng(0).normal(50, 5, 60).round(2)


def of_file(folder: Path, target: Any, metric: str, **more: Any) -> Dataset:
    """Return the rows of a file with a target."""
    file = folder / "rows.csv"
    table().assign(y=target).to_csv(file, index=False)
    return infer(file, metric=metric, target="y", **more).competition.load(file)


def of_frame(target: Any, metric: str, **more: Any) -> Dataset:
    """Return the rows of a DataFrame with a target."""
    return own(table().assign(y=target), metric=metric, **more).load(Path("in memory"))


def both(folder: Path, target: Any, metric: str, **more: Any) -> list[Dataset]:
    """Return the rows of a file, and of a DataFrame."""
    return [of_file(folder, target, metric, **more), of_frame(target, metric, **more)]


# Numbers


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (lambda price: f"{price}".replace(".", ","), "a decimal comma"),
        (lambda price: f"{price} EUR", "the sign 'EUR'"),
    ],
)
def test_numbers_of_a_target_are_read_as_those_of_features(
    tmp_path: Path, way: Any, said: str
) -> None:
    for dataset in both(tmp_path, [way(price) for price in PRICES], "rmse"):
        np.testing.assert_array_equal(dataset.target, PRICES)
        (note,) = (note for note in dataset.notes if said in note)
        assert note.startswith("y: numbers have") and "Predictions are plain numbers" in note


@pytest.mark.parametrize(
    ("target", "metric", "message"),
    [
        ([f"{p} EUR" for p in PRICES[:40]] + [f"{p}" for p in PRICES[40:]], "rmse",
         "several ways.* Write all of them in one way. Plain numbers"),
        ([f"{p} EUR" for p in PRICES[:59]] + ["5"], "rmse",
         "not as the others, which have the sign 'EUR': (line 61|row 60): '5'"),
        (["big", "small"] * 30, "rmse", "others: .*metric of classes, such as accuracy, log_loss"),
        (5.0, "rmse", "'y' is 5 in every row: there is nothing to learn"),
        ([-1.1, *PRICES[1:]], "rmsle", "(line 2|row 1): '-1.1'. Name .* such as rmse or mae"),
        (["a", "b", "c"] * 20, "f1", "F1 is of two classes.* Name f1_macro"),
        ("a", "accuracy", "'a'.* classes need two or more. Name another"),
        (["a", "b"] * 29 + ["a", "rare"], "accuracy", "A single row has the label 'rare'"),
    ],
)  # fmt: skip
def test_files_and_dataframes_refuse_the_same_with_what_to_do(
    tmp_path: Path, target: Any, metric: str, message: str
) -> None:
    with pytest.raises(WorkbenchError, match=message):
        of_file(tmp_path, target, metric)
    with pytest.raises(WorkbenchError, match=message):
        of_frame(target, metric)


# Rows that are left out


def test_rows_without_a_target_are_left_out_of_both(tmp_path: Path) -> None:
    for target, metric in (
        ([None, "NA", *PRICES[2:].astype(str)], "rmse"),
        ([None, "NA", *["a", "b"] * 29], "accuracy"),
    ):
        with pytest.raises(DataError, match=r"leave_out=\['missing-target'\]"):
            of_frame(target, metric)
        for dataset in both(tmp_path, target, metric, leave_out=["missing-target"]):
            assert len(dataset.target) == len(dataset.train) == 58
            np.testing.assert_array_equal(dataset.train["a"], table()["a"][2:])
            assert any("left out" in note and "'NA'" in note for note in dataset.notes)


def test_rows_of_rare_classes_are_left_out_of_both(tmp_path: Path) -> None:
    target = ["rare", *["a", "b"] * 29, "c"]
    with pytest.raises(DataError, match=r"'rare', 'c'.*leave_out=\['rare-class'\]"):
        of_frame(target, "accuracy")
    for dataset in both(tmp_path, target, "accuracy", leave_out=["rare-class"]):
        assert dataset.classes == ("a", "b")
        assert dataset.target.tolist() == [0.0, 1.0] * 29
        assert any("left out, whose label no other row has" in note for note in dataset.notes)


def test_blanks_around_labels_are_left_out_of_both(tmp_path: Path) -> None:
    for dataset in both(tmp_path, ["yes", "yes ", "no"] * 20, "accuracy"):
        assert dataset.classes == ("no", "yes")
        assert any("20 cells of" in note and "blanks around" in note for note in dataset.notes)


def test_more_labels_than_are_taken_are_refused_by_what_they_are(tmp_path: Path) -> None:
    many = np.arange(60) % 31
    for target, message in (
        (many, "31 different values in 60 rows, which are no classes. Name a metric of values"),
        ([f"town {n}" for n in many], "30 classes are taken at most. Give rare ones one label"),
        ([f"{n} EUR" for n in many], "Name a metric of values"),
    ):
        for of in (of_frame, partial(of_file, tmp_path)):
            with pytest.raises(DataError, match=message):
                of(target, "accuracy")


def test_cells_that_are_lists_are_no_labels() -> None:
    with pytest.raises(DataError, match=r"a label in each row; \[1\] came"):
        of_frame([[1], [2]] * 30, "accuracy")


def test_the_positive_label_of_dataframes_is_class_1() -> None:
    target = ["up", "down"] * 30
    dataset = of_frame(target, "f1", positive="down")
    assert dataset.classes == ("up", "down")
    assert dataset.target.tolist() == [0.0, 1.0] * 30


def test_a_kind_of_the_target_and_unknown_rows_to_leave_out_are_refused(tmp_path: Path) -> None:
    message = "'y' is the target, and has no kind of column"
    with pytest.raises(UsageError, match=message):
        of_file(tmp_path, PRICES, "rmse", columns=["y=ignored"])
    with pytest.raises(UsageError, match=message):
        of_frame(PRICES, "rmse", columns={"ignored": ["y"]})
    with pytest.raises(UsageError, match="no group of rows to leave out called 'rare'"):
        of_frame(PRICES, "rmse", leave_out=["rare"])
