"""A time limit counts what earlier runs of the same models took."""

from __future__ import annotations

import pytest

from pipelines.basics import processes
from pipelines.basics.files import read_json
from pipelines.crossval import timebudget
from pipelines.crossval.timebudget import TimeBudget
from pipelines.store import RunStore

KEYS = ["a", "b"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The time; a new call begins at 1000 s."""
    now = {"time": 1000.0}
    monkeypatch.setattr(timebudget.time, "monotonic", lambda: now["time"])
    return now


def spend(store: RunStore, clock: dict[str, float], seconds: float, keys: list[str]) -> None:
    """Run for so many seconds of a limit of 100, as a call of its own."""
    budget = TimeBudget(100.0)
    budget.open(store, keys)
    clock["time"] = 1000.0 + seconds
    budget.save()
    clock["time"] = 1000.0


def deadline(store: RunStore, limit: float, keys: list[str]) -> float:
    """Return how long after its start a run may train."""
    budget = TimeBudget(limit)
    budget.open(store, keys)
    assert budget.deadline is not None
    return budget.deadline - 1000.0


def test_two_percent_and_three_seconds_are_kept_back(
    store: RunStore, clock: dict[str, float]
) -> None:
    assert deadline(store, 100.0, KEYS) == pytest.approx(95.0)
    assert deadline(store, 1000.0, KEYS) == pytest.approx(977.0)


def test_looking_again_at_what_has_ended_takes_no_time_of_a_longer_limit(
    store: RunStore, clock: dict[str, float]
) -> None:
    with store.writing():
        budget = TimeBudget(100.0)
        budget.open(store, KEYS)
        clock["time"] = 1080.0
        budget.save()
        budget.end()
        clock["time"] = 1000.0
        for _ in range(3):
            spend(store, clock, 40.0, KEYS)
    assert deadline(store, 100.0, KEYS) == 0.0
    assert deadline(store, 200.0, KEYS) == pytest.approx(200.0 - 7.0 - 80.0)


def test_of_a_short_limit_no_more_than_half_is_kept_back(
    store: RunStore, clock: dict[str, float]
) -> None:
    assert deadline(store, 2.0, KEYS) == pytest.approx(1.0)


def test_the_time_of_all_earlier_runs_of_these_models_counts(
    store: RunStore, clock: dict[str, float]
) -> None:
    with store.writing():
        for used in (30.0, 20.0):
            spend(store, clock, used, KEYS)
    assert deadline(store, 100.0, ["b", "a"]) == pytest.approx(95.0 - 50.0)
    assert deadline(store, 200.0, KEYS) == pytest.approx(193.0 - 50.0)


def test_the_time_of_other_models_is_kept_and_does_not_count(
    store: RunStore, clock: dict[str, float]
) -> None:
    with store.writing():
        spend(store, clock, 30.0, KEYS)
        spend(store, clock, 7.0, ["c"])
    assert deadline(store, 100.0, KEYS) == pytest.approx(65.0)
    assert deadline(store, 100.0, ["c"]) == pytest.approx(88.0)


def test_saving_often_counts_the_time_once(store: RunStore, clock: dict[str, float]) -> None:
    budget = TimeBudget(100.0)
    budget.open(store, KEYS)
    with store.writing():
        for seconds in (5.0, 10.0, 20.0):
            clock["time"] = 1000.0 + seconds
            budget.save()
    assert list(read_json(store.root / "time.json").values()) == [20.0]


def test_what_is_opened_again_keeps_its_deadline(store: RunStore, clock: dict[str, float]) -> None:
    budget = TimeBudget(100.0)
    budget.open(store, KEYS)
    with store.writing():
        spend(store, clock, 30.0, KEYS)
    budget.open(store, KEYS)
    assert budget.deadline == pytest.approx(1095.0)


def test_without_a_limit_there_is_no_deadline_and_nothing_is_written(store: RunStore) -> None:
    budget = TimeBudget(None)
    budget.open(store, KEYS)
    budget.save()
    assert budget.deadline is None and not store.root.exists()
    assert budget.describe() == "no limit"


def test_the_limit_is_described_with_what_was_used(
    store: RunStore, clock: dict[str, float]
) -> None:
    fresh = TimeBudget(100.0)
    fresh.open(store, KEYS)
    assert fresh.describe() == "the limit is 100 s"
    with store.writing():
        spend(store, clock, 30.0, KEYS)
    later = TimeBudget(100.0)
    later.open(store, KEYS)
    assert later.describe() == "the limit is 100 s, 30 s of it used before"


def test_a_damaged_note_of_the_time_counts_as_none(
    store: RunStore, clock: dict[str, float]
) -> None:
    store.root.mkdir(parents=True)
    (store.root / "time.json").write_text("{")
    assert deadline(store, 100.0, KEYS) == pytest.approx(95.0)


def test_the_deadline_is_earlier_by_what_is_kept_back(
    store: RunStore, clock: dict[str, float]
) -> None:
    budget = TimeBudget(100.0)
    budget.open(store, KEYS)
    for seconds in (10.0, 4.0):
        budget.keep_back(seconds)
        assert budget.deadline == pytest.approx(1095.0 - seconds)


def test_after_its_end_a_limit_has_no_time_left_and_a_longer_one_has_the_rest(
    store: RunStore, clock: dict[str, float]
) -> None:
    with store.writing():
        spend(store, clock, 30.0, KEYS)
        ended = TimeBudget(100.0)
        ended.open(store, KEYS)
        ended.end()
    assert deadline(store, 100.0, KEYS) == deadline(store, 50.0, KEYS) == 0.0
    assert deadline(store, 200.0, KEYS) == pytest.approx(193.0 - 30.0)
    assert deadline(store, 100.0, ["c"]) == pytest.approx(95.0)


def test_of_two_limits_that_ended_the_longer_counts(
    store: RunStore, clock: dict[str, float]
) -> None:
    with store.writing():
        for limit in (100.0, 50.0):
            budget = TimeBudget(limit)
            budget.open(store, KEYS)
            budget.end()
    assert deadline(store, 100.0, KEYS) == 0.0


def test_the_time_of_a_command_begins_with_its_process_and_that_of_a_call_now(
    monkeypatch: pytest.MonkeyPatch, clock: dict[str, float]
) -> None:
    monkeypatch.setattr(processes, "_command_began", None)
    clock["time"] = 1010.0
    assert processes.call_began() == 1010.0
    processes.begin_command()
    began = processes.call_began()
    assert began <= 1010.0
    clock["time"] = 1015.0
    assert processes.call_began() == began
