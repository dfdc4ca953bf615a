"""Builders of the scikit-learn estimators of the zoo, which is imported when one is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comps.base import Task

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def network_boosting(
    *,
    application: str = "VGG16",
    weights: str | None = None,
    task: str = "binary",
    **params: Any,
) -> Pipeline:
    """Return gradient boosting on the features of a pretrained network."""
    from lightgbm import LGBMClassifier, LGBMRegressor
    from sklearn.pipeline import make_pipeline

    from comps.kinds.images.network_features import NetworkFeatures

    trees = LGBMRegressor if task == Task.REGRESSION else LGBMClassifier
    return make_pipeline(NetworkFeatures(application, weights), trees(verbosity=-1, **params))


def kernel_machine(*, components: int = 1000, gamma: float = 1e-3, C: float = 1.0) -> Pipeline:  # noqa: N803
    """Return logistic regression on a Gaussian kernel, by Nystroem's approximation."""
    from sklearn.linear_model import LogisticRegression

    return _on_kernel(LogisticRegression(C=C, max_iter=1000), components, gamma)


def kernel_ridge(*, components: int = 1000, gamma: float = 1e-3, alpha: float = 1.0) -> Pipeline:
    """Return ridge regression on the same kernel."""
    from sklearn.linear_model import Ridge

    return _on_kernel(Ridge(alpha=alpha), components, gamma)


def _on_kernel(linear: Any, components: int, gamma: float) -> Pipeline:
    from sklearn.kernel_approximation import Nystroem
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), Nystroem(gamma=gamma, n_components=components), linear)
