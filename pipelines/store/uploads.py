"""The record of uploads to Kaggle: what was sent, what it was worth here, and its public score.

`uploads.json` in the run store lists them, the oldest first; `uploads/` has a copy of each file and
the honest predictions of what was sent, so that later uploads can be compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from comps.base import StoreError
from pipelines.basics.files import read_arrays, read_json, write_arrays, write_bytes, write_json
from pipelines.store import RunStore

FILE, FOLDER = "uploads.json", "uploads"
# Of which it is not known whether Kaggle took them.
OPEN = ("sending", "lost")
# Of which it is known that Kaggle did not.
NOT_TAKEN = "not taken"
# An answer that was lost, or an interrupt, does not stop Kaggle's work: so much later, what it does
# not show was not taken.
UNSURE = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file that was sent to Kaggle.

    Attributes:
        name: of its files in the store.
        when: it was sent; UTC, ISO 8601.
        lost: when its answer was; UTC, ISO 8601, empty where it was not.
        message: of whoever sent it.
        bytes: of the file.
        content: fingerprint of the file.
        method: of the blend.
        weights: of its members.
        metric: that the scores are of.
        estimate: the kind of the honest score.
        honest_score: of what was sent.
        score_error: standard error of the honest score, from the rows that it is of;
            None where it is not known.
        train_rows: that the honest score is of.
        test_rows: in the file.
        data: fingerprint of the rows.
        folds: fingerprint of the folds.
        seed: of the run.
        run: name of its record; empty where members were imported and there is none.
        gains: of earlier uploads on the same rows, by name: how much better the honest score of
            this one is, and the standard error of that; both in the direction of the metric.
        status: "sending", "lost" (the connection broke), "not taken", "pending", "complete" or
            "error".
        ref: number of the submission; None as long as it is not known.
        public_score: as Kaggle has it.
        private_score: as Kaggle has it.
        reason: why Kaggle could not score it.
    """

    name: str
    when: str
    message: str
    bytes: int
    content: str
    method: str
    weights: Mapping[str, float]
    metric: str
    estimate: str
    honest_score: float
    score_error: float | None
    train_rows: int
    test_rows: int
    data: str
    folds: str
    seed: int
    run: str = ""
    gains: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    status: str = "sending"
    lost: str = ""
    ref: int | None = None
    public_score: float | None = None
    private_score: float | None = None
    reason: str = ""

    @property
    def label(self) -> str:
        """The upload in a sentence, e.g. `'blend of 7' of 2026-11-28 10:00`."""
        return f"{self.message!r} of {self.when[:16].replace('T', ' ')}"

    @property
    def unsure(self) -> timedelta:
        """How long Kaggle may still turn out to have taken it; zero where that is known."""
        if self.status not in OPEN:
            return timedelta(0)
        ended = datetime.fromisoformat(self.lost or self.when) + UNSURE
        return max(timedelta(0), ended - datetime.now(UTC))


@dataclass(frozen=True)
class Uploads:
    """All uploads of a competition.

    Attributes:
        uploads: the oldest first.
        kaggle: what Kaggle calls the competition; empty where it was not said.
        public_share: of the test rows that the public score is of; None where it was not said.
    """

    uploads: Sequence[Upload] = ()
    kaggle: str = ""
    public_share: float | None = None

    @property
    def last(self) -> Upload | None:
        """The newest upload."""
        return self.uploads[-1] if self.uploads else None


def read_uploads(store: RunStore) -> Uploads:
    """Return the uploads so far.

    Raises:
        StoreError: if the record is damaged.
    """
    path = store.root / FILE
    try:
        values = read_json(path)
        uploads = tuple(_upload(value) for value in values["uploads"])
        return Uploads(uploads, str(values["kaggle"]), values["public_share"])
    except FileNotFoundError:
        return Uploads()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"{path} cannot be read ({error}), so that it is not known what was uploaded. Put it "
            "right, or move it away and begin a new record."
        ) from error


def _upload(values: dict[str, object]) -> Upload:
    gains = {name: (float(g), float(e)) for name, (g, e) in values.pop("gains").items()}  # type: ignore[attr-defined]
    return Upload(**values, gains=gains)  # type: ignore[arg-type]


def change_uploads(store: RunStore, change: Callable[[Uploads], Uploads]) -> Uploads:
    """Return the uploads after a change, and keep them.

    A run may hold the store meanwhile: this record has a lock of its own.

    Raises:
        StoreError: if the record is damaged or cannot be written.
    """
    with _locked(store):
        found = change(read_uploads(store))
        write_json(store.root / FILE, asdict(found))
        return found


def put(uploads: Uploads, upload: Upload) -> Uploads:
    """Return the uploads with one more, or with one in place of that of its name."""
    names = [one.name for one in uploads.uploads]
    if upload.name not in names:
        return replace(uploads, uploads=(*uploads.uploads, upload))
    others = [upload if one.name == upload.name else one for one in uploads.uploads]
    return replace(uploads, uploads=tuple(others))


def keep_upload(
    store: RunStore, upload: Upload, content: bytes, honest: NDArray[np.float64]
) -> None:
    """Keep a file that is to be sent, and the honest predictions of what is in it.

    Args:
        store: where they are kept.
        upload: its record.
        content: of the file.
        honest: [n], [n, classes] or [n, targets], NaN where nothing is predicted.
    """
    write_bytes(file_of(store, upload), content)
    arrays = {"honest": honest.astype(np.float32)}
    write_arrays(file_of(store, upload).with_suffix(".npz"), {}, arrays)


def drop_files(store: RunStore, upload: Upload) -> None:
    """Delete what `keep_upload` keeps."""
    file = file_of(store, upload)
    for path in (file, file.with_suffix(".npz")):
        path.unlink(missing_ok=True)


def file_of(store: RunStore, upload: Upload) -> Path:
    """Return the copy of the file that was sent."""
    return store.root / FOLDER / f"{upload.name}.csv"


def honest_of(store: RunStore, upload: Upload) -> NDArray[np.float64] | None:
    """Return the honest predictions of what was sent; None where they are gone."""
    try:
        _, arrays = read_arrays(file_of(store, upload).with_suffix(".npz"))
    except (FileNotFoundError, StoreError):
        return None
    return arrays["honest"].astype(np.float64)


@contextmanager
def _locked(store: RunStore) -> Iterator[None]:
    from filelock import FileLock, Timeout

    try:
        store.root.mkdir(parents=True, exist_ok=True)
        with FileLock(store.root / ".uploads.lock", timeout=10):
            yield
    except Timeout as error:
        raise StoreError(f"Another command changes {store.root / FILE}. Try again.") from error
    except OSError as error:
        raise StoreError(f"Cannot write to {store.root}: {error.strerror or error}.") from error
