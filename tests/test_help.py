"""Help, version, completion, and how much is shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from comps.base import CodeError, DataError, OwnCodeError, StoreError, UsageError, WorkbenchError
from comps.catalog import competition_names
from ensembles import METHODS
from pipelines.basics.version import own_version
from pipelines.cli import comparison_tables
from pipelines.cli.app import EXIT_CODES
from pipelines.folds import SCHEMES
from pipelines.tuning.optuna_search import SAMPLERS
from tests.commands import comps
from tests.test_cli import HOUSES, write_houses

QUICK = ("cv", *HOUSES, "--models", "median,ridge", "--engine", "inline")


def words(text: str) -> str:
    """Return a text without its line breaks, which may be within a name, behind its hyphen."""
    return re.sub(r"\s+", " ", re.sub(r"(?<=\w)-\s*\n\s*", "-", text))


@pytest.mark.parametrize(
    ("command", "names"),
    [("run", SCHEMES), ("blend", METHODS), ("tune", SAMPLERS)],
)
def test_help_lists_what_the_registries_know(
    command: str, names: dict[str, object], tmp_path: Path
) -> None:
    help_ = words(comps(command, "-h", cwd=tmp_path).out)
    listed = ", ".join([*names][:-1]) + f" or {[*names][-1]}"
    assert listed in help_
    assert "{" not in help_.replace("{competition}", "")


@pytest.mark.slow
def test_both_names_of_help_show_the_same(tmp_path: Path) -> None:
    assert comps("cv", "-h", cwd=tmp_path).out == comps("cv", "--help", cwd=tmp_path).out


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    assert comps("--version", cwd=tmp_path).out == f"comps {own_version()}\n"


def test_a_shell_completes_commands_and_competitions(tmp_path: Path) -> None:
    def completed(typed: str, word: int) -> list[str]:
        environment = {
            "_COMPS_COMPLETE": "complete_bash",
            "COMP_WORDS": typed,
            "COMP_CWORD": str(word),
        }
        return comps(cwd=tmp_path, env=environment).out.split()

    assert completed("comps export", 1) == ["export", "export-oof"]
    assert completed("comps run ", 2) == competition_names()
    assert completed("comps run te", 2) == ["temperature"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a few houses."""
    write_houses(tmp_path / "houses.zip")
    return tmp_path


@pytest.mark.slow
def test_quiet_shows_results_alone_and_verbose_every_stage(home: Path) -> None:
    usual = comps(*QUICK, cwd=home)
    assert "ridge: out-of-fold" in usual.err and "step 1" not in usual.err
    quiet = comps(*QUICK, "-q", cwd=home)
    assert (quiet.out, quiet.err) == (usual.out, "")
    more = comps(*QUICK, "-v", "--seed", "1", cwd=home)
    assert more.err.count("step 1, score") == 10
    assert more.err.count("ridge fold 3") == 3


def test_less_and_more_at_once_is_refused(home: Path) -> None:
    assert "give one of them" in comps(*QUICK, "-q", "-v", cwd=home, code=2).err


def test_a_comparison_without_a_competition_says_what_to_give(tmp_path: Path) -> None:
    assert (
        "name of a competition was expected, or --all" in comps("compare", cwd=tmp_path, code=2).err
    )


def test_the_table_of_rivals_shows_gains_of_the_network() -> None:
    row = {
        "competition": "own",
        "metric": "RMSE",
        "digits": 3,
        "network": "mlp",
        "network_score": 1.5,
        "boosting": "xgboost",
        "boosting_score": 1.25,
        "gain": -0.25,
        "interval": [-0.5, None],
        "p_holm": 0.0001,
        "told_apart": True,
        "network_seconds": 2.0,
        "boosting_seconds": 0.5,
        "network_size": None,
        "boosting_size": 2_500_000,
    }
    table = comparison_tables.rivals([row])
    cells = [next(iter(column.cells)) for column in table.columns]
    assert cells == [
        *("own (RMSE)", "mlp", "xgboost", "1.500", "1.250", "-0.250 *", "-0.500 to ?"),
        *("< 0.001", "2.0, 0.5", ", 2.5"),
    ]


@pytest.mark.slow
def test_all_takes_no_name_and_fails_where_nothing_could_be_compared(tmp_path: Path) -> None:
    named = comps("compare", "house-prices", "--all", cwd=tmp_path, code=2)
    assert "leave out the name" in named.err
    nothing = comps("compare", "--all", "--engine", "nosuch", cwd=tmp_path, code=1)
    assert "Nothing could be compared" in nothing.err
    assert nothing.err.count("could not be compared: There is no engine") == 5


def test_the_help_says_what_exit_codes_mean_and_errors_keep_to_it(tmp_path: Path) -> None:
    assert EXIT_CODES in " ".join(comps("--help", cwd=tmp_path).out.split())
    assert {error.exit_code for error in (UsageError, DataError, OwnCodeError)} == {2}
    assert {error.exit_code for error in (WorkbenchError, StoreError, CodeError)} == {1}
    # As the parser of the command line ends.
    comps("run", cwd=tmp_path, code=2)
    comps("no-such-command", cwd=tmp_path, code=2)
