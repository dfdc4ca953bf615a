"""Models of the user's in one line each: `network`, `estimator`, `boosting`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from comps import boosting, estimator, network
from comps.base import Family, Model, UsageError
from comps.declared import as_model, with_features
from comps.kinds.table.zoo import scaled_features, tree_features
from pipelines import cross_validate
from tests.tables import own, table


def small_net(shapes: Any, units: int = 4) -> Any:
    """Return a network of one hidden layer."""
    import keras

    layers = [keras.Input(shapes["rows"]), keras.layers.Dense(units), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile("adam", "mse")
    return model


def test_a_network_takes_its_plan_and_its_own_parameters() -> None:
    model = network(small_net, epochs=3, batch_size=8, copies=2, patience=4, units=5)
    assert (model.name, model.family, model.trainer) == ("small-net", Family.NETWORK, "keras-jax")
    assert dict(model.params) == {"epochs": 3, "batch_size": 8, "copies": 2, "units": 5}
    assert model.patience == 4
    assert network(small_net, name="wide", backend="torch").trainer == "keras-torch"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: network(3), "A function .* expected; 3 came"),  # type: ignore[arg-type]
        (lambda: network(Ridge), "A function .*Ridge'> came"),
        (lambda: network(lambda shapes: shapes), "names a lambda; a function with a name"),
        (lambda: network(small_net, backend="jaxx"), "no backend 'jaxx'. Did you mean 'jax'"),
        (lambda: network(small_net, epochs=0), "epochs must be a whole number from 1 on; 0 came"),
        (lambda: network(small_net, copies=1.5), "copies must be"),  # type: ignore[arg-type]
        (lambda: network(small_net, batch_size=True), "batch_size must be a whole number"),
        (lambda: network(small_net, units=np.float32(3)), "units must be a JSON value.* float32"),
        (lambda: network(small_net, name="a,b"), "A name of letters.* not 'a,b'"),
        (lambda: estimator(Ridge), "expected, such as Ridge.*the class Ridge came"),
        (lambda: estimator(3), "A scikit-learn estimator was expected.*3 came"),
        (lambda: boosting("lgbm"), "no library 'lgbm'. Did you mean 'lightgbm'"),
        (lambda: boosting("lightgbm", rounds=0), "rounds must be a whole number from 1 on"),
        (lambda: boosting("xgboost", max_depth=np.int64(3)), "max_depth must be a JSON value"),
        (lambda: as_model(Ridge), "such as Ridge.*the class Ridge came"),
        (lambda: as_model(None), "A name, a Model, .* None came"),
    ],
)
def test_what_is_no_model_is_refused(call: Callable[[], Model], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()


@pytest.mark.parametrize(
    ("unfitted", "name", "family"),
    [
        (Ridge(), "ridge", Family.LINEAR),
        (SVC(), "svc", Family.KERNEL),
        (RandomForestRegressor(), "random-forest-regressor", Family.FOREST),
        (make_pipeline(StandardScaler(), Ridge()), "ridge", Family.LINEAR),
    ],
)
def test_an_estimator_gets_its_name_and_family(unfitted: Any, name: str, family: Family) -> None:
    model = estimator(unfitted)
    assert (model.name, model.family, model.trainer) == (name, family, "sklearn")
    assert estimator(unfitted, name="mine", family=Family.OTHER).name == "mine"


def test_an_estimator_is_cloned_with_changed_parameters() -> None:
    unfitted = Ridge(alpha=3.0, random_state=7)
    model = estimator(unfitted)
    assert model.params["alpha"] == 3.0
    assert "random_state" not in model.params
    built = model.with_params({"alpha": 5.0}).build
    assert built is not None
    first, second = built(alpha=5.0), built(alpha=5.0)
    assert first is not second and first is not unfitted
    assert (first.alpha, unfitted.alpha) == (5.0, 3.0)


def test_features_are_those_of_the_competition_for_the_family() -> None:
    competition = own()
    assert with_features(estimator(Ridge()), competition).features is scaled_features
    assert with_features(boosting("xgboost"), competition).features is tree_features
    # A pipeline gets the rows as they are, and a model keeps what it names.
    assert with_features(estimator(make_pipeline(Ridge())), competition).features is None
    named = estimator(make_pipeline(Ridge()), features=tree_features)
    assert with_features(named, competition).features is tree_features


def test_models_of_a_competition_get_its_features_and_keep_them_in_a_call() -> None:
    pipeline = estimator(make_pipeline(Ridge()), name="piped")
    competition = own(models=[Ridge(), pipeline])
    features = {model.name: model.features for model in competition.models}
    assert features == {"median": None, "ridge": scaled_features, "piped": None}
    for model in competition.models:
        assert with_features(model, competition) == model


def catching(models: list[object], folder: str, **more: Any) -> str:
    """Return why the one model could not be trained."""
    kind = more.pop("kind", "values")
    competition = own(table(kind=kind), metric="rmse" if kind == "values" else "log_loss")
    result = cross_validate(
        competition, models=[competition.baseline, *models], runs=folder, engine="inline", folds=2
    )
    (reason,) = result.failures.values()
    return reason


def no_model(shapes: Any) -> Any:
    """Return no network."""
    return len(shapes)


def not_compiled(shapes: Any) -> Any:
    """Return a network without a loss."""
    import keras

    return keras.Sequential([keras.Input(shapes["rows"]), keras.layers.Dense(1)])


def without_weights(shapes: Any) -> Any:
    """Return a network that does not know its input."""
    import keras

    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def three_units(shapes: Any) -> Any:
    """Return a network of three outputs."""
    import keras

    model = keras.Sequential([keras.Input(shapes["rows"]), keras.layers.Dense(3)])
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (no_model, "must return a compiled Keras model; a int came"),
        (not_compiled, "is not compiled: call network.compile"),
        (without_weights, "first layer must be keras.Input"),
        (three_units, "must have one output of 1 units.* It has 3"),
    ],
)
def test_what_a_builder_returns_is_checked(build: Any, reason: str, tmp_path: Any) -> None:
    found = catching([network(build, epochs=1)], str(tmp_path))
    assert re.search(reason, found), found


@pytest.mark.slow
def test_a_network_without_a_sigmoid_predicts_no_probabilities(tmp_path: Any) -> None:
    model = network(small_net, epochs=1)
    found = catching([model], str(tmp_path), kind="two")
    assert "probabilities that are not between 0 and 1" in found and "sigmoid" in found


def test_a_classifier_without_probabilities_says_what_makes_them(tmp_path: Any) -> None:
    assert "CalibratedClassifierCV" in catching([SVC()], str(tmp_path), kind="two")
