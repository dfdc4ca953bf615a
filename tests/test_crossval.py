"""Cross-validation against naive loops; reuse, failures, repeats, deadlines, damage."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss as sklearn_log_loss

from comps.base import Array, Competition, Dataset, Family, Metric, Model, Prediction, Task
from pipelines.crossval.cross_validation import cross_validate
from pipelines.engines import Done, Engine, Failed
from pipelines.engines.jobs import Job
from pipelines.engines.queue import Step
from pipelines.folds import FoldInput, Folds, FoldSpec, make_folds
from pipelines.results.oof import OutOfFold, assemble
from pipelines.results.stopping import stopping_stage
from pipelines.store import Experiment, RunStore
from tests.support import (
    FOREST,
    LIGHTGBM,
    MEAN,
    METRIC,
    NETWORK,
    RIDGE,
    TINY,
    XGBOOST,
    Recorder,
    StagedTrainer,
    TinyFeatures,
    fold_result,
    inline_engine,
    load_tiny,
    no_engine,
    rmse,
    scripted,
    staged,
    tiny_experiment,
    validate,
    write_tiny,
)


def assert_same_oof(one: OutOfFold, other: OutOfFold) -> None:
    """Compare predictions, scores and curves bit by bit."""
    assert (one.key, one.score, one.step) == (other.key, other.score, other.step)
    for name in ("valid", "test", "covered", "fold_scores", "curve", "steps"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)


def fitted_folds(reporter: Recorder) -> list[tuple[str, int, int]]:
    """Return model, repeat and fold of everything that was fitted."""
    return [
        (event.job.model.name, event.job.repeat, fold)
        for event in reporter.events
        if isinstance(event, Done)
        for (fold,) in event.job.held
    ]


# Against naive loops


def naive_ridge(experiment: Experiment) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cross-validate ridge regression as a textbook would."""
    dataset, target = experiment.dataset, np.log1p(experiment.dataset.target)
    valid, test = np.zeros(len(target)), np.zeros(len(dataset.test_ids))
    estimator = Ridge(alpha=1.0)
    for repeat in experiment.folds.pairs:
        for train, held_out in repeat:
            features = TinyFeatures().fit(dataset.train.iloc[train])
            fitted = clone(estimator).fit(
                features.transform(dataset.train.iloc[train]), target[train]
            )
            valid[held_out] += fitted.predict(features.transform(dataset.train.iloc[held_out]))
            test += fitted.predict(features.transform(dataset.test))
    n_repeats = experiment.folds.n_repeats
    return valid / n_repeats, test / (n_repeats * experiment.folds.n_folds)


@pytest.mark.slow
@pytest.mark.parametrize("n_repeats", [1, 3])
def test_ridge_predicts_what_a_naive_loop_predicts(
    tiny_data: Path, store: RunStore, n_repeats: int
) -> None:
    experiment = tiny_experiment(tiny_data, n_folds=4, n_repeats=n_repeats)
    oof = validate(experiment, [RIDGE], store).oofs["ridge"]
    valid, test = naive_ridge(experiment)
    np.testing.assert_allclose(oof.valid, valid, rtol=1e-6)
    np.testing.assert_allclose(oof.test, test, rtol=1e-6)
    assert oof.score == pytest.approx(rmse(np.log1p(experiment.dataset.target), valid), rel=1e-6)


def test_the_score_is_that_of_all_rows_and_not_the_mean_of_the_folds(
    experiment: Experiment, store: RunStore
) -> None:
    oof = validate(experiment, [RIDGE], store).oofs["ridge"]
    target = np.log1p(experiment.dataset.target)
    assert oof.score == rmse(target, oof.valid)
    for fold, (_, valid) in enumerate(experiment.folds.pairs[0]):
        expected = rmse(target[valid], oof.valid[valid])
        assert oof.fold_scores[0, fold] == pytest.approx(expected, rel=1e-6)


def test_predictions_say_where_they_come_from(experiment: Experiment, store: RunStore) -> None:
    oof = validate(experiment, [RIDGE], store).oofs["ridge"]
    assert (oof.model, oof.key, oof.config) == ("ridge", experiment.key(RIDGE), RIDGE.config())
    assert oof.data_fingerprint == experiment.dataset.fingerprint
    assert oof.folds_fingerprint == experiment.folds.fingerprint
    np.testing.assert_array_equal(oof.train_ids, experiment.dataset.train_ids)
    np.testing.assert_array_equal(oof.test_ids, experiment.dataset.test_ids)
    assert oof.covered.all()
    assert oof.fit_seconds > 0


