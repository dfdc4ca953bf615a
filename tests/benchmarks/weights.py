"""Exact weights and greedy selection against the usual ways, on the same work.

    python -m tests.benchmarks.weights            # 50 members x 100,000 rows
    python -m tests.benchmarks.weights --large    # 1,000 members x 1,000,000 rows, from a store

To reach on two cores: log loss weights in under 0.3 s with a gap below 1e-9, where SciPy's SLSQP
with exact gradients takes 1.2 s for a gap of 2e-7; 25 rounds of greedy selection on AUC in under
5 s, with the weights of a plain one on scikit-learn's AUC (69 s); the large one within 12 GB.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import softmax
from sklearn.metrics import roc_auc_score

from comps.base import Truth
from comps.metrics import ROC_AUC
from ensembles.greedy import greedy_weights
from ensembles.log_loss_weights import log_loss_weights
from ensembles.sample import Sample, stack
from pipelines.basics.files import read_arrays, write_arrays

Floats = NDArray[np.float64]


def members(n_rows: int, n_members: int, seed: int = 0) -> tuple[Iterator[Floats], Floats]:
    """Return probabilities, one member after the other, and the target."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1.5, n_rows)
    target = (rng.random(n_rows) < 1 / (1 + np.exp(-truth))).astype(np.float64)

    def drawn() -> Iterator[Floats]:
        for _ in range(n_members):
            noise = rng.normal(size=n_rows) * rng.uniform(0.3, 1.5)
            yield 1 / (1 + np.exp(-truth * rng.uniform(0.5, 1.2) - noise))

    return drawn(), target


def of_truth(sample: Sample) -> Floats:
    """Return the probabilities of what came true, [n, members]."""
    target = Truth.of(sample.target).values
    return np.where(target[:, None] == 1, sample.predictions, 1 - sample.predictions)


def mean_log_loss(sample: Sample, weights: Floats) -> tuple[float, Floats]:
    """Return the mean log loss and its gradient, the plain way."""
    true = of_truth(sample)
    mixture = true @ weights
    return -float(np.log(mixture).mean()), -(true / mixture[:, None]).mean(axis=0)


def gap(sample: Sample, weights: Floats) -> float:
    """Return how much lower the loss of other weights could be at most."""
    _, gradient = mean_log_loss(sample, weights)
    return float(gradient @ weights - gradient.min())


def exact(sample: Sample) -> Floats:
    """Return our own weights."""
    return log_loss_weights(sample).weights


def slsqp(sample: Sample) -> Floats:
    """Return the weights of SciPy's SLSQP with exact gradients."""
    n_members = sample.n_members
    true = of_truth(sample)

    def loss(weights: Floats) -> tuple[float, Floats]:
        mixture = true @ weights
        return -float(np.log(mixture).mean()), -(true.T @ (1 / mixture)) / len(mixture)

    found = minimize(
        loss,
        np.full(n_members, 1 / n_members),
        jac=True,
        method="SLSQP",
        bounds=[(0, 1)] * n_members,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-12, "maxiter": 500},
    )
    weights: Floats = np.maximum(found.x, 0) / np.maximum(found.x, 0).sum()
    return weights


def nelder_mead(sample: Sample) -> Floats:
    """Return the weights of SciPy's Nelder-Mead after 2,000 scores."""
    true = of_truth(sample)
    found = minimize(
        lambda free: -float(np.log(true @ softmax(free)).mean()),
        np.zeros(sample.n_members),
        method="Nelder-Mead",
        options={"maxfev": 2000},
    )
    weights: Floats = softmax(found.x)
    return weights


def greedy(sample: Sample) -> Floats:
    """Return the weights of our own greedy selection."""
    return greedy_weights(sample, ROC_AUC, rounds=25)


def plain_greedy(sample: Sample) -> Floats:
    """Return the weights of greedy selection on scikit-learn's AUC."""
    counts, total = np.zeros(sample.n_members), np.zeros(len(sample.target))
    best, best_counts = -np.inf, counts
    for _ in range(25):
        scores = np.array(
            [roc_auc_score(sample.target, total + one) for one in sample.predictions.T]
        )
        equal = np.flatnonzero(scores >= scores.max() - 1e-12)
        chosen = equal[np.argmax(counts[equal] > 0)]
        counts[chosen] += 1
        total += sample.predictions[:, chosen]
        if scores.max() > best + 1e-12:
            best, best_counts = scores.max(), counts.copy()
    weights: Floats = best_counts / best_counts.sum()
    return weights


def timed(work: Callable[[Sample], Floats], sample: Sample) -> tuple[float, Floats]:
    """Return seconds and weights."""
    started = time.perf_counter()
    weights = work(sample)
    return time.perf_counter() - started, weights


def usual() -> None:
    """Print the table of 50 members."""
    arrays, target = members(100_000, 50)
    sample = Sample(stack(arrays, 50), target)
    exact(sample)
    print(f"{'log loss weights':34} {'seconds':>8} {'gap':>9}")
    for name, work in (
        ("exact (ours)", exact),
        ("SciPy SLSQP, exact gradients", slsqp),
        ("SciPy Nelder-Mead, 2,000 scores", nelder_mead),
    ):
        seconds, weights = timed(work, sample)
        print(f"{name:34} {seconds:8.2f} {gap(sample, weights):9.1e}", flush=True)
    print(f"{'25 greedy rounds on AUC':34} {'seconds':>8}")
    seconds, ours = timed(greedy, sample)
    print(f"{'ours':34} {seconds:8.2f}", flush=True)
    seconds, plain = timed(plain_greedy, sample)
    print(f"{'plain, on scikit-learn':34} {seconds:8.2f}")
    print(f"the same weights: {np.allclose(ours, plain)}")


def large(n_rows: int, n_members: int) -> None:
    """Print time and memory of weights of what lies in files."""
    with tempfile.TemporaryDirectory() as folder:
        arrays, target = members(n_rows, n_members)
        paths = [Path(folder) / f"{number}.npz" for number in range(n_members)]
        for path, array in zip(paths, arrays, strict=True):
            write_arrays(path, {}, {"valid": array})
        started = time.perf_counter()
        stacked = stack((read_arrays(path)[1]["valid"] for path in paths), n_members)
        read = time.perf_counter() - started
        found = log_loss_weights(Sample(stacked, target))
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{n_members:,} members x {n_rows:,} rows: read in {read:.0f} s, in all {seconds:.0f} s,")
    print(f"gap {found.gap:.1e}, {(found.weights > 0).sum()} members in use, peak {peak:.1f} GB")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one of both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--members", type=int, default=1_000)
    options = parser.parse_args(arguments)
    if options.large:
        large(options.rows, options.members)
    else:
        usual()


if __name__ == "__main__":
    main()
