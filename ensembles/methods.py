"""The methods of blending, from the simplest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from comps.base import Loss, Metric, Prediction, Truth
from ensembles import means, search, stacking
from ensembles.by_target import Fit, each_target
from ensembles.fitted import ClassWeights, WeightedMean
from ensembles.greedy import greedy_weights
from ensembles.log_loss_weights import log_loss_weights
from ensembles.sample import Columns, Sample
from ensembles.weights import SOLVERS, convex_weights

Suits = Callable[[Metric, Columns], bool]


def convex(sample: Sample, metric: Metric) -> WeightedMean:
    """Return the weighted mean at the optimum of the metric's loss, one for several targets."""
    found = convex_weights(metric.loss, sample, metric.parameter)
    return WeightedMean(found.weights, found.gap)


def convex_by_class(sample: Sample, metric: Metric) -> ClassWeights:
    """Return weights of each class at the optimum of the log loss of that class against all others.

    The log loss of the normalised rows is not convex in such weights; that of each class is.
    """
    del metric
    n_classes = sample.predictions.shape[2]
    truth = Truth.of(sample.target)
    columns = []
    for code in range(n_classes):
        against = Truth((truth.values == code) * 1.0, truth.weight)
        one = Sample(sample.predictions[:, :, code], against, sample.rows)
        columns.append(log_loss_weights(one).weights)
    return ClassWeights(np.stack(columns, axis=1))


def greedy(sample: Sample, metric: Metric) -> WeightedMean:
    """Return the mean of members that were selected greedily, by the metric itself."""
    return WeightedMean(greedy_weights(sample, metric))


def bagged_greedy(sample: Sample, metric: Metric) -> WeightedMean:
    """Return the mean of twenty greedy selections, each among half of the members."""
    return WeightedMean(greedy_weights(sample, metric, bags=20))


def nelder_mead(sample: Sample, metric: Metric) -> WeightedMean:
    """Return the weighted mean that the downhill simplex method finds."""
    return WeightedMean(search.nelder_mead_weights(sample, metric))


def random_search(sample: Sample, metric: Metric) -> WeightedMean:
    """Return the best of a thousand random weighted means."""
    return WeightedMean(search.random_weights(sample, metric))


def _always(metric: Metric, columns: Columns) -> bool:
    del metric, columns
    return True


def _never(metric: Metric, columns: Columns) -> bool:
    del metric, columns
    return False


def _inexact(metric: Metric, columns: Columns) -> bool:
    return not _exact(metric, columns)


def _values(metric: Metric, columns: Columns) -> bool:
    del columns
    return metric.needs is Prediction.VALUE


def _classes(metric: Metric, columns: Columns) -> bool:
    return not _values(metric, columns)


def _two_classes(metric: Metric, columns: Columns) -> bool:
    return _classes(metric, columns) and columns is not Columns.CLASSES


def _many_classes(metric: Metric, columns: Columns) -> bool:
    del metric
    return columns is Columns.CLASSES


def _order(metric: Metric, columns: Columns) -> bool:
    return metric.order_alone and columns is not Columns.CLASSES


def _exact(metric: Metric, columns: Columns) -> bool:
    del columns
    return metric.loss in SOLVERS


def _exact_by_class(metric: Metric, columns: Columns) -> bool:
    return columns is Columns.CLASSES and metric.loss is Loss.LOG_LOSS


def _exact_by_target(metric: Metric, columns: Columns) -> bool:
    return columns is Columns.TARGETS and _exact(metric, columns)


@dataclass(frozen=True)
class Method:
    """A method of blending.

    Attributes:
        fit: `(sample, metric) -> Fitted`.
        suits: `(metric, columns of a member) -> bool`, whether it can be used there.
        auto: likewise, whether it is tried when no method is named.
        stacks: whether a model learns the target from the members: what it predicts may lie beyond
            all of them.
    """

    fit: Fit
    suits: Suits = _always
    auto: Suits = _always
    stacks: bool = False


#: What stands for the choice of a method by honest scores.
AUTO = "auto"
#: The methods by name, from the simplest, which `auto` begins with. Methods that are slower than
#: the exact weights and no better, or overfit where rows are few, are tried only if named.
METHODS: Mapping[str, Method] = {
    "equal": Method(means.equal_mean),
    "logit": Method(means.logit_mean, _two_classes),
    "geometric": Method(means.geometric_mean, auto=_many_classes),
    "rank": Method(means.rank_mean, _order, auto=_never),
    "top": Method(means.top_mean),
    "best": Method(means.best_member),
    "convex": Method(convex, _exact),
    "convex-by-class": Method(convex_by_class, _exact_by_class),
    "convex-by-target": Method(each_target(convex), _exact_by_target),
    "greedy": Method(greedy, auto=_inexact),
    "greedy-bagged": Method(bagged_greedy, auto=_never),
    "ridge": Method(stacking.ridge_stack, _values, stacks=True),
    "logistic": Method(stacking.logistic_stack, _classes, stacks=True),
    "lightgbm": Method(stacking.lightgbm_stack, auto=_never, stacks=True),
    "nelder-mead": Method(nelder_mead, auto=_never),
    "random": Method(random_search, auto=_never),
}


def parts_of(method: str) -> tuple[str, ...]:
    """Return the methods that a name joins by plus signs; their blends are averaged.

    >>> parts_of("top+convex")
    ('top', 'convex')
    """
    return tuple(method.split("+"))


def methods_for(metric: Metric, columns: Columns, *, in_time: bool = False) -> list[str]:
    """Return the names of the methods that are tried when none is named.

    Args:
        metric: what the blend should be good at.
        columns: those of a member.
        in_time: whether test rows are later than all training rows. A stack learns how far members
            were off in the past, and where that changes it is off itself: on hotel prices that fell
            to winter and rose again by 17.7, where its trees were off by 11.4 to 12.6.
    """
    return [
        name
        for name, method in METHODS.items()
        if method.suits(metric, columns) and method.auto(metric, columns)
        if not (in_time and method.stacks)
    ]
