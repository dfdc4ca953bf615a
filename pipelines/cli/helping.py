"""Help that lists what can be chosen, read off the registries when it is shown."""

from __future__ import annotations

import re
from typing import Any

import typer


class Command(typer.core.TyperCommand):
    """A command whose help texts name registries in braces, such as `{schemes}`."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Show the help, filled in."""
        self.fill()
        super().format_help(ctx, formatter)

    def fill(self) -> None:
        """Fill in what the registries know; importing them takes longer than most commands need."""
        from pipelines.api.registries import choices

        known = choices()
        for parameter in self.params:
            text = getattr(parameter, "help", None)
            if text:
                filled = re.sub(r"\{(\w+)\}", lambda found: known[found.group(1)], text)
                parameter.help = filled  # type: ignore[attr-defined]
