"""The zoo of any table: parameters that follow from the rows, features learned inside the fold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.linear_model import Ridge

from comps import estimator, table_competition
from comps.base import Dataset, Family, Model, Task, UsageError
from comps.kinds.table.categories import CategoryFeatures
from comps.kinds.table.encoded import (
    EncodedFeatures,
    Frequencies,
    GroupMeans,
    TargetStatistics,
    arithmetic,
    important,
)
from comps.kinds.table.zoo import table_models
from comps.metrics import find_metric
from pipelines import run

ROWS = pd.DataFrame(
    {
        "size": np.arange(60.0),
        "rooms": np.arange(60) % 7 + 1.0,
        "town": ["Oslo", "Rome", "Bonn"] * 20,
        "street": [f"street {number // 4}" for number in range(60)],
    }
)
PRICE = ROWS["size"].to_numpy() * 2 + 30 * (ROWS["town"] == "Rome").to_numpy()


def halved(params: dict[str, float], dataset: Dataset) -> dict[str, float]:
    """Return half of the rows as a parameter."""
    del params
    return {"alpha": len(dataset.target) / 2}


@pytest.mark.slow
def test_parameters_follow_from_the_rows_and_the_users_stay(tmp_path):
    rows = ROWS[["size"]].assign(price=PRICE)
    sized = replace(estimator(Ridge(), name="own"), sized=halved)
    fixed = [estimator(Ridge(alpha=value), name=f"at-{value:g}") for value in (30.0, 3.0)]
    flats = table_competition(
        rows, target="price", metric="rmse", name="flats", models=[sized, *fixed]
    )
    found = run(flats, runs=tmp_path, checks=False).oof
    np.testing.assert_array_equal(found["own"].valid, found["at-30"].valid)
    found = run(flats, runs=tmp_path, checks=False, settings=["own.alpha=3.0"]).oof
    np.testing.assert_array_equal(found["own[alpha=3.0]"].valid, found["at-3"].valid)


def test_a_rule_that_names_no_parameter_is_told():
    model = Model("own", Family.LINEAR, "sklearn", {"C": 1.0}, sized=halved)
    dataset = table_competition(
        ROWS.assign(price=PRICE), target="price", metric="rmse", name="flats"
    ).load(None)
    with pytest.raises(UsageError, match="alpha"):
        model.for_rows(dataset)


@pytest.mark.parametrize(
    ("metric", "library", "parameter", "value"),
    [
        ("mae", "lightgbm", "objective", "regression_l1"),
        ("mae", "xgboost", "objective", "reg:absoluteerror"),
        ("mae", "catboost", "loss_function", "MAE"),
        ("mape", "lightgbm", "objective", "mape"),
        ("pinball@0.9", "lightgbm", "alpha", 0.9),
        ("pinball@0.9", "xgboost", "quantile_alpha", 0.9),
    ],
)
def test_trees_learn_what_the_metric_judges(metric, library, parameter, value):
    models = {m.name: m for m in table_models(Task.REGRESSION, 0, 1, find_metric(metric))}
    assert models[library].params[parameter] == value


def test_squared_errors_are_the_libraries_own_objective():
    for model in table_models(Task.REGRESSION, 0, 1, find_metric("rmse")):
        assert not {"objective", "loss_function"} & set(model.params)


def test_the_target_of_a_training_row_has_no_part_in_its_statistic():
    levels = ROWS[["town", "street"]]
    before, _ = TargetStatistics(0).fit_transform(levels, PRICE)
    changed = PRICE.copy()
    changed[7] += 1e6
    after, _ = TargetStatistics(0).fit_transform(levels, changed)
    for name, column in before.items():
        assert after[name][7] == column[7]
        assert (after[name] != column).any()


def test_statistics_of_classes_have_a_column_for_each_of_more_than_two():
    levels, classes = ROWS[["town"]], np.arange(60.0) % 4
    found, statistics = TargetStatistics(4).fit_transform(levels, classes)
    assert len(found) == 4
    unknown = statistics.transform(pd.DataFrame({"town": ["Paris"]}))
    np.testing.assert_allclose(list(unknown.values()), [[0.25]] * 4)
    two, _ = TargetStatistics(2).fit_transform(levels, classes % 2)
    assert len(two) == 1


def test_counts_are_those_of_the_training_rows():
    found = Frequencies().fit(ROWS[["town"]]).transform(pd.DataFrame({"town": ["Rome", "Paris"]}))
    np.testing.assert_allclose(found["rows with town"], np.log1p([20, 0]))


def test_names_are_not_counted():
    rows = pd.DataFrame({"name": [f"person {number}" for number in range(9)]})
    assert Frequencies().fit(rows).transform(rows) == {}


@given(
    arrays(np.float64, 12, elements=st.floats(-100, 100)),
    st.lists(st.sampled_from("abc"), min_size=12, max_size=12),
)
def test_means_by_level_are_drawn_to_that_of_all(values, levels):
    numbers, table = pd.DataFrame({"n": values}), pd.DataFrame({"level": levels})
    found = GroupMeans().fit(numbers, table).transform(numbers, table)
    for row, level in enumerate(levels):
        own = [value for value, other in zip(values, levels, strict=True) if other == level]
        mean = (sum(own) + 5 * values.mean()) / (len(own) + 5)
        assert found["mean of n by level"][row] == pytest.approx(mean, abs=1e-9)
        assert found["n from its mean by level"][row] == pytest.approx(values[row] - mean, abs=1e-9)


def test_means_of_an_unknown_level_are_those_of_all_rows():
    means = GroupMeans().fit(ROWS[["size"]], ROWS[["town"]])
    found = means.transform(ROWS[["size"]][:1], pd.DataFrame({"town": ["Paris"]}))
    assert found["mean of size by town"] == [ROWS["size"].mean()]


def test_a_ratio_to_nothing_is_missing():
    found = arithmetic(pd.DataFrame({"a": [1.0, 6.0], "b": [0.0, 3.0]}))
    np.testing.assert_array_equal(found["a / b"], [np.nan, 2.0])
    np.testing.assert_array_equal(found["a - b"], [1.0, 3.0])


@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_the_column_that_decides_is_the_most_important(n_classes):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(300, 4))
    cuts = np.linspace(-1, 1, max(n_classes - 1, 1)) if n_classes > 2 else [0.0]
    target = values[:, 2] if n_classes == 0 else np.digitize(values[:, 2], cuts).astype(float)
    assert important(values, target, n_classes)[0] == 2


@pytest.mark.parametrize(("target", "n_classes"), [(PRICE, 0), (np.arange(60.0) % 3, 3)])
def test_encoded_features_are_the_same_whatever_rows_are_beside(target, n_classes):
    features = EncodedFeatures(n_classes)
    train = features.fit_transform(ROWS, target)
    assert train.dtype == np.float32
    assert len(train) == 60
    several = features.transform(ROWS)
    assert several.shape == train.shape
    np.testing.assert_array_equal(features.transform(ROWS[10:11]), several[10:11])


def test_encoded_features_take_several_targets():
    target = np.column_stack([PRICE, -PRICE])
    features = EncodedFeatures(0)
    assert features.fit_transform(ROWS, target).shape == features.transform(ROWS).shape


def test_categories_stay_texts_and_numbers_numbers():
    found = CategoryFeatures()
    train = found.fit_transform(ROWS, PRICE)
    assert {str(train[name].dtype) for name in ("town", "street")} == {"category"}
    assert train["size"].dtype == np.float32
    unknown = found.transform(ROWS[:1].assign(town="Paris"))
    assert unknown["town"].tolist() == ["Paris"]


@pytest.mark.slow
def test_catboost_learns_from_categories(tmp_path):
    pytest.importorskip("catboost")
    rng = np.random.default_rng(0)
    # Codes in order would need many cuts; a level decides alone.
    towns = np.array([f"town {number}" for number in rng.permutation(20)])
    value = dict(zip(towns, rng.normal(size=20), strict=True))
    town = rng.choice(towns, 400)
    rows = pd.DataFrame({"town": town, "noise": rng.normal(size=400)})
    rows["price"] = [value[name] for name in town]
    flats = table_competition(rows, target="price", metric="rmse", name="flats")
    result = run(flats, models="catboost", runs=tmp_path, checks=False)
    assert result.oof["catboost"].score < 0.3 * rows["price"].std()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["values", "classes"])
def test_splines_learn_a_curve_that_a_linear_model_cannot(kind, tmp_path):
    rows = pd.DataFrame({"x": np.linspace(-3, 3, 200), "flag": np.arange(200) % 2})
    bent = rows["x"] ** 2 + rows["flag"]
    rows["y"] = bent if kind == "values" else np.where(bent > 3, "far", "near")
    linear, metric = ("ridge", "rmse") if kind == "values" else ("logistic", "log_loss")
    curve = table_competition(rows, target="y", metric=metric, name="curve")
    found = run(curve, models=f"{linear},splines", runs=tmp_path, checks=False).oof
    assert found["splines"].score < found[linear].score / 2
