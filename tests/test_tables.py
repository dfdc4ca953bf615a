"""Leaderboards: the deciding metric, and further ones beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from comps.metrics import MEAN_ABSOLUTE_ERROR
from ensembles import blend
from pipelines.api.result_rows import blend_rows, leaderboard_rows
from pipelines.results.oof import OutOfFold
from tests.support import MEAN, METRIC, RIDGE, TINY, kfold, result_of
from tests.test_blend import member

COMPETITION = replace(TINY, also=(MEAN_ABSOLUTE_ERROR,))
TARGET = np.arange(12.0)


def oofs() -> dict[str, OutOfFold]:
    """Return a good and a bad member, which do not predict the first row."""
    errors = {RIDGE.name: np.tile([0.5, -0.5], 6), MEAN.name: np.full(12, 3.0)}
    found = {}
    for name, error in errors.items():
        valid = TARGET + error
        valid[0] = np.nan
        score = METRIC.score(TARGET[1:], valid[1:])
        found[name] = member(name, valid, folds=kfold(12), score=score)
    return found


def test_further_metrics_stand_in_the_leaderboard() -> None:
    rows = leaderboard_rows(result_of(COMPETITION, oofs(), TARGET, kfold(12)))
    assert [row["model"] for row in rows] == [RIDGE.name, MEAN.name]
    assert [row["mean_absolute_error"] for row in rows] == pytest.approx([0.5, 3.0])


def test_further_metrics_of_a_blend_are_honest_ones() -> None:
    members = list(oofs().values())
    folds = kfold(12)
    tried = [blend(method, members, TARGET, folds, METRIC) for method in ("best", "equal")]
    rows = blend_rows(result_of(COMPETITION, oofs(), TARGET, folds, tried[0], tried))
    wanted = [float(np.abs(each.honest[1:] - TARGET[1:]).mean()) for each in tried]
    assert [row["honest_mean_absolute_error"] for row in rows] == pytest.approx(wanted)
    assert [row["chosen"] for row in rows] == [True, False]
