"""Which backend a network is trained on, and that JAX alone is enough."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from comps.base import Family, Model, UsageError
from pipelines.trainers import accelerated, backends
from pipelines.trainers.backends import placed
from pipelines.trainers.networks._keras_backend import _set_xla
from tests.commands import comps, without
from tests.support import ROOT

CONVNET = Model("convnet", Family.NETWORK, "keras-tensorflow", {"epochs": 3})
LSTM = Model("lstm", Family.NETWORK, "keras-jax", {"epochs": 3})
TREES = Model("lightgbm", Family.BOOSTING, "lightgbm", {"rounds": 3})


def on_a_cpu(monkeypatch: pytest.MonkeyPatch, accelerator: bool = False) -> None:
    """Pretend that there is no accelerator, or that there is one."""
    monkeypatch.setattr(backends, "accelerators", lambda: [{}] if accelerator else [])
    monkeypatch.setattr(backends, "find_spec", lambda name: name)


def test_on_a_cpu_a_network_goes_where_it_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_cpu(monkeypatch)
    assert [placed(model) for model in (CONVNET, LSTM, TREES)] == [CONVNET, LSTM, TREES]


def test_with_an_accelerator_all_networks_go_to_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_cpu(monkeypatch, accelerator=True)
    trainers = [placed(model).trainer for model in (CONVNET, LSTM, TREES)]
    assert trainers == ["keras-jax", "keras-jax", "lightgbm"]


def test_without_tensorflow_all_networks_go_to_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_cpu(monkeypatch)
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    assert [placed(model).trainer for model in (CONVNET, LSTM)] == ["keras-jax"] * 2


@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_a_backend_that_is_asked_for_is_taken(backend: str) -> None:
    trainers = [placed(model, backend).trainer for model in (CONVNET, LSTM, TREES)]
    assert trainers == [f"keras-{backend}"] * 2 + ["lightgbm"]


def test_the_precision_belongs_to_the_parameters_of_networks_alone() -> None:
    assert placed(LSTM, "jax", "mixed").params == {"epochs": 3, "precision": "mixed"}
    assert placed(LSTM, "jax").params == {"epochs": 3}
    assert placed(TREES, "jax", "mixed").params == {"rounds": 3}


def test_boosting_goes_to_a_card_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_cpu(monkeypatch, accelerator=True)
    found = placed(TREES, boosting="gpu")
    assert found.params == {"rounds": 3, "device": "gpu"} and accelerated(found)
    assert not accelerated(placed(TREES))
    assert placed(LSTM, boosting="gpu") == LSTM


def test_boosting_on_a_card_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_cpu(monkeypatch)
    with pytest.raises(UsageError, match="--boosting-device gpu needs a GPU"):
        placed(TREES, boosting="gpu")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (("jax", "float32", "cuda"), "There is no device 'cuda'"),
        (("tensorlow",), "There is no backend 'tensorlow'. Did you mean 'tensorflow'?"),
        (("jax", "half"), "There is no precision 'half'"),
    ],
)
def test_unknown_names_are_refused(wanted: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        placed(LSTM, *wanted)


@pytest.mark.slow
def test_the_command_line_names_the_backends(tmp_path: Path) -> None:
    done = comps("cv", "digits", "--backend", "theano", cwd=tmp_path, code=2)
    assert "no backend 'theano'" in done.err
    assert "jax" in done.err and "torch" in done.err


@pytest.mark.parametrize(
    ("competition", "settings"),
    [
        pytest.param("digits", ["convnet.epochs=1"], marks=pytest.mark.long),
        pytest.param("dogs-vs-cats", ["convnet.epochs=1"], marks=pytest.mark.long),
        pytest.param(
            "sentiment",
            ["bag-unigrams.epochs=1", "transformer.epochs=1", "transformer.width=8"],
            marks=pytest.mark.slow,
        ),
        pytest.param("temperature", ["lstm.epochs=1", "conv1d.epochs=1"], marks=pytest.mark.long),
        pytest.param("house-prices", ["mlp.epochs=2"], marks=pytest.mark.slow),
    ],
)
def test_networks_are_trained_without_tensorflow(
    competition: str, settings: list[str], tmp_path: Path
) -> None:
    names = ",".join(dict.fromkeys(setting.partition(".")[0] for setting in settings))
    options = [part for setting in settings for part in ("--set", setting)]
    environment = without("tensorflow", tmp_path)
    command = ["cv", competition, "--models", names, "--folds", "2", *options, "--json"]
    done = comps(*command, cwd=tmp_path, env=environment)
    (board,) = done.all("leaderboard")
    assert {row["model"].partition("[")[0] for row in board["rows"]} == set(names.split(","))


@pytest.mark.slow
def test_a_backend_that_is_not_installed_is_named(tmp_path: Path) -> None:
    environment = without("torch", tmp_path)
    command = ["cv", "house-prices", "--models", "dense", "--backend", "torch"]
    done = comps(*command, cwd=tmp_path, env=environment, code=1)
    assert "competition-workbench[torch]" in done.err


def test_a_package_that_is_hidden_is_not_found(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import tensorflow"],
        env={**os.environ, **without("tensorflow", tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ModuleNotFoundError: No module named 'tensorflow'" in done.stderr


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ({}, "--xla_gpu_deterministic_ops=true"),
        ({"XLA_FLAGS": "--xla_a=1"}, "--xla_a=1 --xla_gpu_deterministic_ops=true"),
        (
            {"XLA_FLAGS": "--xla_gpu_deterministic_ops=false"},
            "--xla_gpu_deterministic_ops=false",
        ),
    ],
)
def test_gpus_compile_the_same_program_each_time_unless_told_otherwise(
    given: dict[str, str], flags: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.delenv("JAX_DEFAULT_MATMUL_PRECISION", raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    _set_xla()
    assert os.environ["XLA_FLAGS"] == flags
    assert os.environ["JAX_DEFAULT_MATMUL_PRECISION"] == "float32"
