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
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from comps import series_competition
from comps.base import (
    Dataset,
    Family,
    Model,
    StoreError,
    Task,
    UsageError,
    WorkbenchError,
    spaces,
)
from comps.base.spaces import boosting, forest, scales
from comps.catalog import competition_names, find_competition
from pipelines.api.choices import Options
from pipelines.api.progress import Teller
from pipelines.api.running import cross_validate as cross_validate_models
from pipelines.api.search.check import outer_predictions, search_on
from pipelines.api.search.tuning import SearchRequest, run_search, tune
from pipelines.api.session import Session
from pipelines.engines.inline import InlineEngine
from pipelines.fitting.all_rows import longer
from pipelines.folds import FoldInput, FoldSpec, make_folds
from pipelines.store import Experiment, RunStore
from pipelines.tuning import Search, State, Trial, TrialResult
from pipelines.tuning.all_rows import train_on_all_rows
from pipelines.tuning.best import Best, Check, read_best, tuned, write_best
from pipelines.tuning.keras_search import KerasSearch, import_keras_tuner
from pipelines.tuning.optuna_search import OptunaSearch
from pipelines.tuning.outer import hold_out
from pipelines.tuning.plot import best_so_far, write_plot
from pipelines.tuning.study import made_of
from pipelines.tuning.trials import MOST_FAILURES, run_trials
from tests.benchmarks import tuning_choice
from tests.commands import COMPS, comps, environment
from tests.support import (
    FOREST,
    LIGHTGBM,
    METRIC,
    NETWORK,
    RIDGE,
    TINY,
    Recorder,
    TinyFeatures,
    load_tiny,
    python,
    scripted,
    tiny_experiment,
    validate,
    write_tiny,
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


@pytest.mark.parametrize(
    ("space", "params"),
    [
        (boosting, {"lambda_l2": 0.0, "max_depth": -1, "num_leaves": 255}),
        (boosting, {"reg_lambda": 0, "eta": 0.5, "max_depth": 0, "subsample": None}),
        (scales, {"alpha": 0.0, "C": 1, "gamma": "scale", "l1_ratio": 0.0}),
        (scales, {"C": 1.0, "l1_ratio": None}),
        (forest, {"max_features": "sqrt"}),
        (forest, {"max_features": 0.5}),
    ],
)
def test_a_space_holds_what_is_declared_if_it_is_a_number(
    space: Callable[[dict[str, Any]], Any], params: dict[str, Any]
) -> None:
    import optuna

    found = space(params)
    declared = {name: params[name] for name in found}
    assert set(declared) == {n for n, v in params.items() if isinstance(v, (int, float))} - (
        {"alpha"} if space is scales else set()
    )
    study = optuna.create_study()
    study.enqueue_trial(declared)
    assert study.ask(dict(found)).params == declared
    # And others beside it.
    assert study.ask(dict(found)).params != declared or not declared


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
from comps.base.spaces import boosting, forest, scales
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
) -> list[TrialResult]:
    """Run a search in this process; nothing of its trials is left in the folder."""
    engine = InlineEngine(threads=1)
    ended = run_trials(
        experiment, model, search, engine=engine, folder=folder, n_trials=n_trials, **more
    )
    assert not folder.exists()
    return ended


@pytest.mark.slow
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


@pytest.mark.slow
def test_trials_of_rows_in_time_have_the_score_of_their_folds(tmp_path: Path) -> None:
    days = pd.date_range("2023-01-01", periods=300)
    sold = 20 + 5 * np.sin(np.arange(300) * 2 * np.pi / 7) + np.random.default_rng(0).random(300)
    rows = pd.DataFrame({"day": days, "sold": sold})
    shop = series_competition(rows, time="day", target="sold", horizon=2, metric="mae", name="shop")
    choices: dict[str, Any] = {"engine": "inline", "runs": tmp_path}
    found = tune(shop, "ridge", trials=2, outer=0, prune=False, **choices)
    declared = cross_validate_models(shop, models="ridge", **choices).oof["ridge"]
    assert found.results[0].score == pytest.approx(declared.score)
    assert found.results[0].step == declared.step


def test_the_first_trial_is_the_model_as_it_is(
    experiment: Experiment, search: Callable[..., OptunaSearch], tmp_path: Path
) -> None:
    first = searched(experiment, TUNED_RIDGE, search(), tmp_path / "work", 1)[0]
    assert first.trial.params == RIDGE.params


