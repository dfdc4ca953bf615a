"""What a search tells while it goes on, and how outputs show it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from comps import boosting
from comps.base import Family
from pipelines import Planned, SearchPlanned, TrialRunning, TrialUpdate, Update, tune
from pipelines.api.progress import Note, Teller
from pipelines.api.search.progress import SearchProgress
from pipelines.cli import reporters
from pipelines.cli.reporters import BarOutput, JsonOutput, LineOutput, QuietOutput
from pipelines.engines.jobs import Job
from pipelines.tuning import State, Trial, TrialResult
from pipelines.tuning.trials import Running
from tests.support import LIGHTGBM, METRIC, NETWORK
from tests.tables import own, table

FOLDS = 4


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[Update]:
    """Everything that a search of three trials tells."""
    updates: list[Update] = []
    tune(
        own(table(120)),
        boosting("lightgbm", rounds=30, num_leaves=4, min_data_in_leaf=3),
        trials=3,
        outer=0,
        folds=3,
        prune=False,
        engine="inline",
        runs=tmp_path_factory.mktemp("runs"),
        progress=updates.append,
    )
    return updates


def test_a_search_is_announced_before_the_rows_are_read(told: list[Update]) -> None:
    first = told[0]
    assert isinstance(first, SearchPlanned)
    assert first.text == "Tuning lightgbm of own: 3 trials." and first.total == 3
    assert isinstance(told[1], Note)


def test_each_trial_tells_how_far_it_is_and_then_how_it_ended(told: list[Update]) -> None:
    trials: dict[int, list[dict[str, Any]]] = {0: [], 1: [], 2: []}
    ended = []
    for update in told:
        if isinstance(update, TrialRunning):
            trials[update.values["trial"]].append(dict(update.values))
        elif isinstance(update, TrialUpdate):
            ended.append(update.values)
            scores = update.values["fold_scores"]
            for values in trials[update.values["trial"]]:
                done = values["folds_done"]
                so_far = math.fsum(scores[:done]) / done if done else None
                assert values["score_so_far"] == pytest.approx(so_far)
                assert values["part"] == f"fold {done + 1}" and values["folds"] == 3
                assert (values["done"], values["total"]) == (len(ended) - 1, 3)
    assert [values["trial"] for values in ended] == [0, 1, 2]
    for values in trials.values():
        assert {one["folds_done"] for one in values} == {0, 1, 2}
        assert all(one["seconds_left"] is not None for one in values if one["step"] > 1)
        # It begins, and goes on by rounds with a score.
        assert values[0]["step"] == 0 and values[0]["score"] is None
        assert max(one["step"] for one in values) > 1
        assert all((one["score"] is None) == (one["step"] == 0) for one in values)
    assert trials[0][0]["seconds_left"] is None
    assert all(one["seconds_left"] >= 0 for one in trials[1])


def running(
    step: int,
    score: float,
    scores: list[float],
    number: int = 0,
    begun: float = 0.0,
    **job: Any,
) -> Running:
    """Return how far the second fold of a trial of four folds is."""
    values = {"model": NETWORK, "repeat": 0, "held": ((1,),), **job}
    of = Job(None, key="", **values)  # type: ignore[arg-type]
    return Running(Trial(number, {}), of, step, score, scores, FOLDS, len(scores) + begun)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The time, which the test sets."""
    now = [0.0]
    monkeypatch.setattr("pipelines.api.search.progress.time.monotonic", lambda: now[0])
    yield now


def test_the_time_left_follows_from_the_folds_that_ended(clock: list[float]) -> None:
    lines: list[Update] = []
    told = SearchProgress(Teller(METRIC, lines.append), METRIC, [], 3, None)
    told.go_on(running(0, math.nan, []))
    clock[0] = 10.0
    told.go_on(running(7, 0.25, [0.5]))
    # A quarter of a trial in 10 s: two and three quarters take 110 s.
    assert told.seconds_left == pytest.approx(110)
    assert str(lines[0]) == "[0/3] trial 0, fold 2, 0 of 4 done"
    label, digits = METRIC.label, METRIC.digits
    assert str(lines[1]) == (
        f"[0/3] trial 0, fold 2, 1 of 4 done: epoch 7, {label} {0.25:.{digits}f}, "
        f"mean so far {0.5:.{digits}f}, about 1m 50s left"
    )
    clock[0] = 40.0
    told.end(TrialResult(Trial(0, {}), State.COMPLETE, 0.4, (0.4,) * FOLDS, 7, 1.0))
    assert told.seconds_left == pytest.approx(80)
    # Half of another one beside it.
    told.go_on(running(0, math.nan, [0.5, 0.5], number=1))
    clock[0] = 60.0
    assert told.seconds_left == pytest.approx(60)


