"""Sentence embeddings by a pretrained BERT encoder, in NumPy: no deep-learning library is needed.

The encoder is read from the files in which sentence-transformers publishes its models. Six
layers on short texts are a few matrix products; computing them here saves an installation of
gigabytes. Weights and word pieces come from the small libraries in which these models are
published.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError
from comps.kinds.text.wordpieces import CLASS, SEPARATOR, UNKNOWN, WordPieces

Floats = NDArray[np.float32]

FILES = ("config.json", "vocab.txt", "model.safetensors")
# Rows of a batch: enough for the matrix products, few enough for the caches of a core.
_BATCH = 32


@dataclass(frozen=True, eq=False)
class SentenceEncoder:
    """Turns texts into vectors of length one; texts of similar meaning are near each other.

    The mean of the last layer over the pieces of a text, divided by its length (Reimers and
    Gurevych 2019, "Sentence-BERT").

    Attributes:
        weights: by name, as BERT's are called; matrices [outputs, inputs].
        pieces: cuts texts.
        layers: number of layers.
        heads: attention heads of a layer.
        epsilon: of the normalisations.
    """

    weights: Mapping[str, Floats]
    pieces: WordPieces
    layers: int
    heads: int
    epsilon: float

    @classmethod
    def read(cls, folder: Path) -> SentenceEncoder:
        """Read a model's folder, laid out as sentence-transformers does it.

        Raises:
            DataError: if a file is missing, damaged, or of another kind of model.
        """
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise DataError(
                f"{folder} holds no sentence encoder. Expected: {', '.join(FILES)}, as "
                f"sentence-transformers publishes them. Missing: {', '.join(missing)}."
            )
        try:
            config = json.loads((folder / "config.json").read_text())
            if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
                raise DataError(
                    f"{folder / 'config.json'} is of a model '{config.get('model_type')}' with "
                    f"'{config.get('hidden_act')}'; 'bert' with 'gelu' was expected."
                )
            lines = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
            vocabulary = {piece: number for number, piece in enumerate(lines) if piece}
            lacking = {CLASS, SEPARATOR, UNKNOWN} - set(vocabulary)
            if lacking:
                raise DataError(f"{folder / 'vocab.txt'} lacks {', '.join(sorted(lacking))}.")
            return cls(
                read_safetensors(folder / "model.safetensors"),
                WordPieces(vocabulary, _longest(folder, int(config["max_position_embeddings"]))),
                int(config["num_hidden_layers"]),
                int(config["num_attention_heads"]),
                float(config["layer_norm_eps"]),
            )
        except (OSError, KeyError, TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise DataError(f"{folder} cannot be read as a sentence encoder: {error}.") from error

    @property
    def width(self) -> int:
        """Length of a vector."""
        return int(self.weights["embeddings.word_embeddings.weight"].shape[1])

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return [n, width] float32. A text's vector does not depend on the other texts."""
        rows = self.pieces.numbers(texts)
        vectors = np.empty((len(texts), self.width), dtype=np.float32)
        # Texts of one length need no padding, which would change the last bits of their sums.
        order = np.argsort([len(row) for row in rows], kind="stable")
        start = 0
        while start < len(order):
            length = len(rows[order[start]])
            batch = [row for row in order[start : start + _BATCH] if len(rows[row]) == length]
            vectors[batch] = self._encode_batch(np.array([rows[row] for row in batch]))
            start += len(batch)
        return vectors

    def _encode_batch(self, numbers: NDArray[np.int64]) -> Floats:
        """Return [rows, width] for numbers of pieces [rows, pieces]."""
        table = "embeddings.{}_embeddings.weight".format
        hidden = (
            self.weights[table("word")][numbers]
            + self.weights[table("position")][: numbers.shape[1]]
            + self.weights[table("token_type")][0]
        )
        hidden = self._normalised(hidden, "embeddings.LayerNorm")
        for layer in range(self.layers):
            hidden = self._layer(hidden, f"encoder.layer.{layer}")
        mean = hidden.mean(axis=1)
        unit: Floats = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
        return unit

    def _layer(self, hidden: Floats, name: str) -> Floats:
        attended = self._dense(self._attention(hidden, name), f"{name}.attention.output.dense")
        hidden = self._normalised(hidden + attended, f"{name}.attention.output.LayerNorm")
        inner = _gelu(self._dense(hidden, f"{name}.intermediate.dense"))
        outer = self._dense(inner, f"{name}.output.dense")
        return self._normalised(hidden + outer, f"{name}.output.LayerNorm")

    def _attention(self, hidden: Floats, name: str) -> Floats:
        rows, pieces, width = hidden.shape
        query, key, value = (
            self._dense(hidden, f"{name}.attention.self.{part}")
            .reshape(rows, pieces, self.heads, -1)
            .transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(2, 3) / np.float32(np.sqrt(width // self.heads))
        scores = np.exp(scores - scores.max(axis=3, keepdims=True))
        scores /= scores.sum(axis=3, keepdims=True)
        mixed: Floats = (scores @ value).transpose(0, 2, 1, 3).reshape(rows, pieces, width)
        return mixed

    def _dense(self, inputs: Floats, name: str) -> Floats:
        outputs: Floats = inputs @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return outputs

    def _normalised(self, inputs: Floats, name: str) -> Floats:
        centred = inputs - inputs.mean(axis=-1, keepdims=True)
        variance = np.square(centred).mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt(variance + np.float32(self.epsilon))
        shifted: Floats = scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
        return shifted


def read_safetensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the arrays of a safetensors file by name, numbers as float32.

    Raises:
        DataError: if the file is damaged or holds numbers of eight bits or fewer.
    """
    # NumPy knows bfloat16 once this is imported.
    import ml_dtypes  # noqa: F401
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(path)
    # Numbers of eight bits and fewer are an AttributeError.
    except (SafetensorError, AttributeError) as error:
        raise DataError(f"{path} is not a readable safetensors file ({error}).") from error
    return {name: values.astype(np.float32, copy=False) for name, values in arrays.items()}


def _longest(folder: Path, positions: int) -> int:
    file = folder / "sentence_bert_config.json"
    own = json.loads(file.read_text()).get("max_seq_length") if file.is_file() else None
    return min(positions, int(own or positions))


def _gelu(inputs: Floats) -> Floats:
    from scipy.special import erf

    outputs: Floats = inputs * (erf(inputs * np.float32(np.sqrt(0.5))) + 1) * np.float32(0.5)
    return outputs
