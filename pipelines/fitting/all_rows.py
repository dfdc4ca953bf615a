"""The number of steps on all rows, after the stopping point was chosen on folds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from comps.base import Model
from pipelines.folds import Folds


def longer(model: Model, step: int, folds: Folds, n_rows: int) -> Model:
    """Return a model with the steps that were best on the folds, times the increase in rows.

    Steps are multiplied by the number of rows over that of a fold's training rows: 1.25 with five
    folds of all rows. Where folds grow with time, the last fold counts, which has most rows.

    Args:
        model: whose `epochs` or `rounds` are set; one without is returned as it is.
        step: epochs or rounds that were best on the folds.
        folds: that they were best on.
        n_rows: that the model is trained on now; those held out of a search are among them.
    """
    sizes = [len(train) for train, _ in folds.pairs[0]]
    rows = max(sizes) if folds.growing else float(np.mean(sizes))
    steps = max(1, round(step * n_rows / rows))
    known = {name: steps for name in ("epochs", "rounds") if name in model.params}
    if not known:
        return model
    return replace(model, params={**model.params, **known, "stride": steps}, patience=None)
