"""Builders of the scikit-learn estimators of the zoo, which is imported when one is built."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.calibration import CalibratedClassifierCV


def svc(**params: object) -> CalibratedClassifierCV:
    """Return a support vector machine with a Gaussian kernel.

    Its outputs are distances to class borders; one temperature, fitted on predictions of rows that
    were left out, turns them into probabilities.
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import SVC

    return CalibratedClassifierCV(SVC(**params), method="temperature", cv=3, ensemble=False)