@pytest.mark.parametrize(
    "model",
    [LIGHTGBM, XGBOOST, FOREST, pytest.param(NETWORK, marks=pytest.mark.slow)],
    ids=lambda model: model.name,
)
def test_models_of_every_kind_beat_the_mean(
    experiment: Experiment, store: RunStore, model: Model
) -> None:
    model = model.with_params(longer(model))
    outcome = validate(experiment, [MEAN, model], store)
    assert outcome.failures == {}
    assert outcome.oofs[model.member].score < outcome.oofs["mean"].score


def longer(model: Model) -> dict[str, int]:
    """Return the parameters with which a model learns the tiny rows."""
    return (
        {"epochs": 30} if model is NETWORK else {"rounds": 40} if model.params.get("rounds") else {}
    )


# One stopping point for all folds

CURVES = [[0.30, 0.10, 0.40], [0.50, 0.40, 0.10], [0.30, 0.20, 0.60]]


def test_the_step_is_the_best_of_the_mean_curve_and_not_each_folds_own(
    flat_data: Path, store: RunStore, staged_trainer: type[StagedTrainer]
) -> None:
    experiment = tiny_experiment(flat_data)
    oof = validate(experiment, [staged(CURVES, stride=10)], store).oofs["staged"]
    assert (oof.step, list(oof.steps)) == (20, [10, 20, 30])
    np.testing.assert_allclose(oof.curve, np.mean(CURVES, axis=0), rtol=1e-5)
    np.testing.assert_allclose(oof.fold_scores, [[0.1, 0.4, 0.2]], rtol=1e-5)
    errors = oof.valid - np.log1p(1000)
    for fold, (_, valid) in enumerate(experiment.folds.pairs[0]):
        np.testing.assert_allclose(errors[valid], CURVES[fold][1], rtol=1e-5)
    np.testing.assert_allclose(oof.test - np.log1p(1000), np.mean([0.1, 0.4, 0.2]), rtol=1e-5)


def test_the_first_repeat_fixes_the_stopping_point(flat_data: Path) -> None:
    curves = [[(0.1, 0.2), (0.1, 0.2), (0.1, 0.2)], [(0.9, 0.2), (0.9, 0.2), (0.9, 0.2)]]
    assert step_of(flat_data, curves) == 1
    assert step_of(flat_data, curves[::-1]) == 2


def step_of(data: Path, curves: Sequence[Sequence[Sequence[float]]]) -> int:
    """Return the stopping point of results with these curves, by repeat and fold."""
    experiment = tiny_experiment(data, n_repeats=len(curves))
    results = [
        {
            (fold,): fold_result(curve, repeat=repeat, fold=fold, valid=np.zeros((2, len(valid))))
            for fold, (curve, (_, valid)) in enumerate(
                zip(folds, experiment.folds.pairs[repeat], strict=True)
            )
        }
        for repeat, folds in enumerate(curves)
    ]
    return assemble(TINY, experiment.dataset, RIDGE, "key", experiment.folds, results).step


def test_only_stages_that_every_fold_reached_count() -> None:
    curves = [np.array([0.5, 0.4, 0.1]), np.array([0.5, 0.4]), np.array([0.5, 0.6, 0.1])]
    best, curve = stopping_stage(METRIC, curves)
    assert best == 1
    np.testing.assert_allclose(curve, [0.5, 1.4 / 3])


def test_where_greater_is_better_the_step_is_the_highest_of_the_mean_curve() -> None:
    metric = replace(METRIC, greater_is_better=True)
    assert stopping_stage(metric, [np.array([0.5, 0.7, 0.6])])[0] == 1


def test_a_stage_where_one_fold_is_nan_is_not_chosen() -> None:
    curves = [np.array([0.5, np.nan]), np.array([0.5, 0.1])]
    assert stopping_stage(METRIC, curves)[0] == 0


# Rows that no fold predicts


