"""Several targets by a library that learns one: an estimator for each, stages side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

from comps.base import Array, Features, Model, Task
from pipelines.basics.seeds import derive_seed
from pipelines.trainers._base import Context, FoldData, FoldModel, Stage

Method = TypeVar("Method", bound=Callable[..., Iterator[Stage]])
Restored = TypeVar("Restored", bound=Callable[..., FoldModel])


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


def restored_per_target(restored: Restored) -> Restored:
    """Return a `Trainer.restored` of several targets, made from one that restores one target."""

    @wraps(restored)
    def of_all(self: Any, model: Model, files: Mapping[str, bytes], context: Context) -> FoldModel:
        if _FILE not in files:
            own: FoldModel = restored(self, model, files, context)
            return own
        told = json.loads(files[_FILE])
        constant = np.array(told["constant"], dtype=bool)
        learned = [
            restored(self, model, _files_of(files, target), _of_one(context))
            for target in np.flatnonzero(~constant).tolist()
        ]
        return PerTargetModel(learned, np.array(told["values"]), constant)

    return cast(Restored, of_all)


_FILE = "targets.json"


def _files_of(files: Mapping[str, bytes], target: int) -> dict[str, bytes]:
    start = f"target-{target}-"
    return {name[len(start) :]: own for name, own in files.items() if name.startswith(start)}


@dataclass(frozen=True, eq=False)
class PerTargetModel:
    """The models of all targets. See `FoldModel`.

    Attributes:
        learned: those of the targets that are learned.
        values: [targets] float64, what the others are predicted as.
        constant: [targets] bool, which are not learned.
    """

    learned: Sequence[FoldModel]
    values: Array
    constant: Array

    def retain(self, steps: Collection[int], last: int) -> None:
        """See `FoldModel`."""
        for model in self.learned:
            model.retain(steps, last)

    def holds(self, step: int) -> bool:
        """See `FoldModel`."""
        return all(model.holds(step) for model in self.learned)

    def at(self, step: int) -> PerTargetModel:
        """See `FoldModel`."""
        return replace(self, learned=[model.at(step) for model in self.learned])

    def predict(self, rows: Features) -> Array:
        """Return [rows, targets]. See `FoldModel`."""
        return _side_by_side([m.predict(rows) for m in self.learned], self.values, self.constant)

    def files(self) -> dict[str, bytes]:
        """Return the files of each target under names of its own. See `FoldModel`."""
        told = {"constant": self.constant.tolist(), "values": self.values.tolist()}
        files = {_FILE: json.dumps(told).encode()}
        for target, model in zip(np.flatnonzero(~self.constant), self.learned, strict=True):
            files |= {f"target-{target}-{name}": own for name, own in model.files().items()}
        return files


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
    return Stage(
        stages[0].step,
        [_side_by_side([stage.valid[0] for stage in stages], values, constant)],
        [_side_by_side([stage.test[0] for stage in stages], values, constant)],
        size=[sum(stage.size[0] for stage in stages)],
        models=[PerTargetModel([stage.models[0] for stage in stages], values, constant)],
    )


def _side_by_side(parts: Sequence[Array], values: Array, constant: Array) -> Array:
    """Return predictions [v, targets] from those of the targets that are learned, [v] each."""
    joined = np.tile(values, (len(parts[0]), 1))
    joined[:, ~constant] = np.stack(parts, axis=1)
    return joined
