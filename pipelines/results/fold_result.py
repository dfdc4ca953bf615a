"""`FoldResult`: what one fit of a model predicts, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipelines.folds import Held
from pipelines.results.kept import Kept


@dataclass(frozen=True, eq=False)
class FoldResult:
    """Staged predictions of one fit of a model.

    Attributes:
        repeat: number of the repeat.
        held: the folds that were held out: one; two neighbours for the nested score; none for a
            model of all rows, which predicts the test rows where folds grow with time.
        steps: [s] int64, rounds or epochs of each stage, ascending.
        curves: [held, s] float64, the metric's guide on the rows of each fold held out, at each
            stage; see `Metric.guide`.
        loss: [s] float64, the training loss of a network at each stage; NaN where there is none.
        valid: [s, v], [s, v, classes] or [s, v, targets] float32, predictions on the metric's
            scale; the rows of one fold after those of the other.
        test: [t, m, ...] float32, likewise of the test rows, at `test_steps`.
        fit_seconds: spent in the trainer.
        other_seconds: spent on features and scores.
        size: [s] float64, bytes of the model at each stage as its library saves it, NaN where
            not known.
        test_steps: [t] int64, the stages at which test rows are predicted: all of them; or none
            yet, where the model was kept until its stopping point is chosen; or that one.
        kept: the trained model; None where none is kept.
    """

    repeat: int
    held: Held
    steps: NDArray[np.int64]
    curves: NDArray[np.float64]
    loss: NDArray[np.float64]
    valid: NDArray[np.float32]
    test: NDArray[np.float32]
    fit_seconds: float
    other_seconds: float
    size: NDArray[np.float64]
    test_steps: NDArray[np.int64]
    kept: Kept | None = None

    @property
    def curve(self) -> NDArray[np.float64]:
        """The metric's guide at each stage, [s], the mean over the folds held out that have one."""
        defined = [curve for curve in self.curves if not np.isnan(curve).all()]
        return np.mean(defined, axis=0) if defined else np.full(len(self.steps), np.nan)

    def stage(self, step: int) -> int:
        """Return the index of the stage at a step, or of the last stage before it.

        A fit that ran out of patience has ended earlier.
        """
        return max(0, int(np.searchsorted(self.steps, step, side="right")) - 1)

    def tested(self, step: int) -> NDArray[np.float32] | None:
        """Return the predictions of the test rows at a step, [m, ...]; None where there are none.

        A fit that has ended earlier has those of its last stage.
        """
        places = np.flatnonzero(np.isin(self.test_steps, [step, self.steps[self.stage(step)]]))
        return self.test[places[0]] if len(places) else None
