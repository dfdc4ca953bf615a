"""Texts: without HTML, in a form for finding duplicates, and cut into words.

`text_tensors` does the same to tensors, from the same patterns and tables. The patterns are
written so that Python's `re` and TensorFlow's RE2 read them alike: without classes of Unicode
and without ignoring case.
"""

from __future__ import annotations

import html
import html.entities
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Numbers of tokens as in Keras' TextVectorization: nothing, a token that is not known, and the
# first of those that are.
PADDING, UNKNOWN, FIRST = 0, 1, 2

LINE_BREAK = r"<[bB][rR][ \t\n\r\f]*/?>"
# A tag begins with a letter: "<3" and "<<" are text.
TAG = r"</?[a-zA-Z][^<>]{0,200}>"
# With its semicolon: "AT&T" and "?a=1&copy=2" are text.
NUMBER = r"&#(?:[0-9]{1,7}|[xX][0-9a-fA-F]{1,6});"
REFERENCE = rf"&[a-zA-Z][a-zA-Z0-9]{{1,31}};|{NUMBER}"
# Above these there is neither case nor white space.
CODE_POINTS = 0x20000

_LINE_BREAK = re.compile(LINE_BREAK)
_TAG = re.compile(TAG)
_REFERENCE = re.compile(REFERENCE)
_SPACES = re.compile(r"\s+")
_NO_LETTERS = re.compile(r"[\W_]+")


def clean(text: str) -> str:
    """Return a text without HTML tags and entities, on one line.

    An entity that does not exist, or has no semicolon, stays as it is.

    >>> clean("A film<br /><br />for <i>all</i> &amp; one, I <3 it.")
    'A film for all & one, I <3 it.'
    """
    plain = _TAG.sub("", _LINE_BREAK.sub(" ", text))
    return _SPACES.sub(" ", _REFERENCE.sub(_character, plain)).strip()


def _character(reference: re.Match[str]) -> str:
    text = reference[0]
    return html.unescape(text) if text[1] == "#" else named_characters().get(text, text)


@lru_cache(maxsize=1)
def named_characters() -> Mapping[str, str]:
    """Return the characters of each named entity.

    >>> named_characters()["&eacute;"]
    'é'
    """
    named = html.entities.html5.items()
    return {f"&{name}": text for name, text in named if name.endswith(";")}


@lru_cache(maxsize=1)
def odd_numbers() -> Mapping[str, str]:
    """Return the characters of numeric entities that do not mean the character of that number.

    The HTML standard reads 128 to 159 as Windows-1252 and drops characters without meaning.
    Numbers that no character can have become U+FFFD, and are not listed.

    >>> odd_numbers()["&#128;"]
    '€'
    """
    planes = (plane + last for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF))
    numbers = [*range(0xA0), *range(0xFDD0, 0xFDF0), *planes]
    found = {number: html.unescape(f"&#{number};") for number in numbers}
    return {f"&#{number};": text for number, text in found.items() if text != chr(number)}


def normal_form(text: str) -> str:
    """Return the letters and digits of a text: equal for texts that differ in nothing else.

    >>> normal_form("Straße, no. 5!") == normal_form("STRASSE no 5")
    True
    """
    return _NO_LETTERS.sub("", text.casefold())


def duplicate_groups(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return [n] int64: one number for all texts of one normal form.

    >>> duplicate_groups(["Good!", "bad", "good"]).tolist()
    [1, 0, 1]
    """
    forms = np.array([normal_form(text) for text in texts], dtype=object)
    groups: NDArray[np.int64] = np.unique(forms, return_inverse=True)[1].astype(np.int64)
    return groups


def words(text: str) -> list[str]:
    """Return the words of a text as the book standardises it (listing 11-1).

    Chollet, "Deep Learning with Python", 2nd edition: lower case, ASCII punctuation
    deleted, cut at white space. See `word_characters`.

    >>> words("It's not bad -- at all.")
    ['its', 'not', 'bad', 'at', 'all']
    """
    return text.translate(word_characters()).split()


@lru_cache(maxsize=1)
def word_characters() -> Mapping[int, int | None]:
    """Return the replacement of each code point that `words` changes; None deletes it.

    One for one, so that it is the same in every library: a Greek sigma at the end of a word is
    one like others, and a capital i with a dot becomes i.

    >>> [word_characters().get(ord(character)) for character in "É!\u00a0é"]
    [233, None, 32, None]
    """
    table: dict[int, int | None] = {}
    for point in range(CODE_POINTS):
        character = chr(point)
        lower = character.lower()
        if character.isspace():
            table[point] = ord(" ")
        elif lower != character:
            table[point] = ord(lower[0])
    table[ord("\N{GREEK SMALL LETTER FINAL SIGMA}")] = ord("\N{GREEK SMALL LETTER SIGMA}")
    return table | dict.fromkeys(map(ord, string.punctuation))


def word_ngrams(text: str, longest: int) -> Iterator[str]:
    """Yield the words of a text, then its pairs of neighbours, and so on up to `longest`.

    >>> list(word_ngrams("Not bad at all", 2))
    ['not', 'bad', 'at', 'all', 'not bad', 'bad at', 'at all']
    """
    single = words(text)
    for length in range(1, longest + 1):
        for start in range(len(single) - length + 1):
            yield " ".join(single[start : start + length])
