"""Time and memory of a large table: models on five folds, with as many test rows.

    python -m tests.benchmarks.scale [--rows 1000000] [--columns 100] [--rounds 500] [--jobs 2]
        [--models lightgbm,xgboost,mlp]

`mlp` is that of the general zoo, with the epochs that its rules give so many rows. Numbers are
drawn from a normal distribution; the target is a sum of ten of them, of a product, and of noise.
Memory is that of this process and all below it (what they share counts once), read twice a second;
beside it stands how many times the bytes of training and test rows in float32 it is.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd

from comps import boosting, estimator, table_competition
from comps.base import Competition, Task
from comps.kinds.table.network_models import network_models, training_of
from comps.metrics import find_metric
from pipelines import cross_validate
from tests.benchmarks.measuring import memory_of

PERIOD = 0.5


def drawn(rows: int, columns: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return training rows with a target `y`, and test rows."""
    rng = np.random.default_rng(0)
    names = [f"x{column}" for column in range(columns)]
    values = rng.standard_normal((2 * rows, columns), dtype=np.float32)
    target = values[:rows, :10].sum(axis=1) + values[:rows, 0] * values[:rows, 1]
    target += rng.standard_normal(rows, dtype=np.float32)
    train = pd.DataFrame(values[:rows], columns=names, copy=False).assign(y=target)
    return train, pd.DataFrame(values[rows:], columns=names, copy=False)


def competition(rows: int, columns: int, rounds: int, models: list[str]) -> Competition:
    """Return the competition of drawn rows."""
    from sklearn.dummy import DummyRegressor

    networks = network_models(Task.REGRESSION, 0, 1, find_metric("rmse"))
    train, test = drawn(rows, columns)
    known = {
        "lightgbm": boosting("lightgbm", rounds=rounds, num_leaves=31),
        "xgboost": boosting("xgboost", rounds=rounds, max_leaves=31, grow_policy="lossguide"),
        **{model.name: model for model in networks},
        "mean": estimator(DummyRegressor(), name="mean"),
    }
    return table_competition(
        train,
        test,
        target="y",
        metric="rmse",
        name=f"scale-{rows}-{columns}",
        models=[known[name] for name in models],
    )


class Memory:
    """The most memory that a tree of processes took."""

    def __init__(self) -> None:
        self.most, self._over = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(PERIOD):
            self.most = max(self.most, memory_of(os.getpid()))

    def end(self) -> int:
        """Return the most bytes."""
        self._over.set()
        self._thread.join()
        return self.most


def main() -> None:
    """Print a line for each model."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--models", default="lightgbm,xgboost")
    given = parser.parse_args()
    size = 2 * given.rows * given.columns * 4
    models = given.models.split(",")
    watched = Memory()
    made = competition(given.rows, given.columns, given.rounds, models)
    for name in models:
        with tempfile.TemporaryDirectory() as runs:
            began = time.monotonic()
            result = cross_validate(made, models=name, runs=runs, jobs=given.jobs)
            seconds = time.monotonic() - began
            kept = sum(path.stat().st_size for path in Path(runs).rglob("*") if path.is_file())
        epochs = f" ({training_of(given.rows)['epochs']} epochs)" if name == "mlp" else ""
        sys.stdout.write(
            f"{given.rows} x {given.columns}, {name}{epochs}: {seconds:.0f} s, "
            f"RMSE {result.score:.4f}, {watched.most / 1e9:.2f} GB at most so far "
            f"({watched.most / size:.1f} times the rows), "
            f"{kept / 1e6:.0f} MB in the store\n"
        )
        sys.stdout.flush()
    watched.end()


if __name__ == "__main__":
    main()