def test_rows_that_are_never_predicted_are_not_covered_and_not_scored(
    experiment: Experiment, store: RunStore
) -> None:
    rows = np.arange(len(experiment.dataset.target))
    pairs = [[(rows[:60], rows[60:90]), (rows[:90], rows[90:])]]
    timed = replace(experiment, folds=Folds(FoldSpec("kfold", 2), len(rows), pairs))
    oof = validate(timed, [RIDGE], store).oofs["ridge"]
    np.testing.assert_array_equal(oof.covered, rows >= 60)
    assert np.isnan(oof.valid[:60]).all()
    assert oof.score == rmse(np.log1p(timed.dataset.target)[60:], oof.valid[60:])


# Failures


def test_a_model_that_fails_leaves_the_others(
    experiment: Experiment, store: RunStore, reporter: Recorder
) -> None:
    models = [scripted("unwell", "raise"), RIDGE]
    outcome = validate(experiment, models, store, reporter=reporter)
    assert outcome.failures == {"unwell": "ValueError: the model is unwell"}
    assert (list(outcome.oofs), outcome.left_out, outcome.fitted) == (["ridge"], [], 3)
    assert reporter.models == ["ridge"]


def test_a_model_that_failed_is_not_tried_on_its_other_folds(
    experiment: Experiment, store: RunStore, reporter: Recorder
) -> None:
    validate(experiment, [scripted("unwell", "raise")], store, reporter=reporter)
    assert sum(isinstance(event, Failed) for event in reporter.events) == 1


def test_the_traceback_of_a_failure_is_kept(experiment: Experiment, store: RunStore) -> None:
    outcome = validate(experiment, [scripted("unwell", "raise")], store)
    log = outcome.logs["unwell"].read_text()
    assert log.startswith("Traceback")
    assert "ValueError: the model is unwell" in log


def test_where_all_fail_nothing_comes_of_it_and_each_reason_is_told(
    experiment: Experiment, store: RunStore
) -> None:
    models = [scripted("one", "raise"), scripted("other", "nan")]
    outcome = validate(experiment, models, store)
    assert outcome.oofs == {}
    assert list(outcome.failures) == ["one", "other"]


def test_predicting_nan_is_a_failure_that_names_model_and_fold(
    experiment: Experiment, store: RunStore
) -> None:
    outcome = validate(experiment, [scripted("diverged", "nan")], store)
    assert outcome.failures["diverged"].startswith(
        "Model 'diverged' predicted NaN or infinity in fold 1"
    )
    assert not list(store.root.glob("models/diverged/*/*.npz"))


def test_a_model_that_failed_is_tried_again(
    experiment: Experiment, store: RunStore, tmp_path: Path
) -> None:
    trouble = tmp_path / "trouble"
    trouble.touch()
    model = scripted("moody", "raise-while-there", trouble)
    assert list(validate(experiment, [model], store).failures) == ["moody"]
    trouble.unlink()
    assert list(validate(experiment, [model], store).oofs) == ["moody"]


def test_a_failure_in_a_later_repeat_leaves_the_complete_ones(
    tiny_data: Path, store: RunStore, tmp_path: Path
) -> None:
    model = scripted("moody", "raise-while-there", tmp_path / "trouble")
    first = validate(tiny_experiment(tiny_data), [model], store).oofs["moody"]
    (tmp_path / "trouble").touch()
    outcome = validate(tiny_experiment(tiny_data, n_repeats=2), [model], store)
    assert list(outcome.failures) == ["moody"]
    assert_same_oof(outcome.oofs["moody"], first)


def test_files_that_change_during_a_run_are_noticed(store: RunStore, tmp_path: Path) -> None:
    experiment = tiny_experiment(write_tiny(tmp_path / "data"))
    write_tiny(tmp_path / "data", seed=1)
    outcome = validate(experiment, [RIDGE], store)
    assert "changed while the run was going on" in outcome.failures["ridge"]


# Reuse

MODELS = [RIDGE, LIGHTGBM, NETWORK]


@pytest.mark.slow
def test_a_second_call_fits_nothing(experiment: Experiment, store: RunStore) -> None:
    first = validate(experiment, MODELS, store)
    reporter = Recorder()
    second = validate(experiment, MODELS, store, engine=no_engine, reporter=reporter)
    assert (first.fitted, first.stored, second.fitted, second.stored) == (9, 0, 0, 9)
    assert reporter.plans == [(0, 9)]
    for name, oof in first.oofs.items():
        assert_same_oof(second.oofs[name], oof)