def test_steps_of_a_fold_count_before_it_has_ended(clock: list[float]) -> None:
    told = SearchProgress(Teller(METRIC, None), METRIC, [], 2, None)
    clock[0] = 5.0
    told.go_on(running(3, 0.5, [], begun=0.5))
    # An eighth of a trial in 5 s: one and seven eighths take 75 s.
    assert told.seconds_left == pytest.approx(75)


def test_stored_trials_took_no_time_and_the_deadline_counts(clock: list[float]) -> None:
    stored = [TrialResult(Trial(number, {}), State.COMPLETE, 0.4) for number in range(5)]
    told = SearchProgress(Teller(METRIC, None), METRIC, stored, 7, deadline=25.0)
    assert told.seconds_left is None
    clock[0] = 10.0
    told.go_on(running(1, 0.3, [0.5, 0.5], number=5))
    # One and a half trials at 20 s a trial are 30 s, but the time is over before.
    assert told.seconds_left == pytest.approx(15)
    clock[0] = 30.0
    assert told.seconds_left == 0


def test_rounds_are_called_rounds(clock: list[float]) -> None:
    lines: list[Update] = []
    told = SearchProgress(Teller(METRIC, lines.append), METRIC, [], 3, None)
    told.go_on(running(9, 0.5, [], model=LIGHTGBM, held=((0,), (1,), (2,))))
    assert LIGHTGBM.family is not Family.NETWORK
    assert "trial 0, folds 1-3, 0 of 4 done: round 9," in str(lines[0])


# How it is shown


@pytest.fixture
def bar() -> Iterator[BarOutput]:
    """The bar of a terminal."""
    output = BarOutput(METRIC)
    yield output
    output.close()


def test_a_bar_has_a_total_from_its_start(bar: BarOutput) -> None:
    bar(Planned("", 25, 0))
    assert bar.bar.tasks[0].total == 25 and bar.bar.live.is_started
    bar(Planned("", 10, 15))
    assert bar.bar.tasks[0].total == 10


def test_without_anything_to_fit_there_is_no_bar(bar: BarOutput) -> None:
    bar(Planned("", 0, 25))
    assert not bar.bar.live.is_started


def test_the_bar_of_a_search_shows_the_trials_that_run(bar: BarOutput) -> None:
    bar(SearchPlanned("", "network", 3))
    assert bar.bar.live.is_started
    (task,) = bar.bar.tasks
    assert (task.completed, task.total, task.description) == (0, 3, "trials")
    told = SearchProgress(Teller(METRIC, bar), METRIC, [], 3, None)
    told.go_on(running(0, math.nan, []))
    told.go_on(running(12, 0.25, [0.5], number=1))
    digits = METRIC.digits
    assert task.description == (
        f"trial 0 fold 2 | trial 1 fold 2 epoch 12 {METRIC.label} {0.25:.{digits}f}, "
        f"so far {0.5:.{digits}f}"
    )
    assert str(task.fields["left"]).endswith(" left")
    told.end(TrialResult(Trial(0, {}), State.COMPLETE, 0.4, (0.4,) * FOLDS, 7, 1.0))
    assert task.completed == 1 and str(task.description).startswith("trial 1 ")


def test_lines_say_how_far_a_trial_is_after_a_long_silence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = LineOutput()
    update = TrialRunning("how far", {})
    output(update)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(reporters, "MOST_SILENCE", 0)
    output(update)
    assert capsys.readouterr().err == "how far\n"
    QuietOutput()(update)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(reporters, "MOST_SILENCE", 1e9)
    LineOutput(verbose=True)(update)
    assert capsys.readouterr().err == "how far\n"


def test_machines_read_each_update(told: list[Update], capsys: pytest.CaptureFixture[str]) -> None:
    import json

    for update in told:
        JsonOutput()(update)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == {"event": "search", "model": "lightgbm", "total": 3}
    assert [line["event"] for line in lines].count("trial") == 3
    first = next(line for line in lines if line["event"] == "trial_running")
    assert (first["trial"], first["unit"], first["folds"]) == (0, "round", 3)
