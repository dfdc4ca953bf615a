"""A trial of an exported folder, in a process that has nothing of the training code in it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from comps.base import UsageError
from pipelines.api.export.libraries import OF_TRIAL

if TYPE_CHECKING:
    import pandas as pd

# More is a difference, and no last bits.
_MOST = 1e-5
_PROGRAM = """
import json, runpy, sys
folder, rows, out, loaded = sys.argv[1:]
sys.argv = ["predict.py", rows, "--out", out]
try:
    runpy.run_path(folder + "/predict.py", run_name="__main__")
except SystemExit as end:
    if end.code:
        raise
names = sorted({name.partition(".")[0] for name in sys.modules})
open(loaded, "w").write(json.dumps(names))
"""


@dataclass(frozen=True)
class Trial:
    """What a trial found.

    Attributes:
        rows: that were predicted.
        difference: see `ExportedFolder.difference`.
        loaded: libraries among `OF_TRIAL` that were imported.
    """

    rows: int
    difference: float
    loaded: frozenset[str]


def trial(folder: Path, name: str, rows: bytes, wanted: pd.DataFrame) -> Trial:
    """Predict rows by the program of an exported folder, and compare the predictions.

    Args:
        folder: that is exported.
        name: of a file of new rows.
        rows: its content.
        wanted: their predictions.

    Raises:
        UsageError: if it fails, or predicts something else.
    """
    import pandas as pd

    with tempfile.TemporaryDirectory() as made:
        here = Path(made)
        file, out, loaded = here / name, here / "out.csv", here / "loaded.json"
        file.write_bytes(rows)
        done = subprocess.run(
            # -I: without the folder of the caller and its PYTHONPATH.
            [sys.executable, "-I", "-c", _PROGRAM, *map(str, (folder, file, out, loaded))],
            cwd=here,
            env={name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not out.is_file():
            last = (done.stderr.strip().splitlines() or ["it wrote nothing"])[-1]
            raise UsageError(
                "The exported folder was tried in a process of its own and does not predict: "
                f"{last} Nothing is written. The code of the competition must not need anything "
                "outside its folder."
            )
        found = pd.read_csv(out, dtype=str, keep_default_na=False)
        modules = set(json.loads(loaded.read_text()))
    # As a file has them, too.
    expected = pd.read_csv(_text(wanted), dtype=str, keep_default_na=False)
    difference = _difference(found, expected)
    if difference > _MOST:
        raise UsageError(
            "The exported folder was tried and predicts something else than 'comps predict', by "
            f"up to {difference:.2g}. Nothing is written. Does the code of the competition read "
            "files, or other rows?"
        )
    return Trial(len(found), difference, frozenset(modules & set(OF_TRIAL)))


def _text(table: pd.DataFrame) -> io.StringIO:
    return io.StringIO(table.to_csv(index=False))


def _difference(found: pd.DataFrame, wanted: pd.DataFrame) -> float:
    """Return the largest relative difference of numbers, or 1 where texts or shapes differ."""
    import pandas as pd

    if list(found) != list(wanted) or len(found) != len(wanted):
        return 1.0
    most = 0.0
    for name in wanted:
        if found[name].equals(wanted[name]):
            continue
        one, other = (pd.to_numeric(table[name], errors="coerce") for table in (found, wanted))
        if one.isna().any() or other.isna().any():
            return 1.0
        size = np.maximum(np.abs(other.to_numpy()), 1e-3)
        most = max(most, float((np.abs(one.to_numpy() - other.to_numpy()) / size).max()))
    return most
