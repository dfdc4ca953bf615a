"""The table that each script prints: tried, survived, lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts of what was tried, by kind, and a sentence on each that was lost.

    >>> tally = Tally()
    >>> tally.add("kill of run", [])
    >>> tally.add("kill of run", ["submission.csv differs"], "try 7")
    lost: kill of run, try 7: submission.csv differs
    >>> print(tally.table())
    | fault | tried | survived | lost |
    |---|---|---|---|
    | kill of run | 2 | 1 | 1 |
    | all | 2 | 1 | 1 |
    """

    tried: dict[str, int] = field(default_factory=dict)
    lost: list[tuple[str, str]] = field(default_factory=list)

    def add(self, kind: str, problems: Sequence[str], where: str = "") -> None:
        """Count one try; it survived if there is no problem."""
        self.tried[kind] = self.tried.get(kind, 0) + 1
        if problems:
            self.lost.append((kind, f"{where}: {some_of(problems)}"))
            print(f"lost: {kind}, {self.lost[-1][1]}", flush=True)

    def table(self) -> str:
        """Return the table in Markdown."""
        lost = [kind for kind, _ in self.lost]
        rows = [(kind, tried, lost.count(kind)) for kind, tried in self.tried.items()]
        if len(rows) > 1 or not rows or lost:
            rows.append(("all", sum(self.tried.values()), len(lost)))
        lines = ["| fault | tried | survived | lost |", "|---|---|---|---|"]
        lines += [f"| {kind} | {tried} | {tried - bad} | {bad} |" for kind, tried, bad in rows]
        return "\n".join(lines)

    def show(self) -> None:
        """Print the table."""
        print(self.table(), flush=True)


def some_of(problems: Sequence[str]) -> str:
    """Return the first few problems, and how many more there are."""
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return "; ".join(problems[:3]) + more
