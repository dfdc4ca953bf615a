"""What the user says of tables, and what was found out, to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from comps.base import unknown_name
from comps.kinds.table.kinds import parse_kind
from comps.kinds.table.schema import LEAVE_OUT, Schema
from comps.kinds.written import Call


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the user says of a competition's tables; None or nothing is inferred.

    Attributes:
        target: columns of the training rows.
        id: column of the ids.
        group: column whose equal values stay in one fold; "none" says that there is none.
        time: column that rows are ordered by; "none" says that there is none.
        weight: column of the rows' weights.
        query: column of the rows that are ranked together.
        folds: column of the folds.
        columns: kinds by column, see `kinds.KINDS`.
        positive: the label whose probability is predicted, of two.
        labels: of the target that are classes of their own though they look like a word for
            "missing" or like another label; their order counts if they are all of them.
        classes: all labels of the target, in their order.
        leave_out: see `schema.LEAVE_OUT`.
        scheme: of the folds.
        n_folds: number of folds.

    Raises:
        UsageError: if a kind or what is left out is unknown.
    """

    target: Sequence[str] = ()
    id: str | None = None
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    query: str | None = None
    folds: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    positive: str | None = None
    labels: Sequence[str] = ()
    classes: Sequence[str] = ()
    leave_out: Sequence[str] = ()
    scheme: str | None = None
    n_folds: int | None = None

    def __post_init__(self) -> None:
        for kind in self.columns.values():
            parse_kind(kind)
        for rows in self.leave_out:
            if rows not in LEAVE_OUT:
                raise unknown_name("group of rows to leave out called", rows, LEAVE_OUT)

    @property
    def roles(self) -> dict[str, str]:
        """The columns that have a role, by its name."""
        single = ("id", "group", "time", "weight", "query", "folds")
        named = {name: getattr(self, name) for name in single if getattr(self, name) is not None}
        return named | {f"target {n}": name for n, name in enumerate(self.target)}


@dataclass(frozen=True)
class Inferred:
    """One thing that was inferred or said.

    Attributes:
        what: that it is about.
        value: as shown.
        reason: why.
    """

    what: str
    value: str
    reason: str


@dataclass(frozen=True)
class Inference:
    """What was found.

    Attributes:
        schema: the columns by role and kind.
        scheme: of the folds.
        n_folds: number of folds.
        rows: what was inferred, to be shown.
        zoo: name of the usual models, see `comps.kinds.table.zoo.ZOOS`.
        notes: what the user should know of how the files were read.
        call: that makes the competition, for its file.
    """

    schema: Schema
    scheme: str
    n_folds: int
    rows: tuple[Inferred, ...]
    zoo: str = "table"
    notes: tuple[str, ...] = ()
    call: Call = field(default_factory=lambda: Call("table_competition"))


AS_YOU_SAY = "as you say"
# Says that no column has a role.
NONE = "none"
