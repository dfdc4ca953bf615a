"""Competitions from DataFrames: what is refused, what is equal, and what learns from what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from comps import estimator, table_competition
from comps.base import Competition, DataError, Dataset, Prediction, Task, UsageError
from comps.kinds.table.features import TableFeatures
from comps.kinds.table.fingerprint import table_fingerprint
from pipelines import cross_validate, run
from tests.tables import own, table, unseen


def data(competition: Competition) -> Dataset:
    """Return the rows of a competition in memory."""
    return competition.load(Path("in memory"))


# What comes out


@pytest.mark.parametrize(
    ("kind", "metric", "task", "classes", "columns", "submits"),
    [
        ("values", "rmse", Task.REGRESSION, (), ("y",), Prediction.VALUE),
        ("two", "log_loss", Task.BINARY, ("no", "yes"), ("y",), Prediction.PROBABILITY),
        ("two", "accuracy", Task.BINARY, ("no", "yes"), ("y",), Prediction.LABEL),
        (
            "three",
            "log_loss",
            Task.MULTICLASS,
            ("high", "low", "mid"),
            ("high", "low", "mid"),
            Prediction.PROBABILITY,
        ),
        ("three", "accuracy", Task.MULTICLASS, ("high", "low", "mid"), ("y",), Prediction.LABEL),
    ],
)
def test_task_and_submission_follow_from_the_metric_and_the_classes(
    kind: str,
    metric: str,
    task: Task,
    classes: tuple[str, ...],
    columns: tuple[str, ...],
    submits: Prediction,
) -> None:
    competition = own(table(kind=kind), unseen(), metric=metric)
    dataset = data(competition)
    assert (competition.task, competition.submits) == (task, submits)
    assert dataset.classes == classes
    assert list(dataset.template.columns) == ["id", *columns]
    assert list(dataset.train.columns) == list("abc")


@pytest.mark.parametrize(
    ("target", "classes"),
    [
        (pd.Series([True, False] * 10), (False, True)),
        (pd.Series([True, False] * 10, dtype="boolean"), (False, True)),
        (pd.Series([3, 1] * 10, dtype="Int64"), (1, 3)),
        (pd.Series(["b", "a"] * 10, dtype="category"), ("a", "b")),
        (pd.Series([2.0, 1.0] * 10), (1.0, 2.0)),
    ],
)
def test_classes_of_every_type_are_ascending(target: Any, classes: tuple[Any, ...]) -> None:
    dataset = data(own(table(20).assign(y=target), metric="log_loss"))
    assert dataset.classes == classes
    assert dataset.target.tolist() == [1.0, 0.0] * 10


def test_columns_with_a_role_are_no_features_and_decide_the_scheme() -> None:
    rows = table(20).assign(i=range(20), g=[f"g{n // 2}" for n in range(20)], t=range(20))
    assert own(rows[["a", "y"]]).scheme == "stratified"
    grouped = own(rows, group="g", id="i")
    assert grouped.scheme == "grouped"
    assert list(data(grouped).train.columns) == ["a", "b", "c", "t"]
    assert data(grouped).groups is not None
    assert len(np.unique(data(grouped).groups)) == 10  # type: ignore[arg-type]
    timed = own(rows, time="t", id="i")
    assert timed.scheme == "expanding"
    assert list(data(timed).train.columns) == ["a", "b", "c", "g"]
    with pytest.raises(UsageError, match="may have a group on both sides"):
        own(rows, time="t", group="g")
    assert own(rows, time="t", group="g", scheme="grouped").scheme == "grouped"


def test_a_column_of_folds_is_followed_and_rows_below_zero_are_never_predicted(
    tmp_path: Path,
) -> None:
    rows = table(20).assign(fold=np.arange(20) % 4 - 1)
    numbered = own(rows, folds="fold")
    assert (numbered.scheme, numbered.n_folds) == ("column", 3)
    assert data(numbered).folds.tolist() == rows["fold"].tolist()  # type: ignore[union-attr]
    outcome = cross_validate(numbered, models="ridge", runs=tmp_path, engine="inline")
    predicted = np.isfinite(outcome.oof["ridge"].valid)
    np.testing.assert_array_equal(predicted, rows["fold"] >= 0)
    named = own(rows.assign(fold=np.where(rows["fold"] > 0, "b", "a")), folds="fold")
    assert named.n_folds == 2
    with pytest.raises(DataError, match="'fold', is no whole number in 1 row: 2"):
        own(rows.assign(fold=[0, 0.5, *[1] * 18]), folds="fold")


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2020-01-01", periods=20),
        pd.date_range("2020-01-01", periods=20, tz="Europe/Berlin"),
        pd.period_range("2020-01", periods=20, freq="M"),
        pd.timedelta_range("1D", periods=20),
        pd.Series(range(20), dtype="Int64"),
        pd.date_range("2020-01-01", periods=20).date,
    ],
)
def test_times_of_every_type_are_in_order(times: Any) -> None:
    rows = table(20).assign(t=times)
    found = data(own(rows.sample(frac=1.0, random_state=0), time="t")).times
    expected = np.random.RandomState(0).permutation(20)
    assert found is not None and not found.dtype.hasobject
    assert np.argsort(np.argsort(found)).tolist() == expected.tolist()


def test_test_rows_need_the_same_columns_in_any_order() -> None:
    test = unseen()
    plain = data(own(test=test))
    other = data(own(test=test[["c", "a", "b"]].assign(more=1, y=0)))
    assert list(other.test.columns) == list("abc")
    assert other.fingerprint == plain.fingerprint


def test_columns_that_the_test_rows_lack_are_left_out_and_named_as_of_files(tmp_path: Path) -> None:
    train, test = table().rename_axis("id").reset_index(), unseen().rename_axis("id").reset_index()
    found = data(own(train, test[["id", "b"]], id="id"))
    train.to_csv(tmp_path / "train.csv", index=False)
    test[["id", "b"]].to_csv(tmp_path / "test.csv", index=False)
    files = table_competition(tmp_path, metric="rmse", target="y", id="id").load(tmp_path)
    for dataset in (found, files):
        assert list(dataset.train.columns) == list(dataset.test.columns) == ["b"]
        assert dataset.notes == ("Left out, for the test rows lack them: 'a', 'c'.",)


def test_ids_are_found_by_their_name_unless_the_index_holds_them() -> None:
    train, test = table().rename_axis("row_id"), unseen().rename_axis("row_id")
    test.index += 60
    named = data(own(train.reset_index(), test.reset_index()))
    assert named.test_ids.tolist() == list(range(60, 80))
    assert named.template.columns.tolist() == ["row_id", "y"] and list(named.train) == list("abc")
    assert named.notes == ("'row_id' holds the ids: by its name, and every row has another one.",)
    # Twice the same is no id, and an index that somebody made is one.
    again = data(own(train.assign(house_id=1), test.assign(house_id=1)))
    assert "house_id" in again.train and again.notes == ()
    kept = data(own(train.assign(id=range(60)), test.assign(id=range(20))))
    assert kept.test_ids.tolist() == list(range(60, 80)) and "id" in kept.train


def test_texts_that_are_dates_or_numbers_are_read_with_notes() -> None:
    days = [f"2020-01-{n % 28 + 1:02d}" for n in range(80)]
    sizes: list[object] = [1.5, "?", "2", *range(77)]
    train = table().assign(when=days[:60], size=sizes[:60], town=["Ulm", "?", "Hof"] * 20)
    test = unseen().assign(when=days[60:], size=sizes[60:], town="Ulm")
    found = data(own(train, test))
    assert found.train["when"].dtype.kind == found.test["when"].dtype.kind == "M"
    assert found.train["size"].tolist()[2:5] == [2.0, 0.0, 1.0]
    assert np.isnan(found.train["size"][1]) and found.test["size"].dtype.kind == "f"
    assert found.train["town"].tolist() == train["town"].tolist()
    assert found.notes == (
        "Texts that are read as dates: 'when'.",
        "Texts that are read as numbers: 'size'.",
        "size: 1 cell of the training rows says '?': taken as missing.",
    )
    said = data(own(train, test, columns={"category": ["when"], "ignored": ["size"]}))
    assert said.train["when"].tolist() == days[:60] and "size" not in said.train
    with pytest.raises(DataError, match=r"size must hold numbers; 40 of the 60 .* row 4: 'many'"):
        own(train.assign(size=["1", "2", "3", *["many", "more"] * 20, *map(str, range(17))]), test,
            columns={"number": ["size"]})  # fmt: skip
    with pytest.raises(UsageError, match="no column that models see called 'wen'"):
        own(train, test, columns={"date": ["wen"]})


def test_dates_in_two_ways_are_refused_until_one_is_named() -> None:
    rows = table().assign(when=[f"{n % 12 + 1:02d}/{n % 11 + 1:02d}/2020" for n in range(60)])
    with pytest.raises(
        UsageError, match=r"columns=\{'date:%d/%m/%Y': \['when'\]\}, or date:%m/%d/%Y"
    ):
        own(rows)
    months = data(own(rows, columns={"date:%d/%m/%Y": ["when"]})).train["when"].dt.month
    assert months.tolist()[:2] == [1, 2]


def test_words_for_missing_among_labels_are_refused_unless_named() -> None:
    rows = table().assign(y=["EU", "NA", "AS"] * 20)
    with pytest.raises(DataError, match=r"'y' is 'NA' in 20 rows, .* labels="):
        own(rows, metric="accuracy")
    assert data(own(rows, metric="accuracy", labels=["NA"])).classes == ("AS", "EU", "NA")
    with pytest.raises(DataError, match=r"'EU' \(20 rows\) and 'eu' \(20 rows\)"):
        own(rows.replace({"y": {"NA": "eu"}}), metric="accuracy")


def test_who_changes_the_tables_later_changes_no_competition() -> None:
    values = np.random.default_rng(0).normal(size=(40, 3))
    train = pd.DataFrame(values, columns=list("aby")).assign(t=np.arange(40), g=np.arange(40) // 2)
    dataset = data(own(train, time="t", group="g", scheme="grouped"))
    before = [np.array(part) for part in (dataset.train, dataset.target, dataset.times)]
    values[:] = 0.0
    train.loc[:, ["a", "y"]] = 5.0
    train["t"] = 0
    for old, new in zip(before, (dataset.train, dataset.target, dataset.times), strict=True):
        np.testing.assert_array_equal(old, np.asarray(new))


def test_ids_are_kept_as_they_were_given_in_the_submission(tmp_path: Path) -> None:
    train, test = table().assign(k=lambda r: [f"r{n}" for n in r.index]), unseen()
    competition = own(train, test.assign(k=[f"t{n}" for n in range(20)]), id="k")
    result = run(competition, models="median,ridge", runs=tmp_path, engine="inline", nested=False)
    assert result.submission is not None
    assert result.submission["k"].tolist() == [f"t{n}" for n in range(20)]
    dates = unseen().set_index(pd.date_range("2020-01-01", periods=20))
    result = run(own(test=dates), models="ridge", runs=tmp_path, engine="inline", nested=False)
    assert result.submission is not None
    assert result.submission["id"].tolist() == dates.index.tolist()


# What is refused

ROWS, TEST = table(20), unseen(5)


def test_usual_models_are_named_beside_own_ones() -> None:
    usual = [model.name for model in own(ROWS).models]
    mine = estimator(Ridge(), name="mine")
    assert [model.name for model in own(ROWS, models=["default", mine]).models] == [*usual, "mine"]
    some = own(ROWS, models=["lightgbm", mine]).models
    assert [model.name for model in some] == ["median", "lightgbm", "mine"]
    assert some[1] == own(ROWS).model("lightgbm")


@pytest.mark.parametrize(
    ("train", "test", "more", "message"),
    [
        (ROWS, None, {"target": "z"}, "no column of the training rows called 'z'. Known: a, b"),
        (ROWS, None, {"target": ["y", "z"]}, "no column of the training rows called 'z'"),
        (ROWS, None, {"target": [["y"]]}, "target takes the name of a column.* a list came"),
        (ROWS, None, {"metric": "rmsee"}, "no metric 'rmsee'. Did you mean 'rmse'"),
        (ROWS, None, {"target": ROWS["y"]}, "name of a column.*such as 'y', .* a Series came"),
        (ROWS, None, {"metric": own}, r"function own came\. .*metric\(own, greater_is_better="),
        (ROWS, None, {"metric": None}, "The name of a metric, such as 'rmse'.* None came"),
        (ROWS, None, {"group": "g"}, "no column of the training rows called 'g'"),
        (ROWS, None, {"group": "y"}, "'y' is the target; name another column as group"),
        (ROWS, None, {"name": "../x"}, "A name of letters"),
        (ROWS, None, {"n_folds": 1}, "n_folds must be a whole number from 2 on; 1 came"),
        (ROWS, None, {"n_folds": "5"}, "n_folds must be a whole number"),
        (ROWS, None, {"models": "ridge"}, "models takes a list, such as.*'ridge' came"),
        (
            ROWS,
            None,
            {"models": ["rigde"]},
            "no usual model 'rigde'.*'ridge'.* Known: .*default, .*lightgbm",
        ),
        (ROWS, None, {"models": [3]}, "A name, a Model, a scikit-learn estimator.* 3 came"),
        (ROWS, None, {"models": ["default", Ridge()]}, "called 'ridge'.*name='my-ridge'"),
        (ROWS, None, {"models": [Ridge(), Ridge()]}, "called 'ridge'.*name='my-ridge'"),
        (ROWS.to_numpy(), None, {}, "A DataFrame of pandas was expected as training rows"),
        ("train.csv", TEST, {}, "the test rows lie beside the training rows: leave out `test`"),
        (ROWS, {"a": [1]}, {}, "expected as test rows; a dict came"),
        (ROWS, TEST.assign(i=1), {"id": "i"}, "no column of the training rows called 'i'"),
        (ROWS.assign(i=range(20)), TEST, {"id": "i"}, "no column of the test rows called 'i'"),
    ],
)
def test_wrong_use_is_an_error_that_says_what_came(
    train: Any, test: Any, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        own(train, test, **more)


def twice(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with two columns of one name."""
    return pd.concat([rows, rows[["a"]]], axis=1)


