"""The policy that a limited time is spent by: order, protection, and that it ends in time."""

from __future__ import annotations

import heapq
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comps.base import Family, Model, Task
from comps.kinds.images import image_models
from pipelines.crossval.offers import Offer, Stage, best_offer
from pipelines.crossval.spending import NEW_FAMILY, Spending, preview_of
from pipelines.engines import Done
from pipelines.engines.jobs import Job
from pipelines.engines.queue import JobQueue, Step
from pipelines.folds import FoldInput, FoldSpec, make_folds
from tests.support import MEAN, NETWORK, kfold
from tests.test_queue import costing, job, pair

FOLDS = kfold(30)
WEAK, STRONG = costing("weak", 10.0), costing("strong", 60.0)
SLOW_NETWORK = replace(NETWORK, seconds=5 * 60.0)


@dataclass
class Known:
    """What models bring, as a test says; a preview tells the gain when it has ended.

    Attributes:
        gains: by member.
        weights: by member.
    """

    gains: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    folds: dict[str, set[int]] = field(default_factory=dict)

    def finished(self) -> Collection[str]:
        """Return the members that have all folds."""
        return [member for member, own in self.folds.items() if len(own) == FOLDS.n_folds]

    def gain(self, member: str) -> float | None:
        """Return the gain, if the first fold is there."""
        return self.gains.get(member, 1.0) if 0 in self.folds.get(member, ()) else None

    def weight(self, member: str) -> float:
        """Return the weight."""
        return self.weights.get(member, 0.0)

    def learn(self, job: Job) -> None:
        """Note the folds of a job."""
        if not job.repeat and job.kind == "folds":
            self.folds.setdefault(job.model.member, set()).update(fold for (fold,) in job.held)


def jobs_of(model: Model, repeats: int = 1, pairs: bool = False) -> list[Job]:
    """Return the jobs of a model: networks train all folds in one."""
    single = [(0, 1, 2)] if model.family is Family.NETWORK else [0, 1, 2]
    found = [job(model, folds, repeat) for repeat in range(repeats) for folds in single]
    return found + ([pair(model, 0, 1), pair(model, 1, 2), pair(model, 0, 2)] if pairs else [])


def simulated(
    jobs: list[Job],
    worth: Known,
    seconds: float,
    monkeypatch: pytest.MonkeyPatch,
    *,
    slots: int = 1,
    slower: float = 1.0,
    takes: Mapping[str, float] | None = None,
    further: Collection[str] = (),
    pairs_asked: bool = False,
    rounds: bool = False,
    new_family: float = NEW_FAMILY,
) -> tuple[list[str], float]:
    """Return the labels of the jobs in the order in which they began, and when the last ended.

    Each fold takes the declared seconds times `slower`, or what `takes` says of its model; what
    would end after the deadline is not prevented here.
    """

    def lasts(job: Job) -> float:
        a_fold = (takes or {}).get(job.model.name, slower * job.model.seconds / 5)
        return a_fold * len(job.held)

    now = [0.0]
    monkeypatch.setattr("pipelines.engines.queue.time.monotonic", lambda: now[0])
    models = list({one.model.member: one.model for one in jobs}.values())
    policy = Spending(
        FOLDS,
        models,
        worth,
        further=further,
        pairs_asked=pairs_asked,
        rounds=rounds,
        new_family=new_family,
    )
    queue = JobQueue(jobs, slots, deadline=seconds, policy=policy)
    began: list[str] = []
    running: list[tuple[float, int, Job]] = []
    idle, last = set(range(slots)), 0.0
    while True:
        for slot in sorted(idle):
            if (following := queue.next_job(slot)) is not None:
                began.append(following.label)
                idle.discard(slot)
                heapq.heappush(running, (now[0] + lasts(following), slot, following))
        if not running:
            return began, last
        last, slot, ended = heapq.heappop(running)
        now[0] = last
        idle.add(slot)
        queue.finished(Done(ended, [], lasts(ended)))


# Choosing among offers

OFFERS = st.lists(
    st.builds(
        Offer,
        jobs=st.just([]),
        stage=st.sampled_from(Stage),
        seconds=st.floats(0.01, 100),
        gain=st.floats(0, 10),
    ),
    max_size=8,
)