@pytest.mark.slow
def test_what_is_kept_is_what_was_told(
    experiment: Experiment, search: Callable[..., OptunaSearch], tmp_path: Path
) -> None:
    told: list[TrialResult] = []
    found = searched(experiment, TUNED_RIDGE, search(), tmp_path / "work", 5, on_result=told.append)
    assert told == found == search().results()


@pytest.mark.parametrize("tuner", ["tpe", "random", "cmaes"])
@pytest.mark.slow
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
    opened.tell(TrialResult(best, State.COMPLETE, 0.1, (0.1,) * 5))
    worse, better = opened.ask(), opened.ask()
    assert [opened.hopeless(worse, fold, 0.2) for fold in (3, 1)] == [False, True]
    assert not any(opened.hopeless(better, fold, 0.05) for fold in range(5))


def test_without_pruning_no_trial_is_hopeless(search: Callable[..., OptunaSearch]) -> None:
    opened = search(prune=False)
    best = opened.ask()
    opened.tell(TrialResult(best, State.COMPLETE, 0.1, (0.1,) * 5))
    worse = opened.ask()
    assert not any(opened.hopeless(worse, fold, 9.0) for fold in range(5))


@pytest.mark.slow
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

    def interrupt(result: TrialResult) -> None:
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


@pytest.mark.slow
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


