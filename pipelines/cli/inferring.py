"""What a competition's files say of themselves: shown, asked for, written."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from comps.base import AmbiguousError
from pipelines.api.inferring import Found, infer, init
from pipelines.cli.reporters import make_output
from pipelines.cli.tables import new_table

if TYPE_CHECKING:
    from rich.table import Table

    from pipelines.cli.reporters import Output
    from pipelines.cli.request import Request

T = TypeVar("T")

# The choice that an option of the command line sets, where it is called otherwise.
_CHOICES = {"column": "columns", "label": "labels"}
# Letters of a value that are shown; machines get all.
_LONGEST = 160
# Choices that take several values.
_LISTS = {"target", "text", "columns", "labels", "leave_out"}


def inferred(path: Path, name: str | None, choices: Mapping[str, Any], *, ask: bool) -> Found:
    """Return what files hold; what only the user knows is asked for, if that is possible.

    Args:
        path: of the files.
        name: of the competition, or None.
        choices: see `FileChoices`.
        ask: whether there is somebody to ask.
    """
    return _asking(lambda **said: infer(path, name, **said), choices, ask=ask)


def show_inferred(output: Output, found: Found) -> None:
    """Show what was inferred."""
    output.table("inferred", inferred_table(found), found.rows)
    if found.others:
        output.note(
            f"Further tables, which reach a function `features` of yours: {', '.join(found.others)}"
        )


def inferred_table(found: Found) -> Table:
    """Return what was inferred, with the reasons."""
    table = new_table("", ["inferred"], [])
    table.add_column("value", overflow="fold")
    table.add_column("because", overflow="fold")
    for row in found.rows:
        value = textwrap.shorten(row["value"], _LONGEST, placeholder=" ...")
        table.add_row(row["what"], value, row["reason"])
    return table


def init_competition(request: Request, data: Path | None, kaggle: bool = False) -> None:
    """Write the file of a competition, and say what comes next; its files may be fetched first."""
    assert request.competition is not None
    name, ask = request.competition, not (request.json or request.quiet)
    output = make_output(None, request.json, quiet=request.quiet)
    choices = dict(request.given)
    if kaggle:
        from pipelines.cli.kaggle import fetched_choices

        data = fetched_choices(request, output, data, choices)
    written = _asking(lambda **said: init(name, data, **said), choices, ask=ask)
    for note in written.notes:
        output.note(note)
    show_inferred(output, written.found)
    coming = f"Next: comps run {name}"
    if written.refusal:
        coming = f"'comps run {name}' will refuse the data as they are: {written.refusal}"
        if "--leave-out" in written.refusal:
            coming += " In the file, this is leave_out=[...]."
    output.result(
        f"{written.file} is yours to change. {coming}",
        {"file": str(written.file), "competition": name, "refusal": written.refusal},
    )


def _asking(call: Callable[..., T], choices: Mapping[str, Any], *, ask: bool) -> T:
    """Call with choices; what only the user knows is asked for, if there is somebody to ask."""
    said = dict(choices)
    while True:
        try:
            return call(**said)
        except AmbiguousError as error:
            if not (ask and sys.stdin.isatty() and sys.stderr.isatty()):
                raise
            _put(said, error.option, _asked(error))


def _asked(error: AmbiguousError) -> str:
    """Ask the user on the terminal."""
    import typer

    known = f" ({', '.join(error.answers[:20])})" if error.answers else ""
    answer: str = typer.prompt(f"{error.question}{known}", err=True)
    return answer.strip()


def _put(said: dict[str, Any], option: str, answer: str) -> None:
    """Enter an answer as the choice that its option sets."""
    plain = option.removeprefix("--").replace("-", "_")
    choice = _CHOICES.get(plain, plain)
    said[choice] = [*(said.get(choice) or []), answer] if choice in _LISTS else answer
