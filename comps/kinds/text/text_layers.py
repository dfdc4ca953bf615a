"""Keras layers that take raw texts: the first layers of an exported network.

A file that `pipelines.export_network` wrote is read after this module was imported:

    import keras
    import comps.kinds.text.text_layers
    network = keras.saving.load_model("network.keras")
    network(keras.ops.convert_to_tensor(["A <b>wonderful</b> film."]))

Strings need Keras on TensorFlow, its default backend. The graph holds TensorFlow's own
operations alone: `network.export(folder)` writes a SavedModel that runs without this package.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import KerasTensor, layers
from numpy.typing import NDArray

# A saved network names these layers, too.
import comps.kinds.text.token_layers  # noqa: F401
from comps.base import UsageError
from comps.kinds.text.texts import FIRST, UNKNOWN

if TYPE_CHECKING:
    import tensorflow as tf

_FILE = "vocabulary.txt"


class _TokensOfText(layers.Layer):  # type: ignore[misc]
    """The part that both layers share: words, a vocabulary, and how it is saved.

    Args:
        vocabulary: the tokens that are known, from number 2 on; a saved one is read after this.
    """

    def __init__(self, vocabulary: Sequence[str] = (), **options: object) -> None:
        if keras.backend.backend() != "tensorflow":
            raise UsageError(
                "A network that takes text needs Keras on TensorFlow; this process runs it on "
                f"{keras.backend.backend()}. Set KERAS_BACKEND=tensorflow before Keras is imported."
            )
        from comps.kinds.text.text_tensors import WordTensors

        super().__init__(**options)
        # XLA knows no strings.
        self.supports_jit = False
        self._words = WordTensors()
        self._know(vocabulary)

    def _know(self, vocabulary: Sequence[str]) -> None:
        from comps.kinds.text.text_tensors import hash_table

        self.vocabulary = tuple(vocabulary)
        numbers = {token: number for number, token in enumerate(self.vocabulary, FIRST)}
        self._numbers = hash_table(numbers, UNKNOWN)

    def _tokens(self, texts: KerasTensor, ngrams: int) -> tf.RaggedTensor:
        """Return the numbers of words and their runs, ragged [rows, tokens] int64."""
        import tensorflow as tf

        rows = self._words(tf.convert_to_tensor(texts, tf.string))
        rows = tf.strings.ngrams(rows, list(range(1, ngrams + 1)), separator=" ")
        return rows.with_flat_values(self._numbers.lookup(rows.flat_values))

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary, a token a line. See `keras.layers.Layer`."""
        text = "\n".join(self.vocabulary)
        Path(dir_path, _FILE).write_text(text, encoding="utf-8", newline="\n")

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary. See `keras.layers.Layer`."""
        # Not `read_text`, nor `splitlines`: of all line ends, tokens lack this one alone.
        text = Path(dir_path, _FILE).read_bytes().decode()
        self._know(text.split("\n") if text else ())


@keras.saving.register_keras_serializable("text")
class BagOfText(_TokensOfText):
    """Turn raw texts, strings [rows], into the arrays of `network_inputs.TokenBags`.

    It returns {"tokens": [rows, width] int32}, with `tfidf` also "weights", float32.

    Args:
        max_tokens: size of the vocabulary, unknown tokens included.
        ngrams: longest run of words that is a token.
        tfidf: whether tokens are weighed.
        width: most tokens of a text; the most frequent ones are kept.
        vocabulary: the tokens that are known, from number 2 on.
        idf: [max_tokens + 1] the weight of each token; ones if there is none.

    Example:
        layer = BagOfText(5, 2, False, 4, ["not", "bad", "not bad"])
        layer(tf.constant(["Not bad, <i>at</i> all!"]))["tokens"]  # [[1, 2, 3, 4]]
    """

    def __init__(
        self,
        max_tokens: int,
        ngrams: int,
        tfidf: bool,
        width: int,
        vocabulary: Sequence[str] = (),
        idf: NDArray[np.float32] | None = None,
        **options: object,
    ) -> None:
        super().__init__(vocabulary, **options)
        self.max_tokens, self.ngrams, self.tfidf, self.width = max_tokens, ngrams, tfidf, width
        self.idf = self.add_weight(
            shape=(max_tokens + 1,),
            initializer="ones",
            trainable=False,
            dtype="float32",
            name="idf",
        )
        if idf is not None:
            self.idf.assign(idf)

    def call(self, texts: KerasTensor) -> dict[str, tf.Tensor]:
        """Return the tokens in ascending order, and 0 after the last."""
        import tensorflow as tf

        rows = self._tokens(texts, self.ngrams)
        # The numbers of each row, ascending, with how often they are there.
        counts = tf.sparse.bincount(rows, axis=-1)
        numbers = tf.RaggedTensor.from_value_rowids(
            counts.indices[:, 1], counts.indices[:, 0], rows.nrows()
        )
        tokens = tf.cast(self._dense(numbers), tf.int32)
        if not self.tfidf:
            return {"tokens": tokens}
        times = tf.cast(self._dense(numbers.with_flat_values(counts.values)), tf.float32)
        return {"tokens": tokens, "weights": times * tf.gather(self.idf.value, tokens)}

    def _dense(self, rows: tf.RaggedTensor) -> tf.Tensor:
        return rows[:, : self.width].to_tensor(shape=[None, self.width])

    def compute_output_spec(self, texts: KerasTensor) -> dict[str, KerasTensor]:
        """Return shapes and dtypes."""
        shape = (texts.shape[0], self.width)
        found = {"tokens": KerasTensor(shape, "int32")}
        return found | ({"weights": KerasTensor(shape, "float32")} if self.tfidf else {})

    def get_config(self) -> dict[str, object]:
        """Return the arguments, without vocabulary and weights."""
        names = ("max_tokens", "ngrams", "tfidf", "width")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("text")
class SequenceOfText(_TokensOfText):
    """Turn raw texts, strings [rows], into the arrays of `network_inputs.TokenSequences`.

    It returns {"tokens": [rows, length] int32}.

    Args:
        length: most words of a text; what comes after them is cut off.
        vocabulary: the words that are known, from number 2 on.

    Example:
        layer = SequenceOfText(4, ["not", "bad"])
        layer(tf.constant(["Not bad, <i>at</i> all!", ""]))["tokens"]
        # [[2, 3, 1, 1], [1, 0, 0, 0]]
    """

    def __init__(self, length: int, vocabulary: Sequence[str] = (), **options: object) -> None:
        super().__init__(vocabulary, **options)
        self.length = length

    def call(self, texts: KerasTensor) -> dict[str, tf.Tensor]:
        """Return the words in their order, and 0 after the last."""
        import tensorflow as tf

        rows = self._tokens(texts, ngrams=1)[:, : self.length]
        tokens = tf.cast(rows.to_tensor(shape=[None, self.length]), tf.int32)
        # Where there is no word, an unknown one stands in.
        return {"tokens": tf.maximum(tokens, tf.one_hot(0, self.length, UNKNOWN, 0))}

    def compute_output_spec(self, texts: KerasTensor) -> dict[str, KerasTensor]:
        """Return shapes and dtypes."""
        return {"tokens": KerasTensor((texts.shape[0], self.length), "int32")}

    def get_config(self) -> dict[str, object]:
        """Return the arguments, without the vocabulary."""
        return {**super().get_config(), "length": self.length}
