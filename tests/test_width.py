"""Tables in narrow terminals: columns are left out, names and numbers are never cut."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

from comps.metrics import MEAN_ABSOLUTE_ERROR
from ensembles import blend
from pipelines.cli import comparison_tables, tables
from pipelines.cli.width import fitted, needed_width, show
from pipelines.results.oof import OutOfFold
from tests.commands import COMPS, environment
from tests.support import MEAN, METRIC, RIDGE, TINY, kfold, result_of
from tests.test_blend import member

TARGET = np.arange(12.0)
LEADERBOARD = [
    "model",
    "OOF RMSLE",
    "MAE",
    "folds: mean ± sd",
    "repeats",
    "stop at",
    "fit s",
    "weight",
    "",
]


def oofs() -> dict[str, OutOfFold]:
    """Return two members, the baseline and a better one."""
    errors = {RIDGE.name: np.tile([0.5, -0.5], 6), MEAN.name: np.full(12, 3.0)}
    return {
        name: member(name, TARGET + error, folds=kfold(12), score=abs(error[0]))
        for name, error in errors.items()
    }


def leaderboard() -> Table:
    members = list(oofs().values())
    chosen = blend("equal", members, TARGET, kfold(12), METRIC)
    competition = replace(TINY, also=(MEAN_ABSOLUTE_ERROR,))
    return tables.leaderboard(result_of(competition, oofs(), TARGET, kfold(12), chosen))[0]


def costs() -> Table:
    return comparison_tables.costs(TINY, list(oofs().values()))[0]


def comparison() -> Table:
    many = [replace(oof, model=f"{oof.model}-{n}") for oof in oofs().values() for n in range(9)]
    return comparison_tables.comparison(TINY, many)[0]


def headings(table: Table) -> list[str]:
    return [str(column.header) for column in table.columns]


def rendered(table: Table, width: int) -> str:
    file = io.StringIO()
    Console(file=file, width=width, markup=False).print(table)
    return file.getvalue()


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("make", [leaderboard, costs, comparison])
def test_no_name_and_no_number_is_cut_at_any_width(make: object, width: int) -> None:
    assert callable(make)
    whole = make()
    table, left_out = fitted(whole, width)
    needed = needed_width(table)
    text = rendered(table, max(width, needed))
    assert "…" not in text
    words = [word for column in table.columns for cell in column.cells for word in cell.split()]
    assert words and set(words) <= set(text.split())
    assert len(table.columns) + len(left_out) == len(whole.columns)
    # Only where nothing more can be left out are lines longer than the terminal.
    assert needed <= width or len(table.columns) == 2


def test_a_wide_terminal_shows_every_column() -> None:
    table, left_out = fitted(leaderboard(), 120)
    assert headings(table) == LEADERBOARD and left_out == []


def test_the_leaderboard_leaves_out_first_what_matters_least() -> None:
    wanted = ["fit s", "repeats", "stop at", "folds: mean ± sd", "MAE", "remarks", "weight"]
    assert fitted(leaderboard(), 20)[1] == wanted
    for width in range(20, 121):
        left_out = fitted(leaderboard(), width)[1]
        assert left_out == wanted[: len(left_out)]


@pytest.mark.parametrize("width", [10, 40])
def test_a_narrow_terminal_shows_model_and_score(width: int) -> None:
    table, _ = fitted(leaderboard(), width)
    assert headings(table)[:2] == ["model", "OOF RMSLE"]


def test_members_are_left_out_of_a_comparison_from_the_worst() -> None:
    table, left_out = fitted(comparison(), 80)
    assert headings(table) == headings(comparison())[: len(table.columns)]
    assert left_out[0] == headings(comparison())[-1]


def test_brackets_in_names_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    table = tables.new_table("", ["model"], ["score"])
    table.add_row("ridge[alpha=1e6]", "[bold]0.5")
    show(table)
    assert "ridge[alpha=1e6]" in (text := capsys.readouterr().out) and "[bold]0.5" in text


def test_a_pipe_has_a_width_of_120(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    table = tables.new_table("", ["model"], ["score", *(f"column {n:02d}" for n in range(10))])
    table.add_row("ridge", *["0.50000"] * 11)
    show(table)
    out = capsys.readouterr().out
    assert "Columns left out at 120 characters: column 09, column 08" in out
    assert 100 < max(map(len, out.splitlines())) <= 120


def in_terminal(*arguments: str, width: int, cwd: Path) -> str:
    """Return what a command writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    env = {**environment(), "TERM": "xterm"}
    env.pop("COLUMNS", None)
    with subprocess.Popen(
        [*COMPS, *arguments],
        cwd=cwd,
        env=env,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    ):
        os.close(theirs)
        pieces = []
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # Linux's way to say that the other side is closed
                break
            if not piece:
                break
            pieces.append(piece)
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;]*m", "", b"".join(pieces).decode())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs a terminal")
@pytest.mark.parametrize("width", [40, 60])
def test_a_terminal_shows_whole_scores_and_says_what_is_left_out(
    width: int, tmp_path: Path
) -> None:
    arguments = ("cv", "house-prices", "--models", "median", "--folds", "2")
    out = in_terminal(*arguments, "--engine", "inline", width=width, cwd=tmp_path)
    lines = out.splitlines()
    assert max(map(len, lines)) <= width and "…" not in out
    (row,) = (line.split() for line in lines if line.startswith("  median"))
    assert re.fullmatch(r"0\.\d{5}", row[1])
    assert f"Columns left out at {width} characters: fit s" in " ".join(out.split())
