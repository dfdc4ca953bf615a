"""Metrics: a score with a direction, on a scale of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from comps.base.errors import OwnCodeError, UsageError, WorkbenchError, own_code_error
from comps.base.truth import Target, Truth
from comps.base.values import Array


class Prediction(StrEnum):
    """The kind of prediction that a metric scores."""

    VALUE = "value"
    PROBABILITY = "probability"
    LABEL = "label"
    # The most probable labels, the best first; the metric says how many count.
    RANKED_LABELS = "ranked_labels"


class Loss(StrEnum):
    """A convex loss whose minimum over blend weights is the metric's optimum."""

    SQUARED_ERROR = "squared_error"
    ABSOLUTE_ERROR = "absolute_error"
    # Each row's absolute error counts for one through the size of its target.
    PERCENTAGE_ERROR = "percentage_error"
    # What is too low costs the metric's parameter, what is too high the rest to one.
    PINBALL = "pinball"
    LOG_LOSS = "log_loss"


# Of two classes, the second is predicted where its probability is above this.
THRESHOLD = 0.5


def predicted_classes(probabilities: Array) -> NDArray[np.int64]:
    """Return the predicted class code of each row, [n] int64.

    The only rule by which probabilities become labels: the most probable class, the first of
    equally probable ones.

    Args:
        probabilities: [n] of class 1, or [n, classes].

    >>> predicted_classes(np.array([0.2, 0.5, 0.51])).tolist()
    [0, 0, 1]
    >>> predicted_classes(np.array([[0.2, 0.3, 0.5]])).tolist()
    [2]
    """
    if probabilities.ndim == 1:
        return (probabilities > THRESHOLD).astype(np.int64)
    codes: NDArray[np.int64] = probabilities.argmax(axis=1).astype(np.int64)
    return codes


def ranked_classes(probabilities: Array, count: int) -> NDArray[np.int64]:
    """Return the codes of the most probable classes of each row, the best first.

    Args:
        probabilities: [n] of class 1, or [n, classes]. Of equal ones, the first class comes first.
        count: how many; fewer where there are fewer classes.

    Returns:
        [n, count] int64.

    >>> ranked_classes(np.array([[0.2, 0.5, 0.3]]), 2).tolist()
    [[1, 2]]
    """
    shares = np.asarray(probabilities)
    if shares.ndim == 1:
        shares = np.column_stack([1 - shares, shares])
    found: NDArray[np.int64] = np.argsort(-shares, axis=1, kind="stable")[:, :count]
    return found


def _identity(values: Array) -> Array:
    return values


@dataclass(frozen=True)
class Scale:
    """A monotone map from a target's own unit to the scale on which models learn.

    Attributes:
        name: what to call the scale in messages and files.
        forward: target's own unit (dollars) to scale (log dollars); arrays of any shape.
        inverse: the way back.

    >>> round(float(LOG1P.inverse(LOG1P.forward(np.array([99.0])))[0]), 6)
    99.0
    """

    name: str
    forward: Callable[[Array], Array]
    inverse: Callable[[Array], Array]


#: The scale of metrics that are computed in the target's own unit.
IDENTITY = Scale("identity", _identity, _identity)
#: The logarithm of one plus the value, for metrics such as RMSLE.
LOG1P = Scale("log1p", np.log1p, np.expm1)


