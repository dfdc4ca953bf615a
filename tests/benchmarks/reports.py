"""Seconds and bytes of the report of a run with many members and rows, made up in a folder.

    python -m tests.benchmarks.reports [--members 100] [--rows 1000000] [--runs FOLDER]

Half of the members have learning curves. What is measured is `pipelines.report` from the store:
rows are in memory, all else is read from files.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge

import pipelines
from comps import estimator
from comps.base import JSON, Competition
from pipelines.api.choices import Options
from pipelines.api.session import Session
from pipelines.results.fold_result import FoldResult
from pipelines.results.inner import Estimate, Inner
from pipelines.results.oof import OutOfFold
from pipelines.store.recording import begin
from pipelines.store.records import Status
from tests.tables import own

STAGES = 40


def competition(rows: int, members: int) -> Competition:
    """Return a competition of ten columns whose zoo has so many models."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(rows, 9)).round(3), columns=list("abcdefghi"))
    table["town"] = rng.choice(["Ulm", "Hof", "Bonn"], rows)
    table["y"] = 2 * table["a"] + rng.normal(size=rows)
    models = [estimator(Ridge(float(n)), name=f"ridge-{n}") for n in range(1, members)]
    return own(table, name="large", models=["median", *models])


def fill(made: Competition, runs: Path) -> None:
    """Write what a run of all models would have left, with predictions that are made up."""
    session = Session(Options.of(made, {"runs": runs}))
    experiment, store = session.experiment(), session.store
    folds, rng = experiment.folds, np.random.default_rng(1)
    steps = np.arange(1, STAGES + 1) * 10
    target = session.target
    with store.writing():
        models = list(made.models)
        declared = {model.name: model for model in models}
        told = begin(store, "run", experiment, models, declared, options={}, files="made up")
        weights = np.full(len(models), 1 / len(models))
        for number, model in enumerate(models):
            key, boosted = experiment.key(model), number % 2 == 1
            noise = 2.0 if not number else 1 + number / 1000
            valid = target + rng.normal(size=len(target)) * noise
            curves = 1 + np.exp(-np.arange(STAGES) / 8) + rng.normal(size=(5, STAGES)) / 50
            inner = np.tile(valid.astype(np.float32), (5, 1)) if boosted else None
            scores = [made.metric.score(target[r], valid[r]) for _, r in folds.pairs[0]]
            oof = OutOfFold(
                model=model.member,
                key=key,
                score=made.metric.score(target, valid),
                fold_scores=np.array([scores]),
                step=300 if boosted else 1,
                steps=steps if boosted else np.array([1]),
                curve=curves.mean(axis=0) if boosted else np.array([noise]),
                valid=valid,
                covered=np.ones(len(valid), dtype=bool),
                test=np.zeros(len(session.dataset.test)),
                fit_seconds=10.0,
                other_seconds=1.0,
                config=model.config(),
                train_ids=session.dataset.train_ids,
                test_ids=session.dataset.test_ids,
                data_fingerprint=session.dataset.fingerprint,
                folds_fingerprint=folds.fingerprint,
                stored=Inner(Estimate.CROSS_FITTED, np.full(5, 300), inner, valid),
            )
            store.write_oof(oof)
            told.finished([oof])
            for fold in range(5) if boosted else ():
                stages = np.zeros((STAGES, len(folds.pairs[0][fold][1])), dtype=np.float32)
                store.write_fold(
                    model,
                    key,
                    FoldResult(
                        repeat=0,
                        held=(fold,),
                        steps=steps,
                        curves=curves[None, fold],
                        loss=np.full(STAGES, np.nan),
                        valid=stages[:1],
                        test=stages[:1],
                        fit_seconds=2.0,
                        other_seconds=0.2,
                        size=np.full(STAGES, 1e6),
                        test_steps=steps[:1],
                    ),
                )
        blend: dict[str, JSON] = {
            "method": "equal",
            "weights": dict(zip((m.member for m in models), weights.tolist(), strict=True)),
            "estimate": "cross-fitted",
            "honest_score": 1.0,
            "pooled_score": 1.0,
            "fitted_score": 0.99,
            "gap": None,
            "cuts": None,
            "tried": [],
        }
        told.blended(blend)
        told.ended(Status.DONE)


def main() -> None:
    """Print seconds, bytes and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=100)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=Path)
    given = parser.parse_args()
    runs = given.runs or Path(tempfile.mkdtemp())
    made = competition(given.rows, given.members)
    if not (runs / "large").exists():
        fill(made, runs)
    started = time.perf_counter()
    report = pipelines.report(made, runs=runs)
    seconds = time.perf_counter() - started
    size, memory = report.path.stat().st_size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{given.members} members, {given.rows:,} rows: {seconds:.1f} s, {size / 1e6:.2f} MB, "
        f"JSON {report.json_path.stat().st_size / 1e6:.2f} MB, memory {memory / 1e6:.1f} GB"
    )
    for line in report.missing:
        print("missing:", line)


if __name__ == "__main__":
    main()
