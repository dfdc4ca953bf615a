"""Blends of a winning team's size: 850 members of 600,000 rows, in single precision.

    python -m tests.benchmarks.large_blends [--rows 600000] [--members 850]

To reach on two cores, without the reading of the members: convex weights for log loss with their
cross-fitted score, and greedy selection on AUC, in 5 minutes each and within 8 GB.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from comps.base import Truth
from comps.metrics import LOG_LOSS, ROC_AUC
from ensembles.blend import honest_predictions
from ensembles.greedy import greedy_weights
from ensembles.log_loss_weights import log_loss_weights
from ensembles.methods import METHODS
from ensembles.sample import Sample
from ensembles.scorers import AucScorer

FOLDS = 5


def drawn(n_rows: int, n_members: int, seed: int = 0) -> Sample:
    """Return members of a few families: errors within one are much alike."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1.5, n_rows).astype(np.float32)
    target = (rng.random(n_rows) < 1 / (1 + np.exp(-truth))).astype(np.float64)
    families = rng.standard_normal((12, n_rows), dtype=np.float32)
    members = np.empty((n_members, n_rows), np.float32)
    for number in range(n_members):
        odds = truth * np.float32(rng.uniform(0.5, 1.1))
        odds += families[number % 12] * np.float32(rng.uniform(0.3, 0.9))
        odds += rng.standard_normal(n_rows, dtype=np.float32) * np.float32(rng.uniform(0.2, 0.8))
        members[number] = 1 / (1 + np.exp(-odds))
    return Sample(np.moveaxis(members, 0, 1), target)


def timed(what: str, work: Callable[[], str]) -> None:
    """Print seconds, the largest memory so far, and what came out."""
    started = time.perf_counter()
    found = work()
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{what}: {seconds:.0f} s, peak {peak:.1f} GB; {found}", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each way to blend."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=600_000)
    parser.add_argument("--members", type=int, default=850)
    options = parser.parse_args(arguments)
    sample = drawn(options.rows, options.members)
    target = Truth.of(sample.target).values
    fold_of_row = np.random.default_rng(1).permutation(options.rows) % FOLDS
    print(f"{options.members:,} members x {options.rows:,} rows, {sample.predictions.dtype}")
    in_use: list[NDArray[np.float64]] = []

    def convex() -> str:
        found = log_loss_weights(sample)
        in_use.append(found.weights)
        return f"loss {found.loss:.6f}, gap {found.gap:.1e}, {(found.weights > 0).sum()} in use"

    def cross_fitted() -> str:
        honest = honest_predictions(METHODS["convex"].fit, sample, fold_of_row, LOG_LOSS)
        return f"cross-fitted {LOG_LOSS.score(sample.target, honest):.6f}"

    def greedy() -> str:
        weights = greedy_weights(sample, ROC_AUC)
        in_use.append(weights)
        auc = AucScorer(target)(sample.predictions @ weights.astype(np.float32))
        return f"AUC {auc:.6f}, {(weights > 0).sum()} in use"

    def greedy_cross_fitted() -> str:
        honest = honest_predictions(METHODS["greedy"].fit, sample, fold_of_row, ROC_AUC)
        return f"cross-fitted {AucScorer(target)(honest):.6f}"

    timed("convex weights", convex)
    timed("their cross-fitted score", cross_fitted)
    timed("greedy selection on AUC", greedy)
    timed("its cross-fitted score", greedy_cross_fitted)


if __name__ == "__main__":
    main()
