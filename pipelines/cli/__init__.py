"""The command line: parses, prints, and calls the rooms in order. Nothing imports it."""

from pipelines.cli.app import main

__all__ = ["main"]
