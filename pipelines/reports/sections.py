"""The sections of a report, in order, and how they are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from comps.base import place_of
from pipelines.reports.again import again
from pipelines.reports.blending import blending
from pipelines.reports.columns import data
from pipelines.reports.fit import fit
from pipelines.reports.importance import importance
from pipelines.reports.leaderboard import leaderboard
from pipelines.reports.over_time import over_time
from pipelines.reports.parts import Section
from pipelines.reports.run import ReportedRun
from pipelines.reports.submissions import submissions
from pipelines.reports.training import training
from pipelines.reports.tuning import tuning

# A section is left out where its function returns None.
SECTIONS: Sequence[Callable[[ReportedRun], Section | None]] = (
    leaderboard,
    training,
    blending,
    submissions,
    fit,
    importance,
    data,
    tuning,
    over_time,
    again,
)


@dataclass(frozen=True)
class Built:
    """The sections of a report, and what it lacks.

    Attributes:
        sections: in order.
        missing: in words.
    """

    sections: Sequence[Section]
    missing: Sequence[str]


def build(run: ReportedRun) -> Built:
    """Return the sections of a run; of one that cannot be made it is said why."""
    made, missing = [], list(run.missing)
    for function in SECTIONS:
        try:
            section = function(run)
        # One section that stumbles over unusual values must not cost the others.
        except Exception as error:
            where = place_of(function, error)
            missing.append(
                f"The section '{function.__name__}' could not be made: "
                f"{type(error).__name__}: {error} ({where})"
            )
        else:
            made += [] if section is None else [section]
    return Built(made, missing)