def test_a_study_that_searched_on_all_rows_is_refused_with_words(
    experiment: Experiment, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    old = made_of(experiment, TUNED_RIDGE)
    del old["outer part"]
    OptunaSearch(TUNED_RIDGE, METRIC, old, url, "tiny")
    inner, _ = hold_out(experiment, 0.25)
    with pytest.raises(
        UsageError,
        match=r"of another outer part and data and folds, .* a version that searched on all rows. "
        "Begin a new one with --study NAME",
    ):
        OptunaSearch(TUNED_RIDGE, METRIC, made_of(inner, TUNED_RIDGE, 0.25), url, "tiny")


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


def told(search: Search, trial: Trial) -> TrialResult:
    """Tell a search that small learning rates and many units are good."""
    score = abs(np.log10(trial.params.get("dropout", 0.1) + 0.01)) + 1 / trial.params["units"]
    result = TrialResult(trial, State.COMPLETE, float(score), (float(score),) * 3, 2, 1.5)
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


@pytest.mark.slow
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
    found = train_on_all_rows(
        experiment, models, experiment.folds, InlineEngine(threads=1), tmp_path
    )
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
    assert longer(NETWORK, 20, five, five.n_rows).params["epochs"] == 25
    trees = longer(dataclasses.replace(LIGHTGBM, patience=3), 100, five, five.n_rows)
    assert (trees.params["rounds"], trees.params["stride"], trees.patience) == (125, 125, None)
    assert longer(RIDGE, 1, five, five.n_rows) == RIDGE
    # Rows that were held out of the search are added, too.
    assert longer(NETWORK, 20, five, 2 * five.n_rows).params["epochs"] == 50


def test_rows_held_out_of_a_search_are_trained_on_after_it(
    experiment: Experiment, tmp_path: Path
) -> None:
    engine = InlineEngine(threads=1)
    inner, _ = hold_out(experiment, 0.25)
    assert inner.folds.n_rows < experiment.folds.n_rows
    found = train_on_all_rows(experiment, [(RIDGE, 1)], inner.folds, engine, tmp_path / "a")
    np.testing.assert_array_equal(
        found, train_on_all_rows(experiment, [(RIDGE, 1)], experiment.folds, engine, tmp_path / "b")
    )


# The rows that a search never sees


def with_changed_outer_prices(data: Path, folder: Path, ids: Any) -> Path:
    """Write the tiny competition once more, with other prices of some training rows."""
    changed = write_tiny(folder)
    table = pd.read_csv(data / "train.csv")
    rows = table["id"].isin(ids)
    assert rows.sum() == len(ids) > 0
    table.loc[rows, "price"] = table.loc[rows, "price"].to_numpy()[::-1] * 3
    table.to_csv(changed / "train.csv", index=False)
    return changed


@pytest.mark.slow
def test_the_search_is_the_same_whatever_the_outer_targets(
    experiment: Experiment, tiny_data: Path, tmp_path: Path
) -> None:
    inner, part = hold_out(experiment, 0.25)
    assert not set(part.ids) & set(inner.dataset.train_ids)
    assert len(part.ids) == 30 and inner.folds.covered().all()
    changed = with_changed_outer_prices(tiny_data, tmp_path / "changed", part.ids)
    found = []
    for number, data in enumerate((tiny_data, changed)):
        searched_on, held = hold_out(tiny_experiment(data), 0.25)
        np.testing.assert_array_equal(held.ids, part.ids)
        url = f"sqlite:///{tmp_path / f'{number}.db'}"
        made = made_of(searched_on, TUNED_LIGHTGBM, 0.25)
        search = OptunaSearch(TUNED_LIGHTGBM, METRIC, made, url, "tiny")
        results = searched(searched_on, TUNED_LIGHTGBM, search, tmp_path / "work", 6)
        found.append([dataclasses.replace(result, seconds=0.0) for result in results])
    assert found[0] == found[1]
    one, other = (hold_out(tiny_experiment(data), 0.25)[1].target for data in (tiny_data, changed))
    assert (one != other).any()


def test_outer_rows_are_predicted_as_the_mean_of_the_folds_predicts_them(
    experiment: Experiment, store: RunStore
) -> None:
    inner, part = hold_out(experiment, 0.25)
    with store.writing():
        found = outer_predictions(
            inner,
            part,
            RIDGE,
            store=store,
            engine=InlineEngine(threads=1),
            reporter=Recorder(),
        )
    whole = experiment.dataset
    outer = whole.train[np.isin(whole.train_ids, part.ids)]
    expected = []
    for train, _ in inner.folds.pairs[0]:
        features = TinyFeatures()
        rows = features.fit_transform(inner.dataset.train.iloc[train])
        target = METRIC.scale.forward(inner.dataset.target[train])
        expected.append(Ridge().fit(rows, target).predict(features.transform(outer)))
    np.testing.assert_allclose(found, np.mean(expected, axis=0), rtol=1e-5)


def test_a_configuration_that_fails_on_the_outer_rows_is_named(
    experiment: Experiment, store: RunStore
) -> None:
    inner, part = hold_out(experiment, 0.25)
    model = dataclasses.replace(scripted("unwell", "raise"), features=TinyFeatures)
    engine, recorder = InlineEngine(threads=1), Recorder()
    with store.writing(), pytest.raises(WorkbenchError, match=r"unwell.* failed: .*is unwell"):
        outer_predictions(inner, part, model, store=store, engine=engine, reporter=recorder)


# What the check says


@pytest.mark.parametrize(
    ("gain", "error", "used"),
    [
        (0.2, 0.1, True),
        (0.1, 0.1, False),
        (float(np.nextafter(0.1, 1.0)), 0.1, True),
        (0.05, 0.1, False),
        (0.0, 0.0, False),
        (-0.2, 0.1, False),
        (0.2, None, False),
    ],
)
def test_a_gain_is_more_than_one_standard_error(
    gain: float, error: float | None, used: bool
) -> None:
    check = dataclasses.replace(CHECK, gain=gain, error=error)
    assert dataclasses.replace(BEST, check=check).gains() is used


@pytest.mark.slow
def test_on_noise_the_winner_is_used_in_a_minority() -> None:
    gains, used = tuning_choice.studies(tuning_choice.KINDS["noise, LightGBM, AUC"], 12, 200, 8)
    search, other_folds, outer, fresh = gains.mean(axis=0)
    of_other_folds, of_outer = used.mean(axis=0)
    assert of_outer < 0.5 and of_outer <= of_other_folds
    # Nothing can be gained on noise; the folds of the search say otherwise.
    assert abs(fresh) < 0.01 < search
    assert abs(outer) < search and other_folds > fresh


def test_without_a_check_nothing_gains() -> None:
    assert not dataclasses.replace(BEST, check=None, unchecked="no rows").gains()


CHECK = Check(30, 0.25, 0.15, 0.25, 0.1, 0.04)
BEST = Best("ridge", "tiny", {"alpha": 3.0}, 4, 0.1, 0.2, "data", CHECK)


def test_the_best_configuration_takes_the_place_of_the_declared_one(store: RunStore) -> None:
    write_best(store, BEST)
    assert read_best(store, "ridge") == BEST
    models, (use,) = tuned(store, [LIGHTGBM, RIDGE], METRIC, {}, "data")
    assert models == [LIGHTGBM, RIDGE.with_params({"alpha": 3.0})]
    assert use.text == (
        "ridge: the parameters of trial 4 of 'tiny', for a gain of +0.10000 on 30 rows that the "
        "search never saw, with a standard error of 0.04000. They were chosen by a search that "
        "saw these rows' folds: its out-of-fold score may be a little too good."
    )
    assert use.values() == {
        "model": "ridge",
        "used": True,
        "study": "tiny",
        "trial": 4,
        "text": use.text,
        "score_looked_at": True,
    }


def test_what_the_user_gives_stays(store: RunStore) -> None:
    write_best(store, BEST)
    models, _ = tuned(store, [RIDGE], METRIC, {"ridge": {"alpha": 1.0}}, "data")
    assert models == [RIDGE]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"check": dataclasses.replace(CHECK, gain=0.03)},
            "a gain of +0.03000 on 30 rows that the search never saw, with a standard error of "
            "0.04000.",
        ),
        ({"check": dataclasses.replace(CHECK, error=None)}, "with a standard error of unknown."),
        ({"check": None, "unchecked": "no rows were held out"}, "no rows were held out."),
    ],
)
def test_what_did_not_gain_on_other_rows_is_not_used(
    changes: dict[str, Any], words: str, store: RunStore
) -> None:
    write_best(store, dataclasses.replace(BEST, **changes))
    models, (use,) = tuned(store, [RIDGE], METRIC, {}, "data")
    assert models == [RIDGE] and not use.used and not use.values()["score_looked_at"]
    assert use.text.startswith("ridge: its parameters stay: ") and use.text.endswith(words)