def with_missing(column: str, rows: int = 2) -> pd.DataFrame:
    """Return rows with a column of which the first values are missing."""
    values = pd.Series(range(20), dtype=float)
    values[:rows] = np.nan
    return ROWS.assign(**{column: values})


@pytest.mark.parametrize(
    ("train", "test", "more", "message"),
    [
        (ROWS.iloc[:0], None, {}, "The table of the training rows has no rows"),
        (ROWS, TEST.iloc[:0], {}, "test rows has no rows; leave out `test`"),
        (twice(ROWS), None, {}, "Two columns of the training rows have one name: 'a'"),
        (ROWS, twice(TEST), {}, "Two columns of the test rows have one name: 'a'"),
        (ROWS[["y"]], None, {}, "No column of the training rows is left to predict from"),
        (ROWS, TEST[["a"]].rename(columns={"a": "A "}), {}, "a column 'a' and the test rows 'A '"),
        (ROWS, TEST[[]].assign(more=1), {}, "No column of the training rows is left"),
        (ROWS.rename(columns={"a": 0}), None, {}, "texts and others: 0, 'b', 'c'"),
        (with_missing("y"), None, {}, "The target 'y' is missing in 2 rows: 1, 2"),
        (with_missing("g"), None, {"group": "g"}, "The group 'g' is missing in 2 rows: 1, 2"),
        (with_missing("t"), None, {"time": "t"}, "The time 't' is missing in 2 rows"),
        (with_missing("i"), None, {"id": "i"}, "id of the training rows is missing in 2 rows"),
        (ROWS.assign(t="9"), None, {"time": "t"}, "must hold numbers or dates.*to_datetime"),
        (ROWS.assign(t=[1, "a"] * 10), None, {"time": "t"}, "must hold numbers or dates"),
        (ROWS.assign(y=np.inf), None, {}, "has infinite values"),
        (ROWS.assign(y="x"), None, {}, "RMSE needs numbers, and the target 'y' has others"),
        (ROWS.assign(y=pd.Timestamp(0)), None, {}, "RMSE needs numbers.*is datetime64"),
        (ROWS.assign(y=-2.0), None, {"metric": "rmsle"}, "on the scale log1p.*-2.0"),
        (ROWS.assign(y="x"), None, {"metric": "log_loss"}, "has a single class, 'x'"),
        (ROWS, None, {"metric": "accuracy"}, "20 different numbers in 20 rows"),
        (ROWS.assign(y=[1, "a"] * 10), None, {"metric": "log_loss"}, "are of several types"),
        (ROWS.assign(i=1), None, {"id": "i"}, "Duplicate ids among the training rows: 1"),
        (ROWS.set_index(["a", "b"]), None, {}, "index of the training rows has several levels"),
        (ROWS, TEST.assign(a="1"), {}, r"'a' holds numbers .*\(float64\) and texts or levels"),
        (ROWS.assign(a="1"), TEST, {}, "'a' holds texts or levels .* and numbers"),
        (ROWS.assign(a=pd.Timestamp(0)), TEST.assign(a="1970"), {}, "'a' holds dates .* texts"),
        (
            ROWS.assign(y=["id", "x", "z", "x"] * 5),
            None,
            {"metric": "log_loss"},
            "'id' would be two columns",
        ),
    ],
)
def test_tables_that_hide_a_mistake_are_refused(
    train: pd.DataFrame, test: Any, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        own(train, test, **more)


def test_auc_of_three_classes_sets_each_against_the_rest_and_f1_of_one_has_no_rest() -> None:
    assert own(table(kind="three"), metric="auc").submits is Prediction.PROBABILITY
    with pytest.raises(UsageError, match="F1 is of two classes; 'y' has 3"):
        own(table(kind="three"), metric="f1")


@pytest.mark.parametrize(
    ("metric", "values", "message"),
    [
        (
            "poisson",
            [0.0, -1.0],
            "Poisson deviance is of targets that are zero or more, .*: row 2: '-1.0'.* as rmse",
        ),
        (
            "tweedie@2",
            [0.0, 1.0],
            "Tweedie@2 is of targets that are above zero, which 10 .*: '0.0'",
        ),
    ],
)
def test_targets_that_a_metric_has_no_score_for_are_refused(
    metric: str, values: list[float], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        own(table(20).assign(y=values * 10), metric=metric)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (pd.Series([True, False] * 10), pd.Series([True, None, False, True, None])),
        (pd.Series([True, None] * 10), pd.Series([True, False, True, True, True])),
        (pd.Series([1.5, 2.5] * 10), pd.Series([1, 2, 3, 4, 5])),
        (pd.Series([1.5, 2.5] * 10), pd.Series([None] * 5)),
        (pd.Series(["u", "v"] * 10), pd.Series([np.nan] * 5)),
        (pd.Series(["u", "v"] * 10), pd.Series(list("uuvvw"), dtype="category")),
    ],
)
def test_types_that_mean_the_same_are_taken(train: Any, test: Any, tmp_path: Path) -> None:
    competition = own(ROWS.assign(a=train), TEST.assign(a=test), models=[Ridge()])
    result = run(competition, runs=tmp_path, engine="inline", folds=2, nested=False)
    assert not result.failures and result.submission is not None


