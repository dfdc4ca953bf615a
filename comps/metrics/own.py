"""`metric`: a metric of the user's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TypeVar

from comps.base import IDENTITY, LOG1P, Loss, Metric, Prediction, UsageError, unknown_name
from comps.metrics.registry import find_metric, is_known

T = TypeVar("T")

_SCALES = {scale.name: scale for scale in (IDENTITY, LOG1P)}
# Ranked labels and the pinball loss need a number beside.
_NEEDS = {str(kind): kind for kind in (Prediction.VALUE, Prediction.PROBABILITY, Prediction.LABEL)}
_LOSSES = {str(loss): loss for loss in (Loss.SQUARED_ERROR, Loss.ABSOLUTE_ERROR, Loss.LOG_LOSS)}


def metric(
    function: Callable[..., float],
    *,
    greater_is_better: bool,
    name: str | None = None,
    needs: str = "value",
    loss: str | None = None,
    scale: str = "identity",
    guided_by: str | Metric | None = None,
    order_alone: bool = False,
    together: bool = False,
    digits: int = 5,
) -> Metric:
    """Return a metric of a function.

    Args:
        function: `(target, prediction) -> float` of two arrays [n]; of probabilities of more than
            two classes the second is [n, classes]. Classes come as codes 0, 1, ... in the order of
            the competition's labels. If it has a parameter `sample_weight`, it gets the weights of
            the rows where there are any, [n]; and with `query` the query of each row, [n].
        greater_is_better: whether a larger score is better.
        name: of the metric; the function's unless given.
        needs: what it takes: "value", "probability" (of class 1, or of all classes) or "label".
        loss: that exact blend weights minimise in its place: "squared_error", "absolute_error" or
            "log_loss"; None has none.
        scale: on which models learn and the function is computed: "identity", or "log1p", the
            logarithm of one plus the target.
        guided_by: the metric by which early stopping and blends are judged where this one is no
            guide, as F1 of a rare class is none. Metrics of labels are guided by "log_loss".
        order_alone: whether the score depends on the order of the predictions alone.
        together: whether the function takes several targets at once, [n, targets]; otherwise the
            score of several is the mean of theirs.
        digits: decimals to show.

    Raises:
        UsageError: if something else than a function came, or a name is unknown or taken, or the
            guide is computed on another scale.

    >>> import numpy as np
    >>> def worst(target, prediction):
    ...     return np.abs(target - prediction).max()
    >>> metric(worst, greater_is_better=False).score(np.zeros(2), np.array([0.5, 2.0]))
    2.0
    """
    if not callable(function):
        raise UsageError(
            f"metric takes a function of targets and predictions; a {type(function).__name__} came."
        )
    chosen = name or str(getattr(function, "__name__", type(function).__name__))
    if is_known(chosen):
        raise UsageError(
            f"There is a metric {chosen!r} already. Name it itself, metric={chosen!r}, or give "
            "yours another name."
        )
    kind = _one_of("kind of prediction", needs, _NEEDS)
    if kind is Prediction.LABEL and guided_by is None:
        guided_by = "log_loss"
    guide = find_metric(guided_by) if isinstance(guided_by, str) else guided_by
    own_scale = _one_of("scale", scale, _SCALES)
    if guide is not None and guide.scale is not own_scale:
        raise UsageError(
            f"{chosen!r} is computed on the scale {scale}, and its guide {guide.name!r} on the "
            f"scale {guide.scale.name}. Both need one scale."
        )
    takes = inspect.signature(function).parameters
    return Metric(
        name=chosen,
        label=chosen,
        function=function,
        greater_is_better=greater_is_better,
        needs=kind,
        scale=own_scale,
        loss=None if loss is None else _one_of("loss", loss, _LOSSES),
        order_alone=order_alone,
        digits=digits,
        weighted="sample_weight" in takes,
        by_query="query" in takes,
        together=together,
        guided_by=guide,
    )


def _one_of(kind: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise unknown_name(kind, name, known)
    return known[name]
