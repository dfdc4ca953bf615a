"""The folds that are trained together: in a job, in a call of a trainer, in a program.

A trainer that is `together` trains folds that are alike as one program. All others are given one
fold at a time, so that each result is stored when it ends.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np

from comps.base import Model
from pipelines.trainers._base import FoldData, Stage, TogetherTrainer, Trainer

# On a processor one program takes little more than one core: programs of three folds give a second
# core its share of the usual five. An accelerator trains five as fast as three.
_WIDTH, _ACCELERATED_WIDTH = 3, 5

Part = TypeVar("Part")


def program_width(accelerated: bool, growing: bool) -> int:
    """Return the number of folds that a program trains; a smaller number is filled up to it.

    The number changes the last bits of predictions, because sums are taken in another order.
    Therefore it depends on the kind of device and on the scheme alone, never on the number of
    devices, or of folds that are left to train.

    Args:
        accelerated: whether it runs on an accelerator.
        growing: whether the folds grow with time. They then differ in size, and each is a
            program of its own: to fill it up would more than double its time.

    >>> program_width(accelerated=False, growing=False)
    3
    """
    if growing:
        return 1
    return _ACCELERATED_WIDTH if accelerated else _WIDTH


def divided(
    trainer: Trainer, parts: Sequence[Part], growing: bool, accelerators: int
) -> list[tuple[Part, ...]]:
    """Return the parts of each job: those of one program, or fewer if there are more accelerators.

    Args:
        trainer: that fits them.
        parts: what is to be fitted, of one kind.
        growing: whether the folds grow with time.
        accelerators: of the engine.

    >>> from pipelines.trainers import load_trainer
    >>> divided(load_trainer("keras-jax"), range(5), growing=False, accelerators=0)
    [(0, 1, 2), (3, 4)]
    """
    if not parts:
        return []
    count = len(parts)
    if trainer.together:
        width = program_width(accelerators > 0, growing)
        count = max(-(-len(parts) // width), min(accelerators, len(parts)))
    places = np.array_split(np.arange(len(parts)), count)
    return [tuple(parts[place] for place in own) for own in places]


def prepared_at_once(trainer: Trainer, parts: Sequence[Part]) -> list[list[Part]]:
    """Return the groups of a job's parts that are prepared, and may train, together."""
    return [list(parts)] if trainer.together else [[part] for part in parts]


def filled(parts: Sequence[Part], width: int) -> list[tuple[Sequence[Part], list[Part]]]:
    """Return the parts of each program, and the same parts filled up with copies of the first.

    All programs have one width, so that the predictions of a fold have the same bits, whichever
    folds train beside it.

    >>> filled("abcd", 3)
    [('abc', ['a', 'b', 'c']), ('d', ['d', 'd', 'd'])]
    """
    programs = [parts[start : start + width] for start in range(0, len(parts), width)]
    return [(own, [*own, *[own[0]] * (width - len(own))]) for own in programs]


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
    """Return one stage of all folds of several stages, which are of the same step.

    >>> one, other = Stage(3, ["a"], ["b"], [0.5]), Stage(3, ["c"], ["d"], [0.25])
    >>> joined([one, other])
    Stage(step=3, valid=['a', 'c'], test=['b', 'd'], loss=[0.5, 0.25], size=[], models=[])
    """
    return Stage(
        stages[0].step,
        [part for stage in stages for part in stage.valid],
        [part for stage in stages for part in stage.test],
        [part for stage in stages for part in stage.loss],
        [part for stage in stages for part in stage.size],
        [part for stage in stages for part in stage.models],
    )