# Fingerprints

cells = st.one_of(
    st.integers(-3, 3),
    # A negative zero is zero to models; whether pandas hashes it as such depends on its column.
    st.floats(width=32).map(lambda value: value + 0.0),
    st.sampled_from(["1", "a", ""]),
    st.none(),
    st.booleans(),
)
columns = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.lists(cells, min_size=4, max_size=4), min_size=1
)


def frame(content: dict[str, list[Any]]) -> pd.DataFrame:
    """Return a table of columns of objects, in which no cell was made something else."""
    return pd.DataFrame({name: pd.Series(part, dtype=object) for name, part in content.items()})


def alike(one: Any, other: Any) -> bool:
    """Whether two cells are the same value of the same type."""
    return type(one) is type(other) and repr(one) == repr(other)


@given(columns)
def test_equal_content_has_equal_fingerprints(content: dict[str, list[Any]]) -> None:
    one, other = frame(content), frame({name: list(part) for name, part in content.items()})
    other.index = pd.Index([9, 8, 7, 6])
    assert table_fingerprint({"train": one}) == table_fingerprint({"train": other})


@given(columns, st.data())
def test_any_changed_cell_has_another_fingerprint(
    content: dict[str, list[Any]], draw: st.DataObject
) -> None:
    before = table_fingerprint({"train": frame(content)})
    name = draw.draw(st.sampled_from(sorted(content)))
    row, value = draw.draw(st.integers(0, 3)), draw.draw(cells)
    changed = {key: list(part) for key, part in content.items()}
    changed[name][row] = value
    same = alike(content[name][row], value)
    assert (table_fingerprint({"train": frame(changed)}) == before) is same


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.rename(columns={"a": "A"}),
        lambda r: r.rename(columns={"a": 0}),
        lambda r: r[["b", "a", "c", "k", "y"]],
        lambda r: r.astype({"a": np.float32}),
        lambda r: r.iloc[::-1],
        lambda r: r.iloc[:-1],
        lambda r: r.assign(k=r["k"].cat.set_categories(["v", "u"])),
        lambda r: r.assign(k=r["k"].cat.add_categories(["w"])),
        lambda r: r.assign(k=r["k"].cat.as_ordered()),
        lambda r: r.assign(k=r["k"].astype(str)),
        lambda r: r.assign(y=r["y"] + 1e-12),
        lambda r: r.set_index(np.arange(20) + 1),
    ],
)
def test_names_types_order_categories_and_ids_are_in_the_fingerprint(change: Any) -> None:
    rows = ROWS.assign(k=pd.Categorical(["u", "v"] * 10))
    before = data(own(rows)).fingerprint
    assert data(own(rows.copy(deep=True))).fingerprint == before
    changed = change(rows)
    if 0 in changed.columns:
        changed.columns = ["0", *changed.columns[1:]]
    assert data(own(changed)).fingerprint != before


