"""BERT's uncased word pieces: texts as the numbers that its encoders take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import BertProcessing

CLASS, SEPARATOR, UNKNOWN = "[CLS]", "[SEP]", "[UNK]"
# Longer words are unknown, as in BERT's own tokenizer.
_LONGEST_WORD = 100
# Texts that are cut at a time: what the library keeps of each is many times its numbers.
_BATCH = 1000


class WordPieces:
    """Cuts texts as BERT's uncased models do (Devlin et al. 2019).

    Lower case, without accents, cut at white space and around punctuation; each word is the
    longest piece of the vocabulary that it begins with, then the longest of the rest, and so
    on. A word that cannot be built from pieces is unknown.

    Args:
        vocabulary: number of each piece; pieces within a word begin with "##".
        most: pieces of a text, those of begin and end included; the rest is cut off.

    >>> pieces = WordPieces({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "un": 3, "##able": 4}, most=10)
    >>> pieces.numbers(["Únable xyz", ""])
    [[1, 3, 4, 0, 2], [1, 2]]
    """

    def __init__(self, vocabulary: Mapping[str, int], most: int) -> None:
        self._tokenizer = Tokenizer(
            WordPiece(dict(vocabulary), unk_token=UNKNOWN, max_input_chars_per_word=_LONGEST_WORD)
        )
        self._tokenizer.normalizer = BertNormalizer(lowercase=True, strip_accents=True)
        self._tokenizer.pre_tokenizer = BertPreTokenizer()
        ends = [(piece, vocabulary[piece]) for piece in (SEPARATOR, CLASS)]
        self._tokenizer.post_processor = BertProcessing(*ends)
        self._tokenizer.enable_truncation(most)

    def numbers(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the numbers of each text's pieces between those of begin and end."""
        return [
            row.ids
            for first in range(0, len(texts), _BATCH)
            for row in self._tokenizer.encode_batch_fast(list(texts[first : first + _BATCH]))
        ]
