"""What a command was asked for: the competition, the choices, and how results are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from comps.base import Competition, Metric, UsageError
from comps.catalog import competition_names, find_competition, place_of
from pipelines.api.choices import RowChoices
from pipelines.api.inferring import FileChoices, Found
from pipelines.cli.places import look_in
from pipelines.cli.reporters import Output, make_output


@dataclass(frozen=True)
class Request:
    """What a command passes on to a function of the API.

    Attributes:
        competition: its name, or the path of files; None where there is none.
        given: by name, all choices that were given, and no others.
        competitions: the folder of the user's competitions; None where it was not named.
        takes_files: whether the command takes files in place of a name.
        json: whether machines read the results.
        quiet: whether results are shown alone.
        verbose: whether what goes on within a fit is shown, too.
    """

    competition: str | None
    given: Mapping[str, Any]
    takes_files: bool = False
    competitions: Path | None = None
    json: bool = False
    quiet: bool = False
    verbose: bool = False

    def __post_init__(self) -> None:
        look_in(self.competitions)

    @property
    def choices(self) -> dict[str, Any]:
        """The choices of the call; of files, without what was said of them."""
        if self._found is None:
            return dict(self.given)
        return {name: value for name, value in self.given.items() if name not in _OF_FILES_ALONE}

    @property
    def subject(self) -> str | Competition:
        """The competition.

        Raises:
            UsageError: if none was named.
        """
        if self.competition is None:
            raise UsageError("The name of a competition was expected, or --all.")
        return self.competition if self._found is None else self._found.competition

    @cached_property
    def _found(self) -> Found | None:
        """What the files hold that the command was given in place of a name."""
        said = {name: value for name, value in self.given.items() if name in _OF_FILES}
        if not self.takes_files or self.competition is None:
            return None
        if not _is_files(self.competition):
            alone = [name for name in said if name in _OF_FILES_ALONE]
            if alone and self.competition in competition_names():
                options = ", ".join(f"--{name.replace('_', '-')}" for name in alone)
                raise UsageError(
                    f"{options} is said of files; {self.competition!r} is a competition: change "
                    f"{place_of(self.competition)}."
                )
            return None
        if "data" in self.given:
            raise UsageError(
                f"{self.competition} names the files already, and --data names others: leave one "
                "of them out."
            )
        from pipelines.cli.inferring import inferred

        return inferred(Path(self.competition), None, said, ask=not (self.json or self.quiet))

    @contextmanager
    def output(self, *, known: bool = True) -> Iterator[Output]:
        """Give what shows results, and take its bar away however the command ends.

        What was inferred from files is shown first.

        Args:
            known: whether the competition has to be there, and not only its results.

        Raises:
            UsageError: if there is no such competition, or -q and -v are given together.
        """
        if self.quiet and self.verbose:
            raise UsageError("-q shows less and -v more: give one of them.")
        output = make_output(
            self._metric() if known else None, self.json, quiet=self.quiet, verbose=self.verbose
        )
        try:
            if self._found is not None:
                from pipelines.cli.inferring import show_inferred

                show_inferred(output, self._found)
            yield output
        finally:
            output.close()

    def _metric(self) -> Metric | None:
        if self._found is not None:
            return self._found.competition.metric
        return None if self.competition is None else find_competition(self.competition).metric


# The choices that are said of files, and those that are not choices of a run, too.
_OF_FILES = set(FileChoices.__annotations__)
_OF_FILES_ALONE = _OF_FILES - set(RowChoices.__annotations__)


def _is_files(competition: str) -> bool:
    """Whether a command was given files and not a name."""
    named = competition in competition_names() or ":" in competition
    return not named and Path(competition).exists()
