"""What goes to Kaggle and comes from it: `comps fetch`, `submit --upload`, `leaderboard`."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comps.base import UsageError, WorkbenchError, size_of
from pipelines.api.inferring import check_new
from pipelines.api.kaggle.fetching import Fetched, fetch
from pipelines.api.kaggle.public_scores import Leaderboard, leaderboard
from pipelines.api.kaggle.uploading import LONGEST_WAIT, PreparedUpload, prepare_upload
from pipelines.cli.interrupts import Interrupted
from pipelines.cli.reporters import Output
from pipelines.cli.request import Request
from pipelines.cli.run import show_submission
from pipelines.cli.stored import in_levels
from pipelines.cli.tables import new_table

if TYPE_CHECKING:
    from rich.table import Table

    from pipelines.store.uploads import Upload


def fetch_files(request: Request, called: str | None) -> None:
    """Download the files of a competition, and say what comes next."""
    assert request.competition is not None
    with request.output(known=False) as output:
        found = _fetched(request, output, called)
        name = request.competition
        coming = f"comps run {name}"
        if not found.known:
            metric = found.metric or "METRIC"
            coming = f"comps init {name} --metric {metric}"
        output.result(
            f"{_landed(found)} Next: {coming}",
            {
                "file": str(found.archive.path),
                "bytes": found.archive.bytes,
                "downloaded": found.archive.new,
                "kaggle": found.kaggle,
                "metric": found.metric,
            },
            event="fetched",
        )


def fetched_choices(
    request: Request, output: Output, data: Path | None, choices: dict[str, Any]
) -> Path:
    """Fetch the files that a competition is written of; return where they are.

    Args:
        request: of the command.
        output: shows what goes on.
        data: that was named; it cannot be.
        choices: get the metric, where it is not among them and Kaggle names one.

    Raises:
        UsageError: if other data were named, or the competition is there.
    """
    if data is not None:
        raise UsageError("--kaggle fetches the data: leave out --data.")
    assert request.competition is not None
    check_new(request.competition)
    found = _fetched(request, output, None)
    output.note(_landed(found))
    if found.metric is not None and choices.get("metric") is None:
        choices["metric"] = found.metric
        output.note(f"Kaggle names the metric {found.metric}; --metric says another one.")
    return found.archive.path.parent


def _fetched(request: Request, output: Output, called: str | None) -> Fetched:
    assert request.competition is not None
    bar = not (request.json or request.quiet) and sys.stderr.isatty()
    return fetch(request.competition, called=called, bar=bar, progress=output)


def _landed(found: Fetched) -> str:
    size = size_of(found.archive.bytes)
    if found.archive.new:
        return f"{found.archive.path}: {size}, downloaded and checked."
    return f"{found.archive.path}: {size}, as Kaggle has it; nothing was downloaded."


@dataclass(frozen=True)
class Sending:
    """How a submission is sent.

    Attributes:
        message: that Kaggle shows beside it.
        wait: whether its public score is awaited.
        yes: whether nobody is asked.
        called: what Kaggle calls the competition.
    """

    message: str | None
    wait: bool
    yes: bool
    called: str | None


def check_sending(upload: bool, sending: Sending, check: Path | None) -> None:
    """Check, before anything is done, that the options of sending go together.

    Raises:
        UsageError: if they do not.
    """
    if not upload:
        if sending != Sending(None, False, False, None):
            raise UsageError("-m, --wait, --yes and --kaggle-name are of --upload.")
        return
    if check is not None:
        raise UsageError("--check looks at a file and sends none: leave out --upload.")
    if not (sending.message or "").strip():
        raise UsageError("--upload needs -m TEXT, which Kaggle shows beside the submission.")
    if not sending.yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("--upload asks before it sends. Where nobody can answer, say --yes.")


def upload_stored(
    request: Request, method: str, path: Path, sending: Sending, levels: Path | None
) -> None:
    """Write the submission of the blend of what is stored, show it, and send it."""
    choices = dict(request.choices if levels is None else in_levels(request, method))
    with request.output() as output:
        prepared = prepare_upload(
            request.subject,
            choices.pop("models", None),
            message=(sending.message or "").strip(),
            output=path,
            method=method,
            levels=levels,
            called=sending.called,
            progress=output,
            **choices,
        )
        output.close()
        show_submission(output, prepared.result, path)
        send(output, prepared, sending)


def send(output: Output, prepared: PreparedUpload, sending: Sending) -> None:
    """Show what is about to be sent, ask, send it, and show the score.

    Raises:
        WorkbenchError: if Kaggle could not score the file.
    """
    for line in (*prepared.warnings, *prepared.lines):
        output.note(line)
    if not sending.yes and not _agreed(prepared):
        output.result(f"Nothing was sent; {prepared.file} is there.", {"sent": False}, "upload")
        return
    name = prepared.result.competition.name
    try:
        upload = prepared.send(wait=LONGEST_WAIT if sending.wait else None, told=output.note)
    except Interrupted:
        # Not the usual message: the same command would be told that it sent this file.
        raise Interrupted(
            f"Interrupted. 'comps leaderboard {name}' shows whether Kaggle took the file, and its "
            "score."
        ) from None
    if upload.status == "error":
        raise WorkbenchError(
            f"Kaggle could not score submission {upload.ref}: "
            f"{upload.reason.rstrip('.') or 'it does not say why'}."
        )
    output.result(_outcome(prepared, upload, name), _values(upload), event="upload")


def _agreed(prepared: PreparedUpload) -> bool:
    import typer

    return typer.confirm(f"Send {prepared.file} to {prepared.kaggle}?", err=True)


def _outcome(prepared: PreparedUpload, upload: Upload, name: str) -> str:
    metric = prepared.result.metric
    if upload.public_score is None:
        how = "is not scored yet" if upload.status == "pending" else "has no public score"
        return f"Submission {upload.ref} {how}. 'comps leaderboard {name}' shows its score later."
    gap = upload.public_score - upload.honest_score
    return (
        f"Submission {upload.ref}: public {metric.label} {upload.public_score:.{metric.digits}f}, "
        f"{upload.estimate} {upload.honest_score:.{metric.digits}f}, gap "
        f"{gap:+.{metric.digits}f}. 'comps leaderboard {name}' says what the gap means."
    )


def _values(upload: Upload) -> dict[str, Any]:
    return {"sent": True, **asdict(upload)}


def show_leaderboard(
    request: Request, public_share: float | None, offline: bool, called: str | None
) -> None:
    """Show a row for each submission, what scores say together, and which to pick."""
    with request.output() as output:
        found = leaderboard(
            request.subject,
            public_share=public_share,
            offline=offline,
            called=called,
            **request.choices,
        )
        for note in found.notes:
            output.note(note)
        if not found.rows and not request.json:
            output.result("There are no submissions yet: comps submit NAME --upload -m TEXT", {})
            return
        output.table("submissions", leaderboard_table(found), list(found.rows))
        for text in found.verdicts:
            output.result(text, {"public_share": found.public_share}, event="verdict")
        for number, pick in enumerate(found.picks, 1):
            output.result(
                f"Final submission {number}: {pick.upload.label}, {pick.reason}",
                {"ref": pick.upload.ref, "name": pick.upload.name, "reason": pick.reason},
                event="pick",
            )


def leaderboard_table(found: Leaderboard) -> Table:
    """Return the table of own submissions."""
    digits, label = found.metric.digits, found.metric.label
    table = new_table(
        "",
        ["date (UTC)", "message"],
        [f"honest {label}", "public", "gap", "expected by chance", "private"],
        spare=["private", "expected by chance"],
    )
    table.add_column("")

    def shown(value: float | None, form: str = "") -> str:
        return "" if value is None else f"{value:{form}.{digits}f}"

    for row in found.rows:
        expected = "" if row["low"] is None else f"{shown(row['low'])} to {shown(row['high'])}"
        status = "" if row["status"] == "complete" else row["reason"] or row["status"]
        table.add_row(
            row["when"],
            row["message"],
            shown(row["honest_score"]),
            shown(row["public_score"]),
            shown(row["gap"], "+"),
            expected,
            shown(row["private_score"]),
            status,
        )
    return table
