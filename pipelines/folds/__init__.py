"""Folds: which rows are trained on, and which rows are predicted."""

from pipelines.folds._base import ALL_ROWS, Folds, FoldSpec, Held, Rows, describe
from pipelines.folds._strata import strata_of
from pipelines.folds.advice import more_even
from pipelines.folds.schemes import SCHEMES, FoldInput, make_folds

__all__ = [
    "ALL_ROWS",
    "SCHEMES",
    "FoldInput",
    "FoldSpec",
    "Folds",
    "Held",
    "Rows",
    "describe",
    "make_folds",
    "more_even",
    "strata_of",
]
