"""`prepare_upload`: a checked submission on its way to Kaggle, and the record of it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Unpack

from comps.base import Competition, UsageError, WorkbenchError, size_of
from pipelines.api.choices import Options, RowChoices, competition_of, store_of
from pipelines.api.following import follow
from pipelines.api.kaggle.limits import check_taken, late, left_today
from pipelines.api.kaggle.public_scores import kaggle_of, refreshed, scored
from pipelines.api.kaggle.record import check_new_file, new_upload, now_as_text
from pipelines.api.levels import blend_in_levels
from pipelines.api.progress import Progress, clock
from pipelines.api.results import Result
from pipelines.api.stored import submit
from pipelines.basics.fingerprint import fingerprint
from pipelines.store import RunStore
from pipelines.store.uploads import (
    NOT_TAKEN,
    OPEN,
    Upload,
    Uploads,
    change_uploads,
    drop_files,
    file_of,
    keep_upload,
    put,
    read_uploads,
)
from submissions import Difference, difference
from submissions.kaggle import Kaggle, KaggleError, Limits, LostError, Sent, connect
from submissions.kaggle.errors import SITE, of_command

# Of so many seconds, the public score is awaited.
LONGEST_WAIT = 3600.0


@dataclass(frozen=True)
class PreparedUpload:
    """A checked submission that can be sent.

    Attributes:
        result: the blend that it is of.
        file: that is sent.
        kaggle: what Kaggle calls the competition.
        limits: how many submissions Kaggle takes, and until when.
        last: the upload before; None where there is none.
        difference: of the file from that of the last upload; None where that is not known.
        upload: the record, as it is written when it is sent.
        warnings: on keys, and on what Kaggle may not take.
    """

    result: Result
    file: Path
    kaggle: str
    limits: Limits
    last: Upload | None
    difference: Difference | None
    upload: Upload
    warnings: Sequence[str]
    _client: Kaggle = field(repr=False)
    _store: RunStore = field(repr=False)

    @property
    def lines(self) -> list[str]:
        """What is about to be sent, in words."""
        upload, metric = self.upload, self.result.metric
        score = f"{upload.honest_score:.{metric.digits}f}"
        error = ""
        if upload.score_error is not None:
            error = f" ± {upload.score_error:.{metric.digits}f}"
        used = ", ".join(
            f"{name} {weight:.2f}" for name, weight in _largest(upload.weights) if weight
        )
        lines = [
            f"To {SITE}/competitions/{self.kaggle}: {self.file}, {upload.test_rows:,} rows, "
            f"{size_of(upload.bytes)}, checked.",
            f"Blend '{upload.method}': {upload.estimate} {metric.label} {score}{error}; {used}.",
        ]
        if self.last is None:
            lines.append("It is the first upload from here.")
        else:
            lines.append(f"The last upload was {self.last.label}: {self._differs(self.last)}.")
        return [*lines, left_today(self.limits)]

    def _differs(self, last: Upload) -> str:
        metric = self.result.metric
        text = "its file cannot be compared"
        if self.difference is not None:
            text = self.difference.text
        if last.metric == self.upload.metric:
            text += f"; its honest score {last.honest_score:.{metric.digits}f}"
        if last.public_score is not None:
            text += f", public {last.public_score:.{metric.digits}f}"
        return text

    def send(
        self, *, wait: float | None = None, told: Callable[[str], None] | None = None
    ) -> Upload:
        """Send the file, and await its public score if that is wanted.

        It is recorded before it is sent: whatever breaks, `comps leaderboard` finds out.

        Args:
            wait: seconds to await the score; None for none.
            told: is called with a line when the file is there, and while its score is awaited.

        Raises:
            UsageError: if the file changed since it was checked, or another command sent the same;
                nothing was submitted.
            LostError: if nobody knows whether Kaggle took the file.
            KaggleError: if it was refused and nothing was submitted, or if its score could not be
                asked for.
        """
        told = told or _nothing
        name, content = self.result.competition.name, self._checked_content()
        upload = self._begin(content)
        try:
            sent = self._send_copy(content)
        except LostError as error:
            self._record(replace(upload, status="lost", lost=now_as_text()))
            raise LostError(
                f"{error} Whether Kaggle took the file is not known: 'comps leaderboard {name}' "
                "finds out."
            ) from error
        except KaggleError as error:
            self._forget(upload)
            raise KaggleError(f"{error} Nothing was submitted; {self.file} is there.") from error
        upload = self._record(replace(upload, status="pending", ref=sent.ref))
        told(f"Kaggle took it as submission {sent.ref}.")
        if wait is None:
            return upload

        def waited(seconds: float) -> None:
            told(f"Its score is awaited, {clock(seconds)} so far.")

        try:
            found = self._client.wait(self.kaggle, sent.ref, min(wait, LONGEST_WAIT), waited)
        except KaggleError as error:
            later = f"'comps leaderboard {name}'"
            raise KaggleError(
                f"{of_command(error, later)} The file was taken as submission {sent.ref}: {later} "
                "shows its score later."
            ) from error
        return self._record(scored(upload, found))

    def _checked_content(self) -> bytes:
        """Return the content of the file, if nobody wrote it while the user was asked.

        Raises:
            UsageError: if it is not what was checked and shown.
        """
        try:
            content = self.file.read_bytes()
        except OSError as error:
            raise UsageError(f"{self.file}: {error.strerror}. Nothing was sent.") from error
        if fingerprint(content) != self.upload.content:
            raise UsageError(
                f"{self.file} changed since it was checked. Nothing was sent; run the command "
                "again."
            )
        return content

    def _begin(self, content: bytes) -> Upload:
        """Keep what is sent and record it, unless another command sent the same meanwhile."""
        upload = replace(self.upload, when=now_as_text())

        def change(uploads: Uploads) -> Uploads:
            kaggle_of(self.result.competition, uploads, self.kaggle)
            check_new_file(uploads, content, self.result.competition.name)
            return replace(put(uploads, upload), kaggle=self.kaggle)

        keep_upload(self._store, upload, content, self.result.blend.judged)  # type: ignore[union-attr]
        try:
            change_uploads(self._store, change)
        except WorkbenchError:
            drop_files(self._store, upload)
            raise
        return upload

    def _send_copy(self, content: bytes) -> Sent:
        """Send a copy of the file that nobody else writes."""
        with TemporaryDirectory() as folder:
            file = Path(folder, self.file.name)
            try:
                file.write_bytes(content)
            except OSError as error:
                raise KaggleError(f"{file} cannot be written: {error.strerror}.") from error
            return self._client.submit(self.kaggle, file, self.upload.message)

    def _record(self, upload: Upload) -> Upload:
        change_uploads(self._store, lambda uploads: put(uploads, upload))
        return upload

    def _forget(self, upload: Upload) -> None:
        def change(uploads: Uploads) -> Uploads:
            rest = tuple(one for one in uploads.uploads if one.name != upload.name)
            return replace(uploads, uploads=rest)

        change_uploads(self._store, change)
        drop_files(self._store, upload)


def prepare_upload(
    competition: str | Competition,
    members: str | Sequence[object] | None = None,
    *,
    message: str,
    output: str | Path,
    method: str = "auto",
    called: str | None = None,
    levels: str | Path | None = None,
    progress: Progress | None = None,
    **choices: Unpack[RowChoices],
) -> PreparedUpload:
    """Write and check the submission of stored members, and ask Kaggle whether it would take it.

    Nothing is sent before `PreparedUpload.send` is called.

    Args:
        competition: a name, or your own.
        members: names with commas, or a list; those of the last run unless given.
        message: what Kaggle shows beside the submission.
        output: the file.
        method: as `blend` takes it.
        called: what Kaggle calls the competition, where it has another name here.
        levels: a file of blends in levels, see `blend_in_levels`, in place of members and method.
        progress: is called with each `Update`.
        **choices: see `RowChoices`.

    Raises:
        KaggleError: if Kaggle cannot be asked, takes no files, or no more of them today, or may
            just have taken the same file.
        UsageError: if the same file was uploaded before, or earlier ones to another competition.
        WorkbenchError: see `submit`.
    """
    options = Options.of(competition, choices)
    store, subject = store_of(options), competition_of(options)
    uploads = read_uploads(store)
    slug = kaggle_of(subject, uploads, called)
    # Asked first: a blend of many members takes minutes.
    client = connect()
    limits = client.limits(slug)
    check_taken(limits, slug)
    if any(upload.status in (*OPEN, NOT_TAKEN) for upload in uploads.uploads):
        uploads, _ = refreshed(store, client.submissions(slug))
    if levels is None:
        result = submit(
            competition, members, output=output, method=method, progress=progress, **choices
        )
    else:
        result = blend_in_levels(competition, levels, output=output, progress=progress, **choices)
    content = Path(output).read_bytes()
    check_new_file(uploads, content, subject.name)
    return PreparedUpload(
        result=result,
        file=Path(output),
        kaggle=slug,
        limits=limits,
        last=uploads.last,
        difference=_difference(store, result, uploads.last),
        upload=replace(new_upload(store, uploads, result, content, message), run=_run(options)),
        warnings=(*client.warnings, *late(limits)),
        _client=client,
        _store=store,
    )


def _run(options: Options) -> str:
    """Return the name of the record of the run whose members are used."""
    run = follow(options).run
    return "" if run is None else run.name


def _difference(store: RunStore, result: Result, last: Upload | None) -> Difference | None:
    import pandas as pd

    if last is None or result.submission is None:
        return None
    try:
        before = pd.read_csv(file_of(store, last))
    except (OSError, ValueError):
        return None
    now = pd.read_csv(io.StringIO(result.submission.to_csv(index=False)))
    return difference(result.competition, now, before)


def _largest(weights: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(weights.items(), key=lambda pair: -pair[1])[:10]


def _nothing(text: str) -> None:
    del text
