"""A run that is killed again and again ends with the bytes of one that was left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pipelines.basics.files import read_arrays
from tests.support import ROOT, wait_for

COMMAND = [
    *(sys.executable, "-c", "from pipelines.cli import main; main()"),
    *("cv", "house-prices", "--folds", "4", "--jobs", "1"),
    *("--models", "median,ridge,lightgbm,xgboost,dense"),
    *("--set", "lightgbm.rounds=60", "--set", "xgboost.rounds=60"),
    *("--set", "dense.epochs=2", "--set", "dense.stride=1", "--set", "dense.batch_size=256"),
]
# Each attempt is killed so many seconds after so many more results than before are stored.
RANDOM = np.random.default_rng(11)
MORE_RESULTS = (0, 2, 4, 0, 3)
SECONDS = [RANDOM.uniform(0.0, 0.6) if more else RANDOM.uniform(1.0, 5.0) for more in MORE_RESULTS]


def start(runs: Path) -> subprocess.Popen[bytes]:
    """Start the run; what it says goes to a file, which its workers cannot block."""
    # Every process compiles the network itself, as it would for a user.
    environment = {**os.environ, "JAX_ENABLE_COMPILATION_CACHE": "false"}
    with (runs.parent / f"{runs.name}.log").open("ab") as log:
        command = [*COMMAND, "--runs", str(runs)]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)


def finish(runs: Path) -> None:
    """Run to the end."""
    with start(runs) as process:
        process.wait()
    assert process.returncode == 0, (runs.parent / f"{runs.name}.log").read_text()


def run_until_killed(runs: Path, n_results: int, seconds: float) -> None:
    """Kill a run so long after it has stored so many results; it must not end before."""
    with start(runs) as process:
        wait_for(
            lambda: n_stored(runs) >= n_results or process.poll() is not None,
            f"{n_results} results",
            seconds=120,
        )
        time.sleep(seconds)
        assert process.poll() is None, "the run ended before it was killed"
        process.kill()


def n_stored(runs: Path) -> int:
    """Return the number of results in the store."""
    return len(list(runs.glob("house-prices/models/*/*/*.npz")))


def results(runs: Path) -> dict[str, dict[str, np.ndarray]]:
    """Return the arrays of all stored results by file name; damaged files raise."""
    return {
        str(path.relative_to(runs)): read_arrays(path)[1]
        for path in sorted(runs.glob("house-prices/models/*/*/*.npz"))
    }


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_run_that_is_killed_five_times_ends_with_the_same_bytes(tmp_path: Path) -> None:
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    finish(alone)
    for more, seconds in zip(MORE_RESULTS, SECONDS, strict=True):
        stored = results(killed)
        run_until_killed(killed, len(stored) + more, float(seconds))
        # Nothing that was stored is lost, and what there is now is whole.
        assert set(results(killed)) >= set(stored)
    finish(killed)
    assert_same_results(results(killed), results(alone))


def assert_same_results(
    found: dict[str, dict[str, np.ndarray]], expected: dict[str, dict[str, np.ndarray]]
) -> None:
    """Compare every array of every file bit by bit."""
    assert set(found) == set(expected)
    assert sum(name.endswith("oof-r1.npz") for name in found) == 5
    for name, arrays in expected.items():
        assert set(found[name]) == set(arrays)
        for key, array in arrays.items():
            np.testing.assert_array_equal(found[name][key], array, err_msg=name, strict=True)
