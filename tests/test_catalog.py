"""Where competitions are found: packages, a folder beside the user, modules; and broken ones."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from comps import catalog
from comps.base import DataError, UsageError
from comps.catalog import competition_names, find_competition, place_of
from tests.commands import comps

OWN = """
import pandas as pd

from comps import table_competition

ROWS = pd.DataFrame({"size": range(40), "price": [float(n % 7) for n in range(40)]})
COMPETITION = table_competition(ROWS, target="price", metric="rmse", name="NAME")
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of competitions, where they are looked for."""
    folder = tmp_path / "competitions"
    folder.mkdir()
    monkeypatch.setenv("COMPS_COMPETITIONS", str(folder))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == catalog.PACKAGE:
            del sys.modules[name]


def write(root: Path, name: str, text: str = OWN, file: str = "competition.py") -> Path:
    """Write a file of a competition."""
    folder = root / name
    folder.mkdir(exist_ok=True)
    path = folder / file
    path.write_text(text.replace("NAME", name))
    return path


def test_those_of_this_package_are_found_by_its_entry_points() -> None:
    known = {"digits", "dogs-vs-cats", "house-prices", "sentiment", "temperature"}
    assert known <= set(competition_names())
    assert place_of("digits") == "comps.digits.competition:COMPETITION"


def test_a_folder_beside_the_user_is_a_competition(root: Path) -> None:
    file = write(root, "flats-2")
    (root / "notes").mkdir()
    assert "flats-2" in competition_names()
    assert "notes" not in competition_names()
    assert find_competition("flats-2").name == "flats-2"
    assert place_of("flats-2") == str(file)


def test_a_competitions_file_imports_those_beside_it(root: Path) -> None:
    write(root, "flats", "TARGET = 'price'\n", "names.py")
    text = OWN.replace("import pandas", "from .names import TARGET\nimport pandas")
    write(root, "flats", text.replace('target="price"', "target=TARGET"))
    assert find_competition("flats").target_columns == ("price",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_that_name\n", r"No module named 'nothing_of_that_name'.*line 1"),
        ("x = 1\ny = x / 0\n", r"ZeroDivisionError: division by zero \(competition.py, line 2\)"),
        ("COMPETITION = (\n", "SyntaxError"),
        ("x = 1\n", "has no attribute 'COMPETITION'"),
        ("COMPETITION = 3\n", "must be a Competition.* has a int there"),
        (OWN.replace("NAME", "other"), "defines a competition called 'other'.*Call it 'flats'"),
        (OWN.replace('"rmse"', '"rmsee"'), "no metric 'rmsee'. Did you mean 'rmse'"),
        ("raise SystemExit(3)\n", "SystemExit"),
    ],
)
def test_a_broken_file_is_an_error_that_names_it(root: Path, text: str, message: str) -> None:
    file = write(root, "flats", text)
    with pytest.raises(DataError, match=message) as caught:
        find_competition("flats")
    assert str(file) in str(caught.value)
    assert "digits" in competition_names()


def test_two_of_one_name_are_an_error_that_names_both(root: Path) -> None:
    file = write(root, "digits")
    with pytest.raises(UsageError, match="2 competitions called 'digits'") as caught:
        find_competition("digits")
    assert str(file) in str(caught.value) and "comps.digits.competition" in str(caught.value)
    assert find_competition("comps.digits.competition:COMPETITION").name == "digits"


def test_an_object_of_any_module_can_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_flats.py").write_text(OWN.replace("COMPETITION", "FLATS"))
    monkeypatch.syspath_prepend(tmp_path)
    assert find_competition("my_flats:FLATS").target_columns == ("price",)
    with pytest.raises(DataError, match="no_module_here"):
        find_competition("no_module_here:FLATS")
    with pytest.raises(DataError, match="has no attribute 'HOUSES'"):
        find_competition("my_flats:HOUSES")


def test_an_unknown_name_lists_the_close_ones() -> None:
    with pytest.raises(UsageError, match="no competition 'digit'. Did you mean 'digits'"):
        find_competition("digit")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nothere.zip", "data/houses", "./train.CSV"])
def test_what_looks_like_a_file_that_is_not_there_is_told_so(name: str, root: Path) -> None:
    done = comps("run", name, "--metric", "auc", cwd=root, code=2)
    assert done.err.startswith(f"Error: There is no file or folder {name}.")


def test_the_folder_of_competitions_must_be_there(root: Path) -> None:
    for command in (("list",), ("run", "digits")):
        done = comps(*command, "--competitions", "nowhere", cwd=root, code=2)
        assert "--competitions takes a folder; there is no nowhere." in done.err


@pytest.mark.slow
def test_the_command_line_lists_what_works_and_says_what_does_not(root: Path) -> None:
    write(root, "flats")
    write(root, "broken", "import nothing_of_that_name\n")
    done = comps("list", "--competitions", root, cwd=root)
    assert "flats" in done.out and "digits" in done.out
    assert "nothing_of_that_name" in done.err
    names = {
        event["competition"]: event["event"]
        for event in comps("list", "--competitions", root, "--json", cwd=root).events
    }
    assert names["flats"] == "competition" and names["broken"] == "broken"
    assert "nothing_of_that_name" in comps("cv", "broken", cwd=root.parent, code=2).err


@pytest.mark.slow
def test_functions_of_a_competitions_file_reach_worker_processes(root: Path) -> None:
    text = OWN.replace(
        "COMPETITION =",
        "def doubled(rows):\n    return rows.assign(twice=rows['size'] * 2)\n\n\nCOMPETITION =",
    ).replace('name="NAME"', 'name="NAME", features=doubled')
    write(root, "flats", text)
    done = comps("cv", "flats", "--models", "ridge", "--folds", "2", "--json", cwd=root.parent)
    (row,) = [row for row in done.event("leaderboard")["rows"] if row["model"] == "ridge"]
    assert row["score"] > 0
    again = comps("cv", "flats", "--models", "ridge", "--folds", "2", "--json", cwd=root.parent)
    assert again.event("planned")["to_fit"] == 0
    write(root, "flats", text.replace("* 2", "* 3"))
    changed = comps("cv", "flats", "--models", "ridge", "--folds", "2", "--json", cwd=root.parent)
    assert changed.event("planned")["to_fit"] > 0


def test_native_log_lines_of_an_import_are_dropped_and_nothing_else(
    root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = [
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
        "I0000 00:00:1795824308.802446   29693 port.cc:153] oneDNN custom operations are on.",
        "To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow.",
    ]
    noise = "\n".join(["mine", *lines, "WARNING: of mine", ""])
    write(root, "loud", f"import os\nos.write(2, {noise!r}.encode())\n{OWN}")
    assert find_competition("loud").name == "loud"
    assert capfd.readouterr().err == "mine\nWARNING: of mine\n"
    write(root, "broken", "import os\nos.write(2, b'before')\n1 / 0\n")
    with pytest.raises(DataError, match="ZeroDivisionError"):
        find_competition("broken")
    assert capfd.readouterr().err == "before"