def test_roles_and_parts_are_in_the_fingerprint() -> None:
    rows = ROWS.assign(g=np.arange(20))
    found = {
        data(own(rows[["a", "g", "y"]])).fingerprint,
        data(own(rows[["a", "g", "y"]], group="g")).fingerprint,
        data(own(rows[["a", "g", "y"]], time="g")).fingerprint,
        data(own(rows[["a", "g", "y"]], target="g")).fingerprint,
        data(own(rows[["a", "g", "y"]], TEST.assign(g=1))).fingerprint,
        data(own(rows[["a", "g", "y"]], TEST.assign(g=2))).fingerprint,
    }
    assert len(found) == 6


def test_an_id_column_takes_the_place_of_the_index() -> None:
    rows = ROWS.assign(i=range(20))
    moved = rows.set_index(np.arange(20) + 5)
    assert data(own(rows, id="i")).fingerprint == data(own(moved, id="i")).fingerprint
    assert (
        data(own(rows.assign(i=range(1, 21)), id="i")).fingerprint
        != data(own(rows, id="i")).fingerprint
    )


def test_cells_that_are_lists_and_arrays_count_by_content() -> None:
    long = np.arange(5000.0)
    other = long.copy()
    other[2500] += 1e-9
    prints = [
        table_fingerprint({"t": pd.DataFrame({"a": pd.Series([value, [1]], dtype=object)})})
        for value in (long, long.copy(), other, [1], ["1"])
    ]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 4


