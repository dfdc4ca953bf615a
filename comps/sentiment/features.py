"""Features of the sentiment competition: a function for each kind of transformer.

- `linear_features()`: sparse TF-IDF of words and of characters, for linear models.
- `ratio_features()`: the same, each column scaled by its log ratio between the classes.
- `tree_features()`: a dense float32 matrix, for boosting.
- `embedding_features()`: sentence embeddings of a pretrained encoder.
- `joint_features()`: TF-IDF and these.
- `bag_inputs()`, `sequence_inputs()`, `glove_inputs()`: numbers of tokens, for networks.

Each returns a new transformer that takes a table with the column `review` and the classes y.
All that is learned (vocabularies, document frequencies, lengths, components, weights) is learned
in `fit`; pretrained parts learn nothing.

scikit-learn and pandas are imported when a transformer is made: declaring models stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import Pipeline

    from comps.sentiment.network_inputs import TokenBags, TokenSequences
    from comps.sentiment.vectors import SentenceVectors


def linear_features() -> ColumnTransformer:
    """Return a transformer to a sparse matrix: TF-IDF of words, of pairs, and of characters.

    Characters within words, two to five in a row, show what words of one stem have in common, and
    recognise "goooood".
    """
    from sklearn.compose import ColumnTransformer

    return ColumnTransformer(_tfidf(), sparse_threshold=1.0)


def ratio_features() -> Pipeline:
    """Return a transformer to a sparse matrix: `linear_features()` with naive Bayes weights."""
    from sklearn.pipeline import make_pipeline

    from comps.sentiment.linear_scores import NaiveBayesRatios

    return make_pipeline(linear_features(), NaiveBayesRatios())


def tree_features(*, components: int = 100) -> Pipeline:
    """Return a transformer to a dense float32 matrix: components of TF-IDF, and linear scores."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.pipeline import make_pipeline, make_union

    from comps.sentiment.linear_scores import LinearScores

    parts = make_union(TruncatedSVD(components, random_state=0), LinearScores())
    return make_pipeline(linear_features(), parts)


def embedding_features(*, folder: str | None = None) -> SentenceVectors:
    """Return a transformer to [n, width] float32; see `vectors.SentenceVectors`."""
    from comps.sentiment.vectors import SentenceVectors

    return SentenceVectors(folder)


def joint_features(*, folder: str | None = None, scale: float = 0.7) -> ColumnTransformer:
    """Return a transformer to a sparse matrix: `linear_features()` beside sentence embeddings.

    Args:
        folder: of the encoder.
        scale: of the embeddings, each of length 1; one penalty holds for all weights.
    """
    from sklearn.compose import ColumnTransformer

    from comps.sentiment.vectors import SentenceVectors

    return ColumnTransformer(
        [*_tfidf(), ("embedding", SentenceVectors(folder), ["review"])],
        sparse_threshold=1.0,
        transformer_weights={"embedding": scale},
    )


def bag_inputs(*, max_tokens: int = 20_000, ngrams: int = 2, tfidf: bool = False) -> TokenBags:
    """Return a transformer to the set of tokens of each text; see `network_inputs.TokenBags`."""
    from comps.sentiment.network_inputs import TokenBags

    return TokenBags(max_tokens, ngrams, tfidf)


def sequence_inputs(*, max_tokens: int = 20_000, max_length: int = 600) -> TokenSequences:
    """Return a transformer to the words of each text; see `network_inputs.TokenSequences`."""
    from comps.sentiment.network_inputs import TokenSequences

    return TokenSequences(max_tokens, max_length)


def glove_inputs(
    *, file: str = "glove.6B.100d.txt", max_tokens: int = 20_000, max_length: int = 600
) -> TokenSequences:
    """Return a transformer as `sequence_inputs` does, with the first words of a file of vectors."""
    from comps.sentiment.glove import read_words
    from comps.sentiment.network_inputs import TokenSequences

    return TokenSequences(max_tokens, max_length, known=read_words(file, max_tokens))


def _tfidf() -> list[tuple[str, TfidfVectorizer, str]]:
    return [
        ("words", _tfidf_of_words(), "review"),
        ("characters", _tfidf_of_characters(), "review"),
    ]


def _tfidf_of_words() -> TfidfVectorizer:
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    # Words of one letter count, and so do the two marks that a reviewer raises his voice with.
    return TfidfVectorizer(
        token_pattern=r"(?u)\w+|[!?]", ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32
    )


def _tfidf_of_characters() -> TfidfVectorizer:
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True, dtype=np.float32
    )
