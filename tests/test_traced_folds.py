"""Every function of the project that runs in a fold is in the key of its results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comps.base import Competition, Family, Model
from comps.catalog import competition_names, find_competition
from tests.support import python
from tests.tracing import functions_run_by, is_installed, unknown_functions

# One of each kind by default: the rest is slow, and networks take half a minute each.
USUAL = {("house-prices", "ridge"), ("temperature", "lightgbm"), ("house-prices", "dense")}
MODELS = [
    (competition, model)
    for competition in map(find_competition, competition_names())
    for model in competition.models
]


def as_parameter(competition: Competition, model: Model) -> Any:
    """Return a model as a parameter of a test, marked by how long it takes."""
    marks = [pytest.mark.skipif(not is_installed(model), reason=f"no {model.extra}")]
    if (competition.name, model.name) not in USUAL:
        network = model.family is Family.NETWORK or "application" in model.params
        marks.append(pytest.mark.long if network else pytest.mark.slow)
    return pytest.param(competition, model, id=f"{competition.name}-{model.name}", marks=marks)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("competition", "model"),
    [
        as_parameter(competition, model)
        for competition, model in MODELS
        if model.family is not Family.NETWORK and "application" not in model.params
    ],
)
def test_what_runs_in_a_fold_is_in_the_key(competition: Competition, model: Model) -> None:
    assert unknown_functions(competition, model) == []


# Each in a process of its own: Keras keeps the backend that it was first imported with.

TRACE = """
import json
from comps.catalog import find_competition
from tests.tracing import unknown_functions
whose = find_competition({competition!r})
model = whose.model({model!r}).with_params({params!r})
print(json.dumps(unknown_functions(whose, model)))
"""
SAVE_WEIGHTS = """
import keras
build = keras.applications.{application}
build(weights=None, include_top=False, input_shape=(71, 71, 3)).save_weights({path!r})
"""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files with random weights, by network; made when they are asked for."""
    folder = tmp_path_factory.mktemp("weights")
    return {name: str(folder / f"{name}.weights.h5") for name in ("VGG16", "Xception")}


def files_of(model: Model, weights: dict[str, str], folder: Path) -> dict[str, str]:
    """Return the parameters of a model that name files, with files that are there."""
    params = {}
    if "application" in model.params:
        application = model.params["application"]
        params["weights"] = weights[application]
        if not Path(weights[application]).exists():
            python(SAVE_WEIGHTS.format(application=application, path=weights[application]))
    if "file" in model.params:
        params["file"] = str(folder / "vectors.txt")
        vectors = np.random.default_rng(0).normal(size=(4, 3)).round(2).astype(str).tolist()
        words = ["a", "the", "good", "bad"]
        lines = [" ".join([word, *row]) for word, row in zip(words, vectors, strict=True)]
        Path(params["file"]).write_text("\n".join(lines) + "\n")
    return params


@pytest.mark.slow
@pytest.mark.parametrize(
    ("competition", "model"),
    [
        as_parameter(competition, model)
        for competition, model in MODELS
        if model.family is Family.NETWORK or "application" in model.params
    ],
)
def test_what_runs_in_a_fold_of_networks_is_in_the_key(
    competition: Competition, model: Model, weights: dict[str, str], tmp_path: Path
) -> None:
    params = files_of(model, weights, tmp_path)
    code = TRACE.format(competition=competition.name, model=model.name, params=params)
    assert json.loads(python(code).splitlines()[-1]) == []


def test_the_trace_sees_functions_of_other_threads() -> None:
    from concurrent.futures import ThreadPoolExecutor

    from pipelines.basics.seeds import derive_seed

    def run() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(derive_seed, 0, "a").result()

    assert ("pipelines.basics.seeds", "derive_seed") in functions_run_by(run)