def test_results_come_in_the_order_of_the_models(experiment: Experiment, store: RunStore) -> None:
    validate(experiment, [NETWORK], store)
    for models in (MODELS, MODELS[::-1]):
        outcome = validate(experiment, models, store)
        assert list(outcome.oofs) == [model.name for model in models]


def test_one_model_with_different_parameters_is_as_many_members(
    experiment: Experiment, store: RunStore
) -> None:
    models = [RIDGE, RIDGE.with_params({"alpha": 50.0}), RIDGE.with_params({"alpha": 5.0})]
    both = validate(experiment, models, store).oofs
    assert list(both) == ["ridge", "ridge[alpha=50.0]", "ridge[alpha=5.0]"]
    assert [oof.model for oof in both.values()] == list(both)
    assert len({oof.key for oof in both.values()}) == len({oof.score for oof in both.values()}) == 3
    # The name decides nothing: as if 50 had been declared.
    declared = replace(RIDGE, params={"alpha": 50.0})
    again = validate(experiment, [declared], store, engine=no_engine).oofs["ridge"]
    assert_same_oof(again, replace(both["ridge[alpha=50.0]"], model="ridge"))
    assert again.model == "ridge"


def test_a_changed_parameter_refits_that_model_alone(
    experiment: Experiment, store: RunStore, reporter: Recorder
) -> None:
    before = validate(experiment, [RIDGE, FOREST], store)
    changed = RIDGE.with_params({"alpha": 50.0})
    after = validate(experiment, [changed, FOREST], store, reporter=reporter)
    assert {model for model, _, _ in fitted_folds(reporter)} == {"ridge"}
    assert_same_oof(after.oofs["forest"], before.oofs["forest"])
    assert after.oofs["ridge[alpha=50.0]"].score != before.oofs["ridge"].score
    assert_same_oof(
        validate(experiment, [RIDGE], store, engine=no_engine).oofs["ridge"],
        before.oofs["ridge"],
    )


def test_missing_folds_alone_are_fitted(
    experiment: Experiment, store: RunStore, reporter: Recorder
) -> None:
    first = validate(experiment, [FOREST], store).oofs["forest"]
    forget(store, experiment, FOREST, fold=1)
    again = validate(experiment, [FOREST], store, reporter=reporter)
    assert fitted_folds(reporter) == [("forest", 0, 1)]
    assert_same_oof(again.oofs["forest"], first)


@pytest.mark.slow
def test_a_program_of_folds_is_fitted_again_as_a_whole(
    tiny_data: Path, store: RunStore, reporter: Recorder
) -> None:
    five = tiny_experiment(tiny_data, n_folds=5)
    first = validate(five, [NETWORK], store).oofs["network"]
    forget(store, five, NETWORK, fold=1)
    again = validate(five, [NETWORK], store, reporter=reporter)
    assert fitted_folds(reporter) == [("network", 0, fold) for fold in range(3)]
    assert (again.fitted, again.stored) == (3, 2)
    assert_same_oof(again.oofs["network"], first)


@pytest.mark.parametrize(
    ("n_folds", "accelerators", "expected"),
    [
        (3, 0, [3]),
        (4, 0, [2, 2]),
        (5, 0, [3, 2]),
        (10, 0, [3, 3, 2, 2]),
        (5, 1, [5]),
        (5, 2, [3, 2]),
        (2, 4, [1, 1]),
    ],
)
def test_folds_are_divided_into_programs(
    tiny_data: Path,
    store: RunStore,
    staged_trainer: type[StagedTrainer],
    n_folds: int,
    accelerators: int,
    expected: list[int],
) -> None:
    def engine() -> Engine:
        made = inline_engine()
        made.accelerators = accelerators
        return made

    together, reporter = staged([[1.0]]), Recorder()
    validate(
        tiny_experiment(tiny_data, n_folds=n_folds),
        [together],
        store,
        engine=engine,
        reporter=reporter,
    )
    jobs = [event.job.held for event in reporter.events if isinstance(event, Done)]
    assert [len(held) for held in jobs] == expected
    assert [part for held in jobs for part in held] == [(fold,) for fold in range(n_folds)]