# Features

MIXED = pd.DataFrame(
    {
        "number": [1.0, np.nan, np.inf, 4.0] * 5,
        "whole": pd.array([1, None, 3, 4] * 5, dtype="Int64"),
        "truth": pd.array([True, False, None, True] * 5, dtype="boolean"),
        "empty": [np.nan] * 20,
        "level": ["u", "v", None, "u"] * 5,
        "category": pd.Categorical(["p", "q"] * 10),
        "date": pd.date_range("2020-01-01", periods=20),
        "length": pd.timedelta_range("1D", periods=20),
        "list": [[1], [2]] * 10,
    }
)


@pytest.mark.parametrize("scaled", [True, False])
def test_columns_that_are_called_by_numbers_are_not_taken_by_place(scaled: bool) -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {5: rng.normal(size=40), 9: rng.choice(["a", "b"], 40), 0: rng.normal(size=40)}
    )
    named = rows.set_axis(["five", "nine", "zero"], axis=1)
    features = TableFeatures(scaled=scaled)
    found = features.fit_transform(rows, np.zeros(40))
    np.testing.assert_array_equal(found, features.transform(rows))
    other = TableFeatures(scaled=scaled).fit_transform(named, np.zeros(40))
    np.testing.assert_array_equal(found, other)


@pytest.mark.parametrize("scaled", [True, False])
def test_every_type_of_column_becomes_numbers(scaled: bool) -> None:
    features = TableFeatures(scaled=scaled)
    found = features.fit_transform(MIXED, np.zeros(20))
    assert found.dtype == np.float32
    assert np.isfinite(found).all() == scaled
    np.testing.assert_array_equal(found, features.transform(MIXED))


