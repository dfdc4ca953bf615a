"""How folds are divided among calls of a trainer, and how many of them a program has."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from comps.base import Model
from pipelines.trainers._base import FoldData, Stage, TogetherTrainer, Trainer

# On a processor one program takes little more than one core: programs of three folds give a second
# core its share of the usual five. An accelerator trains five as fast as three.
_WIDTH, _ACCELERATED_WIDTH = 3, 5


def program_width(accelerated: bool, growing: bool) -> int:
    """Return how many folds a program trains side by side; it is filled up where there are fewer.

    The number changes the last bits of what is predicted, because sums are taken in another order.
    Therefore it depends on the kind of device and on the scheme alone, never on how many devices
    there are, or on how many folds are left to train.

    Args:
        accelerated: whether it runs on an accelerator.
        growing: whether the folds grow with time. They are of different sizes then, and each is
            a program of its own: to fill it up would more than double its time.

    >>> program_width(accelerated=False, growing=False)
    3
    """
    if growing:
        return 1
    return _ACCELERATED_WIDTH if accelerated else _WIDTH


def alike_groups(trainer: Trainer, model: Model, folds: Sequence[FoldData]) -> list[list[int]]:
    """Return the positions of the folds of each call of `trainer.stages`, in their order.

    Args:
        trainer: of the model.
        model: what to train.
        folds: the rows of each fold.
    """
    if not isinstance(trainer, TogetherTrainer):
        return [[position] for position in range(len(folds))]
    groups: dict[Hashable, list[int]] = {}
    for position, fold in enumerate(folds):
        groups.setdefault(trainer.alike(model, fold), []).append(position)
    return list(groups.values())


def joined(stages: Sequence[Stage]) -> Stage:
    """Return one stage of the folds of several, which are of the same step.

    >>> one, other = Stage(3, ["a"], ["b"], [0.5]), Stage(3, ["c"], ["d"], [0.25])
    >>> joined([one, other])
    Stage(step=3, valid=['a', 'c'], test=['b', 'd'], loss=[0.5, 0.25], size=[])
    """
    return Stage(
        stages[0].step,
        [part for stage in stages for part in stage.valid],
        [part for stage in stages for part in stage.test],
        [part for stage in stages for part in stage.loss],
        [part for stage in stages for part in stage.size],
    )
