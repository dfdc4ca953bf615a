"""Builders of the scikit-learn estimators of the zoo, which is imported when one is built."""

from __future__ import annotations

from typing import Any


def shares(**params: Any) -> Any:
    """The share of each digit among the training images, for every image."""
    from sklearn.dummy import DummyClassifier

    return DummyClassifier(strategy="prior", **params)


def kernel_logistic(*, landmarks: int, gamma: float, C: float, **params: Any) -> Any:  # noqa: N803
    """Logistic regression on the similarity to some training images.

    Nystroem's method (Williams and Seeger 2001) gives the features of a Gaussian kernel in as
    many dimensions as there are landmarks, images drawn at random. Unlike a support vector
    machine it says probabilities without fitting a second model, and its time grows with the
    images, not with their square.
    """
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        Nystroem(gamma=gamma, n_components=landmarks), LogisticRegression(C=C, **params)
    )


def svc(**params: Any) -> Any:
    """A support vector machine with a Gaussian kernel; probabilities by Platt's method."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import SVC

    return CalibratedClassifierCV(SVC(**params), cv=3, ensemble=False)
