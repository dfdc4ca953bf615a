"""The directive `command-line`: the help of every command of a Typer application, as tables."""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import typer
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class CommandLine(SphinxDirective):
    """Documents the application that `MODULE:NAME` names."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a section for each command: what it does, how it is called, its options."""
        module, name = self.arguments[0].split(":")
        root = typer.main.get_command(getattr(import_module(module), name))
        text = "\n".join(_sections(root, typer.Context(root, info_name=root.name)))
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def _sections(command: Any, context: typer.Context) -> Iterator[str]:
    """Yield the lines of Markdown for a command, or for the commands of a group."""
    for name, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield from _sections(below, typer.Context(below, info_name=name, parent=context))
    if not hasattr(command, "commands"):
        yield from _section(command, context)


def _section(command: Any, context: typer.Context) -> Iterator[str]:
    usage = command.get_usage(context).removeprefix("Usage: ")
    yield from (f"## {context.command_path}", "", command.help or "", "", f"    {usage}", "")
    fill = getattr(command, "fill", None)
    if fill is not None:  # help that names registries
        fill()
    rows = [record for p in command.get_params(context) if (record := p.get_help_record(context))]
    yield from ("| argument or option | meaning |", "|---|---|")
    for names, meaning in rows:
        yield f"| `{names.replace('|', PIPE)}` | {_plain(meaning)} |"
    yield ""


PIPE = "\\|"


def _plain(text: str) -> str:
    """Return a text that a cell of a Markdown table shows as it is."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", " ".join(text.split()))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("command-line", CommandLine)
    return {"parallel_read_safe": True}
