"""Features of texts: a function for each kind of transformer.

- `linear_features()`: sparse TF-IDF of words and of characters, for linear models.
- `tree_features()`: a dense float32 matrix, for boosting.
- `embedding_features()`: sentence embeddings of a pretrained encoder.
- `joint_features()`: TF-IDF and these.
- `bag_inputs()`, `sequence_inputs()`, `glove_inputs()`: numbers of tokens, for networks.

Each returns a new transformer that takes a table with columns of pandas' type "string" and the
targets y; it passes over other columns. All that is learned (vocabularies, document frequencies,
lengths, components, weights) is learned in `fit`; pretrained parts learn nothing.

scikit-learn and pandas are imported when a transformer is made: declaring models stays quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from comps.base import Family

if TYPE_CHECKING:
    from comps.base import Transformer
    from comps.kinds.text.network_inputs import TokenBags, TokenSequences
    from comps.kinds.text.sparse_words import SparseWords
    from comps.kinds.text.vectors import SentenceVectors


def linear_features() -> SparseWords:
    """Return a transformer to a sparse matrix: TF-IDF of words, of pairs, and of characters."""
    from comps.kinds.text.sparse_words import SparseWords

    return SparseWords()


def tree_features(*, components: int = 100, task: str = "binary") -> Transformer:
    """Return a transformer to a dense float32 matrix: components of TF-IDF, and linear scores."""
    return dense_words(components, task)


def dense_words(components: int, task: str, others: Transformer | None = None) -> Transformer:
    """Return a transformer to a dense float32 matrix, with that of other columns behind."""
    from comps.kinds.text.dense_words import DenseWords

    return DenseWords(components, task, others)


def embedding_features(*, folder: str | None = None) -> SentenceVectors:
    """Return a transformer to [n, width] float32; see `vectors.SentenceVectors`."""
    from comps.kinds.text.vectors import SentenceVectors

    return SentenceVectors(folder)


def joint_features(*, folder: str | None = None, scale: float = 0.7) -> SparseWords:
    """Return a transformer to a sparse matrix: `linear_features()` beside sentence embeddings.

    Args:
        folder: of the encoder.
        scale: of the embeddings, each of length 1; one penalty holds for all weights.
    """
    from comps.kinds.text.sparse_words import SparseWords

    return SparseWords([(scale, embedding_features(folder=folder))])


def bag_inputs(*, max_tokens: int = 20_000, ngrams: int = 2, tfidf: bool = False) -> TokenBags:
    """Return a transformer to the set of tokens of each text; see `network_inputs.TokenBags`."""
    from comps.kinds.text.network_inputs import TokenBags

    return TokenBags(max_tokens, ngrams, tfidf)


def sequence_inputs(*, max_tokens: int = 20_000, max_length: int = 600) -> TokenSequences:
    """Return a transformer to the words of each text; see `network_inputs.TokenSequences`."""
    from comps.kinds.text.network_inputs import TokenSequences

    return TokenSequences(max_tokens, max_length)


def glove_inputs(
    *, file: str = "glove.6B.100d.txt", max_tokens: int = 20_000, max_length: int = 600
) -> TokenSequences:
    """Return a transformer as `sequence_inputs` does, with the first words of a file of vectors."""
    from comps.kinds.text.glove import read_words
    from comps.kinds.text.network_inputs import TokenSequences

    return TokenSequences(max_tokens, max_length, known=read_words(file, max_tokens))


#: The features of a model of the user's that names none.
TRANSFORMERS: Mapping[Family, Callable[[], Transformer]] = {
    Family.LINEAR: linear_features,
    Family.KERNEL: linear_features,
    Family.OTHER: linear_features,
    Family.FOREST: tree_features,
    Family.BOOSTING: tree_features,
}
