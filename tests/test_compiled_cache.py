"""Compiled networks are kept on disk: the next process reads them, and computes the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

PROGRAM = """
import hashlib, sys
from pathlib import Path
from tests.support import NETWORK, RunStore, tiny_experiment, validate, write_tiny

experiment = tiny_experiment(write_tiny(Path(sys.argv[1])))
oof = validate(experiment, [NETWORK], RunStore(Path(sys.argv[2]))).oofs["network"]
print(hashlib.sha256(oof.valid.tobytes()).hexdigest())
"""


def trained(folder: Path, runs: str, **changes: str) -> str:
    """Train a network in a new process; return a hash of its predictions."""
    # Each in a folder of its own: what is compiled is the user's, not the folder's.
    own = {"XDG_CACHE_HOME": str(folder / "cache"), "COMPS_DATA": str(folder / runs / "data")}
    environment = {**os.environ, **own}
    for name in ("COMPS_CACHE", "JAX_COMPILATION_CACHE_DIR"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, folder / "data", folder / runs],
        cwd=ROOT,
        env={**environment, **changes},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def kept(folder: Path) -> set[str]:
    return {path.name for path in (folder / "cache" / "comps" / "jax").glob("*/*-cache")}


@pytest.mark.slow
def test_the_next_process_compiles_nothing_and_computes_the_same(tmp_path: Path) -> None:
    # Networks of tests are compiled in no time, which is not kept otherwise.
    every = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    first = trained(tmp_path, "first", **every)
    found = kept(tmp_path)
    assert any("train_epoch" in name for name in found)
    assert trained(tmp_path, "second", **every) == first
    assert kept(tmp_path) == found
    off = {"JAX_ENABLE_COMPILATION_CACHE": "false"}
    assert trained(tmp_path, "third", **off) == first
