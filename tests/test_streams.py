"""Outputs that are ASCII, full, closed or read in part end no command and lose no submission."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.cli import app
from pipelines.cli.streams import Steady
from tests.commands import COMPS, comps, environment
from tests.test_cli import write_houses

RUN = ("run", "house-prices", "--data", "houses.zip", "--models", "median,ridge", "--folds", "2")


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    write_houses(tmp_path / "houses.zip")
    return tmp_path


@pytest.mark.slow
def test_tables_are_shown_in_ascii_where_nothing_else_can_be(houses: Path) -> None:
    done = comps(*RUN, cwd=houses, env={"PYTHONIOENCODING": "ascii"}, prefix=["env"])
    assert done.out.isascii() and "folds: mean +- sd" in done.out
    assert (houses / "submission.csv").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.slow
def test_a_full_output_keeps_the_submission_and_is_told(houses: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = comps(*RUN, cwd=houses, code=1, stdout=full)
    assert "Error: Results could not be shown: No space left on device. They are kept." in done.err
    assert (houses / "submission.csv").exists()


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
@pytest.mark.parametrize(
    ("redirect", "code"), [(">&-", 0), (">&- 2>&-", 0), ("2>/dev/full", 0), ("2>&1 | head -1", 1)]
)
@pytest.mark.slow
def test_outputs_that_are_closed_or_read_in_part_lose_nothing(
    redirect: str, code: int, houses: Path
) -> None:
    command = f"set -o pipefail; {' '.join([*COMPS, *RUN])} {redirect}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=houses,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == code, done.stderr
    assert (houses / "submission.csv").read_text().startswith("Id,SalePrice\n")


@pytest.mark.skipif(os.name == "nt", reason="sockets are of another kind on Windows")
@pytest.mark.slow
def test_a_long_folder_for_temporary_files_is_no_obstacle(houses: Path) -> None:
    long = houses / ("x" * 90)
    long.mkdir()
    comps(*RUN, cwd=houses, env={"TMPDIR": str(long)}, prefix=["env"])
    assert (houses / "submission.csv").exists()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError("AF_UNIX path too long"), "Error: AF_UNIX path too long\n"),
        (OSError(), "Error: OSError\n"),
        (OSError(13, "Permission denied", "a.csv"), "Error: a.csv: Permission denied\n"),
    ],
)
def test_an_error_of_the_system_is_never_without_words(
    error: OSError,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(**options: object) -> None:
        raise error

    monkeypatch.setattr(app, "app", fail)
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    monkeypatch.setattr("signal.signal", lambda *arguments: None)
    with pytest.raises(SystemExit, match="1"):
        app.main([])
    assert capsys.readouterr().err == message


class Full(io.StringIO):
    """A stream that takes ten characters, then nothing."""

    def write(self, text: str) -> int:
        if self.tell() + len(text) > 10:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_what_cannot_be_written_is_remembered_and_nothing_is_raised() -> None:
    stream = Full()
    steady = Steady(stream)
    assert steady.write("12345678") == 8 and steady.error is None
    assert steady.write("9, 10, 11") == 9 and steady.error is not None
    # What comes later would stand where it makes no sense.
    steady.write("x")
    steady.flush()
    assert stream.getvalue() == "12345678"