@given(OFFERS, st.floats(0, 100))
def test_what_is_chosen_ends_in_time_and_something_is_chosen_if_anything_can(
    offers: list[Offer], left: float
) -> None:
    chosen = best_offer(offers, left)
    assert (chosen is None) == all(offer.seconds > left for offer in offers)
    assert chosen is None or chosen.seconds <= left


@given(OFFERS)
def test_with_time_enough_the_first_stage_goes_by_gain_a_second(offers: list[Offer]) -> None:
    chosen = best_offer(offers, 1e9)
    if chosen is not None:
        assert chosen.stage == min(offer.stage for offer in offers)
        same = [offer for offer in offers if offer.stage == chosen.stage]
        assert chosen.gain / chosen.seconds == max(offer.gain / offer.seconds for offer in same)


@given(OFFERS, st.floats(0, 100))
def test_nothing_takes_the_time_of_the_model_that_gains_most(
    offers: list[Offer], left: float
) -> None:
    firsts = [o for o in offers if o.stage is Stage.FIRST and o.seconds <= left]
    chosen = best_offer(offers, left)
    if firsts and chosen is not None and chosen.stage >= Stage.PREVIEW:
        most = max(firsts, key=lambda offer: (offer.gain, offer.seconds))
        assert chosen is most or chosen.seconds + most.seconds <= left


def test_a_preview_needs_time_for_itself_beside_the_model_that_gains_most() -> None:
    preview = Offer([], Stage.PREVIEW, seconds=50, preview_seconds=10)
    most = Offer([], Stage.FIRST, seconds=60, gain=1)
    assert best_offer([preview, most], 70) is preview
    assert best_offer([preview, most], 69) is most


def test_a_model_that_is_awaited_is_left_more_than_it_declares() -> None:
    surer = Offer([], Stage.FIRST, seconds=10, gain=9)
    awaited = Offer([], Stage.FIRST, seconds=60, gain=1, awaited=True)
    assert best_offer([surer, awaited], 10 + 90) is surer
    assert best_offer([surer, awaited], 10 + 89) is awaited


def test_of_equal_gains_a_second_the_shorter_goes_first() -> None:
    long, short = Offer([], Stage.REPEAT, 4.0, 2.0), Offer([], Stage.REPEAT, 2.0, 1.0)
    assert best_offer([long, short], 10) is short


# The order of a run


def test_the_baseline_and_the_cheapest_model_are_finished_before_anything_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs = [*jobs_of(STRONG), *jobs_of(WEAK), *jobs_of(MEAN)]
    began, _ = simulated(jobs, Known(), 1000, monkeypatch)
    first = [label.split(" fold")[0] for label in began]
    assert first[:7] == [*[MEAN.member] * 3, *["weak"] * 3, "strong"]


def test_previews_come_first_and_decide_on_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = costing("one", 20.0), costing("other", 30.0)
    jobs = [*jobs_of(MEAN), *jobs_of(WEAK), *jobs_of(one), *jobs_of(other)]
    began, _ = simulated(jobs, Known({"one": 0.1, "other": 0.3}), 1000, monkeypatch)
    assert began[6:8] == ["one fold 1", "other fold 1"]
    assert began[8:] == ["other fold 2", "other fold 3", "one fold 2", "one fold 3"]


@pytest.mark.parametrize(("new_family", "first"), [(1.0, "sure"), (3.0, "network")])
def test_a_network_that_may_not_end_in_time_is_risked_where_networks_are_ahead(
    new_family: float, first: str
) -> None:
    sure = costing("sure", 20.0)
    worth = Known({"sure": 1.0}, folds={"weak": {0, 1, 2}, "sure": {0}})
    policy = Spending(
        FOLDS, [WEAK, sure, SLOW_NETWORK], worth, measured={"sure": [20.0]}, new_family=new_family
    )
    jobs = [*jobs_of(sure)[1:], *jobs_of(SLOW_NETWORK)]
    # There is time for one of them.
    queue = JobQueue(jobs, 1, deadline=time.monotonic() + 200.0, policy=policy)
    following = queue.next_job()
    assert following is not None and following.model.member == first


