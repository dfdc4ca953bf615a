"""The layers that turn raw texts into the inputs of a network, as a Keras model.

Each takes a fitted transformer and the shape of a row of each input; the layers are imported when
it is called, and need Keras on TensorFlow. See `comps.base.Model.preprocessor`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

    from comps.kinds.text.network_inputs import TokenBags, TokenSequences

Shapes = Mapping[str, tuple[int, ...]]


def bag_preprocessor(view: TokenBags, shapes: Shapes) -> keras.Model:
    """Return strings [rows] to "tokens" and, for weighted tokens, "weights"."""
    from comps.kinds.text.text_layers import BagOfText

    del shapes
    layer = BagOfText(
        view.max_tokens, view.ngrams, view.tfidf, view.width_, [*view.vocabulary_], view.idf_
    )
    return _model(layer)


def sequence_preprocessor(view: TokenSequences, shapes: Shapes) -> keras.Model:
    """Return strings [rows] to "tokens" [rows, length]."""
    from comps.kinds.text.text_layers import SequenceOfText

    del shapes
    known = [*view.vocabulary_] if view.known is None else view.known
    return _model(SequenceOfText(view.length_, known))


def _model(layer: keras.Layer) -> keras.Model:
    import keras

    text = keras.Input((), dtype="string", name="text")
    return keras.Model(text, layer(text))
