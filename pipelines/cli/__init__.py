"""The command line: parses, calls one function of the API, and shows what it returned."""

from pipelines.cli.app import main

__all__ = ["main"]
