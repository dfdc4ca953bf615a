"""The command line: parses, calls one function of the API, and shows what it returned."""

from pipelines.cli.interrupts import Interrupted, catch_interrupts, leave_interrupted

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; see `pipelines.cli.app`."""
    # Before anything is imported that takes time: Python would show where it was interrupted.
    catch_interrupts()
    try:
        from pipelines.cli import app

        app.main(arguments)
    except Interrupted:
        leave_interrupted()
