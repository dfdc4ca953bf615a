"""Builders of the scikit-learn estimators of the zoo, which is imported when one is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.calibration import CalibratedClassifierCV


def svc(**params: object) -> CalibratedClassifierCV:
    """A support vector machine with a Gaussian kernel.

    It says distances to its borders; one temperature, fitted on predictions of rows that were
    left out, makes probabilities of them.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import SVC

    return CalibratedClassifierCV(SVC(**params), method="temperature", cv=3, ensemble=False)