def forget(store: RunStore, experiment: Experiment, model: Model, fold: int) -> None:
    """Delete a fold's result and what was made of it."""
    path = store.fold_path(model.name, experiment.key(model), 0, (fold,))
    path.unlink()
    for oof in path.parent.glob("oof-*.npz"):
        oof.unlink()


def test_a_fold_that_was_lost_is_fitted_again_where_pairs_are_wanted(
    experiment: Experiment, store: RunStore, reporter: Recorder
) -> None:
    before = validate(experiment, [LIGHTGBM], store).oofs["lightgbm"]
    store.fold_path("lightgbm", before.key, 0, (1,)).unlink()
    outcome = validate(experiment, [LIGHTGBM], store, reporter=reporter, nested=True)
    assert ("lightgbm", 0, 1) in [
        (event.job.model.name, event.job.repeat, *held)
        for event in reporter.events
        if isinstance(event, Done)
        for held in event.job.held
    ]
    again = outcome.oofs["lightgbm"]
    np.testing.assert_array_equal(again.valid, before.valid)
    assert again.nested is not None


def test_what_is_joined_is_not_made_of_its_folds_again_where_more_repeats_are_wanted(
    tiny_data: Path, store: RunStore
) -> None:
    one = validate(tiny_experiment(tiny_data), [FOREST], store).oofs["forest"]
    for path in store.root.rglob("r0-f*.npz"):
        path.unlink()
    more = tiny_experiment(tiny_data, n_repeats=3)
    late = validate(more, [FOREST], store, engine=no_engine, deadline=time.monotonic() - 1)
    assert_same_oof(late.oofs["forest"], one)


# Repeats


def test_more_repeats_extend_what_is_stored(
    tiny_data: Path, store: RunStore, reporter: Recorder
) -> None:
    validate(tiny_experiment(tiny_data), [FOREST], store)
    three = tiny_experiment(tiny_data, n_repeats=3)
    extended = validate(three, [FOREST], store, reporter=reporter)
    assert {repeat for _, repeat, _ in fitted_folds(reporter)} == {1, 2}
    fresh = validate(three, [FOREST], RunStore(store.root.parent / "fresh"))
    assert_same_oof(extended.oofs["forest"], fresh.oofs["forest"])
    assert extended.oofs["forest"].fold_scores.shape == (3, 3)


def test_fewer_repeats_give_the_first_ones_again(tiny_data: Path, store: RunStore) -> None:
    one = validate(tiny_experiment(tiny_data), [FOREST], store).oofs["forest"]
    validate(tiny_experiment(tiny_data, n_repeats=2), [FOREST], store)
    again = validate(tiny_experiment(tiny_data), [FOREST], store, engine=no_engine)
    assert_same_oof(again.oofs["forest"], one)


def test_repeats_of_a_stored_run_can_be_read_without_those_before(
    tiny_data: Path, store: RunStore
) -> None:
    two = validate(tiny_experiment(tiny_data, n_repeats=2), [FOREST], store).oofs["forest"]
    again = validate(
        tiny_experiment(tiny_data, n_repeats=2), [FOREST], store, engine=no_engine
    ).oofs["forest"]
    assert_same_oof(again, two)


# Deadlines


def test_after_the_deadline_nothing_is_begun(experiment: Experiment, store: RunStore) -> None:
    outcome = validate(experiment, [RIDGE, FOREST], store, deadline=time.monotonic() - 1)
    assert (outcome.oofs, outcome.fitted) == ({}, 0)
    assert outcome.left_out == ["ridge", "forest"]


def test_after_the_deadline_no_engine_is_started_and_no_fit_is_announced(
    experiment: Experiment, store: RunStore
) -> None:
    validate(experiment, [RIDGE], store)
    recorder = Recorder()
    outcome = validate(
        experiment,
        [RIDGE, FOREST],
        store,
        engine=no_engine,
        reporter=recorder,
        nested=True,
        deadline=time.monotonic() - 1,
    )
    assert recorder.plans == [(0, 3)]
    # What lacks pairs of folds alone is not left out.
    assert outcome.left_out == ["forest"]


