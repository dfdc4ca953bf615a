"""What the columns of a competition's tables are for, and what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from comps.base import Task

# Training rows that may be left out, if the user says so; see `Schema.leave_out`.
LEAVE_OUT = ("missing-target", "rare-class")


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The columns of a competition's tables by their role and their kind.

    Attributes:
        targets: columns of the training rows.
        task: what is predicted.
        classes: the labels by class code, as the files write them; empty where values or several
            labels are predicted.
        outputs: columns of the submission.
        id: column of the ids; None where rows are numbered, from `first_id` on.
        submitted_id: column of the ids in the submission.
        first_id: the number of the first test row, where `id` is None.
        kinds: by column, a name in `kinds.KINDS`, perhaps with an argument behind a colon, as in
            "date:%d.%m.%Y"; columns that are not named are numbers.
        group: column whose equal values stay in one fold; models do not see it.
        time: column that rows are ordered by.
        weight: column of what each training row counts for.
        query: column of the rows that the metric ranks together; models do not see it.
        folds: column with the number of the fold of each training row; below zero for rows that no
            fold predicts.
        leave_out: training rows that are left out: "missing-target", "rare-class".
        separated: column of the training rows with several labels in a cell, which are the targets.
        together: column of the submission that holds them in the same way.
    """

    targets: tuple[str, ...]
    task: Task
    classes: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    id: str | None = None
    submitted_id: str = "id"
    first_id: int = 0
    kinds: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    time: str | None = None
    weight: str | None = None
    query: str | None = None
    folds: str | None = None
    leave_out: tuple[str, ...] = ()
    separated: str = ""
    together: str = ""

    @property
    def submitted(self) -> tuple[str, ...]:
        """The columns of the submission behind the ids."""
        return (self.together,) if self.together else self.outputs

    @property
    def beside(self) -> tuple[str, ...]:
        """Columns that no model sees: what is known of training rows alone, and names of rows."""
        named = (self.id, self.weight, self.folds, self.group, self.query)
        return (*self.targets, *(name for name in named if name is not None))