def test_dates_are_days_and_the_parts_that_differ_and_durations_are_days() -> None:
    features = TableFeatures(scaled=False)
    rows = pd.DataFrame(
        {
            "date": pd.to_datetime(["1970-01-02 00:00", None, "1970-01-03 12:00"]),
            "length": pd.to_timedelta(["1D", None, "36h"]),
        }
    )
    found = features.fit_transform(rows, np.zeros(3))
    # Days, day of the month, weekday, day of the year, hour, and the length in days.
    expected = [[1.0, 2.0, 4.0, 2.0, 0.0, 1.0], [np.nan] * 6, [2.5, 3.0, 5.0, 3.0, 12.0, 1.5]]
    np.testing.assert_array_equal(found, np.array(expected, dtype=np.float32))
    later = rows.assign(date=rows["date"] + pd.Timedelta(days=400)).iloc[[0]]
    assert features.transform(later).tolist() == [[401.0, 6.0, 5.0, 37.0, 0.0, 1.0]]


def test_free_texts_become_numbers_that_are_learned_from_training_rows_alone() -> None:
    rng = np.random.default_rng(0)
    words = np.array(["red", "blue", "old", "new", "house", "car", "big", "small"])
    texts = [" ".join(rng.choice(words, 5)) for _ in range(60)]
    rows = pd.DataFrame({"text": texts, "level": ["u", "v"] * 30})
    features = TableFeatures(scaled=False)
    found = features.fit_transform(rows, np.zeros(60))
    assert found.shape[1] > 10
    strange = pd.DataFrame({"text": ["unknown words alone here now"], "level": ["w"]})
    assert features.transform(strange)[0, -1] == -1
    np.testing.assert_array_equal(features.transform(rows), found)