def test_models_that_do_not_fit_are_left_out_and_the_others_are_whole(
    experiment: Experiment, store: RunStore
) -> None:
    dear = replace(FOREST, name="dear", seconds=1e9)
    deadline = time.monotonic() + 100_000
    outcome = validate(experiment, [RIDGE, dear, FOREST], store, deadline=deadline)
    assert (list(outcome.oofs), outcome.left_out) == (["ridge", "forest"], ["dear"])
    assert outcome.failures == {}


def test_stored_models_are_returned_whatever_the_time(
    experiment: Experiment, store: RunStore
) -> None:
    first = validate(experiment, [RIDGE], store)
    outcome = validate(experiment, [RIDGE, FOREST], store, deadline=time.monotonic() - 1)
    assert (list(outcome.oofs), outcome.left_out) == (["ridge"], ["forest"])
    assert_same_oof(outcome.oofs["ridge"], first.oofs["ridge"])


def test_only_complete_repeats_are_returned_when_time_runs_out(
    tiny_data: Path, store: RunStore
) -> None:
    two = tiny_experiment(tiny_data, n_repeats=2)
    one = validate(tiny_experiment(tiny_data), [FOREST], store).oofs["forest"]
    validate(two, [FOREST], store)
    forget(store, two, FOREST, fold=0)
    store.fold_path("forest", two.key(FOREST), 1, (2,)).unlink()
    # The first repeat lacks a fold now, and the second another one.
    outcome = validate(two, [FOREST], store, deadline=time.monotonic() - 1)
    assert (outcome.oofs, outcome.left_out) == ({}, ["forest"])
    validate(tiny_experiment(tiny_data), [FOREST], store)
    outcome = validate(two, [FOREST], store, deadline=time.monotonic() - 1)
    assert_same_oof(outcome.oofs["forest"], one)
    assert outcome.left_out == ["forest"]


class FirstRepeats:
    """A policy that wants no further repeat, as where time runs out."""

    def __init__(self) -> None:
        self.measured: dict[str, list[float]] = {}

    def next_jobs(self, steps: Sequence[Step], seconds_left: float) -> Sequence[Job]:
        """See `Policy`."""
        del seconds_left
        return next((step.jobs for step in steps if step.repeat < 2), [])

    def finished(self, job: Job) -> None:
        """See `Policy`."""


def test_repeats_that_are_whole_count_where_others_are_not_made(
    tiny_data: Path, store: RunStore
) -> None:
    # A model with rounds predicts the test rows behind its fits, each repeat as it is complete.
    three = tiny_experiment(tiny_data, n_repeats=3)
    recorder = Recorder()
    with store.writing():
        outcome = cross_validate(
            three,
            [RIDGE, LIGHTGBM],
            store=store,
            engine=inline_engine,
            reporter=recorder,
            deadline=time.monotonic() + 600,
            policy=FirstRepeats(),
            keep="all",
        )
    assert {name: oof.n_repeats for name, oof in outcome.oofs.items()} == dict.fromkeys(
        ["ridge", "lightgbm"], 2
    )
    assert set(outcome.left_out) == {"ridge", "lightgbm"}
    two = validate(tiny_experiment(tiny_data, n_repeats=2), [LIGHTGBM], RunStore(store.root / "2"))
    np.testing.assert_allclose(outcome.oofs["lightgbm"].test, two.oofs["lightgbm"].test, rtol=2e-7)
    np.testing.assert_array_equal(outcome.oofs["lightgbm"].valid, two.oofs["lightgbm"].valid)


def test_what_was_finished_before_the_deadline_is_used_later(
    experiment: Experiment, store: RunStore
) -> None:
    whole = validate(experiment, [FOREST], store).oofs["forest"]
    forget(store, experiment, FOREST, fold=2)
    assert validate(experiment, [FOREST], store, deadline=time.monotonic() - 1).oofs == {}
    resumed = validate(experiment, [FOREST], store)
    assert (resumed.fitted, resumed.stored) == (1, 2)
    assert_same_oof(resumed.oofs["forest"], whole)


