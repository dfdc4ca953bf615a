"""Tuning: searches against cross-validation, pruning, resuming, sharing, failures, bad input."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from comps.base import Family, Model, StoreError, UsageError, WorkbenchError, spaces
from comps.catalog import competition_names, find_competition
from pipelines.crossval import Experiment
from pipelines.engines.inline import InlineEngine
from pipelines.store import RunStore
from pipelines.tuning import Result, Search, State, Trial
from pipelines.tuning.best import Best, read_best, tuned, write_best
from pipelines.tuning.keras_search import KerasSearch, import_keras_tuner
from pipelines.tuning.optuna_search import OptunaSearch
from pipelines.tuning.plot import best_so_far, write_plot
from pipelines.tuning.refit import longer, refit
from pipelines.tuning.run import MOST_FAILURES, tune
from pipelines.tuning.study import made_of
from tests.commands import COMPS, comps, environment
from tests.support import (
    LIGHTGBM,
    METRIC,
    NETWORK,
    RIDGE,
    TinyFeatures,
    load_tiny,
    python,
    scripted,
    tiny_experiment,
    validate,
)

EVERY_MODEL = [
    pytest.param(name, model.name, id=f"{name}-{model.name}")
    for name in competition_names()
    for model in find_competition(name).models
    if model.family is not Family.BASELINE
]


def scales_and_more(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Name a parameter that the model does not have."""
    from optuna.distributions import FloatDistribution

    return {"aplha": FloatDistribution(0.1, 1.0)}


