"""How often two learners that are equally good are called different, by which test.

    python -m tests.benchmarks.null_pairs [--pairs 500] [--rows 300]

Each pair gets a fresh data set. Its features come in two halves that the target depends on
alike, and a learner sees one half each: over data sets neither is better. Where the second
learner's half is blurred by noise, the first is better, and a test should say so. Shown is
the share of pairs with a p-value below 5 %, or a 95 % interval of the bootstrap that leaves
out zero: of equal pairs false alarms, of unequal pairs the power. Behind, of a best and three
others that are all equal, the share where Holm's correction lets any difference to the best
pass, for the pairs with the best alone and for all pairs. Six minutes on one core.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from comps.base import Metric, Task
from comps.metrics import ACCURACY, RMSLE
from ensembles.compare import (
    corrected_t_test,
    holm,
    percentile_interval,
    resampled_scores,
    share_of_test,
)
from pipelines.folds import FoldInput, Folds, FoldSpec, make_folds

Floats = NDArray[np.float64]
LEVEL = 0.05
# Of each learner, and how much noise blurs those of the weaker one.
FEATURES, BLUR = 5, 1.5
SCHEMES = {"5 folds": (5, 1), "5 folds, 2 repeats": (5, 2), "10 folds": (10, 1)}
TESTS = ("corrected", "uncorrected", "bootstrap")


@dataclass(frozen=True)
class Kind:
    """A kind of pairs."""

    task: Task
    metric: Metric
    build: Callable[[], Any]


# The root mean squared error is what RMSLE is on its own scale.
KINDS = {
    "ridge, RMSE": Kind(Task.REGRESSION, RMSLE, Ridge),
    "logistic regression, accuracy": Kind(Task.BINARY, ACCURACY, LogisticRegression),
}


def draw(kind: Kind, n_rows: int, n_learners: int, seed: int) -> tuple[list[Floats], Floats]:
    """Return the features of each learner, exchangeable, and the target."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n_learners, n_rows, FEATURES))
    signal = features.sum(axis=(0, 2)) / np.sqrt(n_learners * FEATURES)
    noisy = signal + rng.normal(size=n_rows)
    return list(features), noisy if kind.task is Task.REGRESSION else (noisy > 0).astype(float)


def blurred(features: Floats, seed: int) -> Floats:
    """Return features that tell less."""
    return features + BLUR * np.random.default_rng([seed, 1]).normal(size=features.shape)


def cross_validated(
    kind: Kind, features: Floats, target: Floats, folds: Folds
) -> tuple[Floats, Floats]:
    """Return the scores [repeats, folds] and the mean predictions [n] over the repeats."""
    scores = np.empty((folds.n_repeats, folds.n_folds))
    predictions = np.zeros((folds.n_repeats, len(target)))
    for repeat, pairs in enumerate(folds.pairs):
        for fold, (train, valid) in enumerate(pairs):
            estimator = kind.build().fit(features[train], target[train])
            values = (
                estimator.predict(features[valid])
                if kind.task is Task.REGRESSION
                else estimator.predict_proba(features[valid])[:, 1]
            )
            predictions[repeat, valid] = values
            scores[repeat, fold] = kind.metric.score(target[valid], values)
    return scores, predictions.mean(axis=0)


def alarms(
    kind: Kind,
    learners: Sequence[tuple[Floats, Floats]],
    target: Floats,
    folds: Folds,
    seed: int,
) -> list[list[bool]]:
    """Return for each learner but the first whether each of `TESTS` calls it different from it."""
    (first, own), *others = learners
    predictions = [own, *(each for _, each in others)]
    rows, share = np.arange(len(target)), share_of_test(folds)
    scores, factor = resampled_scores(kind.metric, target, predictions, rows, seed=seed)
    found = []
    for place, (second, other) in enumerate(others, start=1):
        p_values = [corrected_t_test(first - second, each).p_value for each in (share, 0.0)]
        value = kind.metric.score(target, own) - kind.metric.score(target, other)
        interval = percentile_interval(value, scores[:, 0] - scores[:, place], factor)
        outside = not interval.low <= 0 <= interval.high
        found.append([*(p < LEVEL for p in p_values), outside])
    return found


def of_pairs(kind: Kind, n_pairs: int, n_rows: int) -> Mapping[str, Floats]:
    """Return for each scheme [2, tests], the shares of equal and of unequal pairs."""
    found: dict[str, list[list[list[bool]]]] = {scheme: [] for scheme in SCHEMES}
    for seed in range(n_pairs):
        (one, other), target = draw(kind, n_rows, 2, seed)
        for scheme, (n_folds, n_repeats) in SCHEMES.items():
            spec = FoldSpec("kfold", n_folds, seed)
            folds = make_folds(spec, FoldInput(target, kind.task), n_repeats)
            learners = [
                cross_validated(kind, features, target, folds)
                for features in (one, other, blurred(other, seed))
            ]
            found[scheme].append(alarms(kind, learners, target, folds, seed))
    return {scheme: np.mean(each, axis=0) for scheme, each in found.items()}


def of_best(kind: Kind, n_sets: int, n_rows: int) -> tuple[float, float]:
    """Return how often, of four equal learners, Holm lets the best pass for better than another.

    Once corrected for the pairs with the best alone, once for all pairs.
    """
    found = []
    for seed in range(n_sets):
        learners, target = draw(kind, n_rows, 4, seed)
        folds = make_folds(FoldSpec("kfold", 5, seed), FoldInput(target, kind.task))
        scores = [cross_validated(kind, each, target, folds)[0] for each in learners]
        share = share_of_test(folds)
        best = kind.metric.best([each.mean() for each in scores])
        p_values = {
            (i, j): corrected_t_test(scores[i] - scores[j], share).p_value
            for i in range(4)
            for j in range(i)
        }
        with_best = [p for pair, p in p_values.items() if best in pair]
        everything = dict(zip(p_values, holm(list(p_values.values())), strict=True))
        found.append(
            [
                min(holm(with_best)) < LEVEL,
                min(p for pair, p in everything.items() if best in pair) < LEVEL,
            ]
        )
    alone, all_pairs = np.mean(found, axis=0)
    return float(alone), float(all_pairs)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--rows", type=int, default=300)
    options = parser.parse_args()
    print(f"{options.pairs} pairs of {options.rows} rows")
    print(f"{'':<50}{'equal':^39}{'unequal':^39}")
    print(f"{'':<50}" + "".join(f"{name:>13}" for name in TESTS * 2), flush=True)
    for name, kind in KINDS.items():
        started = time.perf_counter()
        for scheme, shares in of_pairs(kind, options.pairs, options.rows).items():
            print(
                f"{name}, {scheme:<{48 - len(name)}}"
                + "".join(f"{x:>13.1%}" for x in shares.ravel())
            )
        alone, all_pairs = of_best(kind, options.pairs, options.rows)
        print(f"{name}, best of four: {alone:.1%} for pairs with the best, {all_pairs:.1%} for all")
        print(f"{time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
