"""Submissions: joined on ids, checked against the sample, scored as Kaggle would."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import root_mean_squared_log_error

from comps.base import IDENTITY, Competition, DataError, Dataset, UsageError
from submissions import build_submission, check_submission, score_submission
from tests.support import TINY

Frame = pd.DataFrame
Id = int | str

# Prices, as in house prices: positive.
PRICES = replace(TINY, valid_range=(5e-324, float("inf")))
SHARES = replace(TINY, target_columns=("cat", "dog"), valid_range=(0.0, 1.0))


def dataset_of(
    test_ids: Sequence[Id], sample_ids: Sequence[Id], competition: Competition = PRICES
) -> Dataset:
    """Return a dataset of which only what submissions look at is there."""
    columns = dict.fromkeys(competition.target_columns, 0.0)
    return Dataset(
        train=np.zeros((1, 1)),
        test=np.zeros((len(test_ids), 1)),
        target=np.ones(1),
        train_ids=np.array([0]),
        test_ids=np.array(test_ids),
        sample_submission=Frame({competition.id_column: list(sample_ids), **columns}),
        source="here",
        fingerprint="data",
    )


def lines(error: pytest.ExceptionInfo[DataError]) -> list[str]:
    """Return the problems that an error lists."""
    first, *rest = str(error.value).splitlines()
    assert first == "The submission is not valid."
    return rest


ids = st.one_of(
    st.lists(st.integers(-(2**62), 2**62), unique=True, min_size=1, max_size=20),
    st.lists(st.text("abcXYZ019-_ äß", min_size=1, max_size=6), unique=True, min_size=1),
)


# Building


@given(test_ids=ids, data=st.data())
@settings(deadline=None)
def test_every_prediction_arrives_at_its_id_whatever_the_order(
    test_ids: list[Id], data: st.DataObject
) -> None:
    sample_ids = data.draw(st.permutations(test_ids))
    logs = np.log1p(1000.0 + np.arange(len(test_ids)))
    built = build_submission(PRICES, dataset_of(test_ids, sample_ids), logs)
    assert list(built.columns) == ["id", "price"]
    assert built["id"].tolist() == list(sample_ids)
    prices = dict(zip(test_ids, 1000.0 + np.arange(len(test_ids)), strict=True))
    expected = [prices[name] for name in sample_ids]
    np.testing.assert_allclose(built["price"], expected, rtol=1e-12)


@given(test_ids=ids, data=st.data())
@settings(deadline=None)
def test_a_built_submission_passes_the_check_and_so_does_its_file(
    test_ids: list[Id], data: st.DataObject
) -> None:
    dataset = dataset_of(test_ids, data.draw(st.permutations(test_ids)))
    logs = data.draw(st.lists(st.floats(0.01, 30), min_size=len(test_ids), max_size=len(test_ids)))
    built = build_submission(PRICES, dataset, np.array(logs))
    check_submission(PRICES, dataset, built)
    file = io.StringIO(built.to_csv(index=False))
    again = pd.read_csv(file, dtype={"id": str}, keep_default_na=False)
    check_submission(PRICES, dataset, again)
    np.testing.assert_array_equal(again["price"], built["price"])


def test_ids_are_the_same_as_numbers_and_as_text() -> None:
    built = build_submission(PRICES, dataset_of([3, 1, 2], ["1", "2", "3"]), np.log1p([30, 10, 20]))
    np.testing.assert_allclose(built["price"], [10, 20, 30])


def test_several_columns_keep_the_order_of_the_sample() -> None:
    dataset = dataset_of(["b", "a"], ["a", "b"], SHARES)
    identity = replace(SHARES, metric=replace(SHARES.metric, scale=IDENTITY))
    shuffled = replace(dataset, sample_submission=dataset.sample_submission[["id", "dog", "cat"]])
    built = build_submission(identity, shuffled, np.array([[0.1, 0.9], [0.7, 0.3]]))
    assert list(built.columns) == ["id", "dog", "cat"]
    assert built.to_numpy().tolist() == [["a", 0.3, 0.7], ["b", 0.9, 0.1]]


@pytest.mark.parametrize("count", [0, 2, 4])
def test_another_number_of_predictions_than_test_ids_is_refused(count: int) -> None:
    message = rf"3 test predictions were expected; there are {count}\."
    with pytest.raises(UsageError, match=message):
        build_submission(PRICES, dataset_of([1, 2, 3], [1, 2, 3]), np.zeros(count))


def test_an_id_of_the_sample_without_a_prediction_is_found_by_the_check() -> None:
    dataset = dataset_of([1, 2], [2, 7, 1])
    built = build_submission(PRICES, dataset, np.log1p([10.0, 20.0]))
    assert built["id"].tolist() == [2, 7, 1]
    with pytest.raises(DataError, match=r"1 values of price are no finite numbers: ids 7\."):
        check_submission(PRICES, dataset, built)


def test_a_prediction_that_overflows_in_dollars_is_found_by_the_check() -> None:
    dataset = dataset_of([1, 2], [1, 2])
    with np.errstate(over="ignore"):
        built = build_submission(PRICES, dataset, np.array([1.0, 1e4]))
    with pytest.raises(DataError, match=r"1 values of price are no finite numbers: ids 2\."):
        check_submission(PRICES, dataset, built)


# Checking

GOOD = Frame({"id": range(10, 22), "price": np.arange(1.0, 13.0)})
DATASET = dataset_of(list(range(10, 22)), list(range(10, 22)))


def priced(rows: Sequence[int], value: object) -> Frame:
    """Return the good submission with a value in the price of some rows."""
    table = GOOD.astype({"price": object})
    table.loc[list(rows), "price"] = value
    return table


def numbered(rows: Sequence[int], value: object) -> Frame:
    """Return the good submission with a value in the id of some rows."""
    table = GOOD.astype({"id": object})
    table.loc[list(rows), "id"] = value
    return table


def test_the_good_submission_is_good() -> None:
    check_submission(PRICES, DATASET, GOOD)


PROBLEMS: dict[str, tuple[Frame, str]] = {
    "no id column": (
        GOOD[["price"]],
        "- The columns must be ['id', 'price']; they are ['price'].",
    ),
    "other order of columns": (
        GOOD[["price", "id"]],
        "- The columns must be ['id', 'price']; they are ['price', 'id'].",
    ),
    "one column more": (
        GOOD.assign(Unnamed=0),
        "- The columns must be ['id', 'price']; they are ['id', 'price', 'Unnamed'].",
    ),
    "rows missing": (
        GOOD.drop([0, 3]),
        "- 2 ids of the sample submission are missing: 10, 13.",
    ),
    "most rows missing": (
        GOOD[:4],
        "- 8 ids of the sample submission are missing: 14, 15, 16, 17, 18 and 3 more.",
    ),
    "a row more": (
        pd.concat([GOOD, Frame({"id": [99], "price": [1.0]})]),
        "- 1 ids are not in the sample submission: 99.",
    ),
    "two rows in another order": (
        GOOD.iloc[[0, 2, 1, *range(3, 12)]],
        "- 2 ids are in another order than in the sample submission: 12, 11.",
    ),
    "NaN": (priced([1, 4], np.nan), "- 2 values of price are no finite numbers: ids 11, 14."),
    "infinity": (priced([0], np.inf), "- 1 values of price are no finite numbers: ids 10."),
    "text": (priced([5], "dear"), "- 1 values of price are no finite numbers: ids 15."),
    "empty": (priced([5], ""), "- 1 values of price are no finite numbers: ids 15."),
}


@pytest.mark.parametrize("what", PROBLEMS)
def test_a_problem_is_told_with_the_first_ids(what: str) -> None:
    submission, message = PROBLEMS[what]
    with pytest.raises(DataError, match="The submission is not valid") as caught:
        check_submission(PRICES, DATASET, submission)
    assert lines(caught) == [message]


@pytest.mark.parametrize(("value", "count"), [(-1.0, 1), (0.0, 1)])
def test_a_price_out_of_range_is_named_by_its_id(value: float, count: int) -> None:
    with pytest.raises(DataError, match=rf"{count} values of price are not .*: ids 13\."):
        check_submission(PRICES, DATASET, priced([3], value))


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_both_ends_of_a_range_are_checked(value: float) -> None:
    dataset = dataset_of([1, 2], [1, 2], SHARES)
    table = Frame({"id": [1, 2], "cat": [0.0, 1.0], "dog": [1.0, 0.0]})
    check_submission(SHARES, dataset, table)
    table.loc[1, "dog"] = value
    with pytest.raises(DataError, match=r"1 values of dog are not from 0 to 1: ids 2\."):
        check_submission(SHARES, dataset, table)


def test_an_id_that_is_there_twice_is_named_and_so_is_the_one_it_replaced() -> None:
    with pytest.raises(DataError, match="not valid") as caught:
        check_submission(PRICES, DATASET, numbered([3], 20))
    assert lines(caught) == [
        "- 1 duplicate ids: 20.",
        "- 1 ids of the sample submission are missing: 13.",
    ]


def test_all_problems_are_told_at_once() -> None:
    table = priced([2], -5.0)
    table.loc[4, "price"] = np.nan
    table.loc[0, "id"] = 99
    with pytest.raises(DataError, match="not valid") as caught:
        check_submission(PRICES, DATASET, table)
    problems = lines(caught)
    assert len(problems) == 4
    assert "missing: 10." in problems[0] and "not in the sample submission: 99." in problems[1]
    assert "no finite numbers: ids 14." in problems[2] and "not above 0" in problems[3]


@given(st.permutations(range(12)))
@settings(max_examples=30, deadline=None)
def test_only_the_order_of_the_sample_passes(order: list[int]) -> None:
    table = GOOD.iloc[order]
    if order == sorted(order):
        check_submission(PRICES, DATASET, table)
    else:
        moved = sum(place != row for place, row in enumerate(order))
        with pytest.raises(DataError, match=f"- {moved} ids are in another order"):
            check_submission(PRICES, DATASET, table)


# Scoring


def prices(count: int, seed: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(1, 1e6, count)


@given(test_ids=ids, data=st.data())
@settings(deadline=None)
def test_a_score_is_scikit_learns_whatever_the_order_of_the_rows(
    test_ids: list[Id], data: st.DataObject
) -> None:
    count = len(test_ids)
    true, predicted = prices(count, 0), prices(count, 1)
    expected = root_mean_squared_log_error(true, predicted)
    order = data.draw(st.permutations(range(count)))
    solution = Frame({"id": test_ids, "price": true})
    submission = Frame({"id": test_ids, "price": predicted}).iloc[order]
    found = score_submission(PRICES, submission, solution)
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.fixture
def solution() -> Frame:
    return Frame({"id": range(10, 22), "price": prices(12, 2)})


def test_the_answers_themselves_have_no_error(solution: Frame) -> None:
    assert score_submission(PRICES, solution, solution) == 0.0


def test_ids_as_text_and_as_numbers_are_joined(solution: Frame) -> None:
    as_text = solution.astype({"id": str})
    assert score_submission(PRICES, as_text, solution) == 0.0


def test_the_usage_column_of_kaggles_solutions_is_ignored(solution: Frame) -> None:
    usage = solution.assign(Usage=["Public", "Private"] * 6)
    assert score_submission(PRICES, GOOD, usage) == score_submission(PRICES, GOOD, solution)


@pytest.mark.parametrize(
    ("together", "score", "called"),
    [(True, 1.0, [((2, 2), (2, 2))]), (False, 0.5, [((2,), (2,))] * 2)],
)
def test_several_columns_are_scored_one_by_one_or_as_a_matrix(
    together: bool, score: float, called: list[object]
) -> None:
    shapes: list[object] = []

    def function(target: NDArray[np.float64], shares: NDArray[np.float64]) -> float:
        shapes.append((target.shape, shares.shape))
        return float(np.abs(target - shares).sum())

    metric = replace(SHARES.metric, function=function, scale=IDENTITY, together=together)
    table = Frame({"id": [1, 2], "cat": [0.0, 1.0], "dog": [1.0, 0.0]})
    other = Frame({"id": [2, 1], "cat": [1.0, 0.5], "dog": [0.0, 0.5]})
    assert score_submission(replace(SHARES, metric=metric), other, table) == pytest.approx(score)
    assert shapes == called


Spoil = Callable[[Frame], Frame]


@pytest.mark.parametrize("name", ["submission", "solution"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda table: table[["id"]], r"lacks the columns \['price'\]; it has \['id'\]"),
        (lambda table: table.rename(columns={"id": "Id"}), r"lacks the columns \['id'\]"),
        (lambda table: pd.concat([table, table[3:4]]), r"has the id 13 more than once"),
        (lambda table: priced([2], np.nan), r"has 1 values that are no numbers .*: ids 12\."),
        (lambda table: priced([2, 5], "dear"), r"has 2 values that are no numbers .*: ids 12, 15"),
        (lambda table: priced([7], np.inf), r"has 1 values that are no numbers .*: ids 17\."),
        (lambda table: priced([7], -3.0), r"has 1 values that are no numbers .*: ids 17\."),
    ],
    ids=["no price", "no id", "twice", "NaN", "text", "infinity", "negative"],
)
def test_a_table_that_cannot_be_scored_is_named_with_what_is_wrong(
    name: str, spoil: Spoil, message: str, solution: Frame
) -> None:
    tables = {"submission": GOOD, "solution": solution}
    tables[name] = spoil(tables[name])
    with pytest.raises(DataError, match=rf"^The {name} {message}"):
        score_submission(PRICES, tables["submission"], tables["solution"])


def test_ids_that_are_on_one_side_alone_are_counted_and_named(solution: Frame) -> None:
    submission = numbered([0, 1, 2], ["x", "y", "z"])
    message = (
        r"^The ids differ: 3 of the solution are not in the submission \(10, 11, 12\); "
        r"3 of the submission are not in the solution \(x, y, z\)\.$"
    )
    with pytest.raises(DataError, match=message):
        score_submission(PRICES, submission, solution)


def test_a_row_that_has_no_answer_is_not_passed_over(solution: Frame) -> None:
    message = r"^The ids differ: 1 of the submission is not in the solution \(21\)\.$"
    with pytest.raises(DataError, match=message):
        score_submission(PRICES, GOOD, solution[:-1])


def test_a_part_of_the_rows_is_not_scored_as_if_it_were_all(solution: Frame) -> None:
    with pytest.raises(DataError, match="8 of the solution are not in the submission"):
        score_submission(PRICES, GOOD[:4], solution)
