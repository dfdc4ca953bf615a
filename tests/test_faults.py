"""The short forms of the scripts of `tests/faults`."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.faults.cuts import damage_once, whole_store
from tests.faults.fetches import try_kills
from tests.faults.interrupts import CHOSEN, interrupt_once
from tests.faults.kills import CASES, Case, kill_once, undisturbed
from tests.faults.load import PARTS, train_jobs
from tests.faults.spoiled import DATA, SUBMISSIONS, lines, table_of_data, table_of_submissions
from tests.faults.writes import try_full_disks
from tests.support import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are of another kind on Windows")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_store(tmp_path_factory.mktemp("whole") / "store")


@pytest.mark.parametrize("seed", range(6))
def test_damage_of_a_store_is_made_good_or_named(seed: int, whole: Path, tmp_path: Path) -> None:
    _, problems = damage_once(whole, tmp_path / "damaged", random.Random(seed))
    assert problems == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run", "tune", "predict"])
def test_a_killed_command_goes_on_and_leaves_the_same_bytes(name: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.name == name)
    whole = undisturbed(case, tmp_path)
    assert kill_once(case, whole, tmp_path, random.Random(1)) == []


@pytest.mark.slow
@pytest.mark.parametrize("case", CHOSEN[1:3], ids=["run", "tune"])
def test_an_interrupted_command_says_so_and_leaves_nothing(case: Case, tmp_path: Path) -> None:
    whole = undisturbed(case, tmp_path)
    for seed in range(4):
        chance = random.Random(seed)
        assert interrupt_once(case, whole, tmp_path, chance, resume=seed == 3) == []


@pytest.mark.slow
def test_a_killed_download_goes_on_and_is_not_made_twice() -> None:
    assert try_kills(2, seed=1).lost == []


# Spoiled files

PAGE = ROOT / "docs" / "guides" / "faults.md"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("title", "table", "spoiled", "least"),
    [
        ("submission", table_of_submissions, SUBMISSIONS, 30),
        ("data", table_of_data, DATA, 40),
    ],
    ids=["submission", "data"],
)
def test_what_is_spoiled_is_told_as_the_guide_says_and_nothing_clean_is(
    title: str,
    table: Callable[[], list[tuple[str, str]]],
    spoiled: Mapping[str, object],
    least: int,
) -> None:
    found = table()
    assert [name for name, said in found if said] == list(spoiled)
    assert len(spoiled) >= least and len(found) > len(spoiled)
    shown = [line for line in lines(title, found) if line in PAGE.read_text("utf-8").splitlines()]
    assert shown == lines(title, found)


# Load


@pytest.mark.slow
@pytest.mark.parametrize(("part", "size"), [("members", 60), ("store", 500), ("runs", 8)])
def test_many_at_once_end_well(part: str, size: int) -> None:
    assert list(PARTS[part][0](size))


@pytest.mark.slow
def test_memory_and_open_files_stay_flat_over_many_jobs() -> None:
    (line,) = train_jobs(200, warm_up=80)
    assert line.startswith("200 jobs: ")


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_write_is_told_and_nothing_is_lost() -> None:
    tally = try_full_disks(step=7)
    assert tally.lost == [] and sum(tally.tried.values()) > 3