def test_a_model_that_declares_too_much_is_previewed_when_nothing_else_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs = [*jobs_of(WEAK), *jobs_of(STRONG), *jobs_of(costing("fits", 20.0))]
    began, _ = simulated(jobs, Known(), 30 + 60 + 60, monkeypatch)
    assert began[3:] == ["fits fold 1", "fits fold 2", "fits fold 3", "strong fold 1"]


def test_a_model_whose_preview_is_quicker_than_declared_is_completed() -> None:
    quick = costing("quick", 60.0)
    policy = Spending(FOLDS, [WEAK, quick], worth := Known(folds={"weak": {0, 1, 2}}))
    queue = JobQueue(jobs_of(quick), 1, deadline=time.monotonic() + 100.0, policy=policy)
    preview = queue.next_job()
    assert preview is not None and queue.next_job() is None
    queue.finished(Done(preview, [], 5.0))
    assert worth.gain("quick") == 1.0
    assert [job.label for job in iter(queue.next_job, None)] == ["quick fold 2", "quick fold 3"]


def test_what_gains_nothing_on_its_preview_waits_for_the_second_repeats(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    useless = costing("useless", 20.0)
    jobs = [*jobs_of(MEAN), *jobs_of(WEAK, repeats=3), *jobs_of(useless)]
    began, _ = simulated(jobs, Known({"useless": 0.0}, {"weak": 1.0}), 1000, monkeypatch)
    wanted = ["weak fold 3 repeat 2", "useless fold 2", "useless fold 3", "weak fold 1 repeat 3"]
    places = [began.index(label) for label in wanted]
    assert places == sorted(places)


def test_a_network_of_a_new_family_goes_before_repeats_of_weak_members(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs = [*jobs_of(MEAN), *jobs_of(WEAK, repeats=5), *jobs_of(SLOW_NETWORK)]
    began, _ = simulated(jobs, Known(weights={"weak": 1.0}), 300, monkeypatch)
    assert began[6] == f"{SLOW_NETWORK.member} folds 1-3"
    assert len(began) > 7


def test_previews_and_cheaper_models_do_not_crowd_out_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = [costing(f"other{number}", 15.0) for number in range(4)]
    jobs = [one for model in (MEAN, WEAK, *others, SLOW_NETWORK) for one in jobs_of(model)]
    began, _ = simulated(jobs, Known(), 240, monkeypatch)
    assert f"{SLOW_NETWORK.member} folds 1-3" in began


@pytest.mark.parametrize("slower", [0.8, 1.0, 1.3, 1.5])
def test_the_network_of_images_is_completed_in_five_minutes_where_it_is_far_ahead(
    slower: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Seconds a fold, of 2,000 photographs in ten classes.
    takes = {"kernel": 3.7, "lightgbm": 16.0, "xgboost": 37.0, "convnet-whitened": 53.0}
    models = [model for model in image_models(Task.MULTICLASS, 10, 1) if model.default]
    gains = {"kernel": 0.1, "lightgbm": 0.3, "xgboost": 0.3, "convnet-whitened": 1.0}
    folds = kfold(50, 5)
    monkeypatch.setattr(f"{__name__}.FOLDS", folds)
    jobs = [job(model, fold) for model in (MEAN, *models) for fold in range(5)]
    began, last = simulated(
        jobs,
        Known(gains),
        265,
        monkeypatch,
        slots=2,
        takes={name: slower * seconds for name, seconds in takes.items()},
    )
    assert {f"convnet-whitened fold {fold}" for fold in range(1, 6)} <= set(began)
    assert last <= 265


def test_a_model_that_is_begun_is_finished_before_another_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models = [costing(f"m{number}", 20.0 + number) for number in range(3)]
    jobs = [one for model in (MEAN, WEAK, *models) for one in jobs_of(model)]
    began, _ = simulated(jobs, Known({"m0": 0.1, "m1": 0.3, "m2": 0.2}), 1000, monkeypatch)
    completed = [label.split(" fold")[0] for label in began[9:]]
    assert completed == ["m1", "m1", "m2", "m2", "m0", "m0"]


def test_heavy_members_are_repeated_first_and_those_without_weight_never(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    light, heavy, none = (costing(name, 10.0) for name in ("light", "heavy", "none"))
    jobs = [one for model in (MEAN, light, heavy, none) for one in jobs_of(model, repeats=3)]
    worth = Known(weights={"light": 0.3, "heavy": 0.7})
    began, _ = simulated(jobs, worth, 1000, monkeypatch)
    repeats = [label for label in began if "repeat" in label]
    assert repeats[:3] == [f"heavy fold {fold} repeat 2" for fold in (1, 2, 3)]
    assert {label.split(" ")[0] for label in repeats} == {"heavy", "light"}
    # The second repeat brings more than the third.
    assert repeats.index("light fold 1 repeat 2") < repeats.index("heavy fold 1 repeat 3")


def test_a_member_that_takes_long_is_repeated_after_one_that_is_as_heavy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs = [one for model in (STRONG, WEAK) for one in jobs_of(model, repeats=2)]
    worth = Known(weights={"weak": 0.5, "strong": 0.5})
    began, _ = simulated(jobs, worth, 10_000, monkeypatch)
    assert began[6:9] == [f"weak fold {fold} repeat 2" for fold in (1, 2, 3)]


def test_further_models_wait_for_the_second_repeats_and_need_a_gain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good, bad = costing("good", 1.0), costing("bad", 1.0)
    jobs = [*jobs_of(MEAN), *jobs_of(WEAK, repeats=3), *jobs_of(good), *jobs_of(bad)]
    worth = Known({"good": 0.1, "bad": 0.0}, {"weak": 1.0})
    began, _ = simulated(jobs, worth, 1000, monkeypatch, further=["good", "bad"])
    wanted = ["weak fold 3 repeat 2", "good fold 1", "good fold 3", "weak fold 3 repeat 3"]
    places = [began.index(label) for label in wanted]
    assert places == sorted(places)
    assert "bad fold 1" in began and "bad fold 2" not in began


@pytest.mark.parametrize("asked", [False, True])
def test_pairs_come_last_unless_they_were_asked_for(
    asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [*jobs_of(MEAN, pairs=True), *jobs_of(WEAK, repeats=3, pairs=True)]
    worth = Known(weights={"weak": 1.0})
    began, _ = simulated(jobs, worth, 200, monkeypatch, pairs_asked=asked)
    pairs = [number for number, label in enumerate(began) if "without" in label]
    repeats = [number for number, label in enumerate(began) if "repeat" in label]
    assert len(pairs) == 6 and len(repeats) == 6
    assert (max(pairs) < min(repeats)) if asked else (min(pairs) > max(repeats))


def test_pairs_that_take_little_of_the_time_go_before_third_repeats_after_all_members(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    further = costing("further", 10.0)
    jobs = [*jobs_of(WEAK, repeats=3, pairs=True), *jobs_of(further, pairs=True)]
    worth = Known({"further": 0.1}, weights={"weak": 1.0})
    began, _ = simulated(jobs, worth, 1000, monkeypatch, further=["further"])
    wanted = [
        "weak fold 3 repeat 2",
        "further fold 3",
        "weak without folds 1+2",
        "further without folds 1+3",
        "weak fold 1 repeat 3",
    ]
    places = [began.index(label) for label in wanted]
    assert places == sorted(places)


def test_pairs_of_some_members_alone_are_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = costing("one", 10.0), costing("other", 10.0)
    jobs = [*jobs_of(one, pairs=True), *jobs_of(other, pairs=True)]
    began, _ = simulated(jobs, Known(), 60 + 59, monkeypatch)
    assert len(began) == 6
    began, _ = simulated(jobs, Known(), 60 + 61, monkeypatch)
    assert len(began) == 12


@given(
    costs=st.lists(st.floats(0.5, 60), min_size=1, max_size=5),
    gains=st.lists(st.floats(0, 1), min_size=5, max_size=5),
    seconds=st.floats(1, 400),
    slots=st.integers(1, 3),
)
def test_a_plan_never_goes_over_the_deadline_and_ends(
    costs: list[float], gains: list[float], seconds: float, slots: int
) -> None:
    models = [costing(f"m{number}", cost) for number, cost in enumerate(costs)]
    jobs = [one for m in (MEAN, *models) for one in jobs_of(m, repeats=3, pairs=True)]
    jobs += jobs_of(SLOW_NETWORK)
    worth = Known({f"m{n}": gain for n, gain in enumerate(gains)}, {"m0": 0.5, "m1": 0.5})
    with pytest.MonkeyPatch.context() as monkeypatch:
        began, last = simulated(jobs, worth, seconds, monkeypatch, slots=slots)
    assert last <= seconds + 1e-6
    assert len(set(began)) == len(began) <= len(jobs)


def test_a_machine_that_is_slower_than_declared_is_learned_from_the_cheap_models(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs = [*jobs_of(WEAK), *jobs_of(SLOW_NETWORK)]
    began, last = simulated(jobs, Known(), 400, monkeypatch, slower=4.0)
    assert began == [f"weak fold {fold}" for fold in (1, 2, 3)] and last == 120


def test_the_seconds_of_stored_folds_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Spending(FOLDS, [STRONG], Known(), measured={"strong": [1.0]})
    monkeypatch.setattr("pipelines.engines.queue.time.monotonic", lambda: 0.0)
    queue = JobQueue(jobs_of(STRONG), 1, deadline=10.0, policy=policy)
    assert queue.next_job() is not None


def test_repeats_that_were_asked_for_are_made_of_every_member() -> None:
    worth = Known(folds={"weak": {0, 1, 2}})
    policy = Spending(FOLDS, [WEAK], worth, repeats_asked=True)
    queue = JobQueue([job(WEAK, 0, repeat=1)], 1, deadline=float("inf"), policy=policy)
    assert queue.next_job() is not None


def test_rounds_repeat_all_members_with_weight_and_pairs_come_after_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    light, heavy, none = (costing(name, 10.0) for name in ("light", "heavy", "none"))
    jobs = [
        *jobs_of(light, repeats=3),
        *jobs_of(heavy, repeats=3, pairs=True),
        *jobs_of(none, repeats=3),
    ]
    worth = Known(weights={"light": 0.02, "heavy": 0.98})
    # The pairs take more than what is done first whatever it brings.
    began, _ = simulated(jobs, worth, 290, monkeypatch, rounds=True)
    kinds = [re.sub(r"fold \d|folds.*", "", label) for label in began[9:]]
    assert sorted(kinds[:6]) == [*["heavy  repeat 2"] * 3, *["light  repeat 2"] * 3]
    assert kinds[6:9] == ["heavy without "] * 3
    assert sorted(kinds[9:]) == [*["heavy  repeat 3"] * 3, *["light  repeat 3"] * 3]


@given(spare=st.floats(0, 400), slower=st.floats(0.3, 3))
def test_a_round_is_made_whole_or_not_begun(spare: float, slower: float) -> None:
    costs = {"a": 3.0, "b": 10.0, "c": 17.0}
    jobs = [one for name, cost in costs.items() for one in jobs_of(costing(name, cost), repeats=4)]
    worth = Known(weights=dict.fromkeys(costs, 1 / 3))
    # One repeat of all takes 90 seconds at the declared speed.
    seconds = (100 + spare) * slower
    with pytest.MonkeyPatch.context() as monkeypatch:
        began, last = simulated(jobs, worth, seconds, monkeypatch, slower=slower, rounds=True)
    for repeat in (2, 3, 4):
        own = [label for label in began if label.endswith(f"repeat {repeat}")]
        assert len(own) in (0, 9)
    assert last <= seconds + 1e-6
    assert spare < 290 or len(began) == len(jobs)


@pytest.mark.parametrize("rounds", [False, True])
def test_a_baseline_is_not_repeated_though_nothing_else_is_there(
    rounds: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth = Known(weights={MEAN.member: 1.0})
    began, _ = simulated(jobs_of(MEAN, repeats=3), worth, 1000, monkeypatch, rounds=rounds)
    assert len(began) == 3


def test_repeats_that_were_asked_for_are_made_in_no_rounds() -> None:
    steps = [Step([job(WEAK, 0, 1)], 1.0, 1.0, 1.0)]
    for asked in (False, True):
        worth = Known(folds={"weak": {0, 1, 2}})
        policy = Spending(FOLDS, [WEAK], worth, rounds=True, repeats_asked=asked)
        assert bool(policy.next_jobs(steps, 100.0)) is asked


def test_the_preview_of_folds_that_grow_is_the_largest() -> None:
    rows = FoldInput(np.zeros(60), Task.REGRESSION, times=np.arange(60))
    assert preview_of(FOLDS) == (0,)
    assert preview_of(make_folds(FoldSpec("expanding", 4), rows, 1)) == (3,)