@dataclass(frozen=True)
class Metric:
    """A score with a direction; nothing else in the project infers one.

    Models learn, out-of-fold predictions are stored, and blends are fitted on
    `scale`; only the submission is in the target's own unit. A metric such as
    RMSLE is therefore plain root mean squared error here, on the log1p scale.

    Attributes:
        name: scikit-learn's name of the metric, e.g. "root_mean_squared_log_error".
        label: short heading for tables, e.g. "RMSLE".
        function: `(target, prediction) -> float`, both arrays [rows] (or prediction
            [rows, classes] of probabilities) on `scale`; of labels, both class codes. Of several
            targets it gets one column after the other, and the score is the mean over those that
            have one: NaN says that a column has none, as the AUC of a fold without a rare label.
        greater_is_better: the direction.
        needs: the kind of prediction that `function` takes; for ranked labels, too, it takes
            probabilities.
        scale: of the arguments of `function`.
        loss: the convex loss that blend weights minimise; None where there is none.
        order_alone: whether the score depends on the order of the predictions alone.
        digits: decimals to show.
        weighted: whether `function` takes weights of rows, [rows], as `sample_weight`.
        by_query: whether `function` needs the query of each row, [rows], as `query`.
        together: whether `function` takes several targets at once, [rows, targets].
        two_classes: whether it is of two classes alone.
        ordinal: whether the classes are steps of a scale, so that a wrong one may be near.
        least_target: the least value that targets may have, in their own unit.
        parameter: the number in the name: 0.9 of "mean_pinball_loss@0.9".
        guided_by: the metric by which stages, members and blends are compared, where this one is
            no guide: labels of a rare class are all alike, and F1 zero, until cut points are
            fitted. None for this one.
        aliases: further names, in small letters.

    >>> rmse = Metric("root_mean_squared_error", "RMSE",
    ...               lambda y, p: float(np.sqrt(np.mean((y - p) ** 2))), False)
    >>> rmse.better(0.1, than=0.2), rmse.best([0.3, 0.1, 0.2])
    (True, 1)
    """

    name: str
    label: str
    function: Callable[..., float]
    greater_is_better: bool
    needs: Prediction = Prediction.VALUE
    scale: Scale = IDENTITY
    loss: Loss | None = None
    order_alone: bool = False
    digits: int = 5
    weighted: bool = False
    by_query: bool = False
    together: bool = False
    two_classes: bool = False
    ordinal: bool = False
    least_target: float = -np.inf
    parameter: float | None = None
    guided_by: Metric | None = None
    aliases: tuple[str, ...] = ()

    @property
    def guide(self) -> Metric:
        """The metric by which stages, members and blends are compared: mostly this one."""
        return self.guided_by or self

    def score(self, target: Target, prediction: Array) -> float:
        """Return the score of a model's predictions: values or probabilities, never labels.

        A prediction with NaN or infinity in it scores NaN, which is never better.

        Args:
            target: [n] values on `scale`, or class codes; or [n, targets], values or zeros and
                ones of several labels. A `Truth` says the weight and the query of each row.
            prediction: [n] values on `scale`; or probabilities, [n] of class 1 or [n, classes],
                which become labels by `predicted_classes` where the metric needs these. Of
                several targets [n, targets], values or probabilities of 1.
        """
        if not np.isfinite(prediction).all():
            return float("nan")
        truth = Truth.of(target)
        if self.needs is Prediction.LABEL:
            several = truth.values.ndim == 2
            prediction = prediction > THRESHOLD if several else predicted_classes(prediction)
        return self._score(truth, prediction)

    def _score(self, truth: Truth, prediction: Array) -> float:
        """Return the score; of several targets the mean over those that have one."""
        if truth.values.ndim == 1 or self.together:
            return self._value(truth, prediction)
        columns = zip(truth.values.T, prediction.T, strict=True)
        scores = np.array(
            [
                self._value(Truth(values, truth.weight, truth.query), column)
                for values, column in columns
            ]
        )
        defined = scores[~np.isnan(scores)]
        return float(np.mean(defined)) if len(defined) else float("nan")

    def _value(self, truth: Truth, prediction: Array) -> float:
        """Return what the function says, with weights and queries if it takes them."""
        beside: dict[str, Array] = {}
        if self.weighted and truth.weight is not None:
            beside["sample_weight"] = truth.weight
        if self.by_query and truth.query is not None:
            beside["query"] = truth.query
        try:
            value = self.function(truth.values, prediction, **beside)
        except WorkbenchError:
            raise
        except Exception as error:  # a function of the user's may raise anything
            raise own_code_error(f"The metric {self.name!r}", self.function, error) from error
        try:
            return float(value)
        except (TypeError, ValueError) as error:
            raise OwnCodeError(
                f"The metric {self.name!r} must return a number; {value!r} came."
            ) from error

    def score_labels(self, target: Target, labels: Array) -> float:
        """Return the score of predicted labels.

        Args:
            target: [n] class codes, or [n, labels] zeros and ones; or a `Truth` of them.
            labels: of the same shape, what is predicted.

        Raises:
            UsageError: if the metric needs something else: a label is not a probability.
        """
        if self.needs is not Prediction.LABEL:
            raise UsageError(
                f"{self.label} needs predictions of the kind '{self.needs}'; labels came."
            )
        return self._score(Truth.of(target), labels)

    def better(self, score: float, *, than: float) -> bool:
        """Whether `score` is strictly better than `than`. A NaN is never better."""
        return score > than if self.greater_is_better else score < than

    def best(self, scores: ArrayLike) -> int:
        """Return the index of the first best score; NaN counts as worst.

        Raises:
            ValueError: if every score is NaN or there is none.
        """
        values = np.asarray(scores, dtype=np.float64)
        return int(np.nanargmax(values) if self.greater_is_better else np.nanargmin(values))

    def sort_key(self, score: float) -> float:
        """Return a key under which better scores sort first."""
        return -score if self.greater_is_better else score
