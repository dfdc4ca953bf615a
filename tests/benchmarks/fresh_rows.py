"""Whether scores are as good on fresh rows as runs say.

    python -m tests.benchmarks.fresh_rows [--sets 20]

Each data set is drawn anew: 1,500 rows, of which some columns tell the target. Of those with
groups, rows of one group share columns and an effect, and fresh rows are of other groups. Of those
in time, what columns say may drift, and fresh rows come after the training rows, over as long a
time as a fold's block. `pipelines.run` trains linear or logistic regression, extremely randomised
trees and LightGBM on them, and blends. Shown is the mean of the blend's honest score less its score
on 4,000 fresh rows: positive is a score that is too good, whatever the metric's direction; of RMSE
in percent. The last row, with groups left unsaid, shows what the comparison sees.

All have a 95 % interval of the mean. What `--tuned` gains or loses on fresh rows shows
`tests.benchmarks.tuning_choice`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import lightgbm  # noqa: F401  (its threads are limited, too, once it is there)
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from threadpoolctl import threadpool_limits

from comps import boosting, estimator, table_competition
from comps.metrics import find_metric
from pipelines import run
from tests.benchmarks.honest_score import interval

Floats = NDArray[np.float64]
ROWS, FRESH, FEATURES, FOLDS = 1_500, 4_000, 8, 5
# Rows of one group share these of the columns, and an effect of this deviation.
SHARED, EFFECT, OF_A_GROUP = 4, 1.0, 8
# The largest weight of a column whose weight drifts, in half a wave or so.
DRIFT = 0.7


def plain(rng: np.random.Generator) -> tuple[pd.DataFrame, Floats]:
    """Return training and fresh rows, and what decides their target."""
    rows = _table(rng.normal(size=(ROWS + FRESH, FEATURES)))
    return rows, _told(rows)


def grouped(rng: np.random.Generator) -> tuple[pd.DataFrame, Floats]:
    """Return rows of groups, the fresh ones of other groups."""
    groups = np.arange(ROWS + FRESH) // OF_A_GROUP
    features = rng.normal(size=(ROWS + FRESH, FEATURES))
    features[:, -SHARED:] = rng.normal(size=(groups[-1] + 1, SHARED))[groups]
    rows = _table(features)
    return rows.assign(group=groups), _told(rows) + EFFECT * rng.normal(size=groups[-1] + 1)[groups]


def in_time(rng: np.random.Generator, drift: float = 0.0) -> tuple[pd.DataFrame, Floats]:
    """Return rows in time; the weights of columns may drift, up to so much."""
    block = 1 / (FOLDS + 1)
    times = np.concatenate([rng.uniform(0, 1, ROWS), rng.uniform(1, 1 + block, FRESH)])
    times[:ROWS].sort()
    rows = _table(rng.normal(size=(len(times), FEATURES)))
    # Waves of any phase: what is to come is no more and no less than what was.
    phases, speeds = rng.uniform(0, 2 * np.pi, 3), rng.uniform(0.3, 0.7, 3)
    weights = drift * np.cos(2 * np.pi * times[:, None] * speeds + phases)
    drifting = (weights * rows.iloc[:, -3:].to_numpy()).sum(axis=1)
    return rows.assign(time=times), _told(rows) + drifting


def _table(features: Floats) -> pd.DataFrame:
    return pd.DataFrame(features, columns=[f"column {number}" for number in range(FEATURES)])


def _told(rows: pd.DataFrame) -> Floats:
    x = rows.to_numpy()
    told: Floats = (np.tanh(x[:, 0]) + x[:, 1] * x[:, 2] + x[:, 3] + x[:, 4]) / np.sqrt(5)
    return told


@dataclass(frozen=True)
class Kind:
    """How data sets are drawn, and what the run is told of them."""

    draw: Callable[[np.random.Generator], tuple[pd.DataFrame, Floats]]
    told: Mapping[str, Any] = field(default_factory=dict)


KINDS: Mapping[str, Kind] = {
    "plain": Kind(plain),
    "grouped": Kind(grouped, {"group": "group"}),
    "in time": Kind(in_time, {"time": "time"}),
    "in time, with drift": Kind(partial(in_time, drift=DRIFT), {"time": "time"}),
    "grouped, in shuffled folds": Kind(grouped),
}


def models(metric: str) -> list[object]:
    """Return quick models."""
    trees = {"n_estimators": 30, "min_samples_leaf": 3, "random_state": 0}
    boosted = boosting("lightgbm", rounds=100, stride=10, learning_rate=0.1, num_leaves=8)
    if metric == "rmse":
        return [estimator(Ridge(), name="linear"), estimator(ExtraTreesRegressor(**trees)), boosted]
    return [
        estimator(LogisticRegression(), name="linear"),
        estimator(ExtraTreesClassifier(**trees)),
        boosted,
    ]


def difference(kind: Kind, metric: str, seed: int) -> float:
    """Return by how much the honest score of a run is better than that on fresh rows."""
    rng = np.random.default_rng(seed)
    rows, told = kind.draw(rng)
    target = told + rng.normal(size=len(rows))
    if metric != "rmse":
        target = (target > 0).astype(np.float64)
    rows = rows.drop(columns={"group", "time"} & {*rows} - {*kind.told.values()})
    train, fresh = rows[:ROWS].assign(target=target[:ROWS]), rows[ROWS:]
    competition = table_competition(
        train,
        fresh,
        target="target",
        metric=metric,
        name="drawn",
        models=models(metric),
        n_folds=FOLDS,
        **kind.told,
    )
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        found = run(
            competition,
            runs=folder,
            engine="inline",
            checks=False,
            keep_models="none",
            seed=seed,
        )
    assert found.blend is not None
    score = find_metric(metric).score(target[ROWS:], found.blend.test)
    if metric == "rmse":
        return float(100 * (score - found.blend.honest_score) / score)
    return float(found.blend.honest_score - score)


def on_one_core() -> None:
    """Let this process use one core: threads that wait for each other take most of the time."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {os.getpid() % (os.cpu_count() or 1)})


def differences(kind: Kind, metric: str, sets: int, jobs: int) -> Floats:
    """Return the difference of each data set, [sets]."""
    with ProcessPoolExecutor(jobs, initializer=on_one_core) as pool:
        return np.array(list(pool.map(difference, [kind] * sets, [metric] * sets, range(sets))))


def show_scores(kinds: Sequence[str], sets: int, jobs: int) -> None:
    """Print a line for each kind as soon as it is done."""
    print("| data sets | AUC, honest less fresh | RMSE, honest less fresh, in % | s |")
    print("|---|---|---|---|")
    for name in kinds:
        started = time.perf_counter()
        cells = [
            interval(differences(KINDS[name], metric, sets, jobs)) for metric in ("roc_auc", "rmse")
        ]
        print(f"| {sets} {name} | {cells[0]} | {cells[1]} |", end="")
        print(f" {time.perf_counter() - started:.0f} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=20)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    show_scores(given.kinds, given.sets, given.jobs)


if __name__ == "__main__":
    main()
