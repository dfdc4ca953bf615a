"""Test predictions of a time-ordered scheme: by a model of all rows, trained beside the folds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from comps.base import Model
from pipelines.trainers import Context, FoldData, Stage, Trainer


def stages_with_refit(
    trainer: Trainer,
    model: Model,
    data: Sequence[FoldData],
    whole: FoldData | None,
    context: Context,
) -> Iterator[Stage]:
    """Yield the stages of some folds; the last one's test predictions are those of `whole`.

    Folds that grow with time differ in what they know: the first has seen a season, the last
    most of them, none the block right before the test part. Their mean would forecast the test
    rows worse than one model of everything. Both are trained step by step beside each other,
    so that one stopping point, chosen on the folds, holds for both.

    Args:
        trainer: trains the folds, together if it does so.
        model: what to train.
        data: the folds of one call.
        whole: all rows as one more fold, or None for plain stages. What it predicts as its
            validation rows is thrown away.
        context: of the run.
    """
    if whole is None:
        yield from trainer.stages(model, data, context)
    elif trainer.together:
        for stage in trainer.stages(model, [*data, whole], context):
            test = [*stage.test[:-2], stage.test[-1]]
            yield replace(
                stage,
                valid=stage.valid[:-1],
                test=test,
                loss=stage.loss[:-1],
                size=stage.size[:-1],
            )
    else:
        refits = trainer.stages(model, [whole], context)
        for stage, refit in zip(trainer.stages(model, data, context), refits, strict=True):
            yield replace(stage, test=[*stage.test[:-1], *refit.test])
