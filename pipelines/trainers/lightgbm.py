"""LightGBM, round by round, so that the harness can stop it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from comps.base import Array, Model, Task, unknown_name
from pipelines.trainers._base import Context, FoldData, Stage, Trainer
from pipelines.trainers._boosting import margin_to_prediction, split_params, strides

_OBJECTIVES = {
    Task.REGRESSION: "regression",
    Task.BINARY: "binary",
    Task.MULTICLASS: "multiclass",
}


class LightGBMTrainer:
    """Trains with LightGBM's own parameter names, and `rounds` and `stride`.

    Boosting types that change earlier trees (`dart`) or average them (`rf`) are not
    supported: predictions are summed stride by stride.
    """

    together = False
    on_gpu: ClassVar[Mapping[str, str]] = {"device": "gpu"}
    backend = None

    def prepare(self) -> None:
        """Import LightGBM. See `Trainer`."""
        import lightgbm  # noqa: F401

    def stages(self, model: Model, folds: Sequence[FoldData], context: Context) -> Iterator[Stage]:
        """Yield a stage every `stride` rounds. See `Trainer`."""
        import lightgbm

        (fold,) = folds
        params, rounds, stride = split_params(model.params)
        _check_names(model)
        params = {"objective": _OBJECTIVES[context.task], **params, **_managed(fold, context)}
        booster = lightgbm.Booster(params, lightgbm.Dataset(fold.train, fold.target, params=params))
        valid, test = _zeros(len(fold.valid), context), _zeros(len(fold.test), context)
        trees = 0
        for start, stop in strides(rounds, stride):
            for _ in range(start, stop):
                booster.update()
            for margin, rows in ((valid, fold.valid), (test, fold.test)):
                margin += booster.predict(
                    rows, start_iteration=start, num_iteration=stop - start, raw_score=True
                )
            others, new = _bytes(booster.model_to_string(stop - start, start))
            trees += new
            yield Stage(
                stop,
                [margin_to_prediction(valid, context.task)],
                [margin_to_prediction(test, context.task)],
                size=[others + trees],
            )


def _bytes(text: str) -> tuple[int, int]:
    """Return the bytes of a saved model but its trees, and of its trees, of which it tells."""
    told = re.search(r"^tree_sizes=(.*)$", text, re.MULTILINE)
    trees = sum(map(int, told[1].split())) if told else 0
    return len(text) - trees, trees


def _check_names(model: Model) -> None:
    """Refuse a name that LightGBM would pass over without a word.

    Its table of names and aliases is not public, but the only one there is.
    """
    from lightgbm.basic import _ConfigAliases

    aliases = _ConfigAliases._get_all_param_aliases()
    known = {"rounds", "stride", *aliases, *(name for names in aliases.values() for name in names)}
    for name in model.params:
        if name not in known:
            raise unknown_name("parameter of LightGBM called", name, known)


def _managed(fold: FoldData, context: Context) -> dict[str, Any]:
    # Row-wise histograms and `deterministic` give the same trees for any number of threads.
    managed = {
        "seed": fold.seed,
        "num_threads": context.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    return {**managed, "num_class": context.n_classes} if context.n_classes > 2 else managed


def _zeros(rows: int, context: Context) -> Array:
    return np.zeros((rows, context.n_classes) if context.n_classes > 2 else rows)


if TYPE_CHECKING:
    _: Trainer = LightGBMTrainer()
