"""Networks of texts. Keras is imported when one is built.

They are those of Chollet, "Deep Learning with Python", 2nd edition, chapter 11: RMSprop and
cross-entropy. Each builder takes the shape of a row of each input by name and the number of
optimizer steps of the whole training, and returns a compiled model whose output is the
probability of class 1, of each class, or of each label, as `task` and `outputs` say.

The book feeds dense and recurrent layers with multi-hot and one-hot vectors of 20,000. Here
they take the numbers of the tokens: see `token_layers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from comps.kinds.outputs import answer, loss_of

if TYPE_CHECKING:
    import keras

Shapes = Mapping[str, tuple[int, ...]]


def bag(
    shapes: Shapes,
    steps: int,
    *,
    max_tokens: int = 20_000,
    units: int = 16,
    dropout: float = 0.5,
    learning_rate: float = 1e-3,
    task: str = "binary",
    outputs: int = 1,
) -> keras.Model:
    """Return a dense layer of a bag of tokens, dropout, and the output (listing 11-5).

    Args:
        shapes: of "tokens" and, for weighted tokens, "weights".
        steps: unused.
        max_tokens: size of the vocabulary.
        units: of the dense layer.
        dropout: after it.
        learning_rate: of RMSprop.
        task: what is predicted, see `comps.base.Task`; no values.
        outputs: classes of more than two, or labels.
    """
    from keras import layers

    from comps.kinds.text.token_layers import DenseOfTokens

    del steps
    inputs = _inputs(shapes)
    hidden = DenseOfTokens(max_tokens, units, "relu")(*inputs.values())
    return _compiled(inputs, layers.Dropout(dropout)(hidden), learning_rate, task, outputs)


def one_hot_lstm(
    shapes: Shapes,
    steps: int,
    *,
    max_tokens: int = 20_000,
    units: int = 32,
    dropout: float = 0.5,
    learning_rate: float = 1e-3,
    task: str = "binary",
    outputs: int = 1,
) -> keras.Model:
    """Return an LSTM of one-hot vectors in both directions (listing 11-14).

    The input matrices of the two are looked up row by row.
    """
    from keras import layers

    from comps.kinds.text.token_layers import LSTMCellOfRows

    del steps
    inputs = _inputs(shapes)
    ends = []
    for backwards in (False, True):
        # The matrix of an LSTM begins as Glorot and Bengio say, not as embeddings do.
        rows = layers.Embedding(max_tokens + 1, 4 * units, "glorot_uniform")(inputs["tokens"])
        ends.append(layers.RNN(LSTMCellOfRows(units), go_backwards=backwards)(rows))
    hidden = layers.Dropout(dropout)(layers.Concatenate()(ends))
    return _compiled(inputs, hidden, learning_rate, task, outputs)


def embedded_lstm(
    shapes: Shapes,
    steps: int,
    *,
    max_tokens: int = 20_000,
    width: int = 256,
    mask: bool = False,
    units: int = 32,
    dropout: float = 0.5,
    learning_rate: float = 1e-3,
    task: str = "binary",
    outputs: int = 1,
) -> keras.Model:
    """Return an LSTM of learned embeddings in both directions (listings 11-15 and 11-17).

    Args:
        shapes: of "tokens".
        steps: unused.
        max_tokens: size of the vocabulary.
        width: of an embedding.
        mask: whether the LSTM passes over padding.
        units: of the LSTM, in each direction.
        dropout: after it.
        learning_rate: of RMSprop.
        task: what is predicted, see `comps.base.Task`; no values.
        outputs: classes of more than two, or labels.
    """
    from keras import layers

    del steps
    inputs = _inputs(shapes)
    rows = layers.Embedding(max_tokens + 1, width, mask_zero=mask)(inputs["tokens"])
    return _compiled(inputs, _bidirectional(rows, units, dropout), learning_rate, task, outputs)


def glove_lstm(
    shapes: Shapes,
    steps: int,
    *,
    file: str = "glove.6B.100d.txt",
    max_tokens: int = 20_000,
    units: int = 32,
    dropout: float = 0.5,
    learning_rate: float = 1e-3,
    task: str = "binary",
    outputs: int = 1,
) -> keras.Model:
    """Return an LSTM of pretrained embeddings that stay as they are (listings 11-18 to 11-20)."""
    import keras
    from keras import layers

    from comps.kinds.text.glove import read_vectors

    del steps
    inputs = _inputs(shapes)
    table = read_vectors(file, max_tokens)
    rows = layers.Embedding(
        *table.shape,
        embeddings_initializer=keras.initializers.Constant(table),
        trainable=False,
        mask_zero=True,
    )(inputs["tokens"])
    return _compiled(inputs, _bidirectional(rows, units, dropout), learning_rate, task, outputs)


def transformer(
    shapes: Shapes,
    steps: int,
    *,
    max_tokens: int = 20_000,
    width: int = 256,
    inner: int = 32,
    heads: int = 2,
    positions: bool = False,
    dropout: float = 0.5,
    learning_rate: float = 1e-3,
    task: str = "binary",
    outputs: int = 1,
) -> keras.Model:
    """Return a Transformer encoder of one layer (listings 11-21, 11-22 and 11-24).

    Args:
        shapes: of "tokens".
        steps: unused.
        max_tokens: size of the vocabulary.
        width: of an embedding, and of the queries and keys of each head.
        inner: units of the dense layer after attention.
        heads: of attention.
        positions: whether the embedding of a word's place is added to that of the word.
            Attention passes over padding then, and only then, as in the book.
        dropout: before the output.
        learning_rate: of RMSprop.
        task: what is predicted, see `comps.base.Task`; no values.
        outputs: classes of more than two, or labels.
    """
    from keras import layers, ops

    from comps.kinds.text.token_layers import Positions

    del steps
    inputs = _inputs(shapes)
    rows, mask = layers.Embedding(max_tokens + 1, width)(inputs["tokens"]), None
    if positions:
        rows, mask = Positions()(rows), ops.not_equal(inputs["tokens"], 0)[:, None, :]
    attended = layers.MultiHeadAttention(heads, width)(rows, rows, attention_mask=mask)
    rows = layers.LayerNormalization()(layers.Add()([rows, attended]))
    dense = layers.Dense(width)(layers.Dense(inner, activation="relu")(rows))
    rows = layers.LayerNormalization()(layers.Add()([rows, dense]))
    hidden = layers.Dropout(dropout)(layers.GlobalMaxPooling1D()(rows))
    return _compiled(inputs, hidden, learning_rate, task, outputs)


def _inputs(shapes: Shapes) -> dict[str, keras.KerasTensor]:
    """Return an input of each name: tokens are integers."""
    import keras

    dtypes = {"tokens": "int32", "weights": "float32"}
    return {name: keras.Input(shapes[name], dtype=dtypes[name], name=name) for name in shapes}


def _bidirectional(rows: keras.KerasTensor, units: int, dropout: float) -> keras.KerasTensor:
    from keras import layers

    return layers.Dropout(dropout)(layers.Bidirectional(layers.LSTM(units))(rows))


def _compiled(
    inputs: dict[str, keras.KerasTensor],
    hidden: keras.KerasTensor,
    learning_rate: float,
    task: str,
    outputs: int,
) -> keras.Model:
    import keras

    model = keras.Model(inputs, answer(hidden, task, outputs))
    model.compile(keras.optimizers.RMSprop(learning_rate), loss_of(task))
    return model
