"""The model zoo: declarations alone, cheap models first.

Nothing was chosen by the test part; what was tried is in this folder's README.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from comps.base import Family, Model, Params, spaces
from comps.baselines import class_share
from comps.dogs_vs_cats import estimators, networks
from comps.dogs_vs_cats.features import tree_features
from comps.dogs_vs_cats.preprocessors import image_preprocessor

if TYPE_CHECKING:
    import keras


def _book(
    name: str,
    build: Callable[..., keras.Model],
    epochs: int,
    params: Params,
    seconds: float,
    about: str,
) -> Model:
    """Return a network of the book with its recipe; a stage an epoch finds the best one."""
    recipe = {"epochs": epochs, "batch_size": 32, "copies": 1, "stride": 1, "learning_rate": 1e-3}
    return Model(
        name,
        Family.NETWORK,
        "keras-tensorflow",
        recipe | dict(params),
        build=build,
        seconds=seconds,
        space=spaces.network,
        default=False,
        about=f"the book's: {about}",
        preprocessor=image_preprocessor,
    )


MODELS = (
    Model(
        "class-share",
        Family.BASELINE,
        "sklearn",
        build=class_share,
        seconds=0.1,
        about="the share of dogs: what every model has to beat",
    ),
    Model(
        "kernel",
        Family.KERNEL,
        "sklearn",
        {"components": 1000, "gamma": 1e-3, "C": 1.0},
        tree_features,
        estimators.kernel_machine,
        seconds=20.0,
        space=spaces.scales,
        quick=True,
        about="logistic regression on a Gaussian kernel of gradients and colours",
    ),
    Model(
        "lightgbm",
        Family.BOOSTING,
        "lightgbm",
        {
            "rounds": 400,
            "learning_rate": 0.05,
            "num_leaves": 8,
            "feature_fraction": 0.1,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "min_data_in_leaf": 20,
            "lambda_l2": 10.0,
            "max_bin": 63,
        },
        tree_features,
        patience=100,
        seconds=20.0,
        space=spaces.boosting,
        quick=True,
        about="gradient boosting on gradients and colours",
    ),
    Model(
        "xgboost",
        Family.BOOSTING,
        "xgboost",
        {
            "rounds": 400,
            "eta": 0.05,
            "max_depth": 3,
            "subsample": 0.8,
            "colsample_bytree": 0.1,
            "min_child_weight": 10.0,
            "reg_lambda": 10.0,
            "max_bin": 64,
        },
        tree_features,
        patience=100,
        seconds=20.0,
        space=spaces.boosting,
        about="gradient boosting on gradients and colours",
    ),
    Model(
        "convnet-whitened",
        Family.NETWORK,
        "keras-tensorflow",
        {
            "epochs": 10,
            "batch_size": 128,
            "copies": 1,
            "stride": 10,
            "filters": [32, 128, 128],
            "shift": 0.12,
            "zoom": 0.12,
            "colour": 0.1,
            "cutout": 0.2,
            "dropout": 0.2,
            "smoothing": 0.02,
            "learning_rate": 3e-3,
            "weight_decay": 0.05,
        },
        build=networks.whitened,
        seconds=400.0,
        space=spaces.network,
        about="a small convolutional network on whitened patches, with augmentation",
        preprocessor=image_preprocessor,
    ),
    _book(
        "convnet",
        networks.convnet,
        30,
        {"augment": False, "dropout": 0.0},
        100.0,
        "convolutions and pooling",
    ),
    _book(
        "convnet-augmented",
        networks.convnet,
        100,
        {"augment": True, "dropout": 0.5},
        400.0,
        "the same with augmentation and dropout",
    ),
    _book(
        "xception-small",
        networks.xception,
        100,
        {"augment": True, "dropout": 0.5},
        1000.0,
        "separable convolutions with residuals",
    ),
    _book(
        "vgg16",
        networks.pretrained,
        20,
        {"application": "VGG16", "weights": None, "augment": False},
        1000.0,
        "VGG16 as it is, and a dense head; needs --weights",
    ),
    _book(
        "vgg16-augmented",
        networks.pretrained,
        50,
        {"application": "VGG16", "weights": None, "augment": True},
        2500.0,
        "the same with augmentation; needs --weights",
    ),
    _book(
        "vgg16-tuned",
        networks.pretrained,
        60,
        {
            "application": "VGG16",
            "weights": None,
            "augment": True,
            "tuned": 4,
            "tuning_rate": 1e-5,
            "tuned_from": 0.5,
        },
        3000.0,
        "its last four layers learn, too, after the head; needs --weights",
    ),
    _book(
        "xception-pretrained",
        networks.pretrained,
        20,
        {"application": "Xception", "weights": None, "augment": False},
        2000.0,
        "Xception as it is, and a dense head; needs --weights",
    ),
    Model(
        "vgg16-boosting",
        Family.BOOSTING,
        "sklearn",
        {
            "application": "VGG16",
            "weights": None,
            "n_estimators": 400,
            "learning_rate": 0.05,
            "num_leaves": 8,
            "colsample_bytree": 0.2,
            "subsample": 0.8,
            "subsample_freq": 1,
        },
        build=estimators.network_boosting,
        seconds=60.0,
        space=spaces.boosting,
        default=False,
        about="LightGBM on what VGG16 sees; needs --weights",
    ),
)
