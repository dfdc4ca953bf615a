"""Models of the user's, declared in one line each: networks, estimators, boosting."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from comps.base import (
    Competition,
    Family,
    Model,
    Params,
    Transformer,
    UsageError,
    spaces,
    unknown_name,
)

if TYPE_CHECKING:
    import keras

# Where scikit-learn keeps the estimators of a family.
_FAMILIES = {
    "linear_model": Family.LINEAR,
    "svm": Family.KERNEL,
    "gaussian_process": Family.KERNEL,
    "kernel_ridge": Family.KERNEL,
    "ensemble": Family.FOREST,
    "tree": Family.FOREST,
    "xgboost": Family.BOOSTING,
    "lightgbm": Family.BOOSTING,
    "catboost": Family.BOOSTING,
}
# What the harness sets itself, or what says nothing of the predictions.
_MANAGED = {"random_state", "n_jobs", "verbose", "copy_X"}
BOOSTING = ("lightgbm", "xgboost", "catboost")
BACKENDS = ("jax", "tensorflow", "torch")


def network(
    build: Callable[..., keras.Model],
    *,
    name: str | None = None,
    epochs: int = 50,
    batch_size: int = 32,
    copies: int = 1,
    features: Callable[[], Any] | None = None,
    patience: int | None = None,
    backend: str = "jax",
    space: Callable[..., Params] | None = None,
    **params: Any,
) -> Model:
    """Return a Keras network as a model.

    How long it is trained is chosen on the folds: the best epoch of their mean curve.

    Args:
        build: `(shapes, **params)` returns a new, compiled Keras model with one output: a value,
            the probability of class 1, or one for each class with a loss on class codes; of several
            targets or labels a value or a probability for each. `shapes` has the shape of a row of
            each input by name; of a table that is `shapes["rows"]`. It may take `steps`, too: the
            optimizer steps of the whole training, for schedules.
        name: unique in the competition; that of the function unless given.
        epochs: at most.
        batch_size: rows of a step.
        copies: networks a fold, which differ in their seed; their mean predicts.
        features: makes the transformer of the rows, see `Model.features`; None takes that of the
            competition for networks.
        patience: epochs without a better score after which training ends.
        space: what can be tuned, see `Model.space`; `tune` needs it.
        backend: "jax" trains the folds as one program; "tensorflow" or "torch" one by one.
        **params: further parameters of `build`, JSON values, which can be changed by name, and
            tuned where there is a `space`.

    Raises:
        UsageError: if `build` is no function with a name, there is no such backend, a number is
            below 1, or a parameter is no JSON value.

    >>> def small(shapes, units=8):
    ...     import keras
    ...     layers = [keras.Input(shapes["rows"]), keras.layers.Dense(units), keras.layers.Dense(1)]
    ...     model = keras.Sequential(layers)
    ...     model.compile("adam", "mse")
    ...     return model
    >>> network(small, epochs=5, units=16).params["units"]
    16
    """
    if not callable(build) or isinstance(build, type):
        raise UsageError(
            "A function that takes the shapes of the inputs and returns a new, compiled Keras "
            f"model was expected; {build!r} came."
        )
    if backend not in BACKENDS:
        raise unknown_name("backend", backend, BACKENDS)
    plan = {"epochs": epochs, "batch_size": batch_size, "copies": copies}
    for what, number in plan.items():
        _check_count(what, number)
    _check_json(params)
    return Model(
        _name(name, getattr(build, "__name__", type(build).__name__)),
        Family.NETWORK,
        f"keras-{backend}",
        {**plan, **params},
        features,
        build,
        patience=patience,
        seconds=30.0,
        space=space,
    )


def estimator(
    unfitted: Any,
    *,
    name: str | None = None,
    family: Family | None = None,
    features: Callable[[], Any] | None = None,
    space: Callable[..., Params] | None = None,
) -> Model:
    """Return a scikit-learn estimator or pipeline as a model; each fold fits a clone of it.

    Of several targets or labels, each has a clone of its own, unless the estimator learns nothing
    but several, as `MultiOutputRegressor` and `ClassifierChain` do. Where rows have weights, they
    reach its `fit` if that takes them, through a pipeline, a vote or a search, too.

    Args:
        unfitted: has `fit` and `predict`, of classes `predict_proba`. A pipeline gets the rows as
            they are, with the names of their columns.
        name: unique in the competition; that of the class, of a pipeline of its last step, unless
            given.
        family: that it is compared as; found by its module unless given.
        features: makes the transformer of the rows, see `Model.features`; None takes that of the
            competition, unless it is a pipeline.
        space: what can be tuned, see `Model.space`; `tune` needs it.

    Raises:
        UsageError: if it has no `fit` and `get_params`, or is a class.

    >>> from sklearn.linear_model import Ridge
    >>> ridge = estimator(Ridge(alpha=3.0))
    >>> ridge.name, ridge.params["alpha"], str(ridge.family)
    ('ridge', 3.0, 'linear')
    """
    if isinstance(unfitted, type) or not all(hasattr(unfitted, a) for a in ("fit", "get_params")):
        came = f"the class {unfitted.__name__}" if isinstance(unfitted, type) else repr(unfitted)
        raise UsageError(f"A scikit-learn estimator was expected, such as Ridge(); {came} came.")
    steps = getattr(unfitted, "steps", None)
    last = steps[-1][1] if steps else unfitted
    params = {} if steps else _json_params(unfitted)
    return Model(
        _name(name, type(last).__name__),
        family or _family(last),
        "sklearn",
        params,
        rows_as_they_are if steps and features is None else features,
        _Clones(unfitted),
        space=space,
    )


def boosting(
    library: str,
    *,
    name: str | None = None,
    rounds: int = 2000,
    patience: int | None = 200,
    features: Callable[[], Any] | None = None,
    **params: Any,
) -> Model:
    """Return boosted trees as a model, trained by their library's own interface.

    How many rounds are used is chosen on the folds: the best of their mean curve. Of several
    targets or labels each has trees of its own, and all of them the same number of rounds.

    Args:
        library: "lightgbm", "xgboost" or "catboost".
        name: unique in the competition; that of the library unless given.
        rounds: at most.
        patience: rounds without a better score after which training ends.
        features: makes the transformer of the rows, see `Model.features`; None takes that of the
            competition for boosting.
        **params: of the library, by its own names, such as `learning_rate`. Those of
            `comps.base.spaces.boosting` can be tuned.

    Raises:
        UsageError: if there is no such library, a number is below 1, or a parameter is no JSON
            value.

    >>> boosting("lightgbm", learning_rate=0.1).params["learning_rate"]
    0.1
    """
    if library not in BOOSTING:
        raise unknown_name("library", library, BOOSTING)
    _check_count("rounds", rounds)
    _check_json(params)
    return Model(
        _name(name, library),
        Family.BOOSTING,
        library,
        # Slower than the libraries' own rates: early stopping finds how long.
        {"rounds": rounds, "learning_rate": 0.03, **params},
        features,
        patience=patience,
        seconds=10.0,
        extra="catboost" if library == "catboost" else None,
        space=spaces.boosting,
    )


def as_model(given: Any) -> Model:
    """Return a model as it is, an estimator or a function that builds a network as one.

    Raises:
        UsageError: if it is none of these.
    """
    if isinstance(given, Model):
        return given
    if hasattr(given, "fit") and hasattr(given, "get_params"):
        return estimator(given)
    if callable(given) and not isinstance(given, type):
        return network(given)
    raise UsageError(
        "A name, a Model, a scikit-learn estimator or a function that builds a Keras network was "
        f"expected; {given!r} came."
    )


def with_features(model: Model, competition: Competition) -> Model:
    """Return a model with the competition's features for its family, if it names none.

    A model of the competition itself stays as it is.
    """
    if any(_alike(model, known) for known in competition.models):
        return model
    return featured(model, competition.transformers)


def featured(model: Model, transformers: Mapping[Family, Callable[[], Any]]) -> Model:
    """Return a model with the features for its family, if it names none; a pipeline needs none."""
    if model.features is rows_as_they_are:
        return replace(model, features=None)
    if model.features is None and model.family in transformers:
        return replace(model, features=transformers[model.family])
    return model


def _alike(model: Model, known: Model) -> bool:
    """Whether a model is one of a competition, perhaps with other parameters."""
    theirs = (known.name, known.trainer, known.features, known.build)
    return (model.name, model.trainer, model.features, model.build) == theirs


@dataclass(frozen=True, eq=False)
class _Clones:
    """Builds clones of an estimator, with some parameters changed."""

    unfitted: Any

    def __call__(self, **params: Any) -> Any:
        from sklearn.base import clone

        return clone(self.unfitted).set_params(**params)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Clones) and self.unfitted is other.unfitted

    def __hash__(self) -> int:
        return id(self.unfitted)


def _check_count(what: str, number: object) -> None:
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise UsageError(f"{what} must be a whole number from 1 on; {number!r} came.")


def _check_json(params: Mapping[str, Any]) -> None:
    """Check that parameters can be written into keys and records."""
    for name, value in params.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"The parameter {name} must be a JSON value: a number, a text, a truth value, None "
                f"or lists and dictionaries of them. A {type(value).__name__} came."
            ) from error


def rows_as_they_are() -> Transformer:
    """Stand for a pipeline's wish to get the rows as they are; it is never called."""
    raise NotImplementedError