def nothing(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Name no parameter."""
    return {}


def misspelt(hp: Any, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Name a parameter that the network does not have."""
    return {"unist": hp.Int("units", 2, 8, default=params["units"])}


def scripts(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Search over the scripts of a model that does what it is told."""
    from optuna.distributions import CategoricalDistribution

    return {"script": CategoricalDistribution(["raise", "fit"])}


TUNED_RIDGE = dataclasses.replace(RIDGE, space=spaces.scales)
TUNED_LIGHTGBM = dataclasses.replace(LIGHTGBM, space=spaces.boosting)
TUNED_NETWORK = dataclasses.replace(NETWORK, space=spaces.network)


# Search spaces


@pytest.mark.parametrize(("competition", "name"), EVERY_MODEL)
def test_every_model_has_a_space_around_its_own_parameters(competition: str, name: str) -> None:
    model = find_competition(competition).model(name)
    assert model.space is not None
    if model.family is Family.NETWORK:
        import_keras_tuner()
        import keras_tuner

        hp = keras_tuner.HyperParameters()
        found = model.space(hp, model.params)
        assert found and hp.space
        assert {key: model.params[key] for key in found} == found
    else:
        distributions = model.space(model.params)
        assert distributions
        for key, distribution in distributions.items():
            assert distribution._contains(distribution.to_internal_repr(model.params[key])), key


# Rows of each competition's networks, as small as the networks allow.
SHAPES = {
    "digits": {"image": (28, 28, 1)},
    "dogs-vs-cats": {"image": (32, 32, 3)},
    "house-prices": {"table": (12,)},
    "sentiment": {"tokens": (20,)},
    "temperature": {"window": (120, 3)},
}

# Runs in a process of its own, for Keras keeps the backend that it was imported with.
BUILD_ENDS = """
import keras_tuner
from inspect import signature
from comps.catalog import find_competition


def build(params):
    known = signature(model.build).parameters
    made = model.build(shapes, 100, **{{k: v for k, v in params.items() if k in known}})
    return made.count_params(), str(made.get_config()), str(made.optimizer.get_config())


shapes = {shapes!r}
for model in find_competition({competition!r}).models:
    if str(model.family) != "network" or {{"weights", "file"}} & set(model.params):
        continue
    hp = keras_tuner.HyperParameters()
    model.space(hp, model.params)
    built = [build(model.params)]
    for end in (min, max):
        chosen = keras_tuner.HyperParameters()
        for part in hp.space:
            kind = type(part).__name__
            values = {{"Choice": lambda: part.values, "Boolean": lambda: [False, True]}}
            ends = values.get(kind, lambda: [part.min_value, part.max_value])()
            chosen.values[part.name] = end(ends)
        built.append(build(model.with_params(model.space(chosen, model.params)).params))
    print(model.name, len(set(built)))
"""


# The largest photographs' networks take half a minute to build.
@pytest.mark.parametrize(
    "competition",
    [
        pytest.param(name, marks=pytest.mark.long if name == "dogs-vs-cats" else pytest.mark.slow)
        for name in sorted(SHAPES)
    ],
)
def test_both_ends_of_the_space_of_a_network_are_built(competition: str) -> None:
    code = BUILD_ENDS.format(competition=competition, shapes=SHAPES[competition])
    lines = [line.split() for line in python(code, KERAS_BACKEND="numpy").splitlines()]
    # The declared network and one at either end; where there is only a batch size, all are one.
    alike = {"dense", "dense-dropout"} if competition == "digits" else set()
    assert lines
    assert {name for name, built in lines if built != "3"} <= alike


# Trials are scored by cross-validation


@pytest.fixture
def search(experiment: Experiment, tmp_path: Path) -> Callable[..., OptunaSearch]:
    """Return what opens the study "tiny" of a model, in a file that stays."""

    def opened(model: Model = TUNED_RIDGE, **options: Any) -> OptunaSearch:
        url = f"sqlite:///{tmp_path / 'studies.db'}"
        made = made_of(experiment, model)
        return OptunaSearch(model, METRIC, made, url, "tiny", **options)

    return opened


def searched(
    experiment: Experiment, model: Model, search: Search, folder: Path, n_trials: int, **more: Any
) -> list[Result]:
    """Run a search in this process; nothing of its trials is left in the folder."""
    engine = InlineEngine(threads=1)
    ended = tune(experiment, model, search, engine=engine, folder=folder, n_trials=n_trials, **more)
    assert not folder.exists()
    return ended


def test_a_trial_has_the_score_of_its_configuration(
    experiment: Experiment, search: Callable[..., OptunaSearch], tmp_path: Path, store: RunStore
) -> None:
    opened = search(TUNED_LIGHTGBM, prune=False)
    found = searched(experiment, TUNED_LIGHTGBM, opened, tmp_path / "work", 4)
    assert [result.trial.number for result in found] == [0, 1, 2, 3]
    for result in found:
        model = TUNED_LIGHTGBM.with_params(result.trial.params)
        oof = validate(experiment, [model], store).oofs[model.member]
        assert (result.score, result.step) == (oof.score, oof.step)


def test_the_first_trial_is_the_model_as_it_is(
    experiment: Experiment, search: Callable[..., OptunaSearch], tmp_path: Path
) -> None:
    first = searched(experiment, TUNED_RIDGE, search(), tmp_path / "work", 1)[0]
    assert first.trial.params == RIDGE.params


def test_what_is_kept_is_what_was_told(
    experiment: Experiment, search: Callable[..., OptunaSearch], tmp_path: Path
) -> None:
    told: list[Result] = []
    found = searched(experiment, TUNED_RIDGE, search(), tmp_path / "work", 5, on_result=told.append)
    assert told == found == search().results()


@pytest.mark.parametrize("tuner", ["tpe", "random", "cmaes"])
def test_a_search_that_goes_on_tries_what_it_would_have_tried(
    tuner: str, experiment: Experiment, tmp_path: Path
) -> None:
    def params(name: str, *steps: int) -> list[Mapping[str, Any]]:
        for n_trials in steps:
            url = f"sqlite:///{tmp_path / name}.db"
            made = made_of(experiment, TUNED_LIGHTGBM)
            opened = OptunaSearch(
                TUNED_LIGHTGBM, METRIC, made, url, "tiny", tuner=tuner, prune=False
            )
            searched(experiment, TUNED_LIGHTGBM, opened, tmp_path / "work", n_trials)
        return [result.trial.params for result in opened.results()]

    at_once = params("at-once", 6)
    assert params("in-parts", 2, 3, 6) == at_once
    assert len({tuple(values.items()) for values in at_once}) == 6


# Pruning


def test_a_trial_that_loses_fold_after_fold_is_hopeless(
    search: Callable[..., OptunaSearch],
) -> None:
    opened = search()
    best = opened.ask()
    for fold in range(5):
        assert not opened.hopeless(best, fold, 0.1)
    opened.tell(Result(best, State.COMPLETE, 0.1, (0.1,) * 5))
    worse, better = opened.ask(), opened.ask()
    assert [opened.hopeless(worse, fold, 0.2) for fold in (3, 1)] == [False, True]
    assert not any(opened.hopeless(better, fold, 0.05) for fold in range(5))


def test_without_pruning_no_trial_is_hopeless(search: Callable[..., OptunaSearch]) -> None:
    opened = search(prune=False)
    best = opened.ask()
    opened.tell(Result(best, State.COMPLETE, 0.1, (0.1,) * 5))
    worse = opened.ask()
    assert not any(opened.hopeless(worse, fold, 9.0) for fold in range(5))


def test_a_pruned_trial_has_fitted_a_part_of_its_folds(tiny_data: Path, tmp_path: Path) -> None:
    five = tiny_experiment(tiny_data, n_folds=5)
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    opened = OptunaSearch(TUNED_RIDGE, METRIC, made_of(five, TUNED_RIDGE), url, "tiny", seed=3)
    found = searched(five, TUNED_RIDGE, opened, tmp_path / "work", 12)
    pruned = [result for result in found if result.state is State.PRUNED]
    assert pruned
    assert all(2 <= len(result.fold_scores) < 5 and result.score is None for result in pruned)
    complete = [result for result in found if result.state is State.COMPLETE]
    assert all(len(result.fold_scores) == 5 for result in complete)


# Ends that come early


def test_after_the_deadline_no_trial_begins(
    experiment: Experiment, search: Callable[..., OptunaSearch], tmp_path: Path
) -> None:
    over = time.monotonic() - 1
    assert searched(experiment, TUNED_RIDGE, search(), tmp_path / "work", 5, deadline=over) == []
    assert search().results() == [] and search().open_trials() == 0


def test_a_trial_that_is_given_up_does_not_count(
    experiment: Experiment, search: Callable[..., OptunaSearch], tmp_path: Path
) -> None:
    class Interrupt(BaseException):
        pass

    def interrupt(result: Result) -> None:
        del result
        raise Interrupt

    with pytest.raises(Interrupt):
        searched(experiment, TUNED_RIDGE, search(), tmp_path / "a", 5, on_result=interrupt)
    assert len(search().results()) == 1 and search().open_trials() == 0
    searched(experiment, TUNED_RIDGE, search(), tmp_path / "b", 3)
    assert len(search().results()) == 3


def test_a_trial_of_a_process_that_is_no_more_is_given_up(
    search: Callable[..., OptunaSearch],
) -> None:
    killed = search()
    killed.ask()
    gone = subprocess.Popen(["true"])
    gone.wait()
    worker = killed._open[0].user_attrs["worker"].replace(f":{os.getpid()}", f":{gone.pid}")
    killed._open[0].set_user_attr("worker", worker)
    assert search().open_trials() == 0 and search().results() == []


def test_a_failing_trial_is_recorded_and_the_search_goes_on(
    experiment: Experiment, search: Callable[..., OptunaSearch], tmp_path: Path
) -> None:
    model = dataclasses.replace(scripted("unwell", "fit"), space=scripts)
    model = dataclasses.replace(model, features=TinyFeatures)
    opened = search(model, tuner="random")
    found = searched(experiment, model, opened, tmp_path / "work", 8)
    states = {result.trial.params["script"]: result.state for result in found}
    assert states["fit"] is State.COMPLETE and states["raise"] is State.FAILED
    failed = [result for result in opened.results() if result.state is State.FAILED]
    assert all(result.reason == "ValueError: the model is unwell" for result in failed)


def test_a_search_in_which_everything_fails_ends_with_the_first_reason(
    experiment: Experiment, search: Callable[..., OptunaSearch], tmp_path: Path
) -> None:
    model = dataclasses.replace(RIDGE, params={"alpha": 1.0, "beta": 1.0}, space=spaces.scales)
    with pytest.raises(WorkbenchError, match=rf"first {MOST_FAILURES} trials failed: .*beta"):
        searched(experiment, model, search(model), tmp_path / "work", 20)


# Bad input


def test_a_model_without_a_space_is_refused(search: Callable[..., OptunaSearch]) -> None:
    for model in (RIDGE, dataclasses.replace(RIDGE, space=nothing)):
        with pytest.raises(UsageError, match="'ridge' has no parameter that can be tuned"):
            search(model)


def test_a_space_with_an_unknown_parameter_is_refused(search: Callable[..., OptunaSearch]) -> None:
    with pytest.raises(UsageError, match=r"called 'aplha'. Did you mean 'alpha'"):
        search(dataclasses.replace(RIDGE, space=scales_and_more))


def test_a_space_of_a_network_with_an_unknown_parameter_is_refused(
    networks: Callable[..., KerasSearch],
) -> None:
    with pytest.raises(UsageError, match=r"called 'unist'. Did you mean 'units'"):
        networks(dataclasses.replace(NETWORK, space=misspelt))


def test_an_unknown_tuner_is_refused(search: Callable[..., OptunaSearch]) -> None:
    with pytest.raises(UsageError, match=r"like 'ridge' called 'tep'. Did you mean 'tpe'"):
        search(tuner="tep")


def test_a_study_of_something_else_is_refused(
    experiment: Experiment, tiny_data: Path, search: Callable[..., OptunaSearch], tmp_path: Path
) -> None:
    search()
    with pytest.raises(UsageError, match="is of another model and configuration"):
        search(TUNED_LIGHTGBM)
    with pytest.raises(UsageError, match="is of another configuration"):
        search(TUNED_RIDGE.with_params({"alpha": 2.0}))
    other = tiny_experiment(tiny_data, seed=1)
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    with pytest.raises(UsageError, match=r"is of another folds and seed.*--study NAME"):
        OptunaSearch(TUNED_RIDGE, METRIC, made_of(other, TUNED_RIDGE), url, "tiny")


def test_a_damaged_database_is_named(search: Callable[..., OptunaSearch], tmp_path: Path) -> None:
    (tmp_path / "studies.db").write_bytes(b"no database at all" * 500)
    with pytest.raises(StoreError, match=r"studies.db cannot be read: .*delete it"):
        search()


@pytest.mark.parametrize("url", ["studies.db", "oracle8://nowhere/x"])
def test_a_text_that_is_no_url_of_a_database_is_refused(url: str, experiment: Experiment) -> None:
    with pytest.raises(UsageError, match="--storage takes a URL such as sqlite"):
        OptunaSearch(TUNED_RIDGE, METRIC, made_of(experiment, TUNED_RIDGE), url, "tiny")


# Networks


@pytest.fixture
def networks(experiment: Experiment, tmp_path: Path) -> Callable[..., KerasSearch]:
    """Return what opens KerasTuner's project folder of the tiny network."""

    def opened(model: Model = TUNED_NETWORK, **options: Any) -> KerasSearch:
        made = made_of(experiment, model)
        return KerasSearch(model, METRIC, made, tmp_path / "project", **options)

    return opened


def told(search: Search, trial: Trial) -> Result:
    """Tell a search that small learning rates and many units are good."""
    score = abs(np.log10(trial.params.get("dropout", 0.1) + 0.01)) + 1 / trial.params["units"]
    result = Result(trial, State.COMPLETE, float(score), (float(score),) * 3, 2, 1.5)
    search.tell(result)
    return result


@pytest.mark.parametrize("tuner", ["bayesian", "random"])
def test_networks_are_searched_from_their_own_parameters_on(
    tuner: str, networks: Callable[..., KerasSearch]
) -> None:
    opened = networks(tuner=tuner, n_trials=6)
    results = []
    while (trial := opened.ask()) is not None:
        results.append(told(opened, trial))
    assert len(results) == 6
    first = results[0].trial.params
    assert first == {name: NETWORK.params[name] for name in first}
    assert len({tuple(result.trial.params.items()) for result in results}) == 6
    assert opened.results() == networks(tuner=tuner, n_trials=6).results() == results


def test_an_open_trial_of_a_network_is_the_next_one_of_the_next_search(
    networks: Callable[..., KerasSearch],
) -> None:
    killed = networks(n_trials=5)
    told(killed, killed.ask())  # type: ignore[arg-type]
    lost = killed.ask()
    again = networks(n_trials=5)
    assert again.ask() == lost
    assert len(again.results()) == 1


def test_hyperband_decides_on_the_epochs(networks: Callable[..., KerasSearch]) -> None:
    opened = networks(TUNED_NETWORK.with_params({"epochs": 9}), tuner="hyperband")
    epochs = []
    while (trial := opened.ask()) is not None:
        epochs.append(trial.params["epochs"])
        told(opened, trial)
    assert min(epochs) < 9 and max(epochs) == 9


def test_trials_of_a_network_are_trained_and_scored(
    experiment: Experiment,
    networks: Callable[..., KerasSearch],
    tmp_path: Path,
    store: RunStore,
) -> None:
    (result,) = searched(experiment, TUNED_NETWORK, networks(), tmp_path / "work", 1)
    oof = validate(experiment, [NETWORK], store).oofs["network"]
    assert result.score == pytest.approx(oof.score, rel=1e-5) and result.step == oof.step


def test_a_damaged_project_folder_is_named(
    networks: Callable[..., KerasSearch], tmp_path: Path
) -> None:
    opened = networks()
    told(opened, opened.ask())  # type: ignore[arg-type]
    (tmp_path / "project" / "oracle.json").write_text("{")
    with pytest.raises(StoreError, match=r"project is damaged. Delete the folder"):
        networks()


def test_a_project_folder_of_something_else_is_refused(
    networks: Callable[..., KerasSearch],
) -> None:
    networks()
    with pytest.raises(UsageError, match="is of another configuration"):
        networks(TUNED_NETWORK.with_params({"units": 9}))


# After the search


def test_all_rows_are_trained_on_as_one_would_by_hand(
    experiment: Experiment, tiny_data: Path, tmp_path: Path
) -> None:
    models = [(RIDGE.with_params({"alpha": alpha}), 1) for alpha in (0.5, 5.0)]
    found = refit(experiment, models, InlineEngine(threads=1), tmp_path)
    dataset = load_tiny(tiny_data)
    features = TinyFeatures()
    rows = features.fit_transform(dataset.train)
    expected = [
        Ridge(alpha=alpha)
        .fit(rows, METRIC.scale.forward(dataset.target))
        .predict(features.transform(dataset.test))
        for alpha in (0.5, 5.0)
    ]
    np.testing.assert_allclose(found, np.mean(expected, axis=0), rtol=1e-5)


def test_training_on_all_rows_takes_longer_by_the_share_of_rows_added(tiny_data: Path) -> None:
    five = tiny_experiment(tiny_data, n_folds=5).folds
    assert longer(NETWORK, 20, five).params["epochs"] == 25
    trees = longer(dataclasses.replace(LIGHTGBM, patience=3), 100, five)
    assert (trees.params["rounds"], trees.params["stride"], trees.patience) == (125, 125, None)
    assert longer(RIDGE, 1, five) == RIDGE


BEST = Best("ridge", "tiny", {"alpha": 3.0}, 4, 0.1, 0.2, 0.15, 0.25, "data")


def test_the_best_configuration_takes_the_place_of_the_declared_one(store: RunStore) -> None:
    write_best(store, BEST)
    assert read_best(store, "ridge") == BEST
    models, notes = tuned(store, [LIGHTGBM, RIDGE], METRIC, {})
    assert models == [LIGHTGBM, RIDGE.with_params({"alpha": 3.0})]
    assert notes == ["ridge: the parameters of trial 4 of 'tiny'."]


def test_what_the_user_gives_stays(store: RunStore) -> None:
    write_best(store, BEST)
    models, _ = tuned(store, [RIDGE], METRIC, {"ridge": {"alpha": 1.0}})
    assert models == [RIDGE]


def test_what_was_no_better_on_other_folds_is_not_used(store: RunStore) -> None:
    write_best(store, dataclasses.replace(BEST, honest=0.3))
    models, notes = tuned(store, [RIDGE], METRIC, {})
    assert models == [RIDGE] and "no better on other folds" in notes[0]


def test_without_a_search_there_is_nothing_to_use(store: RunStore) -> None:
    with pytest.raises(UsageError, match="comps tune tiny --model ridge"):
        tuned(store, [RIDGE], METRIC, {})


def test_a_damaged_outcome_is_named(store: RunStore) -> None:
    write_best(store, BEST).write_text("{}")
    with pytest.raises(StoreError, match=r"ridge.json is damaged"):
        read_best(store, "ridge")


# The command line

TUNE = ("tune", "house-prices", "--model", "ridge", "--folds", "3", "--json")


def test_the_command_searches_checks_and_keeps_the_best(tmp_path: Path) -> None:
    done = comps(*TUNE, "--trials", "4", "--refit", "2", cwd=tmp_path)
    assert len(done.all("trial")) == 4
    (rows,) = [event["rows"] for event in done.all("trials")]
    assert len(rows) == 4 and rows[0]["score"] == min(row["score"] or 9 for row in rows)
    outcome, submission = done.all("result")
    assert outcome["score"] == rows[0]["score"] and outcome["honest_score"] != outcome["score"]
    assert submission["configurations"] == 2 and (tmp_path / "submission.csv").exists()
    folder = tmp_path / "runs/house-prices/tuning"
    assert not list(folder.glob("work-*"))
    assert f"Plot: {Path(*folder.parts[-3:]) / 'house-prices-ridge.svg'}" in [
        event["text"] for event in done.all("note")
    ]

    again = comps(*TUNE, "--trials", "4", cwd=tmp_path)
    assert again.all("trial") == [] and again.event("result") == outcome
    assert again.all("planned") == []

    run = comps("cv", "house-prices", "--models", "ridge", "--tuned", "--json", cwd=tmp_path)
    said = [event["text"] for event in run.all("note")]
    assert any(text.startswith("ridge: ") and "parameters" in text for text in said)


def test_declared_parameters_whose_trial_was_killed_are_tried_again(
    search: Callable[..., OptunaSearch],
) -> None:
    killed = search()
    first = killed.ask()
    assert first.params == TUNED_RIDGE.params
    # As if the process had been killed: its number is beyond those that Linux gives.
    killed._open[first.number].set_user_attr("worker", f"{socket.gethostname()}:{2**30}")
    resumed = search()
    again = resumed.ask()
    assert again.params == first.params and again.number != first.number
    resumed.tell(Result(again, State.COMPLETE, 0.5, (0.5,), 1))
    # Once is enough.
    assert search().ask().params != first.params


def test_a_plot_shows_every_trial_and_the_best_so_far(tmp_path: Path) -> None:
    ends: list[tuple[State, float | None]] = [
        (State.FAILED, None),
        (State.COMPLETE, 0.5),
        (State.COMPLETE, 0.7),
        (State.PRUNED, None),
        (State.COMPLETE, 0.4),
    ]
    results = [Result(Trial(n, {}), state, score) for n, (state, score) in enumerate(ends)]
    assert not METRIC.greater_is_better
    assert best_so_far(METRIC, results) == [(1, 0.5), (2, 0.5), (4, 0.4)]

    once, twice = (tmp_path / name for name in ("once.svg", "twice.svg"))
    for path in (once, twice):
        assert write_plot(METRIC, results, "study", path) == path
    assert once.read_bytes() == twice.read_bytes()
    assert once.read_text().count("<use ") > len(results)
    # More trials are more marks.
    write_plot(METRIC, [*results, Result(Trial(9, {}), State.PRUNED)], "study", twice)
    assert twice.read_text().count("<use ") > once.read_text().count("<use ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "median"), "no parameter that can be tuned"),
        (("--model", "ridge,svr"), "takes one model"),
        ((), "takes one model"),
        (("--model", "rigde"), "Did you mean 'ridge'"),
        (("--model", "ridge", "--trials", "0"), "--trials must be 1 or more"),
        (("--model", "ridge", "--refit", "-1"), "--refit must be 0 or more"),
        (("--model", "ridge", "--study", "../x"), "--study takes a name"),
        (
            ("--model", "ridge", "--tuner", "bayesian"),
            "no tuner of models like 'ridge' called 'bayesian'",
        ),
        (("--model", "ridge", "--storage", "here"), "--storage takes a URL"),
        (("--model", "mlp", "--storage", "sqlite:///x.db"), "networks are tuned by KerasTuner"),
        (("--model", "ridge", "--set", "ridge.aplha=1"), "Did you mean 'alpha'"),
    ],
)
def test_the_command_refuses_what_makes_no_sense(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    done = comps("tune", "house-prices", *arguments, cwd=tmp_path, code=2)
    assert message in done.err


def test_tuned_without_a_search_is_refused(tmp_path: Path) -> None:
    done = comps("run", "house-prices", "--quick", "--tuned", cwd=tmp_path, code=2)
    assert "comps tune house-prices --model" in done.err


@pytest.mark.slow
def test_no_completed_trial_is_lost_when_the_search_is_killed(tmp_path: Path) -> None:
    command = [*COMPS, *TUNE, "--trials", "400", "--jobs", "2"]
    told: dict[int, float | None] = {}
    for kill in range(5):
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        seen = 0
        for line in process.stdout:
            if '"event": "trial"' in line:
                import json

                event = json.loads(line)
                told[event["trial"]] = event["score"]
                seen += 1
                if seen > kill:
                    break
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = comps(*TUNE, "--trials", str(len(told) + 12), cwd=tmp_path)
    (rows,) = [event["rows"] for event in done.all("trials")]
    found = {row["trial"]: row["score"] for row in rows}
    assert {number: found[number] for number in told} == told
    assert len(done.all("trial")) <= 12


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, whose server runs meanwhile."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'shared.db'}"
        return
    pgserver = pytest.importorskip("pgserver")

    with pgserver.get_server(tmp_path / "server") as server:
        yield server.get_uri()


@pytest.mark.slow
def test_two_processes_share_a_study(database: str, tmp_path: Path) -> None:
    both = [
        subprocess.Popen(
            [*COMPS, *TUNE, "--trials", "30", "--jobs", "1", "--storage", database, "--runs", name],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "other")
    ]
    outputs = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    counts = [output.count('"event": "trial",') for output in outputs]
    assert min(counts) >= 1 and 30 <= sum(counts) <= 31
