"""A metric of the user's: three lines, keys that follow its code, and other processes."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

import comps
from comps import metric
from comps.base import Competition, Loss, Metric, OwnCodeError, Truth, UsageError, WorkbenchError
from pipelines import cross_validate, history
from pipelines.store.keys import result_key
from tests.support import kfold
from tests.tables import own, table

Floats = NDArray[np.float64]


def worst(target: Floats, prediction: Floats) -> float:
    return float(np.abs(target - prediction).max())


def test_a_metric_is_a_function_and_its_direction() -> None:
    found = metric(worst, greater_is_better=False)
    assert (found.name, found.label, found.loss, found.weighted) == ("worst", "worst", None, False)
    assert found.score(np.zeros(2), np.array([0.5, -2.0])) == 2.0
    # Of several targets, the mean.
    assert found.score(np.zeros((1, 2)), np.array([[1.0, 3.0]])) == 2.0
    assert "metric" in dir(comps)


def test_a_function_gets_the_weights_and_queries_that_it_names() -> None:
    def total(target: Floats, prediction: Floats, sample_weight: Any = None, query: Any = None):
        return 0.0 if query is None else float(sample_weight.sum()) + len(set(query))

    found = metric(total, greater_is_better=True, name="sum of weights")
    truth = Truth(np.zeros(3), np.array([1.0, 2.0, 3.0]), np.array(["a", "b", "a"]))
    assert found.score(truth, np.zeros(3)) == 8.0


def test_labels_come_as_codes_and_are_guided_by_the_log_loss() -> None:
    found = metric(lambda y, p: float((y == p).mean()), greater_is_better=True, needs="label")
    assert found.score(np.array([0.0, 1.0]), np.array([0.4, 0.6])) == 1.0
    assert found.guide.name == "log_loss"
    other = metric(worst, greater_is_better=False, guided_by="mae", loss="absolute_error")
    assert (other.guide.name, other.loss) == ("mean_absolute_error", Loss.ABSOLUTE_ERROR)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"function": 3}, "takes a function of targets and predictions; a int came"),
        ({"name": "log-loss"}, "There is a metric 'log-loss' already"),
        ({"name": "map@3"}, "There is a metric 'map@3' already"),
        ({"needs": "labels"}, "no kind of prediction 'labels'. Did you mean 'label'"),
        ({"loss": "squared"}, "no loss 'squared'. Did you mean 'squared_error'"),
        ({"scale": "log"}, "no scale 'log'"),
        ({"guided_by": "logg"}, "no metric 'logg'"),
        ({"guided_by": "rmsle"}, "on the scale identity, and its guide .* on the scale log1p"),
    ],
)
def test_what_makes_no_metric_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        metric(**{"function": worst, "greater_is_better": False, **given})


def made(power: float) -> Metric:
    def error(target: Floats, prediction: Floats) -> float:
        return float((np.abs(target - prediction) ** power).mean())

    return metric(error, greater_is_better=False)


def key(competition: Competition) -> str:
    dataset = competition.load(Path("memory"))
    folds = kfold(len(dataset.target))
    return result_key(competition, dataset, folds, competition.model("ridge"), 0)


def test_keys_follow_the_code_of_a_metric_and_what_it_is_told() -> None:
    rows = table()
    first = key(own(rows, metric=made(1.0)))
    assert first == key(own(rows, metric=made(1.0)))
    assert first != key(own(rows, metric=made(2.0)))
    guided = [metric(worst, greater_is_better=False, guided_by=by) for by in (None, made(1.0))]
    others = [metric(worst, greater_is_better=False, guided_by=made(2.0))]
    assert len({key(own(rows, metric=each)) for each in [*guided, *others]}) == 3


@pytest.mark.slow
def test_a_metric_made_in_a_function_judges_in_worker_processes(tmp_path: Path) -> None:
    rows = table()
    result = cross_validate(
        own(rows, metric=made(1.5)),
        models=[Ridge()],
        folds=3,
        jobs=2,
        engine="local",
        runs=tmp_path,
    )
    oof = result.oof["ridge"]
    expected = np.mean(np.abs(result.target - oof.valid) ** 1.5)
    assert oof.score == pytest.approx(expected)
    assert pd.notna(oof.fold_scores).all()


def test_what_a_metric_raises_or_returns_is_told_with_its_place() -> None:
    def broken(target: Floats, prediction: Floats) -> float:
        return float(pd.Series(target)["nothing"])

    line = broken.__code__.co_firstlineno + 1
    place = rf"'broken' failed \(test_metrics_own.py:{line}\): KeyError: 'nothing'"
    with pytest.raises(OwnCodeError, match=place):
        metric(broken, greater_is_better=True).score(np.zeros(2), np.zeros(2))

    def silent(target: Floats, prediction: Floats) -> Any:
        return None

    with pytest.raises(OwnCodeError, match="'silent' must return a number; None came"):
        metric(silent, greater_is_better=True).score(np.zeros(2), np.zeros(2))


def few_alone(target: Floats, prediction: Floats) -> float:
    if len(target) > 20:
        raise OverflowError("too many")
    return worst(target, prediction)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["inline", "local"])
def test_a_metric_that_fails_late_leaves_what_was_trained(tmp_path: Path, engine: str) -> None:
    few = metric(few_alone, greater_is_better=False)
    competition = own(table(), metric=few)
    with pytest.raises(OwnCodeError, match=r"'few_alone' failed \(test_metrics_own.py:\d+\)"):
        cross_validate(competition, models=[Ridge()], runs=tmp_path, engine=engine)
    assert len(list(tmp_path.rglob("models/**/*.npz"))) >= 5
    (record,) = history(competition, runs=tmp_path).records
    assert record.state == "failed" and "few_alone" in (record.error or "")


@pytest.mark.slow
def test_a_metric_that_fails_in_a_worker_names_the_users_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "users_metric.py").write_text("def gain(y, p):\n    return {}['x']\n")
    monkeypatch.syspath_prepend(tmp_path)
    users = importlib.import_module("users_metric")
    # As the files of competitions are sent.
    cloudpickle.register_pickle_by_value(users)
    competition = own(metric=metric(users.gain, greater_is_better=True))
    with pytest.raises(WorkbenchError, match=r"'gain' failed \(users_metric.py:2\): KeyError"):
        cross_validate(competition, models=[Ridge()], runs=tmp_path, engine="local")
