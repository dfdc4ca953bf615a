"""`Kept`: the files of a trained model of one fold, in one archive."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from comps.base import StoreError

# The reason where `keep_models` is "blend".
NOT_IN_BLEND = "they have no weight in the blend, and only its models were to be kept"

_HEAD = "kept.json"
# An exported folder has files of these names: none may point out of it.
_NAME = re.compile(r"features\.skops|model/(?!\.{1,2}\Z)[A-Za-z0-9_.-]+")


@dataclass(frozen=True, eq=False)
class Kept:
    """The trained model of one fold with its fitted transformer, or why there is none.

    Attributes:
        files: by name; the transformer as "features.skops", the model's under "model/".
        step: rounds or epochs that the model has; None where it has all stages.
        n_classes: number of classes of the whole training target; see `Context`.
        n_targets: number of targets, or of labels.
        reason: why it could not be kept, in words for the user; None where it was.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    step: int | None = None
    n_classes: int = 0
    n_targets: int = 1
    reason: str | None = None

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(map(len, self.files.values()))

    def to_bytes(self) -> bytes:
        """Return a zip of the files and a head with their checksums; equal for equal files."""
        told = {name: getattr(self, name) for name in ("step", "n_classes", "n_targets", "reason")}
        head = {**told, "digests": _digests(self.files)}
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w") as archive:
            for name, content in {_HEAD: json.dumps(head).encode(), **self.files}.items():
                archive.writestr(zipfile.ZipInfo(name), content)
        return written.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Kept:
        """Return what `to_bytes` wrote.

        Raises:
            StoreError: if a byte of it changed, or a file has a name that is not of a model.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                head = json.loads(archive.read(_HEAD))
                files = {name: archive.read(name) for name in archive.namelist() if name != _HEAD}
            for name in files:
                if not _NAME.fullmatch(name):
                    raise ValueError(f"{name!r} is no name of a file of a model")
            digests = head.pop("digests")
            if _digests(files) != digests:
                raise ValueError("its content is not what was written")
            return cls(files, **head)
        except MemoryError:
            raise
        except Exception as error:  # zipfile, zlib and json each raise their own
            raise StoreError(f"A kept model is damaged ({error}).") from error


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
