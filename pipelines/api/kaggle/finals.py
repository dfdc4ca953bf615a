"""Which two uploads to pick as the final submissions, and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from comps.base import Metric
from pipelines.store.uploads import Upload
from submissions import Difference

# So many submissions count in the end.
PICKED = 2


@dataclass(frozen=True)
class Pick:
    """An upload that is picked, and the reason in a sentence."""

    upload: Upload
    reason: str


def pick_finals(
    metric: Metric,
    uploads: Sequence[Upload],
    differs: Callable[[Upload, Upload], Difference | None],
) -> list[Pick]:
    """Return the two uploads to pick: by honest score, and by difference.

    The first has the best honest score: it is of all training rows, and the public score of a few
    test rows, on which some of many uploads are best by luck. The second is a hedge: of those whose
    honest scores cannot be told from the first's, the one that differs most from it. Where the
    first is wrong about the private rows, one that is alike would be wrong, too.

    Args:
        metric: of the scores.
        uploads: those that Kaggle could score count.
        differs: the difference of two uploaded files; None where it is not known.
    """
    scored = [one for one in uploads if one.status == "complete" and one.metric == metric.name]
    if not scored:
        return []
    ordered = sorted(scored, key=lambda one: metric.sort_key(one.honest_score))
    first, others = ordered[0], ordered[1:]
    reasons = [f"the best honest score, {first.honest_score:.{metric.digits}f}"]
    luckiest = min(scored, key=lambda one: _public_key(metric, one))
    if luckiest is not first and luckiest.public_score is not None:
        reasons.append(
            f"{luckiest.label} has the best public score, which is of fewer rows and one of "
            f"{len(scored)}"
        )
    picks = [Pick(first, "; ".join(reasons) + ".")]
    if not others:
        return picks
    near = [one for one in others if _alike(metric, first, one)]
    if not near:
        reason = (
            f"the next honest score, {others[0].honest_score:.{metric.digits}f}: all others are "
            "worse than the first by more than chance explains."
        )
        return [*picks, Pick(others[0], reason)]
    distances = {one.name: _distance(differs(first, one)) for one in near}
    second = max(near, key=lambda one: distances[one.name])
    found = differs(first, second)
    how = "as far as the files can be compared" if found is None else f"where {found.text}"
    reason = (
        f"honest score {second.honest_score:.{metric.digits}f}, which chance alone may tell from "
        f"the first's, and of {len(near)} such it differs most from the first, {how}."
    )
    return [*picks, Pick(second, reason)]


def _alike(metric: Metric, best: Upload, other: Upload) -> bool:
    """Whether the honest score of an upload cannot be told from the best one."""
    behind = metric.sort_key(other.honest_score) - metric.sort_key(best.honest_score)
    if other.name in best.gains:
        error = best.gains[other.name][1]
    elif best.name in other.gains:
        error = other.gains[best.name][1]
    else:
        # On other rows or folds: their errors are not of the same rows.
        errors = [one.score_error for one in (best, other) if one.score_error is not None]
        error = sum(error**2 for error in errors) ** 0.5
    return behind <= 2 * error


def _distance(found: Difference | None) -> float:
    return -1.0 if found is None else found.distance


def _public_key(metric: Metric, upload: Upload) -> float:
    return float("inf") if upload.public_score is None else metric.sort_key(upload.public_score)
