"""The queue: order, what is left out for lack of time, estimates, failed models."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comps.base import Model
from pipelines.engines import Done
from pipelines.engines.jobs import Job, Run
from pipelines.engines.queue import JobQueue
from pipelines.folds import FoldSpec
from tests.support import CATBOOST, FOREST, LIGHTGBM, NETWORK, RIDGE, TINY, XGBOOST

RUN = Run(
    competition=TINY,
    data=Path("data"),
    data_fingerprint="d",
    store=Path("store"),
    spec=FoldSpec("kfold", 3),
    folds=Path("folds.npz"),
    seed=0,
    threads=1,
)
# So far off that the speed of the machine plays no part.
SOON, LATE = 10_000.0, 1_000_000.0


def job(model: Model, fold: int | tuple[int, ...] = 0, repeat: int = 0) -> Job:
    """Return a job of one or several folds."""
    folds = fold if isinstance(fold, tuple) else (fold,)
    return Job(RUN, model, "key", repeat, tuple((fold,) for fold in folds))


def pair(model: Model, *folds: int) -> Job:
    """Return a job without two folds."""
    return Job(RUN, model, "key", 0, (folds,))


def costing(name: str, seconds_a_fold: float) -> Model:
    """Return a model that declares its cost (which is for five folds)."""
    return replace(RIDGE, name=name, seconds=5 * seconds_a_fold)


def drain(queue: JobQueue) -> list[Job]:
    """Return all jobs that the queue hands out."""
    return list(iter(queue.next_job, None))


def finish(queue: JobQueue, job: Job, seconds: float) -> None:
    """Tell the queue that a job has ended after so many seconds."""
    queue.finished(Done(job, [], seconds))


# Order


@given(st.permutations([job(RIDGE, 0), job(RIDGE, 1), job(FOREST, 0), job(FOREST, 0, repeat=1)]))
def test_models_come_in_the_order_in_which_they_were_given(jobs: list[Job]) -> None:
    queue = JobQueue(jobs, slots=2)
    drained = drain(queue)
    assert [(job.model, job.repeat) for job in drained] == [(job.model, job.repeat) for job in jobs]
    assert sorted(job.label for job in drained) == sorted(job.label for job in jobs)
    assert queue.left_out == []


def test_a_slot_gets_the_folds_that_it_has_prepared_for_the_model_before() -> None:
    jobs = [job(model, fold) for model in (RIDGE, FOREST) for fold in range(4)]
    queue = JobQueue(jobs, slots=2)
    first = [queue.next_job(slot) for slot in (0, 1, 1, 0)]
    assert first == jobs[:4]
    # The other way round: each fold goes back to the slot that knows it.
    second = [queue.next_job(slot) for slot in (1, 0, 0, 1)]
    assert second == [jobs[5], jobs[4], jobs[7], jobs[6]]


def test_predicting_test_rows_elsewhere_does_not_move_a_fold() -> None:
    trained = [job(RIDGE, fold) for fold in range(2)]
    queue = JobQueue([*trained, *(job(FOREST, fold) for fold in range(2))], slots=2)
    assert [queue.next_job(0), queue.next_job(1)] == trained
    queue.add_first([replace(own, step=1) for own in trained])
    # The other way round than they were trained.
    tests = [queue.next_job(0), queue.next_job(0)]
    assert [own and own.kind for own in tests] == ["test", "test"]
    assert [queue.next_job(1), queue.next_job(0)] == [job(FOREST, 1), job(FOREST, 0)]


ON_THE_CARD = [
    NETWORK,
    replace(XGBOOST, params={"device": "cuda"}),
    replace(LIGHTGBM, params={"device": "gpu"}),
    replace(CATBOOST, params={"task_type": "GPU"}),
]


@pytest.mark.parametrize("model", ON_THE_CARD, ids=lambda model: model.name)
def test_what_is_trained_on_a_card_goes_to_the_slots_that_own_one(model: Model) -> None:
    jobs = [job(RIDGE, 0), job(RIDGE, 1), job(model, (0, 1, 2)), job(RIDGE, 2)]
    queue = JobQueue(jobs, slots=2, accelerators=1)
    assert [queue.next_job(1), queue.next_job(0)] == [jobs[0], jobs[2]]
    # The card has nothing more to train: its slot helps the other.
    assert [queue.next_job(0), queue.next_job(1)] == [jobs[1], jobs[3]]


def test_a_slot_without_a_card_takes_no_network() -> None:
    queue = JobQueue([job(NETWORK, (0, 1, 2))], slots=2, accelerators=1)
    assert queue.next_job(1) is None
    assert len(queue.pending) == 1 and queue.left_out == []


def test_a_slot_takes_over_what_another_has_prepared_before_it_waits() -> None:
    jobs = [job(RIDGE, 0), job(FOREST, 0)]
    queue = JobQueue(jobs, slots=2)
    assert [queue.next_job(0), queue.next_job(1)] == jobs


def test_an_empty_queue_has_no_job() -> None:
    assert JobQueue([], slots=1).next_job() is None


def test_the_end_is_told_as_often_as_one_asks() -> None:
    queue = JobQueue([job(RIDGE)], slots=2)
    assert [queue.next_job() for _ in range(3)] == [job(RIDGE), None, None]


# Deadlines


def test_what_cannot_end_in_time_is_left_out_and_the_rest_goes_on() -> None:
    dear, cheap = costing("dear", LATE), costing("cheap", 1)
    jobs = [job(dear, 0), job(dear, 1), job(cheap, 0), job(cheap, 1)]
    queue = JobQueue(jobs, slots=1, deadline=time.monotonic() + SOON)
    assert drain(queue) == jobs[2:]
    assert queue.left_out == jobs[:2]


def test_with_time_enough_nothing_is_left_out() -> None:
    jobs = [job(costing("dear", SOON), fold) for fold in range(2)]
    queue = JobQueue(jobs, slots=1, deadline=time.monotonic() + 10 * LATE)
    assert drain(queue) == jobs


def test_after_the_deadline_everything_is_left_out() -> None:
    jobs = [job(costing("cheap", 0.0)), job(FOREST)]
    queue = JobQueue(jobs, slots=1, deadline=time.monotonic() - 1)
    assert drain(queue) == []
    assert queue.left_out == jobs


def test_a_repeat_that_does_not_fit_is_not_begun() -> None:
    # Each of the three folds fits, all of them together do not.
    model = costing("dear", 0.4 * SOON)
    jobs = [job(model, fold) for fold in range(3)]
    queue = JobQueue(jobs, slots=1, deadline=time.monotonic() + SOON)
    assert drain(queue) == []
    assert queue.left_out == jobs


def test_folds_side_by_side_need_less_time() -> None:
    model = costing("dear", 0.4 * SOON)
    jobs = [job(model, fold) for fold in range(4)]
    assert drain(JobQueue(jobs, slots=2, deadline=time.monotonic() + SOON)) == jobs


def test_folds_that_are_trained_together_cannot_be_shared_out() -> None:
    model = costing("dear", 0.4 * SOON)
    jobs = [job(model, (0, 1, 2, 3))]
    assert drain(JobQueue(jobs, slots=4, deadline=time.monotonic() + SOON)) == []


def test_one_repeat_may_fit_where_two_do_not() -> None:
    model = costing("dear", 0.4 * SOON)
    jobs = [job(model, fold, repeat) for repeat in range(2) for fold in range(2)]
    queue = JobQueue(jobs, slots=1, deadline=time.monotonic() + SOON)
    first = [queue.next_job(), queue.next_job()]
    assert first == jobs[:2]
    for done in jobs[:2]:
        finish(queue, done, 2 * SOON)
    assert drain(queue) == []
    assert queue.left_out == jobs[2:]


def test_a_model_that_turned_out_slow_is_left_out() -> None:
    model = costing("cheap", 1)
    jobs = [job(model, 0), job(model, 0, repeat=1), job(model, 1, repeat=1)]
    queue = JobQueue(jobs, slots=1, deadline=time.monotonic() + SOON)
    assert queue.next_job() == jobs[0]
    finish(queue, jobs[0], LATE)
    assert queue.next_job() is None
    assert queue.left_out == jobs[1:]


def test_a_machine_that_turned_out_slow_leaves_other_models_out() -> None:
    quick, other = costing("quick", 1), costing("other", 10)
    jobs = [job(quick), job(other)]
    queue = JobQueue(jobs, slots=1, deadline=time.monotonic() + SOON)
    assert queue.next_job() == jobs[0]
    finish(queue, jobs[0], LATE)
    assert queue.next_job() is None
    assert queue.left_out == [jobs[1]]


# Status


def test_nothing_is_estimated_before_a_fold_has_ended() -> None:
    queue = JobQueue([job(RIDGE, 0), job(RIDGE, 1)], slots=1)
    queue.next_job()
    status = queue.status()
    assert (status.done, status.total, status.seconds_left) == (0, 2, None)


def test_a_measured_model_is_estimated_by_its_mean() -> None:
    jobs = [job(RIDGE, fold) for fold in range(4)]
    queue = JobQueue(jobs, slots=1)
    for seconds in (2.0, 4.0):
        finish(queue, queue.next_job() or jobs[0], seconds)
    status = queue.status()
    assert (status.done, status.total) == (2, 4)
    assert status.seconds_left == pytest.approx(2 * 3.0)


def test_predictions_of_test_rows_of_a_model_without_fits_are_no_work_that_is_left() -> None:
    queue = JobQueue([job(RIDGE, 0), job(RIDGE, 1)], slots=2)
    first = queue.next_job()
    assert first is not None
    queue.add_first([replace(job(FOREST, fold), step=1) for fold in range(2)])
    finish(queue, first, 8.0)
    assert queue.status().seconds_left == 8.0 / 2


def test_what_has_no_time_left_to_predict_test_rows_is_not_begun() -> None:
    slow = replace(LIGHTGBM, name="slow", seconds=5.0)
    begun = [job(LIGHTGBM, fold) for fold in range(3)]
    queue = JobQueue(
        [*begun, *(job(slow, fold) for fold in range(3))], 1, deadline=time.monotonic() + SOON
    )
    for own in (queue.next_job() for _ in begun):
        assert own is not None
        finish(queue, own, 1.0)
    queue.add_first([replace(own, step=1) for own in begun])
    for own in (queue.next_job() for _ in begun):
        assert own is not None and own.kind == "test"
        # The fits of the next model would end in time; their predictions would not.
        finish(queue, own, SOON)
    assert queue.next_job() is None
    assert {own.model.name for own in queue.left_out} == {"slow"}


def test_running_jobs_count_as_work_that_is_left_and_slots_share_it() -> None:
    jobs = [job(RIDGE, fold) for fold in range(5)]
    queue = JobQueue(jobs, slots=2)
    first, _, _ = (queue.next_job() for _ in range(3))
    assert first is not None
    finish(queue, first, 6.0)
    assert queue.status().seconds_left == pytest.approx(4 * 6.0 / 2)


def test_a_cancelled_job_is_left_out_and_no_longer_waited_for() -> None:
    queue = JobQueue([job(RIDGE, fold) for fold in range(3)], slots=2)
    first, second, _ = (queue.next_job() for _ in range(3))
    assert first is not None
    assert second is not None
    finish(queue, first, 6.0)
    queue.cancelled(second)
    assert queue.left_out == [second]
    status = queue.status()
    assert (status.done, status.total) == (1, 2)
    assert status.seconds_left == pytest.approx(6.0 / 2)


def test_a_job_of_several_folds_counts_as_many() -> None:
    jobs = [job(NETWORK, (0, 1, 2)), job(NETWORK, (0, 1, 2), repeat=1)]
    queue = JobQueue(jobs, slots=1)
    queue.next_job()
    finish(queue, jobs[0], 30.0)
    status = queue.status()
    assert (status.done, status.total) == (3, 6)
    assert status.seconds_left == pytest.approx(30.0)


def test_nothing_is_done_and_nothing_is_estimated_at_first() -> None:
    queue = JobQueue([job(RIDGE, (0, 1, 2)), job(FOREST)], slots=2)
    queue.next_job()
    status = queue.status()
    assert (status.done, status.total, status.seconds_left) == (0, 4, None)


@given(
    planned=st.lists(st.floats(0.1, 1e3), min_size=3, max_size=3),
    measured=st.lists(st.floats(0.1, 1e3), min_size=2, max_size=2),
    slots=st.integers(1, 3),
)
def test_the_speed_is_that_of_all_models_measured_and_of_a_second_as_declared(
    planned: list[float], measured: list[float], slots: int
) -> None:
    jobs = [job(costing(str(number), seconds)) for number, seconds in enumerate(planned)]
    queue = JobQueue(jobs, slots)
    for seconds in measured:
        finish(queue, queue.next_job() or job(RIDGE), seconds)
    # A second that takes a second keeps the estimate near what is declared, at the beginning.
    speed = (sum(measured) + 1) / (sum(planned[:2]) + 1)
    assert queue.status().seconds_left == pytest.approx(planned[2] * speed / slots)


def test_a_slot_prefers_a_new_fold_to_one_that_another_slot_has_prepared() -> None:
    jobs = [job(RIDGE, 0), *(job(FOREST, fold) for fold in (0, 1, 2))]
    queue = JobQueue(jobs, slots=2)
    assert queue.next_job(0) == jobs[0]
    assert [queue.next_job(1), queue.next_job(0), queue.next_job(1)] == [jobs[2], jobs[1], jobs[3]]


def test_other_models_are_estimated_by_declared_cost_at_the_measured_speed() -> None:
    queue = JobQueue([job(costing("one", 99)), job(costing("other", 50))], slots=1)
    first = queue.next_job()
    assert first is not None
    finish(queue, first, 199.0)
    assert queue.status().seconds_left == pytest.approx(50 * 2.0)


@given(st.floats(0.1, 1000), st.floats(0.1, 1000))
def test_a_slower_machine_is_never_estimated_to_be_sooner_done(one: float, other: float) -> None:
    left = []
    for seconds in sorted((one, other)):
        queue = JobQueue([job(costing("a", 3)), job(costing("b", 7))], slots=1)
        finish(queue, queue.next_job() or job(RIDGE), seconds)
        left.append(queue.status().seconds_left or 0.0)
    assert left[0] <= left[1]


def test_what_is_left_out_is_not_part_of_the_total() -> None:
    jobs = [job(costing("dear", LATE), fold) for fold in range(3)] + [job(FOREST)]
    queue = JobQueue(jobs, slots=1, deadline=time.monotonic() + SOON)
    assert queue.status().total == 4
    assert queue.next_job() == jobs[3]
    assert queue.status().total == 1


# Failures


def test_a_failed_model_loses_its_other_jobs_in_every_repeat() -> None:
    jobs = [job(RIDGE, 0), job(RIDGE, 1), job(FOREST, 0), job(RIDGE, 0, repeat=1)]
    queue = JobQueue(jobs, slots=1)
    assert queue.next_job() == jobs[0]
    queue.failed(jobs[0])
    assert drain(queue) == [jobs[2]]
    assert queue.left_out == [jobs[1], jobs[3]]


def test_a_failed_job_counts_as_done_and_its_dropped_ones_not_at_all() -> None:
    jobs = [job(RIDGE, 0), job(RIDGE, 1), job(FOREST, 0)]
    queue = JobQueue(jobs, slots=1)
    queue.next_job()
    queue.failed(jobs[0])
    assert (queue.status().done, queue.status().total) == (1, 2)


def test_a_failure_beside_a_running_job_of_the_same_model_is_counted_once() -> None:
    jobs = [job(RIDGE, 0), job(RIDGE, 1), job(RIDGE, 2)]
    queue = JobQueue(jobs, slots=2)
    assert [queue.next_job(), queue.next_job()] == jobs[:2]
    queue.failed(jobs[0])
    finish(queue, jobs[1], 3.0)
    status = queue.status()
    assert (status.done, status.total, status.seconds_left) == (2, 2, 0.0)


# Pairs of folds, which the nested score needs


def test_pairs_that_do_not_fit_are_left_out_and_the_folds_are_not() -> None:
    dear = costing("dear", 100.0)
    pairs = [pair(dear, 0, 1), pair(dear, 1, 2)]
    jobs = [job(dear, 0), job(dear, 1), *pairs]
    queue = JobQueue(jobs, slots=1, deadline=time.monotonic() + 250)
    assert [queue.next_job(), queue.next_job()] == jobs[:2]
    for one in jobs[:2]:
        finish(queue, one, 200.0)
    assert queue.next_job() is None
    assert queue.left_out == pairs


def test_a_model_whose_pair_fails_keeps_its_folds() -> None:
    jobs = [pair(RIDGE, 0, 1), pair(RIDGE, 1, 2), job(RIDGE, 0), job(RIDGE, 0, repeat=1)]
    queue = JobQueue(jobs, slots=1)
    queue.failed(queue.next_job() or jobs[0])
    assert drain(queue) == jobs[2:]


def test_a_model_whose_fold_fails_loses_its_pairs() -> None:
    jobs = [job(RIDGE, 0), pair(RIDGE, 0, 1), job(FOREST, 0)]
    queue = JobQueue(jobs, slots=1)
    queue.failed(queue.next_job() or jobs[0])
    assert drain(queue) == jobs[2:]


def test_jobs_say_what_they_hold_out() -> None:
    all_rows = Job(RUN, RIDGE, "key", 1, ((),))
    several = Job(RUN, RIDGE, "key", 0, ((0, 1), (1, 2)))
    jobs = [job(RIDGE, 2), job(RIDGE, (0, 1, 2)), several, all_rows]
    assert [one.label for one in jobs] == [
        "ridge fold 3",
        "ridge folds 1-3",
        "ridge without folds 1+2, 2+3",
        "ridge all rows repeat 2",
    ]
    assert [one.kind for one in jobs] == ["folds", "folds", "pairs", "all"]
