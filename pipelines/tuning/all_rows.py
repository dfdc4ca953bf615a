"""After a search: train the best configurations once more, on all rows.

Chollet, "Deep Learning with Python", 2nd edition, section 13.1.1: the top configurations, the best
epoch of each, then training on all data for longer, by the share of rows that were added.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from comps.base import Array, Model, WorkbenchError
from pipelines.engines import Engine, Failed
from pipelines.engines.jobs import Job, Run
from pipelines.fitting.all_rows import longer
from pipelines.folds import ALL_ROWS, Folds
from pipelines.store import Experiment, RunStore


def train_on_all_rows(
    experiment: Experiment,
    configurations: Sequence[tuple[Model, int]],
    searched: Folds,
    engine: Engine,
    folder: Path,
) -> Array:
    """Train configurations on all rows and return the mean of their test predictions.

    Args:
        experiment: all rows.
        configurations: each a model and its best step.
        searched: the folds that the steps were found on, perhaps of a part of the rows.
        engine: executes the training; it stays open.
        folder: for results of unfinished training.

    Returns:
        [m] or [m, classes] on the metric's scale.

    Raises:
        WorkbenchError: if one cannot be trained.
    """
    jobs = []
    for number, (model, step) in enumerate(configurations):
        store = RunStore(folder / f"refit-{number}")
        run = Run.of(experiment, store, engine.threads)
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
