"""Several targets by a library that learns one: an estimator for each, stages side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

from comps.base import Array, Model, Task
from pipelines.basics.seeds import derive_seed
from pipelines.trainers._base import Context, FoldData, Stage

Method = TypeVar("Method", bound=Callable[..., Iterator[Stage]])


def per_target(stages: Method) -> Method:
    """Return a `Trainer.stages` of several targets, made from one that learns one target.

    Each target, or label, is learned by an estimator of its own, with a seed of its own, from the
    same rows. They are trained in step, so that a stage has the predictions of all of them after
    the same number of rounds; the models of all targets are in memory meanwhile. A target with a
    single value among the training rows, such as a rare label that no row has, is predicted as
    that value: no library learns anything from it, and some refuse it.
    """

    @wraps(stages)
    def of_all(
        self: Any, model: Model, folds: Sequence[FoldData], context: Context
    ) -> Iterator[Stage]:
        (fold,) = folds
        if fold.target.ndim == 1:
            yield from stages(self, model, folds, context)
            return
        alone = _of_one(context)
        constant = (fold.target == fold.target[0]).all(axis=0)
        if constant.all():  # Then the library says what it makes of that, as of one target.
            constant[:] = False
        learned = [
            stages(self, model, [_column(fold, target)], alone)
            for target in np.flatnonzero(~constant).tolist()
        ]
        for own in zip(*learned, strict=True):
            yield _stacked(own, fold.target[0], constant)

    return cast(Method, of_all)


def target_seed(seed: int, target: int) -> int:
    """Return the seed of the estimator of one of several targets, from that of the fold."""
    return derive_seed(seed, "target", target)


def _of_one(context: Context) -> Context:
    """Return the context of one target; a label is one of two classes."""
    labels = context.task is Task.MULTILABEL
    return replace(
        context,
        task=Task.BINARY if labels else context.task,
        n_classes=2 if labels else context.n_classes,
    )


def _column(fold: FoldData, target: int) -> FoldData:
    values = np.ascontiguousarray(fold.target[:, target])
    return replace(fold, target=values, seed=target_seed(fold.seed, target))


def _stacked(stages: Sequence[Stage], values: Array, constant: Array) -> Stage:
    """Return one stage of all targets: predictions [v, targets], sizes added up.

    Args:
        stages: of the targets that are learned, each of one fold and of the same step.
        values: [targets], what the others are predicted as.
        constant: [targets] bool, which are not learned.
    """

    def side_by_side(parts: Sequence[Array]) -> Array:
        joined = np.tile(values, (len(parts[0]), 1))
        joined[:, ~constant] = np.stack(parts, axis=1)
        return joined

    return Stage(
        stages[0].step,
        [side_by_side([stage.valid[0] for stage in stages])],
        [side_by_side([stage.test[0] for stage in stages])],
        size=[sum(stage.size[0] for stage in stages)],
    )
