"""BERT's uncased word pieces: texts as the numbers that its encoders take."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache

CLASS, SEPARATOR, UNKNOWN = "[CLS]", "[SEP]", "[UNK]"
# Longer words are unknown, as in BERT's own tokenizer.
_LONGEST_WORD = 100
# First and last code points of the blocks of Chinese characters, each of which is a word.
_CHINESE = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPieces:
    """Cuts texts as BERT's uncased models do (Devlin et al. 2019).

    Lower case, without accents, cut at white space and around punctuation; each word is the
    longest piece of the vocabulary that it begins with, then the longest of the rest, and so
    on. A word that cannot be built from pieces is unknown.

    Args:
        vocabulary: number of each piece; pieces within a word begin with "##".

    >>> pieces = WordPieces({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "un": 3, "##able": 4, "!": 5})
    >>> pieces.numbers("Únable xyz!", most=10)
    [1, 3, 4, 0, 5, 2]
    """

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self._vocabulary = vocabulary
        # Words of reviews come again and again.
        self._of_word = lru_cache(maxsize=100_000)(self._cut)

    def numbers(self, text: str, most: int) -> list[int]:
        """Return the numbers of a text's pieces between those of begin and end, `most` in all."""
        inner = [piece for word in split_words(text) for piece in self._of_word(word)]
        first, last = self._vocabulary[CLASS], self._vocabulary[SEPARATOR]
        return [first, *inner[: most - 2], last]

    def _cut(self, word: str) -> tuple[int, ...]:
        unknown = (self._vocabulary[UNKNOWN],)
        if len(word) > _LONGEST_WORD:
            return unknown
        found: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if prefix + word[start:end] in self._vocabulary), None)
            if end is None:
                return unknown
            found.append(self._vocabulary[prefix + word[start:end]])
            start = end
        return tuple(found)


def split_words(text: str) -> list[str]:
    """Return the words and punctuation marks of a text in lower case, without accents.

    >>> split_words("It's naïve -- 好!")
    ['it', "'", 's', 'naive', '-', '-', '好', '!']
    """
    spaced = "".join(_spaced(character) for character in text)
    plain = unicodedata.normalize("NFD", spaced.lower())
    kept = "".join(c for c in plain if unicodedata.category(c) != "Mn")
    return "".join(f" {c} " if _is_punctuation(c) else c for c in kept).split()


def _spaced(character: str) -> str:
    """Return a character, a space for white space, or nothing for a control character."""
    if character in "\t\n\r":
        return " "
    if character in "\0\ufffd" or unicodedata.category(character).startswith("C"):
        return ""
    code = ord(character)
    if code > 0x2E80 and any(low <= code <= high for low, high in _CHINESE):
        return f" {character} "
    return character


def _is_punctuation(character: str) -> bool:
    """Whether a character is a word of its own: ASCII signs such as $ and ^ are, too."""
    if character.isascii():
        return character.isprintable() and not character.isalnum() and character != " "
    return unicodedata.category(character).startswith("P")