def _json_params(unfitted: Any) -> dict[str, Any]:
    """Return the parameters that JSON can write, which can be changed by name."""
    found = {}
    for name, value in unfitted.get_params(deep=False).items():
        plain = value is None or isinstance(value, (bool, int, float, str))
        if plain and name not in _MANAGED and json.loads(json.dumps(value)) == value:
            found[name] = value
    return found


def _family(unfitted: Any) -> Family:
    parts = type(unfitted).__module__.split(".")
    return next((_FAMILIES[part] for part in parts if part in _FAMILIES), Family.OTHER)


def _name(name: str | None, usual: str) -> str:
    """Return the name of a model: the one that was given, else what it is called in Python.

    Raises:
        UsageError: if lists of names could not hold it.
    """
    if name is None:
        # What a lambda is called is refused by the model, which says why.
        return usual if usual == "<lambda>" else _kebab(usual)
    if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name):
        raise UsageError(
            f"A name of letters, digits, '_', '-' and '.' was expected for a model, not {name!r}."
        )
    return name


def _kebab(name: str) -> str:
    """Return a name as the zoos write it.

    >>> _kebab("HistGradientBoostingRegressor"), _kebab("build_net")
    ('hist-gradient-boosting-regressor', 'build-net')
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_+", "-", name)
    return words.strip("-").lower()
