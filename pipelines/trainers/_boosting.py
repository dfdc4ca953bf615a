"""Parts of all gradient-boosting trainers: rounds in strides, margins to predictions."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from comps.base import JSON, Array, Model, Params, Task, UsageError
from pipelines.trainers._base import Context

# One stage every so many rounds: a mean curve of thirty rounds in three thousand is as
# good to stop on as one of every round, and its predictions take a thirtieth of the disk.
DEFAULT_STRIDE = 25


def split_params(params: Params) -> tuple[dict[str, JSON], int, int]:
    """Return the library's own parameters, the number of rounds, and the stride.

    Raises:
        UsageError: if `rounds` or `stride` is not a positive integer.
    """
    rest = dict(params)
    rounds, stride = rest.pop("rounds", 1000), rest.pop("stride", DEFAULT_STRIDE)
    for name, value in (("rounds", rounds), ("stride", stride)):
        if not isinstance(value, int) or value < 1:
            raise UsageError(f"'{name}' must be a positive whole number, not {value!r}.")
    return rest, rounds, stride


def check_rounds(model: Model, names: Collection[str]) -> None:
    """Refuse a library's own names of what `rounds` and `patience` say.

    Raises:
        UsageError: if there is one among the parameters.
    """
    for name in model.params:
        if name in names:
            raise UsageError(
                f"{name!r} of model '{model.name}' would be ignored: the number of rounds is "
                "'rounds', and a model is stopped by its patience."
            )


def strides(rounds: int, stride: int) -> Iterator[tuple[int, int]]:
    """Yield `(first round, last round + 1)` until all rounds are done.

    >>> list(strides(60, 25))
    [(0, 25), (25, 50), (50, 60)]
    """
    for start in range(0, rounds, stride):
        yield start, min(start + stride, rounds)


def margin_to_prediction(margin: Array, task: Task) -> Array:
    """Return values or probabilities for raw scores, [rows] or [rows, classes].

    These are the links of squared error and of the log loss; other objectives have their own.

    >>> margin_to_prediction(np.array([0.0]), Task.BINARY)
    array([0.5])
    """
    if task is Task.REGRESSION:
        return margin.copy()
    if task is Task.BINARY:
        logistic: Array = 1.0 / (1.0 + np.exp(-margin))
        return logistic
    exponent = np.exp(margin - margin.max(axis=1, keepdims=True))
    softmax: Array = exponent / exponent.sum(axis=1, keepdims=True)
    return softmax


def checked_prediction(prediction: Array, context: Context, objective: str) -> Array:
    """Return a library's predictions for an objective of the user's, after a check.

    Raises:
        UsageError: if classes are to be predicted, and these are not their probabilities.
    """
    if context.task is Task.REGRESSION:
        return prediction
    shape = (len(prediction), context.n_classes) if context.n_classes > 2 else (len(prediction),)
    if prediction.shape != shape or prediction.min() < 0 or prediction.max() > 1:
        raise UsageError(
            f"The objective {objective!r} predicts no probabilities of {context.n_classes} "
            "classes. Leave it out, or name one that does."
        )
    return prediction
