"""The bytes of a fold's model: as the library saves it, at the step that is used."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from comps.base import Model, Task
from pipelines.fitting.training import train_folds
from pipelines.results.fold_result import FoldResult
from pipelines.store import Experiment, RunStore
from tests.support import CATBOOST, LIGHTGBM, RIDGE, TINY, XGBOOST, staged, validate
from tests.test_training import as_parameter, stages, toy

Params = dict[str, Any]
ROUNDS = {"rounds": 110, "stride": 25}


def lightgbm_alone(params: Params, rounds: int, path: Path) -> None:
    import lightgbm

    fold = toy(Task.REGRESSION)
    params = {**params, "verbosity": -1, "num_threads": 1}
    lightgbm.train(params, lightgbm.Dataset(fold.train, fold.target), rounds).save_model(path)


def xgboost_alone(params: Params, rounds: int, path: Path) -> None:
    import xgboost

    fold = toy(Task.REGRESSION)
    train = xgboost.DMatrix(fold.train, fold.target)
    xgboost.train({**params, "nthread": 1}, train, rounds).save_model(path)


def catboost_alone(params: Params, rounds: int, path: Path) -> None:
    import catboost

    fold = toy(Task.REGRESSION)
    params = {**params, "iterations": ROUNDS["rounds"], "thread_count": 1, "verbose": False}
    estimator = catboost.CatBoost({**params, "allow_writing_files": False})
    estimator.fit(fold.train, fold.target).shrink(rounds)
    estimator.save_model(str(path))


ALONE = {"lightgbm": lightgbm_alone, "xgboost": xgboost_alone, "catboost": catboost_alone}


@pytest.mark.parametrize("model", [as_parameter(m) for m in (LIGHTGBM, XGBOOST, CATBOOST)])
def test_boosting_is_as_large_as_the_file_of_so_many_rounds(model: Model, tmp_path: Path) -> None:
    own = {key: value for key, value in model.params.items() if key not in ROUNDS}
    for stage in stages(model.with_params(ROUNDS), Task.REGRESSION):
        ALONE[model.name](own, stage.step, tmp_path / "model.ubj")
        (size,) = stage.size
        assert size == pytest.approx((tmp_path / "model.ubj").stat().st_size, rel=0.05)


def test_an_estimator_is_as_large_as_what_is_pickled() -> None:
    fold = toy(Task.REGRESSION)
    ridge = Model("ridge", RIDGE.family, "sklearn", {"alpha": 1.0}, build=Ridge)
    (stage,) = stages(ridge, Task.REGRESSION)
    wanted = pickle.dumps(Ridge(alpha=1.0, random_state=7).fit(fold.train, fold.target), protocol=5)
    assert stage.size == [len(wanted)]


class Closed(Ridge):
    """An estimator that cannot be saved."""

    def __reduce__(self) -> str:
        raise TypeError("cannot pickle")


def test_an_estimator_that_cannot_be_saved_has_no_size() -> None:
    model = Model("closed", RIDGE.family, "sklearn", {"alpha": 1.0}, build=Closed)
    (stage,) = stages(model, Task.REGRESSION)
    assert np.isnan(stage.size).all() and np.isfinite(stage.valid[0]).all()


def test_the_size_is_that_at_the_stopping_point(experiment: Experiment, store: RunStore) -> None:
    oof = validate(experiment, [LIGHTGBM], store).oofs["lightgbm"]
    folds = [store.read_fold("lightgbm", oof.key, 0, (fold,)) for fold in range(3)]
    place = int(np.flatnonzero(oof.steps == oof.step)[0])
    sizes = [fold.size[place] for fold in folds]
    assert len(sizes) == 3 and oof.size == pytest.approx(np.mean(sizes))
    assert store.read_oof("lightgbm", oof.key, 1).size == oof.size


def test_a_fold_says_nothing_of_a_trainer_that_does_not(
    experiment: Experiment, staged_trainer: Any
) -> None:
    (result,) = train_folds(
        TINY, experiment.dataset, staged([[0.3, 0.2]]), experiment.folds, 0, [(0,)]
    )
    assert isinstance(result, FoldResult)
    assert np.isnan(result.size).tolist() == [True, True]