# Damage


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04 garbage", None], ids=["empty", "garbage", "cut"]
)
def test_a_damaged_fold_is_computed_anew(
    experiment: Experiment, store: RunStore, reporter: Recorder, content: bytes | None
) -> None:
    first = validate(experiment, [FOREST], store).oofs["forest"]
    path = store.fold_path("forest", experiment.key(FOREST), 0, (1,))
    whole = path.read_bytes()
    forget(store, experiment, FOREST, fold=1)
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    again = validate(experiment, [FOREST], store, reporter=reporter)
    assert fitted_folds(reporter) == [("forest", 0, 1)]
    assert_same_oof(again.oofs["forest"], first)


def test_damaged_predictions_are_joined_anew_without_fitting(
    experiment: Experiment, store: RunStore
) -> None:
    first = validate(experiment, [FOREST], store).oofs["forest"]
    path = store.fold_path("forest", experiment.key(FOREST), 0, (0,)).parent / "oof-r1.npz"
    path.write_bytes(path.read_bytes()[:-10])
    again = validate(experiment, [FOREST], store, engine=no_engine)
    assert_same_oof(again.oofs["forest"], first)


# Classes


def load_classes(path: Path) -> Dataset:
    """Return the tiny rows with three classes of price of equal size."""
    return with_classes(load_tiny(path), [1 / 3, 2 / 3])


def load_rare(path: Path) -> Dataset:
    """Return the tiny rows with three classes of price; a single row is of the dearest."""
    return with_classes(load_tiny(path), [0.5, 1.0])


def with_classes(dataset: Dataset, shares: Sequence[float]) -> Dataset:
    """Return the dataset with codes for its target."""
    codes = np.digitize(dataset.target, np.quantile(dataset.target, shares))
    return replace(dataset, target=codes.astype(np.float64))


def log_loss(target: Array, probabilities: Array) -> float:
    """Mean negative logarithm of the probability of the true class."""
    return float(-np.log(probabilities[np.arange(len(target)), target.astype(int)]).mean())


CLASSES = replace(
    TINY,
    task=Task.MULTICLASS,
    load=load_classes,
    metric=Metric("neg_log_loss", "log loss", log_loss, False, Prediction.PROBABILITY),
)
LOGISTIC = Model("logistic", Family.LINEAR, "sklearn", {"C": 1.0}, TinyFeatures, LogisticRegression)
UNUSED_THREADS = pytest.mark.filterwarnings("ignore:'n_jobs' has no effect")


def classes_experiment(competition: Competition, data: Path) -> Experiment:
    """Return a competition of classes on three folds."""
    dataset = competition.load(data)
    folds = make_folds(FoldSpec("kfold", 3), FoldInput(dataset.target, Task.MULTICLASS))
    return Experiment(competition, dataset, data, folds)


@UNUSED_THREADS
def test_probabilities_of_classes_are_those_of_a_naive_loop(
    tmp_path: Path, store: RunStore
) -> None:
    experiment = classes_experiment(CLASSES, write_tiny(tmp_path / "data", seed=2))
    dataset, expected = experiment.dataset, np.zeros((120, 3))
    for train, valid in experiment.folds.pairs[0]:
        features = TinyFeatures().fit(dataset.train.iloc[train])
        fitted = LogisticRegression().fit(
            features.transform(dataset.train.iloc[train]), dataset.target[train]
        )
        expected[valid] = fitted.predict_proba(features.transform(dataset.train.iloc[valid]))
    oof = validate(experiment, [LOGISTIC], store).oofs["logistic"]
    np.testing.assert_allclose(oof.valid, expected, rtol=1e-5)
    assert oof.test.shape == (30, 3)
    assert oof.score == pytest.approx(sklearn_log_loss(dataset.target, expected), rel=1e-5)
    assert_same_oof(validate(experiment, [LOGISTIC], store, engine=no_engine).oofs["logistic"], oof)


@UNUSED_THREADS
def test_a_fold_that_lacks_a_class_says_so(tmp_path: Path, store: RunStore) -> None:
    rare = replace(CLASSES, load=load_rare)
    experiment = classes_experiment(rare, write_tiny(tmp_path / "data", seed=3))
    assert np.bincount(experiment.dataset.target.astype(int))[2] == 1
    outcome = validate(experiment, [LOGISTIC], store)
    assert "There is no training row of class 2 outside fold" in outcome.failures["logistic"]
