"""Folds: who trains on which rows and predicts which others."""

from pipelines.folds._base import Folds, FoldSpec, Rows
from pipelines.folds.schemes import SCHEMES, FoldInput, make_folds

__all__ = ["SCHEMES", "FoldInput", "FoldSpec", "Folds", "Rows", "make_folds"]
