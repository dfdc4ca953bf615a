"""`prepare_upload`: a checked submission on its way to Kaggle, and the record of it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Unpack

from comps.base import Competition, UsageError, size_of
from ensembles.paired import paired_gain
from ensembles.public_part import known_rows, score_error
from pipelines.api.choices import Options, RowChoices, competition_of, store_of
from pipelines.api.fetching import kaggle_name
from pipelines.api.following import follow
from pipelines.api.levels import blend_in_levels
from pipelines.api.progress import Progress, clock
from pipelines.api.public_scores import refreshed, scored
from pipelines.api.results import Result
from pipelines.api.stored import submit
from pipelines.api.upload_limits import check_taken, late, left_today
from pipelines.basics.fingerprint import fingerprint
from pipelines.store import RunStore
from pipelines.store.uploads import (
    OPEN,
    Upload,
    Uploads,
    change_uploads,
    file_of,
    honest_of,
    keep_upload,
    put,
    read_uploads,
)
from submissions import Difference, difference
from submissions.kaggle import Kaggle, KaggleError, Limits, LostError, connect
from submissions.kaggle.errors import SITE

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
        text = "its file is gone" if self.difference is None else self.difference.text
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
            LostError: if the connection broke, and nobody knows whether Kaggle took the file.
            KaggleError: if it was refused; nothing was submitted.
        """
        told = told or _nothing
        name, upload = self.result.competition.name, self.upload
        keep_upload(self._store, upload, self.file.read_bytes(), self.result.blend.judged)  # type: ignore[union-attr]
        self._record(upload)
        try:
            sent = self._client.submit(self.kaggle, self.file, upload.message)
        except LostError as error:
            self._record(replace(upload, status="lost"))
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

        found = self._client.wait(self.kaggle, sent.ref, min(wait, LONGEST_WAIT), waited)
        return self._record(scored(upload, found))

    def _record(self, upload: Upload) -> Upload:
        def change(uploads: Uploads) -> Uploads:
            return replace(put(uploads, upload), kaggle=self.kaggle)

        change_uploads(self._store, change)
        return upload

    def _forget(self, upload: Upload) -> None:
        def change(uploads: Uploads) -> Uploads:
            rest = tuple(one for one in uploads.uploads if one.name != upload.name)
            return replace(uploads, uploads=rest)

        change_uploads(self._store, change)
        file = file_of(self._store, upload)
        for path in (file, file.with_suffix(".npz")):
            path.unlink(missing_ok=True)


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
        KaggleError: if Kaggle cannot be asked, takes no files, or no more of them today.
        UsageError: if the same file was uploaded before.
        WorkbenchError: see `submit`.
    """
    options = Options.of(competition, choices)
    store, subject = store_of(options), competition_of(options)
    uploads = read_uploads(store)
    slug = kaggle_name(subject, called or uploads.kaggle or None)
    # Asked first: a blend of many members takes minutes.
    client = connect()
    limits = client.limits(slug)
    check_taken(limits, slug)
    if any(upload.status in OPEN for upload in uploads.uploads):
        uploads, _ = refreshed(store, slug, client.submissions(slug))
    if levels is None:
        result = submit(
            competition, members, output=output, method=method, progress=progress, **choices
        )
    else:
        result = blend_in_levels(competition, levels, output=output, progress=progress, **choices)
    content = Path(output).read_bytes()
    _check_new(uploads, content)
    return PreparedUpload(
        result=result,
        file=Path(output),
        kaggle=slug,
        limits=limits,
        last=uploads.last,
        difference=_difference(store, result, uploads.last),
        upload=replace(_record(store, uploads, result, content, message), run=_run(options)),
        warnings=(*client.warnings, *late(limits)),
        _client=client,
        _store=store,
    )


def _record(
    store: RunStore, uploads: Uploads, result: Result, content: bytes, message: str
) -> Upload:
    """Return the record of a file that is not sent yet."""
    blend, dataset, now = result.blend, result.dataset, datetime.now(UTC)
    assert blend is not None
    rows = known_rows(blend.judged)
    groups = None if dataset.units is None else dataset.units[rows]
    times = None if dataset.times is None else dataset.times[rows]
    error = score_error(result.metric, result.truth[rows], blend.judged[rows], groups, times)
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
        test_rows=len(dataset.test_ids),
        data=dataset.fingerprint,
        folds=result.folds.fingerprint,
        seed=result.experiment.seed,
        gains=_gains(store, uploads, result),
    )


def _run(options: Options) -> str:
    """Return the name of the record of the run whose members are used."""
    run = follow(options).run
    return "" if run is None else run.name


def _gains(store: RunStore, uploads: Uploads, result: Result) -> dict[str, tuple[float, float]]:
    """Return how much better than earlier uploads on the same rows this one is."""
    blend, dataset = result.blend, result.dataset
    assert blend is not None
    found = {}
    for earlier in uploads.uploads:
        if (earlier.data, earlier.metric) != (dataset.fingerprint, result.metric.name):
            continue
        before = honest_of(store, earlier)
        if before is None or before.shape != blend.judged.shape:
            continue
        rows = known_rows(before, blend.judged)
        gain = paired_gain(
            result.metric,
            result.truth[rows],
            before[rows],
            blend.judged[rows],
            None if dataset.units is None else dataset.units[rows],
            None if dataset.times is None else dataset.times[rows],
        )
        if gain.error is not None:
            found[earlier.name] = gain.gain, gain.error
    return found


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


def _check_new(uploads: Uploads, content: bytes) -> None:
    taken = [one for one in uploads.uploads if one.status in ("pending", "complete")]
    same = [one for one in taken if one.content == fingerprint(content)]
    if same:
        raise UsageError(
            f"The same file was uploaded before, {same[-1].label}: it would get the same score, "
            "and one submission of today would be gone."
        )


def _largest(weights: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(weights.items(), key=lambda pair: -pair[1])[:10]


def _nothing(text: str) -> None:
    del text
