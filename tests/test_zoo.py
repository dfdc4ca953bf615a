"""What every competition declares: its definition, its models, and what builds them."""

from __future__ import annotations

import importlib
import inspect
import json
import pickle
from dataclasses import replace
from importlib.util import find_spec

import pytest

from comps.base import Competition, Family, Model, Task, UsageError
from comps.catalog import competition_names, find_competition
from comps.kinds.images import image_models
from pipelines.fitting.residual import PARAMETER
from pipelines.folds import SCHEMES
from pipelines.trainers import load_trainer

COMPETITIONS = [find_competition(name) for name in competition_names()]
EVERY_COMPETITION = pytest.mark.parametrize("competition", COMPETITIONS, ids=competition_names())
MODELS = {
    f"{competition.name}-{model.name}": model
    for competition in COMPETITIONS
    for model in competition.models
}
EVERY_MODEL = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
BY_SCIKIT_LEARN = {name: model for name, model in MODELS.items() if model.trainer == "sklearn"}
# What a network should beat.
SIMPLE = {Family.LINEAR, Family.KERNEL}
# What the trainers of networks take of a model's parameters.
OF_NETWORKS = {"epochs", "batch_size", "copies", "stride"}


@EVERY_COMPETITION
def test_a_competition_is_found_by_name_and_a_typo_gets_the_close_names(
    competition: Competition,
) -> None:
    assert find_competition(competition.name) is competition
    message = rf"There is no competition '{competition.name}x'\. Did you mean '{competition.name}'"
    with pytest.raises(UsageError, match=message):
        find_competition(f"{competition.name}x")


@EVERY_COMPETITION
def test_a_definition_names_a_scheme_folds_and_a_sample_that_exist(
    competition: Competition,
) -> None:
    assert competition.scheme in SCHEMES
    assert competition.n_folds >= 2
    assert competition.sample.is_file()
    if competition.sample.suffix == ".zip":
        assert competition.sample.name == competition.archive


def test_a_name_that_is_there_twice_and_a_second_baseline_are_refused() -> None:
    competition = COMPETITIONS[0]
    twice = (*competition.models, competition.models[-1])
    with pytest.raises(UsageError, match=r"are called"):
        replace(competition, models=twice)
    second = (*competition.models, replace(competition.baseline, name="other"))
    with pytest.raises(UsageError, match=r"exactly one model of the family 'baseline'"):
        replace(competition, models=second)


@EVERY_COMPETITION
def test_the_default_models_hold_networks_and_boosting_to_compare(
    competition: Competition,
) -> None:
    families = {model.family for model in competition.models if model.default}
    assert {Family.BASELINE, Family.BOOSTING, Family.NETWORK} <= families
    assert families & SIMPLE
    assert {model.family for model in competition.models if model.quick} & SIMPLE


def builders() -> list[str]:
    """Return the modules of builders: of competitions, and of kinds that several share."""
    folders = [competition.load.__module__.rpartition(".")[0] for competition in COMPETITIONS]
    own = [f"{folder}.{name}" for folder in folders for name in ("estimators", "networks")]
    images = [f"comps.kinds.images.{name}" for name in ("drawings", "estimators", "networks")]
    return [*filter(find_spec, own), *images, "comps.kinds.text.networks"]


@pytest.mark.parametrize("module", builders())
def test_every_builder_is_used_by_a_model(module: str) -> None:
    models = [model for competition in COMPETITIONS for model in competition.models]
    models += [model for task in Task for model in image_models(task, 3, 2)]
    built = {model.build for model in models}
    found = importlib.import_module(module)
    for name, function in inspect.getmembers(found, inspect.isfunction):
        if function.__module__ == module and not name.startswith("_"):
            assert function in built, f"{module}.{name} is used by no model"


@EVERY_MODEL
def test_what_a_model_refers_to_can_be_found_by_its_name(model: Model) -> None:
    load_trainer(model.trainer)
    for reference in (model.config()["features"], model.config()["build"]):
        if reference is not None:
            module, name = reference.split(":")
            found = getattr(importlib.import_module(module), name)
            assert found in (model.features, model.build)


@EVERY_MODEL
def test_a_declaration_survives_the_way_to_a_worker_process(model: Model) -> None:
    again = pickle.loads(pickle.dumps(model))
    assert again.config() == model.config()
    assert json.loads(json.dumps(model.config())) == model.config()


@EVERY_MODEL
def test_a_declaration_tells_what_it_costs_and_what_it_is(model: Model) -> None:
    assert model.seconds > 0
    assert model.about
    assert model.patience is None or model.patience > 0


@EVERY_MODEL
def test_a_model_declares_only_parameters_that_its_view_builder_or_trainer_takes(
    model: Model,
) -> None:
    if model.build is None:
        return  # Its library takes them, and says what it does not know.
    parameters = inspect.signature(model.build).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    taken = {parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
    if model.family is Family.NETWORK:
        taken |= OF_NETWORKS
    assert set(model.params) - set(model.view_params()) - {PARAMETER} <= taken


def test_only_models_of_a_competition_with_a_forecast_learn_its_residual() -> None:
    # The trainer takes this parameter before the builder sees it.
    asked = {
        competition.name
        for competition in COMPETITIONS
        if any(PARAMETER in model.params for model in competition.models)
    }
    assert asked == {competition.name for competition in COMPETITIONS if competition.offset}


@pytest.mark.parametrize("model", BY_SCIKIT_LEARN.values(), ids=BY_SCIKIT_LEARN)
def test_a_scikit_learn_model_is_built_anew_with_its_parameters(model: Model) -> None:
    assert model.build is not None
    trained = model.without_view_params().params
    params = {name: value for name, value in trained.items() if name != PARAMETER}
    first, second = model.build(**params), model.build(**params)
    assert first is not second
    # What the builder does not name itself it passes on, to an estimator in a pipeline, too.
    for name in params.keys() - inspect.signature(model.build).parameters.keys():
        found = [v for key, v in first.get_params().items() if key.rpartition("__")[2] == name]
        assert found == [params[name]]
