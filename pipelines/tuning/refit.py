"""After the search: the best configurations trained once more, on all rows.

Chollet, "Deep Learning with Python", 2nd edition, section 13.1.1: the top configurations, the best
epoch of each, then training on all data for longer, by the share of rows that were added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Model, WorkbenchError
from pipelines.crossval import Experiment
from pipelines.engines import Engine, Failed
from pipelines.folds import ALL_ROWS, Folds
from pipelines.jobs import Job, Run
from pipelines.store import RunStore


def longer(model: Model, step: int, folds: Folds, n_rows: int) -> Model:
    """Return a model that trains on all rows as long as was best on the folds, and a bit longer.

    Steps are multiplied by the share of rows that a fold lacks: 1.25 with five folds of all rows.
    Where folds grow with time, the last one, which lacks least, counts.

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


def refit(
    experiment: Experiment,
    configurations: Sequence[tuple[Model, int]],
    searched: Folds,
    engine: Engine,
    folder: Path,
) -> NDArray[Any]:
    """Train configurations on all rows and return the mean of their test predictions.

    Args:
        experiment: all rows.
        configurations: each a model and its best step.
        searched: the folds that the steps were found on, perhaps of a part of the rows.
        engine: executes the training; it stays open.
        folder: for what is under way.

    Returns:
        [m] or [m, classes] on the metric's scale.

    Raises:
        WorkbenchError: if one cannot be trained.
    """
    jobs = []
    for number, (model, step) in enumerate(configurations):
        store = RunStore(folder / f"refit-{number}")
        run = Run(
            competition=experiment.competition,
            data=experiment.data,
            data_fingerprint=experiment.dataset.fingerprint,
            store=store.root,
            spec=experiment.folds.spec,
            folds=store.write_folds(experiment.folds),
            seed=experiment.seed,
            threads=engine.threads,
        )
        trained = longer(model, step, searched, experiment.folds.n_rows)
        jobs.append(Job(run, trained, "refit", 0, (ALL_ROWS,)))
    waiting = list(jobs)

    def next_job(slot: int) -> Job | None:
        del slot
        return waiting.pop(0) if waiting else None

    for event in engine.run(next_job, None):
        if isinstance(event, Failed):
            raise WorkbenchError(f"{event.job.model.name} on all rows failed: {event.reason}")
    tests = [
        RunStore(job.run.store).read_fold(job.model.name, "refit", 0, ALL_ROWS).test[-1]
        for job in jobs
    ]
    return np.asarray(np.mean(tests, axis=0, dtype=np.float64))
