"""Worker processes map the rows of large tables, instead of reading the files again."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import pytest

from comps import table_competition
from comps.base import Dataset
from pipelines import run
from pipelines.engines import _shared_rows
from pipelines.engines._shared_rows import SharedRows, shared


def files(folder: Path, n: int = 90) -> Path:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"size": rng.normal(size=n), "town": rng.choice(["a", "b"], n)})
    rows = rows.assign(price=rows["size"] * 2 + rng.normal(size=n))
    folder.mkdir()
    rows[:60].to_csv(folder / "train.csv", index=False)
    rows[60:].drop(columns="price").to_csv(folder / "test.csv", index=False)
    return folder


@pytest.fixture
def loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SharedRows:
    monkeypatch.setattr(_shared_rows, "_LEAST_BYTES", 0)
    flats = table_competition(files(tmp_path / "data"), target="price", metric="rmse")
    found = shared(flats.load, flats.load(tmp_path / "data"))
    assert isinstance(found, SharedRows)
    return found


def folder_of(loader: SharedRows) -> Path:
    state = loader.__getstate__()
    assert isinstance(state["_file"], Path)
    return state["_file"].parent


def test_another_process_has_the_rows_without_the_files(loader: SharedRows, tmp_path: Path) -> None:
    wanted = loader(tmp_path)
    (tmp_path / "loader").write_bytes(cloudpickle.dumps(loader))
    (tmp_path / "data" / "train.csv").unlink()
    told = (
        "import pickle, sys; found = pickle.load(open(sys.argv[1], 'rb'))(None); "
        "print(found.fingerprint, found.target.sum(), found.train['town'].tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", told, tmp_path / "loader"],
        capture_output=True,
        text=True,
        check=True,
    )
    towns = wanted.train["town"].tolist()
    assert done.stdout.strip() == f"{wanted.fingerprint} {wanted.target.sum()} {towns}"


def test_the_rows_are_written_once_and_removed_with_the_loader(loader: SharedRows) -> None:
    # The fixture keeps its own.
    own = SharedRows(loader, loader(Path()))
    folder = folder_of(own)
    assert folder == folder_of(own) and {path.name for path in folder.iterdir()} == {
        "rows.pickle",
        "rows.npy",
    }
    again: Dataset = pickle.loads(pickle.dumps(own))(Path())
    del own
    assert not folder.exists()
    # What is mapped stays.
    assert len(again.train) == 60 and not again.target.flags.writeable


def test_where_nothing_can_be_written_the_files_are_read(
    loader: SharedRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    again: Dataset = pickle.loads(cloudpickle.dumps(loader))(tmp_path / "data")
    assert again.fingerprint == loader(tmp_path).fingerprint


def test_small_tables_are_read_again(tmp_path: Path) -> None:
    flats = table_competition(files(tmp_path / "data"), target="price", metric="rmse")
    assert shared(flats.load, flats.load(tmp_path / "data")) is flats.load


def test_rows_in_memory_bring_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_shared_rows, "_LEAST_BYTES", 0)
    rows = pd.DataFrame({"size": np.arange(20.0), "price": np.arange(20.0)})
    flats = table_competition(rows, target="price", metric="rmse")
    assert shared(flats.load, flats.load(Path())) is flats.load


@pytest.mark.slow
def test_results_do_not_depend_on_how_rows_travel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = files(tmp_path / "data")
    flats = table_competition(place, target="price", metric="rmse", name="flats")
    wanted = run(flats, models="lightgbm", nested=False, runs=tmp_path / "one", jobs=2)
    monkeypatch.setattr(_shared_rows, "_LEAST_BYTES", 0)
    found = run(flats, models="lightgbm", nested=False, runs=tmp_path / "two", jobs=2)
    assert found.submission is not None and wanted.submission is not None
    pd.testing.assert_frame_equal(found.submission, wanted.submission, check_exact=True)
