"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Keras reads these when it is imported, which the first test that trains a network does.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pipelines.crossval import Experiment
from pipelines.store import RunStore
from tests.support import Recorder, tiny_experiment, write_tiny


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the tiny competition."""
    return write_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def experiment(tiny_data: Path) -> Experiment:
    """The tiny competition on three folds."""
    return tiny_experiment(tiny_data)


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    """An empty run store."""
    return RunStore(tmp_path / "runs" / "tiny")


@pytest.fixture
def reporter() -> Recorder:
    """Remembers what it is told."""
    return Recorder()


@pytest.fixture
def two_cores() -> Iterator[None]:
    """Skip where this process may not use two cores."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if len(cores) < 2:
        pytest.skip(f"needs two cores; this process may use {len(cores)}")
    yield
