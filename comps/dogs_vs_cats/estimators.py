"""Builders of the scikit-learn estimators of the zoo, which is imported when one is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


def network_boosting(
    *, application: str = "VGG16", weights: str | None = None, **params: Any
) -> Pipeline:
    """Return gradient boosting on the features of a pretrained network."""
    from lightgbm import LGBMClassifier
    from sklearn.pipeline import make_pipeline

    from comps.dogs_vs_cats.network_features import NetworkFeatures

    return make_pipeline(
        NetworkFeatures(application, weights), LGBMClassifier(verbosity=-1, **params)
    )


def kernel_machine(*, components: int = 1000, gamma: float = 1e-3, C: float = 1.0) -> Pipeline:  # noqa: N803
    """Return logistic regression on a Gaussian kernel, by Nystroem's approximation."""
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        StandardScaler(),
        Nystroem(gamma=gamma, n_components=components),
        LogisticRegression(C=C, max_iter=1000),
    )
