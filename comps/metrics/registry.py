"""All metrics by the names that people type."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from comps.base import Metric, UsageError, unknown_name
from comps.metrics import classification, labels, ranking, regression


@dataclass(frozen=True)
class Parametrised:
    """Metrics with a number in their names, as in "pinball@0.9".

    Attributes:
        make: from the number to the metric.
        takes: what the number is, in words.
        example: a name with one.
    """

    make: Callable[[float], Metric]
    takes: str
    example: str


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        *regression.METRICS,
        *classification.METRICS,
        *labels.METRICS,
        *ranking.METRICS,
    )
}

_PINBALL = Parametrised(regression.pinball, "the quantile, between 0 and 1", "pinball@0.9")
_TWEEDIE = Parametrised(regression.tweedie, "the power, 1 or more", "tweedie@1.5")
_MAP = Parametrised(ranking.map_at, "the number of labels", "map@3")
_NDCG = Parametrised(ranking.ndcg_at, "the number of rows of a query", "ndcg@10")

#: Metrics that are made for a number, which stands behind "@" in their name.
PARAMETRISED: Mapping[str, Parametrised] = {
    "mean_pinball_loss": _PINBALL,
    "pinball": _PINBALL,
    "quantile": _PINBALL,
    "mean_tweedie_deviance": _TWEEDIE,
    "tweedie": _TWEEDIE,
    "mean_average_precision": _MAP,
    "map": _MAP,
    "ndcg_score": _NDCG,
    "ndcg": _NDCG,
}


def _plain(name: str) -> str:
    """Return a name as it is looked up: small letters, and "_" between words."""
    return re.sub(r"[\s_-]+", "_", name.strip().lower()).removeprefix("neg_")


def _names(metric: Metric) -> Iterator[str]:
    yield from map(_plain, (metric.name, metric.label, *metric.aliases))


_BY_NAME = {name: metric for metric in METRICS.values() for name in _names(metric)}


def is_known(name: str) -> bool:
    """Whether a name is that of a metric here."""
    return _plain(re.split("[@:]", name)[0]) in {*_BY_NAME, *PARAMETRISED}


def find_metric(name: str) -> Metric:
    """Return a metric by its name, its label or what people type: "rmse", "AUC", "map@3".

    Raises:
        UsageError: if there is none; the message lists the close names. Or if the number behind
            "@" is missing or none that the metric can have.

    >>> find_metric("RMSE").name, find_metric("log-loss").name, find_metric("pinball@0.9").label
    ('root_mean_squared_error', 'log_loss', 'pinball@0.9')
    """
    head, _, number = name.replace(":", "@").partition("@")
    plain = _plain(head)
    if not number and plain in _BY_NAME:
        return _BY_NAME[plain]
    if plain in PARAMETRISED:
        return _made(PARAMETRISED[plain], head, number)
    if plain in _BY_NAME:
        raise UsageError(f"{_BY_NAME[plain].label} takes no number; {name!r} came.")
    raise unknown_name("metric", name, [*_BY_NAME, *PARAMETRISED])


def as_metric(metric: str | Metric) -> Metric:
    """Return a metric, which may be given by its name.

    Raises:
        UsageError: if there is none of this name, or something else came.

    >>> as_metric("rmse").label
    'RMSE'
    """
    if isinstance(metric, str):
        return find_metric(metric)
    if isinstance(metric, Metric):
        return metric
    came, how = repr(metric), ""
    if callable(metric):
        name = getattr(metric, "__name__", "function")
        came = f"the function {name}"
        how = f" Make a metric of it: comps.metric({name}, greater_is_better=...)."
    raise UsageError(
        f"The name of a metric, such as 'rmse', or a Metric was expected; {came} came.{how}"
    )


def _made(family: Parametrised, head: str, number: str) -> Metric:
    try:
        parameter = float(number)
    except ValueError:
        came = repr(number) if number else "no number"
        raise UsageError(
            f"{head} takes {family.takes}, as in {family.example}; {came} came."
        ) from None
    return family.make(parameter)
