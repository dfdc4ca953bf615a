"""Checks of the rows before training: leaks, shifts, duplicates."""

from pipelines.checks._registry import CHECKS
from pipelines.checks._report import MOST_ROWS, MOST_ROWS_QUICK, check, known_checks

# Documented with the Python API.
from pipelines.checks._report import CheckReport as CheckReport

__all__ = ["CHECKS", "MOST_ROWS", "MOST_ROWS_QUICK", "check", "known_checks"]
