"""What `auto` is worth on fresh data, and how honest its score is, over many simulated settings.

    python -m tests.benchmarks.blends [--seeds 30] [--rows 300,1000,5000] [--correlation 0.8]

Members' log odds are the truth's times a slope, plus an error that they share, plus one of their
own; the correlation is that of two members' errors. No member is trained: predictions of rows
are drawn as a cross-validation would give them, and 20,000 fresh rows tell what a blend is worth.
To reach: `auto` at least as good as the best of equal mean, greedy selection and best member, less
0.001 AUC, in 90 % of the settings; the mean of its honest score within 0.01 of fresh data.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Sequence

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from comps.base import Truth
from comps.metrics import ROC_AUC
from ensembles.blend import honest_predictions
from ensembles.choice import choose, mean_of
from ensembles.methods import METHODS, methods_for
from ensembles.sample import Columns, Sample
from ensembles.scorers import AucScorer
from pipelines.basics.seeds import derive_seed

Floats = NDArray[np.float64]

FRESH = 20_000
# The size of an error beside the truth's: a member alone has an AUC of about 0.7.
NOISE = 0.9
TRUTH = 1.2
KINDS = ("alike", "junk", "dominant")
TRIED = methods_for(ROC_AUC, Columns.ONE)
RIVALS = ("equal", "greedy", "best")


def qualities(kind: str, n_members: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return each member's slope of the truth, and the size of its error."""
    slope, noise = rng.uniform(0.7, 0.9, n_members), rng.uniform(0.9, 1.1, n_members) * NOISE
    if kind == "junk":
        junk = rng.permutation(n_members)[: round(0.7 * n_members)]
        slope[junk] = rng.uniform(0.0, 0.15, len(junk))
    elif kind == "dominant":
        slope[0], noise[0] = 1.2, 0.5 * NOISE
    return slope, noise


def draw(
    n_rows: int, slope: Floats, noise: Floats, correlation: float, rng: np.random.Generator
) -> Sample:
    """Return rows with members' probabilities."""
    truth = rng.normal(0, TRUTH, n_rows)
    target = (rng.random(n_rows) < 1 / (1 + np.exp(-truth))).astype(np.float64)
    shared = rng.normal(size=(n_rows, 1)) * np.sqrt(correlation)
    own = rng.normal(size=(n_rows, len(slope))) * np.sqrt(1 - correlation)
    odds = truth[:, None] * slope + (shared + own) * noise
    return Sample(1 / (1 + np.exp(-odds)), target)


def stratified(target: Floats, rng: np.random.Generator, n_folds: int = 5) -> NDArray[np.int64]:
    """Return the fold of each row."""
    fold_of_row = np.empty(len(target), np.int64)
    for code in (0, 1):
        rows = rng.permutation(np.flatnonzero(target == code))
        fold_of_row[rows] = np.arange(len(rows)) % n_folds
    return fold_of_row


def one(n_rows: int, n_members: int, kind: str, correlation: float, seed: int) -> dict[str, float]:
    """Return the AUC on fresh data of every method and of `auto`, and the honest one of `auto`."""
    rng = np.random.default_rng(derive_seed(seed, kind, n_rows, n_members))
    with threadpool_limits(1):
        slope, noise = qualities(kind, n_members, rng)
        sample = draw(n_rows, slope, noise, correlation, rng)
        fresh = draw(FRESH, slope, noise, correlation, rng)
        target = Truth.of(sample.target).values
        fold_of_row = stratified(target, rng)
        score = AucScorer(Truth.of(fresh.target).values)
        found, honest, new = {}, [], []
        for name in dict.fromkeys((*TRIED, *RIVALS)):
            fit = METHODS[name].fit
            predicted = fit(sample, ROC_AUC).predict(fresh.predictions)
            found[name] = score(predicted)
            if name in TRIED:
                new.append(predicted)
                honest.append(honest_predictions(fit, sample, fold_of_row, ROC_AUC))
        joined = np.empty(n_rows)
        for fold in range(fold_of_row.max() + 1):
            others = fold_of_row != fold
            there = choose(ROC_AUC, sample.target[others], [some[others] for some in honest])
            joined[~others] = mean_of(honest, there)[~others]
        found["auto"] = score(mean_of(new, choose(ROC_AUC, sample.target, honest)))
        found["honest"] = AucScorer(target)(joined)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each setting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--rows", default="300,1000,5000")
    parser.add_argument("--correlation", type=float, default=0.8)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)
    started = time.perf_counter()
    settings = list(itertools.product([int(n) for n in options.rows.split(",")], (20, 100), KINDS))
    print(f"{options.seeds} seeds, correlation of errors {options.correlation}")
    print(
        "rows members kind      " + " ".join(f"{n:>8}" for n in (*TRIED, "greedy", "auto")), end=""
    )
    print("   auto-rival   honest-fresh ± error")
    reached, near = 0, 0
    for n_rows, n_members, kind in settings:
        runs = Parallel(options.jobs)(
            delayed(one)(n_rows, n_members, kind, options.correlation, seed)
            for seed in range(options.seeds)
        )
        mean = {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}
        lost = mean["auto"] - max(mean[name] for name in RIVALS)
        distances = [run["honest"] - run["auto"] for run in runs]
        error = np.std(distances, ddof=1) / np.sqrt(len(distances))
        reached, near = reached + (lost >= -0.001), near + (abs(np.mean(distances)) <= 0.01)
        columns = " ".join(f"{mean[n]:8.4f}" for n in (*TRIED, "greedy", "auto"))
        print(f"{n_rows:5} {n_members:6} {kind:9} {columns}", end="")
        print(f"   {lost:+.4f}      {np.mean(distances):+.4f} ± {error:.4f}", flush=True)
    print(f"auto reached its rivals less 0.001 in {reached} of {len(settings)} settings,")
    print(f"its honest score was within 0.01 of fresh data in {near};", end=" ")
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
