"""Checks of the rows before training: leaks, shifts, duplicates."""

from pipelines.checks._registry import CHECKS
from pipelines.checks._report import MOST_ROWS, MOST_ROWS_QUICK, CheckReport, check, known_checks

__all__ = ["CHECKS", "MOST_ROWS", "MOST_ROWS_QUICK", "CheckReport", "check", "known_checks"]
