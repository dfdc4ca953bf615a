"""Weights by search, as in the book: for comparison with exact weights."""

from __future__ import annotations

import numpy as np

from comps.base import Metric
from ensembles.sample import Floats, Sample

# A vertex further away than this has no weight in double precision.
_FLAT = 30.0


def nelder_mead_weights(sample: Sample, metric: Metric, *, seed: int = 0) -> Floats:
    """Return the weights that the downhill simplex method finds, starting from equal ones.

    Chollet, "Deep Learning with Python", 2nd edition, section 13.1.2: weights can be found by
    random search or a simple optimisation algorithm such as Nelder-Mead. Weights are the softmax
    of free numbers. It needs some hundred scores a member, and stops far from the optimum where
    members are many.

    Args:
        sample: what is scored.
        metric: any metric; it need not have a slope.
        seed: unused.

    Returns:
        [members] float64, non-negative, sum 1.
    """
    from scipy.optimize import minimize
    from scipy.special import softmax

    del seed
    predictions, target = sample.whole()

    def key(free: Floats) -> float:
        return metric.sort_key(metric.score(target, _mean(predictions, softmax(free))))

    start = np.zeros(sample.n_members)
    # Wide enough that a metric of steps, such as accuracy, changes between the corners.
    corners = np.vstack([start, np.eye(sample.n_members)])
    found = minimize(
        key,
        start,
        method="Nelder-Mead",
        options={"initial_simplex": corners, "maxfev": 200 * sample.n_members, "xatol": 1e-3},
    )
    weights: Floats = softmax(np.clip(found.x, -_FLAT, _FLAT))
    return weights


def random_weights(sample: Sample, metric: Metric, *, draws: int = 1000, seed: int = 0) -> Floats:
    """Return the best of some weights drawn evenly from the simplex, the equal ones among them.

    Args:
        sample: what is scored.
        metric: any metric.
        draws: how many.
        seed: of the draws.

    Returns:
        [members] float64, non-negative, sum 1; equal ones where none has a score.
    """
    predictions, target = sample.whole()
    drawn = np.random.default_rng(seed).dirichlet(np.ones(sample.n_members), draws - 1)
    weights = np.vstack([np.full(sample.n_members, 1 / sample.n_members), drawn])
    scores = [metric.score(target, _mean(predictions, some)) for some in weights]
    best: Floats = weights[0 if np.isnan(scores).all() else metric.best(scores)]
    return best


def _mean(predictions: Floats, weights: Floats) -> Floats:
    mean: Floats = np.tensordot(predictions, weights, axes=(1, 0))
    return mean
