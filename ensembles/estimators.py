"""Blending methods as scikit-learn estimators, whose columns are members' predictions.

They take out-of-fold predictions of any tool. The score on the rows they are fitted on is too
good; scikit-learn's `cross_val_score` gives a cross-fitted one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from comps.base import (
    Array,
    Loss,
    Metric,
    Prediction,
    UsageError,
    log_loss,
    root_mean_squared_error,
)
from ensembles.blend import honest_predictions
from ensembles.choice import choose
from ensembles.fitted import averaged
from ensembles.methods import AUTO, METHODS, methods_for, parts_of
from ensembles.sample import Columns, Floats, Sample

_N_FOLDS = 5


_RMSE = Metric(
    "root_mean_squared_error",
    "RMSE",
    root_mean_squared_error,
    greater_is_better=False,
    loss=Loss.SQUARED_ERROR,
)
_LOG_LOSS = Metric(
    "log_loss",
    "log loss",
    log_loss,
    greater_is_better=False,
    needs=Prediction.PROBABILITY,
    loss=Loss.LOG_LOSS,
)


class _Blend(BaseEstimator):  # type: ignore[misc]
    """The part that both estimators share."""

    method: str
    metric: Metric | None

    def _fit(self, sample: Sample, usual: Metric) -> None:
        """Fit the method.

        Raises:
            ValueError: if it is unknown or does not suit.
        """
        metric = usual if self.metric is None else self.metric
        try:
            if self.method == AUTO:
                self.methods_ = _chosen(sample, metric, methods_for(metric, sample.columns))
            else:
                self.methods_ = self._named(metric, sample.columns)
            fits = [METHODS[name].fit(sample, metric) for name in self.methods_]
        except UsageError as error:
            raise ValueError(str(error)) from error
        self.fitted_ = averaged(fits)
        self.weights_ = self.fitted_.weights
        self.gap_ = self.fitted_.gap

    def _named(self, metric: Metric, columns: Columns) -> list[str]:
        """Return the methods that are to be averaged, mostly one."""
        suiting = [name for name in METHODS if METHODS[name].suits(metric, columns)]
        names = list(parts_of(self.method))
        if not set(names) <= set(suiting):
            raise ValueError(
                f"method must be one of {[AUTO, *suiting]}, or several with plus signs, not "
                f"{self.method!r}."
            )
        return names


def _chosen(sample: Sample, metric: Metric, names: Sequence[str]) -> list[str]:
    """Return the methods that `ensembles.choice.choose` chooses by five folds of the rows."""
    classes = metric.needs is not Prediction.VALUE
    counts = np.unique(sample.target, return_counts=True)[1]
    n_folds = min(_N_FOLDS, int(counts.min()) if classes else len(sample.target))
    if n_folds < 2 or sample.predictions.shape[1] == 1:
        return list(names[:1])
    kind = StratifiedKFold if classes else KFold
    fold_of_row = np.empty(len(sample.target), np.int64)
    folds = kind(n_folds, shuffle=True, random_state=0).split(sample.target, sample.target)
    for number, (_, valid) in enumerate(folds):
        fold_of_row[valid] = number
    honest = [honest_predictions(METHODS[name].fit, sample, fold_of_row, metric) for name in names]
    return [names[number] for number in choose(metric, sample.target, honest)]


class BlendRegressor(RegressorMixin, _Blend):  # type: ignore[misc]
    """A blend of values, which are given and predicted in the target's own unit.

    It is fitted and applied on the metric's scale: of RMSLE, to the logarithms.

    Args:
        method: a name in `ensembles.METHODS`, several as in "top+convex" for their mean, or "auto",
            which chooses by five folds of the rows it is fitted on.
        metric: what the blend should be good at; None for the root mean squared error.

    Attributes:
        methods_: the methods that are averaged, mostly one.
        weights_: [members] float64, non-negative, sum 1.
        gap_: how much lower the mean loss of other weights could be at most; None if unknown.
        scale_: of the metric.

    >>> oof = np.array([[1.0, 3.0], [2.0, 4.0], [4.0, 5.0]])
    >>> BlendRegressor().fit(oof, [1.5, 2.5, 4.25]).weights_.round(6)
    array([0.75, 0.25])
    """

    def __init__(self, method: str = "convex", metric: Metric | None = None) -> None:
        self.method = method
        self.metric = metric

    def fit(self, X: ArrayLike, y: ArrayLike) -> BlendRegressor:  # noqa: N803
        """Fit on out-of-fold predictions [n, members] and targets [n].

        Raises:
            ValueError: if a value has no number on the metric's scale, as -2 has no log(1 + x).
        """
        columns, target = validate_data(self, X, y, y_numeric=True, dtype=np.float64)
        self.scale_ = (self.metric or _RMSE).scale
        self._fit(Sample(self._scaled(columns), self._scaled(target.astype(np.float64))), _RMSE)
        return self

    def predict(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Return blended values [n] for members' predictions [n, members].

        Raises:
            ValueError: see `fit`.
        """
        check_is_fitted(self)
        columns = self._scaled(validate_data(self, X, reset=False, dtype=np.float64))
        values: Floats = self.scale_.inverse(self.fitted_.predict(columns))
        return values

    def _scaled(self, values: Floats) -> Floats:
        """Return values on the metric's scale.

        Raises:
            ValueError: if one has no number there.
        """
        with np.errstate(all="ignore"):
            scaled: Floats = self.scale_.forward(values)
        strange = values[~np.isfinite(scaled)]
        if len(strange):
            raise ValueError(
                f"Values with a number on the scale {self.scale_.name!r} of the metric were "
                f"expected; {strange[0]:g} came. Clip predictions to what the target can be."
            )
        return scaled

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        # A mean of columns that predict nothing predicts nothing.
        tags.regressor_tags.poor_score = True
        return tags


