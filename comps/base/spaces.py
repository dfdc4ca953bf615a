"""Search spaces that models share: the parameters that are tuned, and their ranges.

A model names a function of its own parameters as its `space`. Those below take every parameter
that they know by name, so that one function serves all models of a library. Gradient boosting,
linear models and kernels are searched by Optuna, which takes distributions; networks by
KerasTuner, whose `hp` returns values. Both libraries are imported when a search begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeGuard

from comps.base.values import JSON, Params

if TYPE_CHECKING:
    from keras_tuner import HyperParameters
    from optuna.distributions import BaseDistribution

Distributions = Mapping[str, "BaseDistribution"]


def boosting(params: Params) -> Distributions:
    """Return the distributions of gradient boosting, by the names of its three libraries.

    The number of rounds is not among them: it comes from the mean curve over the folds. The
    ranges reach from what the libraries' guides call safe to a little beyond (LightGBM,
    "Parameters Tuning"; XGBoost, "Notes on Parameter Tuning"), and as far as the declared value if
    that lies beyond: the search begins with it. What is declared as no number is not searched.

    >>> sorted(boosting({"rounds": 100, "eta": 0.1, "max_depth": 3}))
    ['eta', 'max_depth']
    >>> boosting({"lambda_l2": 0.0})["lambda_l2"]
    FloatDistribution(high=100.0, log=False, low=0.0, step=None)
    """
    from optuna.distributions import FloatDistribution as Float
    from optuna.distributions import IntDistribution as Int

    rate, share = Float(0.01, 0.2, log=True), Float(0.5, 1.0)
    known: Distributions = {
        "learning_rate": rate,
        "eta": rate,
        "num_leaves": Int(4, 64, log=True),
        "max_depth": Int(2, 8),
        "depth": Int(3, 8),
        "feature_fraction": Float(0.02, 1.0, log=True),
        "colsample_bytree": Float(0.02, 1.0, log=True),
        "rsm": Float(0.02, 1.0, log=True),
        "bagging_fraction": share,
        "subsample": share,
        "min_data_in_leaf": Int(1, 200, log=True),
        "min_child_weight": Float(0.5, 100.0, log=True),
        "lambda_l2": Float(1e-2, 100.0, log=True),
        "reg_lambda": Float(1e-2, 100.0, log=True),
        "l2_leaf_reg": Float(1e-1, 30.0, log=True),
    }
    return {
        name: _reaching(known[name], value)
        for name, value in params.items()
        if name in known and _is_number(value)
    }


def _is_number(value: JSON) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _reaching(found: BaseDistribution, declared: float) -> BaseDistribution:
    """Return a distribution that holds the declared value, too."""
    from optuna.distributions import FloatDistribution as Float
    from optuna.distributions import IntDistribution as Int

    assert isinstance(found, (Float, Int))
    low, high = min(found.low, declared), max(found.high, declared)
    if isinstance(found, Int) and float(declared).is_integer():
        return Int(int(low), int(high), log=found.log and low > 0)
    return Float(low, high, log=found.log and low > 0)


def forest(params: Params) -> Distributions:
    """Return the distributions of a forest: the number of columns that a split chooses from."""
    from optuna.distributions import FloatDistribution as Float

    known: Distributions = {"max_features": Float(0.1, 1.0)}
    return {name: known[name] for name in params if name in known and _is_share(params[name])}


def _is_share(value: JSON) -> bool:
    # Scikit-learn takes words ("sqrt") and numbers of columns there, too.
    return isinstance(value, float) and 0.1 <= value <= 1.0


# How far a penalty, a kernel's width or a weight is searched to both sides of its default.
_FACTOR = 30.0
_SCALES = ("alpha", "C", "gamma", "epsilon", "scale")


def scales(params: Params) -> Distributions:
    """Return the distributions of linear models and kernels: their scales, around the defaults.

    What is declared as zero or as a word, such as `gamma="scale"`, has no scale to search.

    >>> scales({"alpha": 3.0})["alpha"].high
    90.0
    """
    from optuna.distributions import FloatDistribution as Float

    found = {
        name: Float(params[name] / _FACTOR, params[name] * _FACTOR, log=True)
        for name in _SCALES
        if _is_number(params.get(name)) and params[name] > 0
    }
    mixed = params.get("l1_ratio")
    return found | ({"l1_ratio": _reaching(Float(0.05, 1.0), mixed)} if _is_number(mixed) else {})


# Parts of a network that are there or not.
_SWITCHES = (
    "augment",
    "bidirectional",
    "linear",
    "mask",
    "positions",
    "residual",
    "residual_connections",
)


def network(hp: HyperParameters, params: Params) -> dict[str, JSON]:
    """Return parameters of a network from KerasTuner's `hp`, whose defaults are its own.

    Widths of layers are multiplied by one factor. Of dense and recurrent layers there may also be
    one fewer or one more, as wide as the last; stages of convolutions stay as many, for images
    are only so large. Whether there are residual connections, a second direction or augmentation
    at all is searched, too, and which cell. Epochs are not: they come from the mean curve over
    the folds.
    """
    found: dict[str, JSON] = {}
    for name in ("units", "filters"):
        if isinstance(params.get(name), list):
            found[name] = _layers(hp, name, params[name])
        elif name in params:
            found[name] = int(hp.Int(name, 8, 512, sampling="log", default=params[name]))
    for name, most in (("dropout", 0.7), ("recurrent_dropout", 0.5)):
        if name in params:
            found[name] = float(hp.Float(name, 0.0, most, default=params[name]))
    for name in ("learning_rate", "weight_decay", "noise"):
        if params.get(name):
            low, high = params[name] / 10, params[name] * 10
            # Keras takes no noise beyond the deviation of standardised inputs.
            high = min(high, 1.0) if name == "noise" else high
            default = params[name]
            found[name] = float(hp.Float(name, low, high, sampling="log", default=default))
    if "batch_size" in params:
        sizes = sorted({16, 32, 64, 128, 256, params["batch_size"]})
        found["batch_size"] = int(hp.Choice("batch_size", sizes, default=params["batch_size"]))
    if "activation" in params:
        known = sorted({"relu", "gelu", "silu", params["activation"]})
        found["activation"] = hp.Choice("activation", known, default=params["activation"])
    if "optimizer" in params:
        known = sorted({"adam", "adamw", "rmsprop", params["optimizer"]})
        found["optimizer"] = hp.Choice("optimizer", known, default=params["optimizer"])
    if "cell" in params:
        found["cell"] = hp.Choice("cell", ["GRU", "LSTM"], default=params["cell"])
    for name in _SWITCHES:
        if name in params:
            found[name] = bool(hp.Boolean(name, default=params[name]))
    return found


def _layers(hp: HyperParameters, name: str, widths: list[int]) -> list[int]:
    """Return the widths of layers for a depth and a factor, which `hp` chooses."""
    depth = len(widths)
    if name == "units":
        depth = hp.Int(f"{name}_layers", max(1, depth - 1), depth + 1, default=depth)
    factor = hp.Choice(f"{name}_width", [0.5, 0.75, 1.0, 1.5, 2.0], default=1.0)
    longer = [*widths, widths[-1]][:depth]
    return [max(4, round(width * factor / 4) * 4) for width in longer]
