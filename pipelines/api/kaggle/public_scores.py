"""`leaderboard`: own submissions with their honest and public scores, and what the gap says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comps.base import Competition, Metric, UsageError, WorkbenchError
from ensembles.public_part import Doubt, Scored, doubts, gap_error
from pipelines.api.choices import Options, competition_of, store_of
from pipelines.api.kaggle.fetching import kaggle_name
from pipelines.api.kaggle.finals import Pick, pick_finals
from pipelines.store import RunStore
from pipelines.store.uploads import (
    NOT_TAKEN,
    OPEN,
    Upload,
    Uploads,
    change_uploads,
    file_of,
    put,
    read_uploads,
)
from submissions import Difference, difference
from submissions.kaggle import Submitted, connect

if TYPE_CHECKING:
    import pandas as pd

# Of the test rows, where the user does not say what the page of the competition does. Wide
# intervals are the careful side: with fewer public rows, less is more than chance.
USUAL_SHARE = 0.2
# Clocks differ by less.
_CLOCKS = timedelta(minutes=10)


@dataclass(frozen=True)
class Leaderboard:
    """Own submissions, the newest first.

    Attributes:
        metric: of the competition.
        rows: a mapping for each submission: `when`, `message`, `honest_score`, `public_score`,
            `private_score`, `gap` (public less honest), `low` and `high` (where the public score is
            expected, in 95 of 100 cases), `status`, `reason` and `ref`. What was not sent from here
            has no honest score.
        public_share: of the test rows that public scores are of.
        picks: which to pick as final submissions.
        verdicts: what the scores say together, in words.
        notes: what the user should know.
    """

    metric: Metric
    rows: Sequence[dict[str, Any]]
    public_share: float
    picks: Sequence[Pick]
    verdicts: Sequence[str]
    notes: Sequence[str]

    @property
    def table(self) -> pd.DataFrame:
        """The rows as a table."""
        import pandas as pd

        return pd.DataFrame(self.rows)


def leaderboard(
    competition: str | Competition,
    *,
    runs: str | Path | None = None,
    called: str | None = None,
    public_share: float | None = None,
    offline: bool = False,
) -> Leaderboard:
    """Return own submissions to Kaggle with honest score, public score and gap.

    New scores are asked of Kaggle; where it cannot be asked, those that are known are shown.

    Args:
        competition: a name, or your own.
        runs: the folder for results.
        called: what Kaggle calls the competition, where it has another name here.
        public_share: of the test rows that public scores are of, as the competition's page says; it
            is kept. A fifth is assumed as long as nobody says it.
        offline: whether Kaggle is not asked.

    Raises:
        UsageError: if the uploads went to another competition than is called.
        WorkbenchError: if there are no uploads, and Kaggle cannot be asked for others.
    """
    options = Options.of(competition, {"runs": runs})
    subject, store = competition_of(options), store_of(options)
    if public_share is not None and not 0 < public_share <= 1:
        raise UsageError(
            "public_share (--public-share) takes a share of the test rows, such as 0.3, not "
            f"{public_share}."
        )
    uploads = read_uploads(store)
    slug = kaggle_of(subject, uploads, called)
    others: list[Submitted] = []
    notes: list[str] = []
    if not offline:
        try:
            client = connect()
            found = client.submissions(slug)
        except WorkbenchError as error:
            if not uploads.uploads:
                raise
            notes.append(f"Shown is what is known here. {error}")
        else:
            notes += client.warnings
            uploads, others = refreshed(store, found)
    if public_share is not None:
        uploads = change_uploads(store, lambda now: replace(now, public_share=public_share))
    return judged(subject, store, uploads, others, notes)


def judged(
    competition: Competition,
    store: RunStore,
    uploads: Uploads,
    others: Sequence[Submitted] = (),
    notes: Sequence[str] = (),
) -> Leaderboard:
    """Return what uploads and their scores say; nobody is asked.

    Args:
        competition: of the uploads.
        store: with their files.
        uploads: the oldest first.
        others: submissions that were not sent from here.
        notes: of the caller's.
    """
    metric, share = competition.metric, uploads.public_share or USUAL_SHARE
    rows = [_row(metric, one, share) for one in reversed(uploads.uploads)]
    rows += [_foreign(one) for one in others]
    assumed = ""
    if uploads.public_share is None:
        assumed = (
            " A fifth of the test rows is assumed to be public: --public-share says what the "
            "competition's page does."
        )
    files: dict[str, pd.DataFrame | None] = {}

    def differs(one: Upload, other: Upload) -> Difference | None:
        tables = [_table(store, each, files) for each in (one, other)]
        if any(table is None for table in tables):
            return None
        return difference(competition, *tables)  # type: ignore[arg-type]

    return Leaderboard(
        metric=metric,
        rows=sorted(rows, key=lambda row: row["when"], reverse=True),
        public_share=share,
        picks=pick_finals(metric, uploads.uploads, differs),
        verdicts=[text + assumed for text in _verdicts(metric, uploads, share)],
        notes=list(notes),
    )


def kaggle_of(competition: Competition, uploads: Uploads, called: str | None) -> str:
    """Return what Kaggle calls the competition that uploads go to: where they went before.

    Args:
        competition: of the uploads.
        uploads: so far.
        called: what the user says that Kaggle calls it.

    Raises:
        UsageError: if the uploads so far went to another one.
    """
    before = uploads.kaggle if uploads.uploads else ""
    slug = kaggle_name(competition, called or before or None)
    if before and slug != before:
        raise UsageError(
            f"The uploads of {competition.name} went to {before}, not to {slug}: their scores are "
            f"of other rows. Leave out --kaggle-name, or use another folder with --runs for {slug}."
        )
    return slug


def refreshed(store: RunStore, found: Sequence[Submitted]) -> tuple[Uploads, list[Submitted]]:
    """Return the uploads with what Kaggle says of them, and its submissions that are others.

    Of an upload whose answer was lost it is known then whether Kaggle took it; that it did not, as
    soon as it cannot be still at work on it.

    Args:
        store: with the record.
        found: all submissions that Kaggle knows.
    """
    unmatched = {one.ref: one for one in found}

    def change(uploads: Uploads) -> Uploads:
        unmatched.update({one.ref: one for one in found})
        changed = uploads
        known = {upload.ref for upload in uploads.uploads if upload.ref is not None}
        # What was sent again after it was given up is looked for first.
        for upload in sorted(uploads.uploads, key=lambda one: one.status == NOT_TAKEN):
            same = unmatched.get(upload.ref or 0) or _sent(upload, unmatched.values(), known)
            if same is not None:
                del unmatched[same.ref]
                changed = put(changed, scored(upload, same))
            elif upload.status in OPEN and not upload.unsure:
                changed = put(changed, replace(upload, status=NOT_TAKEN))
        return changed

    if not read_uploads(store).uploads:
        return read_uploads(store), list(found)
    return change_uploads(store, change), list(unmatched.values())


def _sent(upload: Upload, found: Iterable[Submitted], known: set[int]) -> Submitted | None:
    """Return the submission of an upload of which nobody knew whether Kaggle took it."""
    if upload.status not in (*OPEN, NOT_TAKEN):
        return None
    began = datetime.fromisoformat(upload.when).replace(tzinfo=None) - _CLOCKS
    for one in found:
        same = one.message == upload.message and one.bytes in (0, upload.bytes)
        if one.ref in known or not same or not one.when:
            continue
        if datetime.fromisoformat(one.when).replace(tzinfo=None) >= began:
            return one
    return None


def _row(metric: Metric, upload: Upload, share: float) -> dict[str, Any]:
    """Return the row of an upload, with the interval that its public rows allow."""
    mine = upload.metric == metric.name
    error = _gap_error(upload, share) if mine else None
    honest, public = upload.honest_score, upload.public_score
    return {
        "when": upload.when[:16].replace("T", " "),
        "message": upload.message,
        "honest_score": honest if mine else None,
        "public_score": public,
        "private_score": upload.private_score,
        "gap": public - honest if mine and public is not None else None,
        "low": None if error is None else honest - 2 * error,
        "high": None if error is None else honest + 2 * error,
        "status": upload.status,
        "reason": upload.reason,
        "ref": upload.ref,
        "name": upload.name,
    }


def _foreign(one: Submitted) -> dict[str, Any]:
    return {
        "when": one.when[:16].replace("T", " "),
        "message": one.message,
        "honest_score": None,
        "public_score": one.public_score,
        "private_score": one.private_score,
        "gap": None,
        "low": None,
        "high": None,
        "status": one.status,
        "reason": one.reason,
        "ref": one.ref,
        "name": None,
    }


def _gap_error(upload: Upload, share: float) -> float | None:
    if upload.score_error is None:
        return None
    return gap_error(upload.score_error, upload.train_rows, share * upload.test_rows)


def _verdicts(metric: Metric, uploads: Uploads, share: float) -> list[str]:
    """Return what public and honest scores say of each other, as far as chance allows."""
    known = [
        one
        for one in uploads.uploads
        if one.metric == metric.name and one.public_score is not None
        if one.score_error is not None
    ]
    if not known:
        return []
    scores = [
        Scored(
            one.name,
            one.honest_score,
            one.score_error or 0.0,
            one.train_rows,
            one.public_score or 0.0,
            one.gains,
        )
        for one in known
    ]
    by_name = {one.name: one for one in known}
    found = doubts(metric, scores, share * known[-1].test_rows)
    alone = [doubt for doubt in found if not doubt.other]
    pairs = [doubt for doubt in found if doubt.other]
    if not found:
        return [
            f"Honest and public scores of {len(known)} upload{'s' * (len(known) > 1)} differ by no "
            "more than chance would make them: trust the honest ones, which are of more rows."
        ]
    texts = [_of_level(metric, alone, by_name, len(known))] if alone else []
    return texts + [_of_pair(metric, doubt, by_name) for doubt in pairs]


def _of_level(
    metric: Metric, found: Sequence[Doubt], by_name: dict[str, Upload], count: int
) -> str:
    worst = max(found, key=lambda doubt: abs(doubt.gap) / doubt.error)
    upload = by_name[worst.name]
    better = "better" if worst.gap > 0 else "worse"
    return (
        f"Public scores of {len(found)} of {count} uploads differ from the honest ones by more "
        f"than chance would: {upload.label} is {better} by {abs(worst.gap):.{metric.digits}f}, "
        f"{abs(worst.gap) / worst.error:.1f} standard errors. Where all are off to one side, the "
        "test rows are others than the training rows, or the folds leak: 'comps check-data' looks."
    )


def _of_pair(metric: Metric, doubt: Doubt, by_name: dict[str, Upload]) -> str:
    one, other = by_name[doubt.name], by_name[doubt.other]
    gain = one.gains[other.name][0]
    public = gain + doubt.gap
    return (
        f"Of {one.label} and {other.label} the public score says that the former is "
        f"{_by(metric, public)}, the honest one {_by(metric, gain)}: more than chance would make "
        "them disagree."
    )


def _by(metric: Metric, gain: float) -> str:
    return f"{'better' if gain >= 0 else 'worse'} by {abs(gain):.{metric.digits}f}"


def _table(
    store: RunStore, upload: Upload, files: dict[str, pd.DataFrame | None]
) -> pd.DataFrame | None:
    import pandas as pd

    if upload.name not in files:
        try:
            files[upload.name] = pd.read_csv(file_of(store, upload))
        except (OSError, ValueError):
            files[upload.name] = None
    return files[upload.name]


def scored(upload: Upload, found: Submitted) -> Upload:
    """Return an upload with what Kaggle says of it now."""
    changes: dict[str, Any] = {
        "status": found.status,
        "ref": found.ref,
        "reason": found.reason,
        "public_score": found.public_score,
        "private_score": found.private_score,
    }
    return replace(upload, **changes)
