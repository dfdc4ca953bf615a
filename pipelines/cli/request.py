"""What a command was asked for: the competition, the choices, and how results are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from comps.base import UsageError
from comps.catalog import find_competition
from pipelines.cli.reporters import Output, make_output


@dataclass(frozen=True)
class Request:
    """What a command passes on to a function of the API.

    Attributes:
        competition: its name; None where there is none.
        choices: by name, those that were given alone.
        json: whether machines read the results.
        quiet: whether results are shown alone.
        verbose: whether what goes on within a fit is shown, too.
    """

    competition: str | None
    choices: Mapping[str, Any]
    json: bool = False
    quiet: bool = False
    verbose: bool = False

    @property
    def name(self) -> str:
        """The competition.

        Raises:
            UsageError: if none was named.
        """
        if self.competition is None:
            raise UsageError("The name of a competition was expected, or --all.")
        return self.competition

    @contextmanager
    def output(self) -> Iterator[Output]:
        """Give what shows results, and take its bar away however the command ends.

        Raises:
            UsageError: if there is no such competition, or -q and -v are given together.
        """
        if self.quiet and self.verbose:
            raise UsageError("-q shows less and -v more: give one of them.")
        metric = None if self.competition is None else find_competition(self.competition).metric
        output = make_output(metric, self.json, quiet=self.quiet, verbose=self.verbose)
        try:
            yield output
        finally:
            output.close()
