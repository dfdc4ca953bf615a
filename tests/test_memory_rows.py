"""`InMemory`: rows that a worker process reads from a file of the process that has them."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from comps.kinds.memory import IN_MEMORY, InMemory
from comps.sources import find_source
from pipelines import cross_validate
from pipelines.results.sealed import seal_competition
from tests.support import ROOT
from tests.tables import own, table


def loader() -> InMemory:
    """Return a new loader of rows in memory."""
    found = own().load
    assert isinstance(found, InMemory)
    return found


def file_of(rows: InMemory) -> Path:
    """Return the file that holds the rows for other processes."""
    return rows.__getstate__()["file"]


def test_it_returns_the_very_rows_and_writes_nothing_in_its_own_process() -> None:
    rows = loader()
    assert rows(IN_MEMORY) is rows(Path("elsewhere"))
    assert rows._file is None


def test_a_copy_is_small_and_reads_the_same_rows() -> None:
    rows = loader()
    content = pickle.dumps(rows)
    assert len(content) < 1000 < file_of(rows).stat().st_size
    other = pickle.loads(content)
    assert other(IN_MEMORY).fingerprint == rows(IN_MEMORY).fingerprint
    np.testing.assert_array_equal(other(IN_MEMORY).target, rows(IN_MEMORY).target)
    assert other(IN_MEMORY) is other(IN_MEMORY)
    # A copy of the copy names the same file, and a second pickle writes none.
    assert file_of(pickle.loads(pickle.dumps(other))) == file_of(rows)
    assert copy.deepcopy(rows)(IN_MEMORY).fingerprint == rows(IN_MEMORY).fingerprint


def test_nobody_else_may_read_the_file() -> None:
    assert file_of(loader()).parent.stat().st_mode & 0o077 == 0


def test_a_copy_after_the_file_is_gone_says_so() -> None:
    rows = loader()
    content = pickle.dumps(rows)
    file_of(rows).unlink()
    with pytest.raises(OSError, match=r"rows\.pickle"):
        pickle.loads(content)(IN_MEMORY)
    # The process that has the rows needs no file.
    assert len(rows(IN_MEMORY).target) == 60


def test_keys_take_nothing_of_the_loader_but_the_rows_fingerprint() -> None:
    first, second = own(), own(table(seed=3))
    assert isinstance(first.load, InMemory)
    assert first.load.key_values() == {}
    assert first.load(IN_MEMORY).fingerprint != second.load(IN_MEMORY).fingerprint


@pytest.mark.parametrize("wrap", [False, True])
def test_no_folder_of_data_takes_the_place_of_rows_in_memory(
    wrap: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "train.csv").write_text("x")
    monkeypatch.setenv("COMPS_DATA", str(tmp_path))
    competition = seal_competition(own(), 0.2) if wrap else own()
    assert find_source(competition).path == IN_MEMORY


@pytest.mark.slow
def test_workers_find_the_rows(tmp_path: Path) -> None:
    here = cross_validate(own(), models="ridge", runs=tmp_path / "here", engine="inline", folds=2)
    there = cross_validate(own(), models="ridge", runs=tmp_path / "there", folds=2, jobs=1)
    np.testing.assert_array_equal(here.oof["ridge"].valid, there.oof["ridge"].valid)


LEAVES = """
import os, pickle, sys
from pathlib import Path
from tests.tables import own

rows = own().load
file = rows.__getstate__()["file"]
assert file.exists()
child = os.fork()
if child == 0:
    sys.exit(0)  # which runs what was registered for the end of a process
os.waitpid(child, 0)
assert file.exists(), "a forked child removed it"
pickle.loads(pickle.dumps(rows))(Path("in memory"))
print(file)
{end}
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("end", ["", "raise SystemExit(3)", "raise KeyboardInterrupt"])
def test_the_file_is_removed_with_the_process_and_not_by_a_forked_child(end: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEAVES.format(end=end)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.split()
    assert len(lines) == 1, done.stderr
    assert not Path(lines[0]).parent.exists()