def test_unseen_levels_and_missing_values_are_taken() -> None:
    train = pd.DataFrame({"level": ["u"] * 5 + ["v"] * 5 + ["rare"], "number": np.arange(11.0)})
    test = pd.DataFrame(
        {"level": ["v", "new", None, "rare"], "number": [np.nan, 100.0, 5.0, -np.inf]}
    )
    trees = TableFeatures(scaled=False)
    trees.fit_transform(train, np.zeros(11))
    found = trees.transform(test)
    # Sorted levels: rare, u, v.
    assert found[:, 1].tolist() == [2.0, -1.0, -1.0, 0.0]
    assert np.isnan(found[[0, 3], 0]).all()
    scaled = TableFeatures(scaled=True)
    scaled.fit_transform(train, np.zeros(11))
    found = scaled.transform(test)
    # The median, 5, is the mean here, too. What is new shares the column of the rare ones.
    assert found[[0, 2, 3], 0].tolist() == [0.0, 0.0, 0.0]
    assert found[:, 1:].tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 1], [0, 0, 1]]


def test_what_is_learned_is_learned_on_the_training_rows_of_a_fold() -> None:
    train, other = MIXED.iloc[:10], MIXED.iloc[10:].assign(number=1e6, level="w")
    features = TableFeatures(scaled=True)
    before = features.fit_transform(train, np.zeros(10))
    features.transform(other)
    np.testing.assert_array_equal(before, features.transform(train))


