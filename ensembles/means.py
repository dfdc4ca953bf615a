"""Blends without fitted weights: means of values, of ranks, of logarithms."""

from __future__ import annotations

import numpy as np

from comps.base import Metric, UsageError
from ensembles.by_target import each_target
from ensembles.choice import difference_errors
from ensembles.fitted import RankMean, TransformedMean, WeightedMean
from ensembles.sample import Sample
from ensembles.scorers import scorer_of
from ensembles.transforms import log, logit, normalised_exp, normalised_odds


def equal_mean(sample: Sample, metric: Metric) -> WeightedMean:
    """Return the plain mean."""
    del metric
    return WeightedMean(np.full(sample.n_members, 1 / sample.n_members))


def best_member(sample: Sample, metric: Metric) -> WeightedMean:
    """Return a blend of the best member alone."""
    target = sample.target if sample.rows is None else sample.target[sample.rows]
    scores = [metric.score(target, member) for member in sample.each()]
    weights = np.zeros(len(scores))
    weights[0 if np.isnan(scores).all() else metric.best(scores)] = 1.0
    return WeightedMean(weights)


def top_mean(sample: Sample, metric: Metric) -> WeightedMean:
    """Return the plain mean of the members that cannot be told from the best one.

    Those within two standard errors of the difference; see `ensembles.choice`. Here, each row or
    query stands for itself: groups and neighbours in time are not left out together.
    """
    predictions, target = sample.whole()
    members = np.moveaxis(predictions, 1, 0)
    score = scorer_of(metric, target)
    keys = np.array([metric.sort_key(score(member)) for member in members])
    if np.isnan(keys).all():
        return WeightedMean(np.full(len(keys), 1 / len(keys)))
    best = int(np.nanargmin(keys))
    errors = difference_errors(metric, target, members[best], list(members))
    kept = keys - keys[best] <= 2 * errors
    return WeightedMean(kept / kept.sum())


@each_target
def rank_mean(sample: Sample, metric: Metric) -> RankMean:
    """Return the mean of ranks, for metrics that look at the order of rows alone.

    New rows get the rank that they would have had among the rows of the sample, so that one row
    is predicted the same whichever others come with it.
    """
    del metric
    predictions, _ = sample.whole()
    return RankMean(np.sort(predictions, axis=0))


@each_target
def geometric_mean(sample: Sample, metric: Metric) -> TransformedMean:
    """Return the geometric mean: of positive values, or of probabilities of classes.

    Probabilities [n, members, classes] are brought to the sum one again: the logarithmic opinion
    pool (Genest and Zidek 1986).

    Raises:
        UsageError: if a value is not positive.
    """
    del metric
    if sample.predictions.ndim == 2 and float(sample.predictions.min()) <= 0.0:
        raise UsageError(
            "The geometric mean is of positive values; a member predicts "
            f"{float(sample.predictions.min()):g}. Use --method equal."
        )
    return TransformedMean(sample.n_members, log, normalised_exp)


@each_target
def logit_mean(sample: Sample, metric: Metric) -> TransformedMean:
    """Return the mean of log odds, as a probability.

    Of two classes it is the logarithmic opinion pool; of more, each class is set against all
    others, and rows are brought to the sum one again.
    """
    del metric
    return TransformedMean(sample.n_members, logit, normalised_odds)
