"""What the user says of series, and what was found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from comps.base import UsageError


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the user says of series.

    Attributes:
        time: column of dates or numbers.
        target: column to forecast; empty where it follows from the files.
        horizon: how many steps ahead.
        key: column that says which series a row belongs to; None where there is one series.
        id: column of the test rows with the ids of the submission.
        known: columns whose values in the future are in the test rows; None takes all of these.
        columns: kinds by column, as in {"date": "date:%d.%m.%Y"}.

    Raises:
        UsageError: if the horizon is no whole number from 1 on, no time is named, a column has two
            roles, or something else than a name came.
    """

    time: str
    target: str
    horizon: int
    key: str | None = None
    id: str | None = None
    known: tuple[str, ...] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for role in ("time", "target", "key", "id"):
            name = getattr(self, role)
            if name is not None and not isinstance(name, str):
                raise UsageError(f"{role} takes the name of one column; {name!r} came.")
        if not isinstance(self.horizon, int) or self.horizon < 1:
            raise UsageError(
                "The horizon is a number of steps, a whole number from 1 on, such as 24; "
                f"{self.horizon!r} came."
            )
        if not self.time:
            raise UsageError("Series need the column of their times: --time NAME (time=...).")
        named = [name for name in (self.time, self.target, self.key) if name]
        twice = next((name for name in named if named.count(name) > 1), None)
        if twice is not None:
            raise UsageError(
                f"The column {twice!r} cannot be two of time, target and key. Name one of each."
            )

    @property
    def roles(self) -> tuple[str, ...]:
        """The columns that are no covariates."""
        return tuple(name for name in (self.time, self.target, self.key, self.id) if name)
