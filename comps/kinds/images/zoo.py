"""The models of photographs, with the parameters of the competition of dogs and cats."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from comps.base import JSON, Family, Model, Params, Task, spaces
from comps.kinds.images import estimators, networks
from comps.kinds.images.features import tree_features
from comps.kinds.images.preprocessors import image_preprocessor

if TYPE_CHECKING:
    import keras


def image_models(task: Task, n_classes: int, n_targets: int) -> tuple[Model, ...]:
    """Return the usual models of photographs, cheap ones first; the baseline is not among them.

    The book's networks, and those that need a file of weights, are trained by name alone.

    Args:
        task: what is predicted.
        n_classes: number of classes; of no account for values and several labels.
        n_targets: number of columns that are predicted.
    """
    outputs = n_classes if task is Task.MULTICLASS else n_targets
    predicted: dict[str, JSON] = {"task": str(task), "outputs": outputs}
    # Boosting grows a tree for each output a round; a network has them all at once.
    boosting = _lightgbm(5.0 + 8.0 * outputs), _xgboost(5.0 + 18.0 * outputs)
    usual = _kernel(task), *boosting, _whitened(predicted)
    return (*usual, *_of_the_book(predicted), _network_boosting(task, 60.0 * outputs))


def _kernel(task: Task) -> Model:
    values = task is Task.REGRESSION
    return Model(
        "kernel",
        Family.KERNEL,
        "sklearn",
        {"components": 1000, "gamma": 1e-3, **({"alpha": 1.0} if values else {"C": 1.0})},
        tree_features,
        estimators.kernel_ridge if values else estimators.kernel_machine,
        # Half of it are the features, which every process computes.
        seconds=20.0,
        space=spaces.scales,
        quick=True,
        about=f"{'ridge' if values else 'logistic'} regression on a Gaussian kernel of gradients "
        "and colours",
    )


def _lightgbm(seconds: float) -> Model:
    return Model(
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
        seconds=seconds,
        space=spaces.boosting,
        quick=True,
        about="gradient boosting on gradients and colours",
    )


def _xgboost(seconds: float) -> Model:
    return Model(
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
        seconds=seconds,
        space=spaces.boosting,
        about="gradient boosting on gradients and colours",
    )


def _whitened(predicted: Params) -> Model:
    return Model(
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
            **predicted,
        },
        build=networks.whitened,
        # Of photographs of 96 x 96; those of 32 x 32 take two thirds.
        seconds=250.0,
        space=spaces.network,
        about="a small convolutional network on whitened patches, with augmentation",
        preprocessor=image_preprocessor,
    )


def _of_the_book(predicted: Params) -> tuple[Model, ...]:
    """Return the book's networks, also those with pretrained weights."""

    def of(
        name: str,
        build: Callable[..., keras.Model],
        epochs: int,
        params: Params,
        seconds: float,
        about: str,
    ) -> Model:
        # A stage an epoch finds the best one.
        recipe = {"epochs": epochs, "batch_size": 32, "copies": 1, "stride": 1}
        return Model(
            name,
            Family.NETWORK,
            "keras-tensorflow",
            {**recipe, "learning_rate": 1e-3, **params, **predicted},
            build=build,
            seconds=seconds,
            space=spaces.network,
            default=False,
            about=f"the book's: {about}",
            preprocessor=image_preprocessor,
        )

    def pretrained(application: str, augment: bool, **tuned: JSON) -> dict[str, JSON]:
        return {"application": application, "weights": None, "augment": augment, **tuned}

    tuned = pretrained("VGG16", True, tuned=4, tuning_rate=1e-5, tuned_from=0.5)
    return (
        of(
            "convnet",
            networks.convnet,
            30,
            {"augment": False, "dropout": 0.0},
            100.0,
            "convolutions and pooling",
        ),
        of(
            "convnet-augmented",
            networks.convnet,
            100,
            {"augment": True, "dropout": 0.5},
            400.0,
            "the same with augmentation and dropout",
        ),
        of(
            "xception-small",
            networks.xception,
            100,
            {"augment": True, "dropout": 0.5},
            1000.0,
            "separable convolutions with residuals",
        ),
        of(
            "vgg16",
            networks.pretrained,
            20,
            pretrained("VGG16", False),
            1000.0,
            "VGG16 as it is, and a dense head; needs --weights",
        ),
        of(
            "vgg16-augmented",
            networks.pretrained,
            50,
            pretrained("VGG16", True),
            2500.0,
            "the same with augmentation; needs --weights",
        ),
        of(
            "vgg16-tuned",
            networks.pretrained,
            60,
            tuned,
            3000.0,
            "its last four layers learn, too, after the head; needs --weights",
        ),
        of(
            "xception-pretrained",
            networks.pretrained,
            20,
            pretrained("Xception", False),
            2000.0,
            "Xception as it is, and a dense head; needs --weights",
        ),
    )


def _network_boosting(task: Task, seconds: float) -> Model:
    return Model(
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
            "task": str(task),
        },
        build=estimators.network_boosting,
        seconds=seconds,
        space=spaces.boosting,
        default=False,
        about="LightGBM on what VGG16 sees; needs --weights",
    )
