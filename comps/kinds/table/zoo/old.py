"""The models of any table. Their parameters are the libraries' or the book's, tuned to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from comps.base import Family, Model, Task, spaces
from comps.baselines import class_share
from comps.declared import boosting

if TYPE_CHECKING:
    import keras


def tree_features() -> Any:
    """Return features for trees; pandas and scikit-learn are imported then."""
    from comps.kinds.table.features import TableFeatures

    return TableFeatures(scaled=False)


def scaled_features() -> Any:
    """Return features for models that look at distances."""
    from comps.kinds.table.features import TableFeatures

    return TableFeatures(scaled=True)


TRANSFORMERS = {
    Family.LINEAR: scaled_features,
    Family.KERNEL: scaled_features,
    Family.NETWORK: scaled_features,
    Family.FOREST: tree_features,
    Family.BOOSTING: tree_features,
    Family.OTHER: scaled_features,
}


def median(**params: Any) -> Any:
    """Return the median of the training rows' targets, whatever a row says."""
    from sklearn.dummy import DummyRegressor

    return DummyRegressor(strategy="median", **params)


def ridge(**params: Any) -> Any:
    """Return a linear regression with a penalty."""
    from sklearn.linear_model import Ridge

    return Ridge(**params)


def logistic(**params: Any) -> Any:
    """Return a logistic regression with a penalty."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(**params)


def mlp(
    shapes: Mapping[str, tuple[int, ...]],
    *,
    task: str,
    outputs: int,
    units: int,
    dropout: float,
    learning_rate: float,
) -> keras.Model:
    """Return two dense layers with dropout.

    Chollet, "Deep Learning with Python", 2nd edition, sections 4.1 to 4.3: two dense layers, an
    output by the task, rmsprop; dropout as in section 5.4.
    """
    import keras
    from keras import layers

    activation, loss = {
        Task.REGRESSION: (None, "mse"),
        Task.BINARY: ("sigmoid", "binary_crossentropy"),
        Task.MULTILABEL: ("sigmoid", "binary_crossentropy"),
        Task.MULTICLASS: ("softmax", "sparse_categorical_crossentropy"),
    }[Task(task)]
    rows = keras.Input(shapes["rows"], name="rows")
    hidden = rows
    for _ in range(2):
        hidden = layers.Dropout(dropout)(layers.Dense(units, "relu")(hidden))
    network = keras.Model(rows, layers.Dense(outputs, activation, dtype="float32")(hidden))
    network.compile(keras.optimizers.RMSprop(learning_rate), loss)
    return network


def table_models(task: Task, n_classes: int, n_targets: int = 1) -> tuple[Model, ...]:
    """Return the baseline, a linear model, two boosters and a network, cheap ones first.

    Args:
        task: what is predicted.
        n_classes: number of classes; of no account for values and several labels.
        n_targets: number of columns that are predicted.
    """
    regression = task is Task.REGRESSION
    baseline = Model(
        "median" if regression else "class-share",
        Family.BASELINE,
        "sklearn",
        build=median if regression else class_share,
        seconds=0.1,
        quick=True,
        about="what every model has to beat",
    )
    linear = Model(
        "ridge" if regression else "logistic",
        Family.LINEAR,
        "sklearn",
        {"alpha": 10.0} if regression else {"C": 1.0, "max_iter": 1000},
        scaled_features,
        ridge if regression else logistic,
        seconds=0.5,
        quick=True,
        space=spaces.scales,
        about="linear model of standardised and one-hot columns",
    )
    trees = (
        boosting("lightgbm", features=tree_features, num_leaves=15, feature_fraction=0.7),
        boosting("xgboost", features=tree_features, max_depth=4, colsample_bytree=0.7),
    )
    network = Model(
        "mlp",
        Family.NETWORK,
        "keras-jax",
        {"epochs": 60, "batch_size": 64, "copies": 3, "stride": 2}
        | {"task": str(task), "outputs": n_classes if task is Task.MULTICLASS else n_targets}
        | {"units": 128, "dropout": 0.2, "learning_rate": 1e-3},
        scaled_features,
        mlp,
        seconds=30.0,
        about="two dense layers, three networks a fold",
    )
    return (baseline, linear, *trees, network)
