"""The documentation and the READMEs: what they tell people to type exists."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from pipelines.cli.app import app

ROOT = Path(__file__).parent.parent
COMMAND = re.compile(r"^    +(comps .*)$", re.MULTILINE)


def documented_commands() -> Iterator[tuple[str, str]]:
    folders = ROOT.glob("docs/**/*.md"), ROOT.glob("*.md"), ROOT.glob("comps/*/README.md")
    for file in sorted(file for found in folders for file in found):
        text = re.sub(r"\\\n *", "", file.read_text(encoding="utf-8"))
        for command in COMMAND.findall(text):
            yield file.relative_to(ROOT).as_posix(), command


def parse(command: str) -> None:
    """Parse a command as the command line does, without running it."""
    group = typer.main.get_command(app)
    _, name, *arguments = shlex.split(command, comments=True)
    group.commands[name].make_context(name, arguments)


@pytest.mark.parametrize(("file", "command"), list(documented_commands()))
def test_a_documented_command_is_one_that_the_command_line_takes(file: str, command: str) -> None:
    parse(command)


@pytest.mark.parametrize(
    "command", ["comps run house-prices --no-such-option", "comps cv", "comps list house-prices"]
)
def test_a_wrong_command_is_noticed(command: str) -> None:
    with pytest.raises(Exception, match=r"No such option|Missing parameter|extra argument"):
        parse(command)


def test_commands_are_found_in_guides_and_in_readmes() -> None:
    files = {file for file, _ in documented_commands()}
    assert {"README.md", "docs/guides/results.md", "comps/digits/README.md"} <= files