class BlendClassifier(ClassifierMixin, _Blend):  # type: ignore[misc]
    """A blend of probabilities, which are clipped to 0 and 1.

    Of two classes, a column is a member's probability of the second one. Of more classes, a
    member has as many columns as there are classes, one member behind the other.

    Args:
        method: a name in `ensembles.METHODS`, several as in "top+convex" for their mean, or "auto",
            which chooses by five folds of the rows it is fitted on.
        metric: what the blend should be good at; None for the log loss.

    Attributes:
        classes_: the labels, in ascending order.
        methods_: the methods that are averaged, mostly one.
        weights_: [members] float64, non-negative, sum 1.
        gap_: how much lower the mean loss of other weights could be at most; None if unknown.

    >>> oof = np.array([[0.9, 0.5], [0.2, 0.5], [0.05, 0.5]])
    >>> BlendClassifier().fit(oof, [1, 0, 1]).weights_.round(3)
    array([0.263, 0.737])
    """

    def __init__(self, method: str = "convex", metric: Metric | None = None) -> None:
        self.method = method
        self.metric = metric

    def fit(self, X: ArrayLike, y: ArrayLike) -> BlendClassifier:  # noqa: N803
        """Fit on out-of-fold predictions [n, members x 1 or classes] and labels [n].

        Raises:
            ValueError: if there is only one class, or the number of columns is not a multiple of
                the number of classes.
        """
        columns, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError("Targets of one class alone cannot be blended for; two are needed.")
        width = columns.shape[1]
        if len(self.classes_) > 2 and width % len(self.classes_):
            raise ValueError(
                "Only binary classification is supported. (Of more classes, each member has a "
                f"column of each; {width} is no multiple of {len(self.classes_)} classes.)"
            )
        self._fit(Sample(self._probabilities(columns), codes.astype(np.float64)), _LOG_LOSS)
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Return blended probabilities, [n, classes]."""
        check_is_fitted(self)
        columns = validate_data(self, X, reset=False, dtype=np.float64)
        found = self.fitted_.predict(self._probabilities(columns))
        return found if found.ndim == 2 else np.column_stack([1 - found, found])

    def predict(self, X: ArrayLike) -> Array:  # noqa: N803
        """Return the most probable labels, [n]."""
        probabilities = self.predict_proba(X)
        labels: Array = self.classes_[probabilities.argmax(axis=1)]
        return labels

    def _probabilities(self, columns: Floats) -> Floats:
        """Return [n, members] or [n, members, classes]."""
        clipped = np.clip(columns, 0.0, 1.0)
        n_classes = len(self.classes_)
        return clipped if n_classes == 2 else clipped.reshape(len(columns), -1, n_classes)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        # More classes need columns of each; any matrix will not do.
        tags.classifier_tags.multi_class = False
        return tags
