"""The example notebook, and programs without a main guard, as a user runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

NOTEBOOK = ROOT / "tests" / "examples" / "own_table.ipynb"


def outputs(folder: Path) -> list[str]:
    """Run the notebook in a real Jupyter kernel; return the text of each code cell's output."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=240, kernel_name="python3", resources=resources).execute()
    found = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        texts = [
            part.get("text") or part.get("data", {}).get("text/plain", "") for part in cell.outputs
        ]
        found.append("\n".join(texts))
    return found


@pytest.mark.slow
def test_the_notebook_ends_in_a_blend_and_fits_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    first, values, submission, _ = outputs(tmp_path)
    # A cell prints nothing of its own accord.
    assert first.startswith("Result(patients: RMSE ") and first.count("\n") == 0
    assert "members lightgbm, dense" in first
    assert "Submitted: " in values and "dense  56." in values
    assert submission.splitlines()[0].split() == ["id", "target"]
    store = tmp_path / "runs" / "patients"
    fits = written(store)
    # Five folds and five pairs of them, of three models.
    assert len(fits) == 30
    # In a new kernel the cells have the same keys.
    assert outputs(tmp_path)[0] == first
    assert written(store) == fits


def written(store: Path) -> dict[Path, int]:
    """Return when the result of each fit was written."""
    found = store.glob("models/*/*/r*.npz")
    return {path: path.stat().st_mtime_ns for path in found if ".test." not in path.name}


SCRIPT = """
import numpy as np, pandas as pd
from sklearn.linear_model import Ridge
from comps import table_competition
from pipelines import cross_validate

FACTOR = {factor}

class Own(Ridge):
    def predict(self, X):
        return FACTOR * super().predict(X)

rng = np.random.default_rng(0)
rows = pd.DataFrame(rng.normal(size=(60, 3)), columns=list("abc"))
rows["y"] = rows["a"] * 2 + rng.normal(size=60) / 10
found = cross_validate(
    table_competition(rows, target="y", metric="rmse", name="own"), models=[Own(alpha=0.1)]
)
print(found.oof["own"].score)
"""


def script(folder: Path, factor: float) -> str:
    """Run a script without a main guard, whose model is a class of its own."""
    path = folder / "own.py"
    path.write_text(SCRIPT.format(factor=factor))
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# That own classes reach workers is tested on a competition's file, too, in test_catalog.py.
@pytest.mark.slow
def test_a_script_without_a_main_guard_trains_its_own_class_in_workers(tmp_path: Path) -> None:
    good = script(tmp_path, 1.0)
    # The program ran once: no worker ran it again.
    assert good.count("\n") == 1 and float(good) < 0.2
    # A value that the class reaches is in its key: nothing old is taken for the new class.
    assert float(script(tmp_path, 2.0)) > 1.0
    assert script(tmp_path, 1.0) == good
    # The second call of the first class fitted nothing.
    assert len(list((tmp_path / "runs" / "own").glob("models/own/*"))) == 2
