"""Keeping the trained models of folds with their fitted transformers."""

from __future__ import annotations

import math
import sys
from dataclasses import replace

from comps.base import Features, Model, RowSet, Transformer
from pipelines.basics.kept_objects import NotKeptError, dump_object, load_object
from pipelines.fitting.preparation import Preparation, transformed
from pipelines.folds import Held
from pipelines.results.fold_result import FoldResult
from pipelines.results.kept import Kept
from pipelines.trainers import (
    Context,
    FoldModel,
    Stage,
    Trainer,
    import_modules,
    load_trainer,
    packages_of,
)

# The weights of the stages of a fit that can still be chosen take no more; see `most_stages`.
_MOST_STAGE_BYTES = 256 * 2**20
# A model that takes more is not kept.
MOST_BYTES = 2**30

FEATURES, _MODEL = "features.skops", "model/"


class Keeping:
    """Writes what a repeat of a model trains.

    Args:
        trainer: of the model.
        model: what is trained, with the parameters of its features.
        prepared: gives the form of the targets.
    """

    def __init__(self, trainer: Trainer, model: Model, prepared: Preparation) -> None:
        self._staged, self._model, self._prepared = trainer.staged, model, prepared
        self._features: dict[Held, bytes | None] = {}
        self._reasons: dict[Held, str] = {}

    def take(self, held: Held, transformer: Transformer | None) -> None:
        """Write the fitted transformer of a fit; there may be reasons why it cannot be kept."""
        try:
            packages = packages_of(self._model)
            self._features[held] = (
                None if transformer is None else dump_object(transformer, packages)
            )
        except NotKeptError as error:
            self._reasons[held] = f"its transformer cannot be kept: {error}"

    def tested(self, held: Held) -> bool:
        """Whether the test rows are predicted while a fit trains.

        They are where it has one stage anyway, or cannot be kept for later.
        """
        return not self._staged or held in self._reasons

    def packed(self, held: Held, model: FoldModel | None) -> Kept:
        """Return the files of a trained model, or why there are none."""
        empty = Kept(n_classes=self._prepared.n_classes, n_targets=self._prepared.n_targets)
        if held in self._reasons:
            return replace(empty, reason=self._reasons[held])
        if model is None:
            return replace(empty, reason="its trainer keeps no models")
        features = self._features.pop(held)
        files = {} if features is None else {FEATURES: features}
        try:
            files |= {_MODEL + name: content for name, content in model.files().items()}
        except NotKeptError as error:
            return replace(empty, reason=str(error))
        return bounded(replace(empty, files=files, step=None if self._staged else 1))


def lacks_test(result: FoldResult) -> bool:
    """Whether a fit could not be kept, which was known too late to predict the test rows."""
    unkept = result.kept is not None and result.kept.reason is not None
    return unkept and not len(result.test_steps)


def bounded(kept: Kept) -> Kept:
    """Return a model of one step; without its files, and with the reason, where it is too large."""
    if kept.step is None or kept.size <= MOST_BYTES:
        return kept
    reason = (
        f"it takes {kept.size / 1e9:.1f} GB, and models of up to {MOST_BYTES / 1e9:.1f} are kept"
    )
    return replace(kept, files={}, reason=reason)


def most_stages(stage: Stage, place: int) -> int:
    """Return of how many stages of a fit the weights are held; of a booster all are there.

    >>> most_stages(Stage(1, [], [], size=[2.0**20]), 0), most_stages(Stage(1, [], []), 0)
    (256, 256)
    """
    size = stage.size[place] if stage.size else math.nan
    return max(1, int(_MOST_STAGE_BYTES / size)) if size > 2**20 else 256


class FittedModel:
    """A kept model of one fold with its transformer: it predicts raw rows.

    Args:
        kept: its files.
        model: whose declaration it was trained by.
        context: of the run.

    Raises:
        StoreError: if a file is damaged.
    """

    def __init__(self, kept: Kept, model: Model, context: Context) -> None:
        self._kept, self._model, self._own = kept, model, packages_of(model)
        import_modules(model)
        files = {
            name.removeprefix(_MODEL): content
            for name, content in kept.files.items()
            if name.startswith(_MODEL)
        }
        trainer = load_trainer(model.trainer)
        if trainer.backend is None or "keras" not in sys.modules:
            # A network that is kept predicts on any backend: that which this process has.
            trainer.prepare()
        self.model = trainer.restored(model.without_view_params(), files, context)

    def transformer(self) -> Transformer | None:
        """Return the fitted transformer; None where rows are passed as they are."""
        if FEATURES not in self._kept.files:
            return None
        # What makes it may import its module first: no module is imported because a file names it.
        self._model.view()
        return load_object(self._kept.files[FEATURES], self._own)  # type: ignore[return-value]

    def features(self, rows: RowSet) -> Features:
        """Return the features of raw rows."""
        return transformed(self.transformer(), rows)

    def at(self, step: int) -> Kept:
        """Return what is kept of it once its stopping point is chosen."""
        self.model = self.model.at(step)
        files = {_MODEL + name: content for name, content in self.model.files().items()}
        if FEATURES in self._kept.files:
            files[FEATURES] = self._kept.files[FEATURES]
        return bounded(replace(self._kept, files=files, step=step))