def test_what_was_found_on_other_rows_is_not_used(store: RunStore) -> None:
    write_best(store, dataclasses.replace(BEST, data="other"))
    with pytest.raises(UsageError, match=r"tuned on these rows: ridge\..*the same --data"):
        tuned(store, [RIDGE], METRIC, {}, "data")
    write_best(store, dataclasses.replace(BEST, model="forest", params={"n_estimators": 7}))
    (ridge, forest), uses = tuned(store, [RIDGE, FOREST], METRIC, {}, "data")
    assert (ridge.params["alpha"], forest.params["n_estimators"]) == (1.0, 7)
    assert [use.used for use in uses] == [False, True] and "on other rows" in uses[0].text


def test_without_a_search_there_is_nothing_to_use(store: RunStore) -> None:
    with pytest.raises(UsageError, match="comps tune tiny --model ridge"):
        tuned(store, [RIDGE], METRIC, {}, "data")


def test_a_damaged_outcome_is_named(store: RunStore) -> None:
    write_best(store, BEST).write_text("{}")
    with pytest.raises(StoreError, match=r"ridge.json is damaged"):
        read_best(store, "ridge")


# The command line

TUNE = ("tune", "house-prices", "--model", "ridge", "--folds", "3", "--json")


@pytest.mark.slow
def test_the_command_searches_checks_and_keeps_the_best(tmp_path: Path) -> None:
    done = comps(*TUNE, "--trials", "4", "--refit", "2", cwd=tmp_path)
    assert len(done.all("trial")) == 4
    (rows,) = [event["rows"] for event in done.all("trials")]
    assert len(rows) == 4 and rows[0]["score"] == min(row["score"] or 9 for row in rows)
    outcome, submission = done.all("result")
    assert outcome["score"] == rows[0]["score"]
    notes = [event["text"] for event in done.all("note")]
    held = next(text for text in notes if "held out of the search, to check its winner" in text)
    n_outer, n_rows = int(held.split()[0]), int(held.split()[2])
    assert n_outer == round(0.25 * n_rows)
    assert outcome["trial"] > 0, "the search found nothing better than the declared parameters"
    assert (outcome["outer_rows"], outcome["outer_share"]) == (n_outer, 0.25)
    gain = outcome["default_outer_score"] - outcome["outer_score"]
    assert outcome["gain"] == pytest.approx(gain)
    assert outcome["used"] == (gain > outcome["gain_error"])
    assert f"on {n_outer} rows that the search never saw" in outcome["text"]
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
    use = run.event("tuned")
    assert use["text"] in [event["text"] for event in run.all("note")]
    assert use["used"] == use["score_looked_at"] == outcome["used"]
    assert use["text"].startswith("ridge: ") and "parameters" in use["text"]


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
    resumed.tell(TrialResult(again, State.COMPLETE, 0.5, (0.5,), 1))
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
    results = [TrialResult(Trial(n, {}), state, score) for n, (state, score) in enumerate(ends)]
    assert not METRIC.greater_is_better
    assert best_so_far(METRIC, results) == [(1, 0.5), (2, 0.5), (4, 0.4)]

    once, twice = (tmp_path / name for name in ("once.svg", "twice.svg"))
    for path in (once, twice):
        assert write_plot(METRIC, results, "study", path) == path
    assert once.read_bytes() == twice.read_bytes()
    assert once.read_text().count("<use ") > len(results)
    # More trials are more marks.
    write_plot(METRIC, [*results, TrialResult(Trial(9, {}), State.PRUNED)], "study", twice)
    assert twice.read_text().count("<use ") > once.read_text().count("<use ")


