"""What models bring to the blend, told from the folds that are in the store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.api.worth import FoldWorth
from pipelines.engines.jobs import Job, Run, run_job
from pipelines.store import Experiment, RunStore
from tests.support import FOREST, MEAN, RIDGE

USELESS = replace(MEAN, name="useless", family=RIDGE.family)
MODELS = [MEAN, RIDGE, FOREST, USELESS]


def train(experiment: Experiment, store: RunStore, model: object, *folds: int) -> Job:
    """Train a model on some folds and store the results."""
    assert isinstance(model, type(RIDGE))
    run = Run.of(experiment, store, threads=1)
    held = tuple((fold,) for fold in folds)
    job = Job(run, model, experiment.key(model), 0, held)
    run_job(job)
    return job


@pytest.fixture
def worth(experiment: Experiment, store: RunStore) -> FoldWorth:
    """The worth of models of which nothing is stored."""
    return FoldWorth(experiment, store, MODELS)


def test_nothing_is_known_before_a_fold_has_ended(worth: FoldWorth) -> None:
    assert list(worth.finished()) == [] and worth.seconds == {}
    assert [worth.gain(model.member) for model in MODELS] == [None] * 4


def test_a_model_is_finished_with_its_last_fold(
    worth: FoldWorth, experiment: Experiment, store: RunStore
) -> None:
    with store.writing():
        worth.learn(train(experiment, store, RIDGE, 0, 1))
        assert list(worth.finished()) == []
        worth.learn(train(experiment, store, RIDGE, 2))
    assert list(worth.finished()) == ["ridge"]


def test_a_good_model_gains_on_its_first_fold_and_a_useless_one_does_not(
    worth: FoldWorth, experiment: Experiment, store: RunStore
) -> None:
    with store.writing():
        worth.learn(train(experiment, store, MEAN, 0, 1, 2))
        worth.learn(train(experiment, store, RIDGE, 0))
        gain = worth.gain("ridge")
        assert gain is not None and gain > 0.1
        worth.learn(train(experiment, store, RIDGE, 1, 2))
        worth.learn(train(experiment, store, USELESS, 0))
        worth.learn(train(experiment, store, FOREST, 1))
    assert (worth.gain("useless") or 0.0) < gain / 20
    # The fold that is compared is the first.
    assert worth.gain("forest") is None


def test_the_baseline_has_weight_alone_and_none_beside_others(
    worth: FoldWorth, experiment: Experiment, store: RunStore
) -> None:
    with store.writing():
        worth.learn(train(experiment, store, MEAN, 0, 1, 2))
        assert worth.weight("mean") == 1.0
        for model in (RIDGE, FOREST):
            worth.learn(train(experiment, store, model, 0, 1, 2))
    assert worth.weight("mean") == 0.0
    assert worth.weight("ridge") > worth.weight("forest")
    assert worth.weight("ridge") + worth.weight("forest") == pytest.approx(1.0)


def test_what_is_stored_is_known_from_the_start_with_its_seconds(
    experiment: Experiment, store: RunStore
) -> None:
    with store.writing():
        train(experiment, store, MEAN, 0, 1, 2)
        train(experiment, store, RIDGE, 0, 1)
    worth = FoldWorth(experiment, store, MODELS)
    assert list(worth.finished()) == ["mean"]
    assert {name: len(own) for name, own in worth.seconds.items()} == {"mean": 3, "ridge": 2}
    assert (worth.gain("ridge") or 0.0) > 0


def test_repeats_and_pairs_of_folds_tell_nothing_of_the_first_repeat(
    worth: FoldWorth, experiment: Experiment, store: RunStore
) -> None:
    with store.writing():
        job = train(experiment, store, RIDGE, 0, 1, 2)
    worth.learn(replace(job, repeat=1))
    worth.learn(replace(job, held=((0, 1),)))
    assert list(worth.finished()) == []
