"""Stacking: a model learns the target from the members' out-of-fold predictions.

Wolpert, "Stacked Generalization" (1992). No row is predicted by a member that saw it; and for
the honest score, no row by a stacker that saw it: see `ensembles.blend`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from comps.base import Metric, Prediction, Truth
from ensembles.by_target import each_target
from ensembles.fitted import Fitted, Stacked
from ensembles.means import equal_mean
from ensembles.sample import Floats, Sample
from ensembles.transforms import flat, odds, predicted, predicted_probabilities

# Penalties that the ridge chooses among by leaving out one row after the other.
_ALPHAS = (0.1, 1.0, 10.0, 100.0, 1000.0, 10000.0)


@each_target
def ridge_stack(sample: Sample, metric: Metric) -> Stacked:
    """Return a ridge regression of the members, standardised; it chooses its own penalty."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    del metric
    predictions, truth = _told(sample)
    estimator = make_pipeline(StandardScaler(), RidgeCV(_ALPHAS))
    estimator.fit(predictions, truth.values, ridgecv__sample_weight=truth.weight)
    shares = np.abs(estimator[-1].coef_)
    return Stacked(flat, partial(predicted, estimator.predict), _on_simplex(shares))


@each_target
def logistic_stack(sample: Sample, metric: Metric) -> Fitted:
    """Return a logistic regression on the members' standardised log odds; of one class their mean.

    The penalty is that of scikit-learn (C = 1): members resemble each other, and without one
    their coefficients would run away from each other.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    predictions, truth = _told(sample)
    if len(np.unique(truth.values)) == 1:
        return equal_mean(sample, metric)
    estimator = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    weight = truth.weight
    estimator.fit(odds(predictions), truth.values, logisticregression__sample_weight=weight)
    # [1 or classes, members x 1 or classes] to [members]
    coefficients = np.abs(estimator[-1].coef_).sum(axis=0).reshape(sample.n_members, -1)
    shares = _on_simplex(coefficients.sum(axis=1))
    return Stacked(odds, _probabilities(estimator, predictions), shares)


@each_target
def lightgbm_stack(sample: Sample, metric: Metric) -> Fitted:
    """Return small trees on the members' predictions.

    Few leaves, many rows in each and few columns a tree: good members leave little to learn, and
    more would fit noise.
    """
    from lightgbm import LGBMClassifier, LGBMRegressor

    predictions, truth = _told(sample)
    regression = metric.needs is Prediction.VALUE
    if not regression and len(np.unique(truth.values)) == 1:
        return equal_mean(sample, metric)
    estimator = (LGBMRegressor if regression else LGBMClassifier)(
        n_estimators=100,
        learning_rate=0.05,
        num_leaves=8,
        min_child_samples=max(5, min(100, len(truth) // 50)),
        colsample_bytree=0.5,
        importance_type="gain",
        random_state=0,
        n_jobs=1,
        deterministic=True,
        force_row_wise=True,
        verbose=-1,
    ).fit(flat(predictions), truth.values, sample_weight=truth.weight)
    gains = estimator.feature_importances_.reshape(sample.n_members, -1).sum(axis=1)
    answer = (
        _probabilities(estimator, predictions)
        if isinstance(estimator, LGBMClassifier)
        else partial(predicted, estimator.predict)
    )
    return Stacked(flat, answer, _on_simplex(gains))


def _probabilities(estimator: Any, predictions: Floats) -> Callable[[Floats], Floats]:
    """Return what predicts the probabilities of all classes, of which some may be unknown."""
    n_classes = predictions.shape[2] if predictions.ndim == 3 else 2
    known = np.asarray(estimator.classes_).astype(np.int64)
    return partial(predicted_probabilities, estimator.predict_proba, known, n_classes)


def _told(sample: Sample) -> tuple[Floats, Truth]:
    predictions, target = sample.whole()
    return predictions, Truth.of(target)


def _on_simplex(shares: Floats) -> Floats:
    total = shares.sum()
    return shares / total if total > 0 else np.full(len(shares), 1 / len(shares))