def request_of(tmp_path: Path, **changes: Any) -> tuple[Options, SearchRequest]:
    """Return a search of two trials of the ridge on the bundled house prices."""
    options = Options(
        competition="house-prices",
        runs=tmp_path,
        models="ridge",
        folds=3,
        engine="inline",
    )
    return options, SearchRequest(**{"trials": 2, **changes})


@pytest.mark.slow
def test_a_stopped_search_that_goes_on_holds_out_the_same_rows(tmp_path: Path) -> None:
    in_parts = [
        run_search(*request_of(tmp_path / "in-parts", trials=n_trials)) for n_trials in (1, 2, 4)
    ]
    at_once = run_search(*request_of(tmp_path / "at-once", trials=4))
    assert in_parts[-1].summary == at_once.summary
    # The only trial is of the declared parameters.
    assert in_parts[0].summary["outer_score"] is None and not in_parts[0].summary["used"]
    assert in_parts[0].text.endswith(
        "keeps the declared parameters: no configuration was better than the declared one."
    )


@pytest.mark.slow
def test_without_an_outer_part_the_winner_is_not_used(tmp_path: Path) -> None:
    options, request = request_of(tmp_path, trials=4, outer=0.0)
    found = run_search(options, request)
    assert found.summary["trial"] > 0 and not found.summary["used"]
    assert found.summary["study"] == "house-prices-ridge-outer-0"
    assert "no rows were held out of the search (--outer 0)" in found.text
    session = Session(dataclasses.replace(options, tuned=True))
    assert [use.used for use in session.tuned] == [False]
    assert session.models == Session(options).models


def test_where_no_rows_can_be_spared_the_search_looks_at_all_and_says_why(
    experiment: Experiment,
) -> None:
    teller = Teller(METRIC, None)
    found = search_on(experiment, 0.05, teller)
    assert found.experiment is experiment and found.part is None and found.share == 0.0
    why = (
        "no rows could be held out of the search: --outer 0.05 of 120 training rows holds out 6 "
        "and leaves 114 to train on; at least 10 are needed on both sides. Use another share, or "
        "use --outer 0 for no check"
    )
    assert found.unchecked == why
    assert teller.notes == [f"comps run --tuned will not use the winner: {why}."]


def test_a_class_too_small_for_the_folds_of_the_rest_is_no_reason_to_fail(tmp_path: Path) -> None:
    # One of the two rows of class 1 is held out, so that the models of a fold could not know it.
    target = np.repeat([0.0, 1.0], [60, 2])
    dataset = Dataset(
        train=np.arange(62.0)[:, None],
        test=np.zeros((1, 1)),
        target=target,
        train_ids=np.arange(62),
        test_ids=np.arange(1),
        sample_submission=pd.DataFrame({"id": [0], "price": [0.0]}),
        source="here",
        fingerprint="here",
    )
    competition = dataclasses.replace(TINY, task=Task.BINARY)
    folds = make_folds(FoldSpec("stratified", 5), FoldInput.of(competition, dataset))
    whole = Experiment(competition, dataset, tmp_path, folds)
    teller = Teller(METRIC, None)
    found = search_on(whole, 0.25, teller)
    assert found.experiment is whole and found.part is None
    assert "no rows could be held out of the search: Class 1 has a single row" in teller.notes[0]


@pytest.mark.slow
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
            ("--model", "ridge", "--outer", "0.6"),
            "--outer takes a share of the training rows above 0 and at most 0.5, such as 0.2; "
            "it is 0.6.",
        ),
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


@pytest.mark.slow
def test_tuned_without_a_search_is_refused(tmp_path: Path) -> None:
    done = comps("run", "house-prices", "--quick", "--tuned", cwd=tmp_path, code=2)
    assert "comps tune house-prices --model" in done.err


@pytest.mark.long
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