def test_targets_of_a_fold_do_not_change_its_predictions(tmp_path: Path) -> None:
    rows = table(40).assign(level=["u", "v", "w", "x"] * 10)
    models = "ridge,lightgbm"
    choices: dict[str, Any] = {
        "models": models,
        "engine": "inline",
        "scheme": "kfold",
        "folds": 2,
        "settings": ["lightgbm.rounds=3"],
    }
    first = cross_validate(own(rows), runs=tmp_path, **choices)
    held = first.folds.rows(0, (1,))[1]
    changed = rows.copy()
    changed.loc[held, "y"] = np.random.default_rng(0).normal(size=len(held)) * 100
    second = cross_validate(own(changed), runs=tmp_path, **choices)
    assert list(first.oof) == list(second.oof) and len(first.oof) == 2
    for name, oof in first.oof.items():
        np.testing.assert_array_equal(oof.valid[held], second.oof[name].valid[held])


# Numbers alone


def test_numbers_alone_become_the_features_that_they_are_beside_levels() -> None:
    random = np.random.default_rng(0)
    holes = random.random(50) < 0.2
    numbers = pd.DataFrame(
        {
            "float": random.normal(size=50),
            "single": random.normal(size=50).astype(np.float32),
            "whole": random.integers(0, 5, 50),
            "truth": random.random(50) < 0.5,
            "huge": np.where(holes, np.nan, 1e35 * random.normal(size=50)),
            "endless": np.where(holes, -np.inf, 3.0),
            "missing": pd.array([1, None] * 25, dtype="Int64"),
        }
    )
    alone, beside = TableFeatures(scaled=False), TableFeatures(scaled=False)
    found = alone.fit_transform(numbers, np.zeros(50))
    other = beside.fit_transform(numbers.assign(level="red"), np.zeros(50))
    np.testing.assert_array_equal(found, other[:, :-1])
    np.testing.assert_array_equal(alone.transform(numbers[:7]), found[:7])
    assert np.isnan(found).any() and np.nanmax(found) == np.float32(1e30)
