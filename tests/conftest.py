"""Fixtures that every test may use."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from pipelines.store import Experiment, RunStore
from pipelines.trainers import TRAINERS
from tests.support import Recorder, StagedTrainer, tiny_experiment, write_tiny

# How long an example takes says nothing about the code on a machine that others use, too.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
# Keras reads these when it is imported, which the first test that trains a network does.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "float32")
os.environ.setdefault("XLA_FLAGS", "--xla_gpu_deterministic_ops=true")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Tests train the same few networks again and again: XLA compiles each program once. What must
# not profit from it, a comparison of two processes, switches it off.
PROGRAMS = tempfile.mkdtemp(prefix="xla-programs-")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", PROGRAMS)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
# Decoded images of the samples, for all tests and the processes that they start.
DECODED = tempfile.mkdtemp(prefix="comps-cache-")
os.environ["COMPS_CACHE"] = DECODED


# Fixtures that take more than ten seconds: a network of each kind on TensorFlow, or exported.
SLOW_FIXTURES = {"exported", "on_another", "on_tensorflow"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests slow that need a slow fixture."""
    for item in items:
        if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


def pytest_unconfigure() -> None:
    """Delete the compiled programs and the decoded images."""
    for folder in (PROGRAMS, DECODED):
        shutil.rmtree(folder, ignore_errors=True)


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


@pytest.fixture(scope="session")
def flat_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the tiny competition, where all prices are the same."""
    return write_tiny(tmp_path_factory.mktemp("flat"), price=1000.0)


@pytest.fixture
def staged_trainer(monkeypatch: pytest.MonkeyPatch) -> type[StagedTrainer]:
    """The trainer "staged", of which nothing is remembered yet."""
    monkeypatch.setitem(TRAINERS, "staged", "tests.support:StagedTrainer")
    for remembered in (StagedTrainer.seen, StagedTrainer.contexts, StagedTrainer.asked):
        remembered.clear()
    return StagedTrainer


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def two_cores() -> Iterator[None]:
    """Skip where this process may not use two cores."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if len(cores) < 2:
        pytest.skip(f"needs two cores; this process may use {len(cores)}")
    yield
