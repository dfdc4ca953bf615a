"""Submissions: building, checking and scoring the file that goes to Kaggle."""

from submissions.build import build_submission
from submissions.check import check_submission
from submissions.difference import Difference, difference
from submissions.score import answers_are_labels, score_submission
from submissions.spread import in_columns

__all__ = [
    "Difference",
    "answers_are_labels",
    "build_submission",
    "check_submission",
    "difference",
    "in_columns",
    "score_submission",
]
