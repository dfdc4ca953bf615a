"""Whether Kaggle takes a file now, and how many more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from submissions.kaggle import KaggleError, Limits
from submissions.kaggle.errors import SITE


def check_taken(limits: Limits, slug: str) -> None:
    """Check that Kaggle takes a file now.

    Raises:
        KaggleError: that says when or how it does.
    """
    address = f"{SITE}/competitions/{slug}"
    if limits.notebooks_only:
        raise KaggleError(
            f"{slug} takes notebooks only, no files. 'comps export' writes a folder with the "
            f"models, which a notebook can use: add it as a data set at {address}/code. Nothing "
            "was submitted."
        )
    if limits.disabled:
        ended = _past(limits)
        why = f"It ended on {limits.deadline:%Y-%m-%d}." if ended else f"See {address}."
        raise KaggleError(f"{slug} takes no submissions. {why} Nothing was submitted.")
    # Of a team that has not joined yet, all counts are zero.
    if limits.left < 1 and (limits.today or limits.total):
        until = "" if limits.by_total else f" The next is taken in {_to_midnight()}, at 00:00 UTC."
        whole = "of the competition in all" if limits.by_total else "of today"
        raise KaggleError(
            f"All submissions {whole} are used: {limits.today} today, {limits.total} in all."
            f"{until} Nothing was submitted."
        )


def late(limits: Limits) -> list[str]:
    """Return a warning if a competition is over, and takes submissions all the same."""
    if not _past(limits):
        return []
    return [
        f"The competition ended on {limits.deadline:%Y-%m-%d %H:%M} UTC: a late submission gets "
        "scores, and no place on the leaderboard."
    ]


def _past(limits: Limits) -> bool:
    return limits.deadline is not None and limits.deadline < datetime.now(UTC).replace(tzinfo=None)


def left_today(limits: Limits) -> str:
    """Return how many submissions are left, and when they are counted anew."""
    if not (limits.left or limits.today or limits.total):
        return "Kaggle knows no submissions of yours here yet."
    if limits.by_total:
        return f"Submissions left: {limits.left}, of the competition in all; {limits.total} made."
    return (
        f"Submissions left today: {limits.left}, {limits.today} made; they are counted anew in "
        f"{_to_midnight()}, at 00:00 UTC."
    )


def _to_midnight() -> str:
    now = datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    hours, minutes = divmod(int((midnight - now).total_seconds()) // 60, 60)
    return f"{hours} h {minutes:02d} min"
