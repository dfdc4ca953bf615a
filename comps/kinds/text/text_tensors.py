"""`texts.clean` and `texts.words` for tensors of strings, in TensorFlow alone.

TensorFlow is imported with this module: import it lazily.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from comps.kinds.text.texts import (
    CODE_POINTS,
    LINE_BREAK,
    NUMBER,
    REFERENCE,
    TAG,
    named_characters,
    odd_numbers,
    word_characters,
)

# White space to `clean`: as a space it leaves the character free to mark where entities are.
_MARK = "\x1f"
_DELETED = -1


class WordTensors(tf.Module):  # type: ignore[misc]
    """Cuts raw texts into words; the same ones as `words(clean(text))`.

    A saved graph holds all of it: tables of entities and of code points.

    >>> WordTensors()(tf.constant(["It&#39;s <b>not</b> BAD"])).to_list()
    [[b'its', b'not', b'bad']]
    """

    def __init__(self) -> None:
        super().__init__()
        known = {**named_characters(), **odd_numbers()}
        self._characters = np.array([text.encode() for text in known.values()], dtype=object)
        self._places = hash_table({text: place for place, text in enumerate(known)}, -1)
        table = np.arange(CODE_POINTS, dtype=np.int32)
        for point, other in word_characters().items():
            table[point] = _DELETED if other is None else other
        self._points = table

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Return a ragged tensor of strings [rows, words] for UTF-8 strings [rows].

        Bytes that are no UTF-8 count as U+FFFD.
        """
        spaced = tf.strings.regex_replace(texts, LINE_BREAK, " ")
        plain = self._without_entities(tf.strings.regex_replace(spaced, TAG, ""))
        points = tf.strings.unicode_decode(plain, "UTF-8")
        flat = points.flat_values
        found = tf.gather(self._points, tf.minimum(flat, CODE_POINTS - 1))
        changed = points.with_flat_values(tf.where(flat < CODE_POINTS, found, flat))
        kept = tf.ragged.boolean_mask(changed, changed != _DELETED)
        return tf.strings.split(tf.strings.unicode_encode(kept, "UTF-8"))

    def _without_entities(self, texts: tf.Tensor) -> tf.Tensor:
        """Replace each entity by its character; texts that only look like one stay."""
        unmarked = tf.strings.regex_replace(texts, _MARK, " ")
        marked = tf.strings.regex_replace(unmarked, f"({REFERENCE})", rf"{_MARK}\1{_MARK}")
        pieces = tf.strings.split(marked, _MARK)
        flat = pieces.flat_values
        numbered = tf.strings.regex_full_match(flat, NUMBER)
        numbers = _numbers(tf.where(numbered, flat, "&#0;"))
        # What is no character is encoded as U+FFFD.
        encoded = tf.strings.unicode_encode(numbers[:, None], "UTF-8")
        names = tf.strings.join(["&#", tf.strings.as_string(numbers), ";"])
        places = self._places.lookup(tf.where(numbered, names, flat))
        known = tf.gather(self._characters, tf.maximum(places, 0))
        new = tf.where(places >= 0, known, tf.where(numbered, encoded, flat))
        return tf.strings.reduce_join(pieces.with_flat_values(new), axis=-1)


def hash_table(numbers: Mapping[str, int], default: int) -> tf.lookup.StaticHashTable:
    """Return a table of strings to int64."""
    # TensorFlow refuses an empty one.
    rows = numbers or {"": default}
    initializer = tf.lookup.KeyValueTensorInitializer(
        tf.constant([*rows], tf.string), tf.constant([*rows.values()], tf.int64)
    )
    return tf.lookup.StaticHashTable(initializer, default)


def _numbers(references: tf.Tensor) -> tf.Tensor:
    """Return [n] int32 for references such as "&#233;" and "&#xE9;", which `to_number` reads."""
    digits = tf.strings.regex_replace(references, "^&#[xX]", "0x")
    digits = tf.strings.regex_replace(tf.strings.regex_replace(digits, "^&#", ""), ";$", "")
    return tf.cast(tf.strings.to_number(digits, tf.float64), tf.int32)
