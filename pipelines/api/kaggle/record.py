"""The record of an upload that is to be sent: what it is worth here, beside earlier ones."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, UsageError, counted
from ensembles.outer import comparable
from ensembles.paired import paired_gain
from ensembles.public_part import known_rows, score_error
from ensembles.sample import Floats
from pipelines.api.results import Result
from pipelines.basics.fingerprint import fingerprint
from pipelines.store import RunStore
from pipelines.store.uploads import Upload, Uploads, honest_of
from submissions.kaggle import KaggleError


def new_upload(
    store: RunStore, uploads: Uploads, result: Result, content: bytes, message: str
) -> Upload:
    """Return the record of a file that is not sent yet.

    Args:
        store: with the honest predictions of earlier uploads.
        uploads: the earlier ones.
        result: the blend that is in the file.
        content: of the file.
        message: that Kaggle shows beside it.
    """
    blend, dataset, now = result.blend, result.dataset, datetime.now(UTC)
    assert blend is not None and result.submission is not None
    rows = known_rows(blend.judged)
    (judged,), groups, times = _comparable(result, rows, blend.judged)
    error = score_error(result.metric, result.truth[rows], judged, groups, times)
    return Upload(
        name=f"{now:%Y-%m-%dT%H%M%S.%fZ}",
        when=now.isoformat(timespec="seconds"),
        message=message,
        bytes=len(content),
        content=fingerprint(content),
        method=blend.method,
        weights=dict(zip(blend.members, map(float, blend.weights), strict=True)),
        metric=result.metric.name,
        estimate=str(blend.estimate),
        honest_score=blend.honest_score,
        score_error=error,
        train_rows=len(rows),
        # The data set's test rows have the sealed ones behind them.
        test_rows=len(result.submission),
        data=dataset.fingerprint,
        folds=result.folds.fingerprint,
        seed=result.experiment.seed,
        gains=_gains(store, uploads, result),
    )


def _gains(store: RunStore, uploads: Uploads, result: Result) -> dict[str, tuple[float, float]]:
    """Return how much better than earlier uploads on the same rows this one is."""
    blend, dataset = result.blend, result.dataset
    assert blend is not None
    found = {}
    for earlier in uploads.uploads:
        if (earlier.data, earlier.metric) != (dataset.fingerprint, result.metric.name):
            continue
        # Its folds are not known any more, on whose levels a metric of the order would depend.
        if result.metric.order_alone and earlier.folds != result.folds.fingerprint:
            continue
        before = honest_of(store, earlier)
        if before is None or before.shape != blend.judged.shape:
            continue
        rows = known_rows(before, blend.judged)
        (one, other), groups, times = _comparable(result, rows, before, blend.judged)
        gain = paired_gain(result.metric, result.truth[rows], one, other, groups, times)
        if gain.error is not None:
            found[earlier.name] = gain.gain, gain.error
    return found


def _comparable(
    result: Result, rows: NDArray[np.int64], *predictions: NDArray[np.float64]
) -> tuple[list[Floats], Array | None, Array | None]:
    """Return predictions of some rows, scored as honest scores are, with their groups and times."""
    dataset, folds = result.dataset, result.folds.fold_of_row()[rows]
    return (
        [comparable(result.metric, one[rows], folds) for one in predictions],
        None if dataset.units is None else dataset.units[rows],
        None if dataset.times is None else dataset.times[rows],
    )


def check_new_file(uploads: Uploads, content: bytes, name: str) -> None:
    """Check that a file was not sent before, as far as that is known.

    Args:
        uploads: so far.
        content: of the file.
        name: of the competition.

    Raises:
        UsageError: if it was uploaded.
        KaggleError: if Kaggle may still take it.
    """
    same = [one for one in uploads.uploads if one.content == fingerprint(content)]
    taken = [one for one in same if one.status in ("pending", "complete")]
    if taken:
        raise UsageError(
            f"The same file was uploaded before, {taken[-1].label}: it would get the same score, "
            "and one submission of today would be gone."
        )
    unsure = [one for one in same if one.unsure]
    if unsure:
        minutes = math.ceil(unsure[-1].unsure / timedelta(minutes=1))
        raise KaggleError(
            f"The same file was sent before, {unsure[-1].label}, and Kaggle may still take it. "
            f"'comps leaderboard {name}' shows it when it did. Nothing was sent; if it is not "
            f"there in {counted(minutes, 'minute')}, the same command sends it again."
        )


def now_as_text() -> str:
    """Return the time, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
