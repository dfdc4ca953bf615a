"""Where a metric is no guide, stages and trials are judged by another one, and scores by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, log_loss

from comps import boosting
from comps.base import Competition
from pipelines import cross_validate, tune
from pipelines.api.results import Result
from pipelines.store import RunStore
from tests.tables import own, table


def rare(n: int = 300) -> pd.DataFrame:
    """Return rows of which one in ten is of the class 1, and not clearly."""
    rows = table(n)
    chance = 1 / (1 + np.exp(3.5 - 1.5 * rows["y"]))
    return rows.assign(y=(np.random.default_rng(1).uniform(size=n) < chance).astype(int))


def competition(metric: str) -> Competition:
    model = boosting("lightgbm", rounds=60, learning_rate=0.05)
    return own(rare(), metric=metric, models=[model], name="rare")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, RunStore]:
    runs = tmp_path_factory.mktemp("runs")
    result = cross_validate(
        competition("f1"), folds=3, runs=runs, engine="inline", models="lightgbm"
    )
    return result, RunStore(runs / "rare")


def test_the_stopping_point_is_the_best_of_the_log_loss(judged: tuple[Result, RunStore]) -> None:
    result, store = judged
    oof = result.oof["lightgbm"]
    stored = [store.read_fold("lightgbm", oof.key, 0, (fold,)) for fold in range(3)]
    losses = []
    for fold, fitted in enumerate(stored):
        rows = result.folds.rows(0, (fold,))[1]
        losses.append([log_loss(result.target[rows], stage) for stage in fitted.valid])
    shared = min(map(len, losses))
    mean = np.mean([each[:shared] for each in losses], axis=0)
    np.testing.assert_allclose(oof.curve, mean[: len(oof.curve)], rtol=1e-6)
    assert oof.step == stored[0].steps[mean.argmin()] > 1


def test_scores_are_those_of_the_metric(judged: tuple[Result, RunStore]) -> None:
    result, _ = judged
    oof, target = result.oof["lightgbm"], result.target
    assert oof.score == pytest.approx(f1_score(target, oof.valid > 0.5))
    for fold in range(3):
        rows = result.folds.rows(0, (fold,))[1]
        expected = f1_score(target[rows], oof.valid[rows] > 0.5, zero_division=0)
        assert oof.fold_scores[0, fold] == pytest.approx(expected)


def test_a_search_is_judged_by_the_guide(tmp_path: Path) -> None:
    found = tune(
        competition("f1"), "lightgbm", trials=2, folds=3, outer=0, runs=tmp_path, engine="inline"
    )
    assert found.metric.name == "log_loss"
    scores = [trial.score for trial in found.results if trial.score is not None]
    assert found.best.score == min(scores)
