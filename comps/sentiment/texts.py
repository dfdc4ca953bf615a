"""What a review says: free of HTML, in a form that finds duplicates, and cut into words."""

from __future__ import annotations

import html
import re
import string
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
# A tag begins with a letter: "<3" and "<<" are text.
_TAG = re.compile(r"</?[a-z][^<>]{0,200}>", re.IGNORECASE)
_SPACES = re.compile(r"\s+")
_NO_LETTERS = re.compile(r"[\W_]+")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def clean(text: str) -> str:
    """Return a review without HTML tags and entities, on one line.

    >>> clean("A film<br /><br />for <i>all</i> &amp; one, I <3 it.")
    'A film for all & one, I <3 it.'
    """
    plain = _TAG.sub("", _LINE_BREAK.sub(" ", text))
    return _SPACES.sub(" ", html.unescape(plain)).strip()


def normal_form(text: str) -> str:
    """Return the letters and digits of a review: equal for what differs in nothing else.

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
    deleted, cut at white space.

    >>> words("It's not bad -- at all.")
    ['its', 'not', 'bad', 'at', 'all']
    """
    return text.lower().translate(_PUNCTUATION).split()


def word_ngrams(text: str, longest: int) -> Iterator[str]:
    """Yield the words of a text, then its pairs of neighbours, and so on up to `longest`.

    >>> list(word_ngrams("Not bad at all", 2))
    ['not', 'bad', 'at', 'all', 'not bad', 'bad at', 'at all']
    """
    single = words(text)
    for length in range(1, longest + 1):
        for start in range(len(single) - length + 1):
            yield " ".join(single[start : start + length])
