"""Metrics of rankings: of a row's labels, and of the rows of a query."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Loss, Metric, Prediction, UsageError, ranked_classes


def _average_precision_at(
    target: Array, probabilities: Array, sample_weight: Array | None = None, *, count: int
) -> float:
    """Return the mean over rows of 1 / rank of the true label, 0 where it is not ranked.

    Classes of a probability below zero are not ranked: a submission may name fewer labels.
    """
    ranked = ranked_classes(probabilities, count)
    hits = ranked == np.asarray(target)[:, None]
    if probabilities.ndim == 2:
        hits &= np.take_along_axis(probabilities, ranked, axis=1) >= 0
    gains = (hits / np.arange(1, hits.shape[1] + 1)).sum(axis=1)
    return float(np.average(gains, weights=sample_weight))


def _gains(
    target: Array, scores: Array, query: NDArray[np.intp], count: int | None
) -> NDArray[np.float64]:
    """Return the discounted gain of each query, by the order of scores; ties share their places.

    Jarvelin and Kekalainen, "Cumulated gain-based evaluation of IR techniques" (2002); McSherry
    and Najork, "Computing information retrieval performance measures efficiently in the presence
    of tied scores" (2008).
    """
    order = np.lexsort((-scores, query))
    queries, ordered = query[order], scores[order]
    sizes = np.bincount(query)
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    discounts = 1 / np.log2(place + 2)
    if count is not None:
        discounts[place >= count] = 0.0
    starts = np.ones(len(order), dtype=bool)
    starts[1:] = (queries[1:] != queries[:-1]) | (ordered[1:] != ordered[:-1])
    first = np.flatnonzero(starts)
    tied = np.diff(np.append(first, len(order)))
    means = np.add.reduceat(target[order], first) / tied
    gains = means * np.add.reduceat(discounts, first)
    return np.bincount(queries[first], gains, len(sizes)).astype(np.float64)


def _ndcg(
    target: Array,
    scores: Array,
    sample_weight: Array | None = None,
    query: Array | None = None,
    *,
    count: int | None = None,
) -> float:
    """Return the mean over queries; all rows are one query where none is given."""
    target, scores = np.asarray(target, np.float64), np.asarray(scores, np.float64)
    codes = np.zeros(len(target), np.intp)
    if query is not None:
        codes = np.unique(query, return_inverse=True)[1]
    gains, best = (_gains(target, by, codes, count) for by in (scores, target))
    shares = np.divide(gains, best, out=np.zeros_like(gains), where=best > 0)
    weights = None
    if sample_weight is not None:
        weights = np.bincount(codes, sample_weight) / np.bincount(codes)
    return float(np.average(shares, weights=weights))


def map_at(count: float) -> Metric:
    """Return the mean average precision at some number of labels, of which one is true.

    Raises:
        UsageError: if it is no whole number from 1 on.

    >>> map_at(3).label
    'MAP@3'
    """
    return Metric(
        name=f"mean_average_precision@{_whole(count)}",
        label=f"MAP@{_whole(count)}",
        function=partial(_average_precision_at, count=_whole(count)),
        greater_is_better=True,
        needs=Prediction.RANKED_LABELS,
        loss=Loss.LOG_LOSS,
        digits=4,
        weighted=True,
        parameter=_whole(count),
    )


def ndcg_at(count: float | None) -> Metric:
    """Return the normalised discounted cumulative gain at some number of rows; None for all.

    The target is the gain itself, zero or more. A query of rows without any gain scores 0. The
    weight of a query is the mean of its rows'.

    Raises:
        UsageError: if it is no whole number from 1 on.

    >>> ndcg_at(10).name
    'ndcg_score@10'
    """
    whole = None if count is None else _whole(count)
    at = "" if whole is None else f"@{whole}"
    return Metric(
        name=f"ndcg_score{at}",
        label=f"NDCG{at}",
        function=partial(_ndcg, count=whole),
        greater_is_better=True,
        loss=Loss.SQUARED_ERROR,
        order_alone=True,
        digits=4,
        weighted=True,
        by_query=True,
        least_target=0.0,
        parameter=whole,
    )


def _whole(count: float) -> int:
    if not (count >= 1 and float(count).is_integer()):
        raise UsageError(
            f"After @ a whole number from 1 on was expected, as in map@3; {count:g} came."
        )
    return int(count)


NDCG = ndcg_at(None)
METRICS = (NDCG,)
