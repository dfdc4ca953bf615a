"""`Check` and `Finding`: what looks at the rows before training, and what it says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from comps.base.rows import RowSet
from comps.base.values import JSON, Array

if TYPE_CHECKING:
    from comps.base.competition import Competition, Dataset

Value = TypeVar("Value")


class Severity(StrEnum):
    """What a finding means for the scores."""

    # Scores of models that use what was found say nothing of new rows.
    ERROR = "error"
    # Scores may be too good, or the test rows may be predicted worse than the training rows.
    WARNING = "warning"
    # Something to know.
    NOTE = "note"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that a check found.

    Attributes:
        text: a sentence with figures.
        columns: names of the columns concerned.
        rows: numbers of the training rows concerned, from 0; the first ones where they are many.
        values: the figures of the text, as JSON values by name.
        severity: that of the check unless given.
        code: of the check, which is filled in.
    """

    text: str
    columns: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    values: Mapping[str, JSON] = field(default_factory=dict)
    severity: Severity | None = None
    code: str = ""

    def __str__(self) -> str:
        return f"{self.code} {self.severity}: {self.text}"


class NotSuitedError(Exception):
    """A check has nothing to look at in these rows; the message says why."""


@dataclass(frozen=True, eq=False)
class Subject:
    """What checks look at: the rows of a competition.

    Attributes:
        competition: says what is predicted, how it is judged, and which folds are usual.
        dataset: its rows.
        most_rows: of each part that a check should train models on.
    """

    competition: Competition
    dataset: Dataset
    most_rows: int = 5000
    _computed: dict[Callable[[Any], object], object] = field(default_factory=dict, repr=False)

    @property
    def train(self) -> RowSet:
        """The n training rows: a DataFrame for tables, without id and target."""
        return self.dataset.train

    @property
    def test(self) -> RowSet:
        """The test rows.

        Raises:
            NotSuitedError: if there are none.
        """
        # Where nothing is to be submitted, a training row stands for the test rows.
        if self.dataset.sample_submission is None:
            raise NotSuitedError("there are no test rows")
        return self.dataset.test

    @property
    def target(self) -> Array:
        """[n] or [n, targets] float64, on the metric's scale; codes of classes."""
        return self.competition.scaled_target(self.dataset)

    def once(self, function: Callable[[Subject], Value]) -> Value:
        """Return a function of the subject, computed once for all checks."""
        if function not in self._computed:
            self._computed[function] = function(self)
        return cast(Value, self._computed[function])


class Check(Protocol):
    """Looks for one kind of leak, shift or duplicate.

    Attributes:
        code: such as "L001", unique; documentation has a section of that name.
        title: what it looks for, in a few words.
        severity: of its findings.

    >>> class Negative:
    ...     code, title, severity = "X001", "Negative sizes", Severity.WARNING
    ...
    ...     def find(self, subject):
    ...         count = int((subject.train["size"] < 0).sum())
    ...         if count:
    ...             yield Finding(text=f"{count} sizes are negative.", columns=("size",))
    """

    @property
    def code(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def severity(self) -> Severity: ...

    def find(self, subject: Subject) -> Iterator[Finding]:
        """Yield what is found in the rows of a competition.

        Raises:
            NotSuitedError: if the check has nothing to look at in them.
        """
        ...
