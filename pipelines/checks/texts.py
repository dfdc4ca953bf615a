"""D004 and L010: texts that stand there twice, and words that give the target away."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Finding, NotSuitedError, Severity, Subject
from pipelines.checks._answers import Answer, answers
from pipelines.checks._giveaway import Limits, evidence
from pipelines.checks._quick import predicted_without
from pipelines.checks._scores import unexplained
from pipelines.checks._table import Column, Kind, columns, frames, train_rows

_SHOWN = 20
_MANY = 0.01
# Shorter texts, such as "Untitled", are equal by chance.
_LEAST_LETTERS = 25
_WORD = re.compile(r"[^\W\d_]+|\d+")
_MOST_WORDS, _LEAST_ROWS, _LIMITS = 400, 20, Limits(near=0.12)


def text_columns(subject: Subject) -> list[tuple[Column, Any, Any]]:
    """Return the columns of texts, with the texts of training and test rows.

    Raises:
        NotSuitedError: if there is none.
    """
    train, test = frames(subject)
    found = [
        (column, train.iloc[:, place].astype("string"), test.iloc[:, place].astype("string"))
        for place, column in enumerate(subject.once(columns))
        if column.levels and column.kind in (Kind.TEXT, Kind.IDENTIFIER)
    ]
    if not found:
        raise NotSuitedError("there is no column of texts")
    return found


class Texts:
    """Counts texts that are equal but for case, spaces and punctuation."""

    code = "D004"
    title = "A text stands there twice"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        for column, train, test in subject.once(text_columns):
            first, second = (
                part.fillna("").str.lower().str.replace(r"[\W_]+", " ", regex=True).str.strip()
                for part in (train, test)
            )
            long = [(part.str.len() >= _LEAST_LETTERS).to_numpy() for part in (first, second)]
            repeated = first.duplicated(keep=False).to_numpy() & long[0]
            known = second.isin(first).to_numpy() & long[1]
            count, of_test = int(repeated.sum()), int(known.sum())
            if not count and not of_test:
                continue
            many = count > _MANY * len(first) or of_test > _MANY * max(len(second), 1)
            yield Finding(
                text=f"{count} of {len(first)} texts of '{column.name}' stand there twice, but "
                f"for case and punctuation, and {of_test} of {len(second)} test rows have a text "
                "of the training rows. Group the folds by it.",
                columns=(column.name,),
                rows=tuple(np.flatnonzero(repeated)[:_SHOWN].tolist()),
                values={"train": count, "test": of_test},
                severity=Severity.WARNING if many else Severity.NOTE,
            )


class Words:
    """Looks for a word, or the first letters, that give the target away alone."""

    code = "L010"
    title = "A word gives the target away"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        rows = subject.once(train_rows)
        for column, train, _ in subject.once(text_columns):
            texts = train.fillna("").iloc[rows].tolist()
            words = [frozenset(_words(text)) for text in texts]
            counts = Counter(word for found in words for word in found)
            usual = [word for word, n in counts.most_common(_MOST_WORDS) if n >= _LEAST_ROWS]
            for at, answer in enumerate(subject.once(answers)):
                text = _text(subject, column, words, usual, answer, at)
                if text:
                    yield Finding(text=text, columns=(column.name,))
                    break


def _words(text: str) -> Iterator[str]:
    """Yield the words and numbers of a text, and how it begins."""
    yield from _WORD.findall(text.lower())
    for n in (1, 2, 3):
        yield f"^{text[:n]}"


def _text(
    subject: Subject,
    column: Column,
    words: list[frozenset[str]],
    usual: list[str],
    answer: Answer,
    at: int,
) -> str | None:
    if not answer.binary:
        middle = (answer.values > np.median(answer.values)).astype(np.float64)
        answer = Answer(f"whether {answer.name} is above its median", middle, binary=True)
    best: tuple[float, str, NDArray[np.float64]] | None = None
    for word in usual:
        has = np.fromiter((word in found for found in words), float, len(words))
        for side in (has, -has):
            left = unexplained(answer, side)
            if best is None or left < best[0]:
                best = left, word, side
    if best is None or best[0] > _LIMITS.most:
        return None
    try:
        others = predicted_without(subject, frozenset())[:, at]
    except NotSuitedError:
        # Texts alone: there is nothing beside them that could tell.
        others = np.full(len(words), answer.values.mean())
    everywhere = np.ones(len(words), dtype=bool)
    found = evidence(answer, best[2], best[0], others, everywhere, _LIMITS)
    if found is None:
        return None
    what = f"beginning '{best[1][1:]}'" if best[1].startswith("^") else f"word '{best[1]}'"
    return (
        f"The {what} of '{column.name}' predicts {answer.name} with "
        f"{answer.score(found.left)}; the other columns together with "
        f"{answer.score(found.left_by_others)}. Is it known before the target is?"
    )
