"""A run with a time limit: what is added with time to spare, and what a repeated run does."""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comps.base import Competition, Dataset, Family, Model
from ensembles.choice import surely_better
from pipelines import Result, Update, run
from pipelines.api import limited
from pipelines.api.progress import FitUpdate, Planned
from pipelines.crossval.spending import MUCH_WEIGHT
from pipelines.engines import Done
from pipelines.store import RunStore
from pipelines.store.records import read_records
from tests.tables import own, table, unseen

HERE: dict[str, Any] = {"engine": "inline", "folds": 3}
LONG = "10m"


@pytest.fixture(autouse=True)
def _few_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited, "MOST_REPEATS", 3)


def zoo(competition: Competition, *, further: tuple[str, ...] = ()) -> Competition:
    """Return a competition with the baseline, ridge and copies of it that differ in alpha."""
    known = {model.name: model for model in competition.models}
    ridge = known["ridge"]
    models = [known["median"], ridge]
    models += [replace(ridge, name=name, params={"alpha": 1e3}, default=False) for name in further]
    return replace(competition, models=tuple(models))


def arrays(competition: Competition) -> Competition:
    """Return a competition with its rows as arrays, as images are, where repeats are of use."""

    @wraps(competition.load)
    def load(path: Path) -> Dataset:
        found = competition.load(path)
        assert found.test is not None
        rows = {"train": found.train.to_numpy(), "test": found.test.to_numpy()}
        return replace(found, **rows, fingerprint=f"{found.fingerprint}-arrays")

    models = tuple(replace(model, features=None) for model in competition.models)
    return replace(competition, load=load, models=models)


def limited_run(
    competition: Competition, runs: Path, limit: str | float = LONG, **choices: Any
) -> tuple[Result, list[str], list[int]]:
    """Return the result, the labels of the jobs that were done, and the fits planned each time."""
    updates: list[Update] = []
    given = {**HERE, **choices}
    result = run(competition, runs=runs, time_limit=limit, progress=updates.append, **given)
    events = [update.event for update in updates if isinstance(update, FitUpdate)]
    done = [event.job.label for event in events if isinstance(event, Done)]
    return result, done, [update.to_fit for update in updates if isinstance(update, Planned)]


def repeats(result: Result) -> dict[str, int]:
    """Return the number of repeats of each member."""
    return {name: oof.n_repeats for name, oof in result.oof.items()}


def test_with_time_to_spare_members_are_repeated_and_the_score_is_nested(tmp_path: Path) -> None:
    result, done, _ = limited_run(arrays(zoo(own(test=unseen()))), tmp_path)
    assert repeats(result) == {"median": 1, "ridge": 3}
    assert result.blend is not None and result.blend.estimate == "nested"
    # The baseline and the cheapest model come before everything else.
    first = [label.split(" fold")[0] for label in done[:6]]
    assert first == ["median"] * 3 + ["ridge"] * 3


def test_members_of_tables_are_repeated_together(tmp_path: Path) -> None:
    competition = zoo(own(test=unseen()))
    mean = replace(competition.model("median"), name="other", family=Family.LINEAR)
    competition = replace(competition, models=(*competition.models, mean))
    result, done, _ = limited_run(competition, tmp_path)
    assert repeats(result) == {"median": 1, "ridge": 3, "other": 1}
    assert result.blend is not None and result.blend.estimate == "nested"
    assert "ridge fold 1 repeat 3" in done


def test_a_repeated_run_of_the_same_limit_fits_nothing_and_shows_the_same(tmp_path: Path) -> None:
    competition = arrays(zoo(own(test=unseen()), further=("strict",)))
    first, _, _ = limited_run(competition, tmp_path)
    again, done, planned = limited_run(competition, tmp_path)
    assert done == [] and set(planned) == {0}
    assert repeats(again) == repeats(first)
    assert first.submission is not None and first.submission.equals(again.submission)


def test_a_run_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    competition = arrays(zoo(own(test=unseen())))

    def stop(update: Update) -> None:
        if isinstance(update, FitUpdate) and update.status.done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(competition, runs=tmp_path, time_limit=LONG, progress=stop, **HERE)
    result, done, _ = limited_run(competition, tmp_path)
    assert "median fold 1" not in done and "ridge fold 3" in done
    assert repeats(result) == {"median": 1, "ridge": 3}


@pytest.mark.slow
def test_further_models_of_the_zoo_are_tried_if_no_models_were_named(tmp_path: Path) -> None:
    competition = zoo(own(test=unseen()), further=("strict",))
    _, done, _ = limited_run(competition, tmp_path / "all")
    assert any(label.startswith("strict") for label in done)
    assert done.index("strict fold 1") > done.index("ridge fold 3")
    named, done, _ = limited_run(competition, tmp_path / "named", models="median,ridge")
    assert list(named.oof) == ["median", "ridge"]
    assert not any(label.startswith("strict") for label in done)
    (record,) = read_records(RunStore(tmp_path / "named" / "own"))[0]
    assert [member.name for member in record.members] == ["median", "ridge"]


@pytest.mark.slow
def test_a_further_model_that_helps_becomes_a_member(tmp_path: Path) -> None:
    competition = zoo(own(table(120), test=unseen()))
    ridge = competition.model("ridge")
    poor = replace(ridge, params={"alpha": 1e4})
    good = replace(ridge, name="good", default=False)
    models: tuple[Model, ...] = (competition.model("median"), poor, good)
    result, _, _ = limited_run(replace(competition, models=models), tmp_path)
    assert result.blend is not None
    weights = dict(zip(result.blend.members, result.blend.weights, strict=True))
    assert weights["good"] > MUCH_WEIGHT
    (record,) = read_records(RunStore(tmp_path / "own"))[0]
    assert {m.name: m.repeats for m in record.members} == repeats(result)


def test_repeats_that_were_asked_for_are_made_of_all_and_no_more(tmp_path: Path) -> None:
    competition = zoo(own(test=unseen()), further=("strict",))
    result, _, _ = limited_run(competition, tmp_path, repeats=2)
    assert repeats(result) == {"median": 2, "ridge": 2}


def test_pairs_that_nobody_wants_are_not_fitted(tmp_path: Path) -> None:
    result, done, _ = limited_run(zoo(own(test=unseen())), tmp_path, nested=False)
    assert not any("without" in label for label in done)
    assert result.blend is not None and result.blend.estimate == "cross-fitted"


def test_pairs_that_were_asked_for_come_before_repeats(tmp_path: Path) -> None:
    _, done, _ = limited_run(arrays(zoo(own(test=unseen()))), tmp_path, nested=True)
    pairs = [number for number, label in enumerate(done) if "without" in label]
    assert len(pairs) == 6 and max(pairs) < done.index("ridge fold 1 repeat 2")


@pytest.mark.slow
def test_a_longer_limit_goes_on_from_there(tmp_path: Path, monkeypatch: Any) -> None:
    competition = arrays(zoo(own(test=unseen())))
    limited_run(competition, tmp_path)
    monkeypatch.setattr(limited, "MOST_REPEATS", 4)
    result, done, _ = limited_run(competition, tmp_path, "20m")
    assert done == [f"ridge fold {fold} repeat 4" for fold in (1, 2, 3)]
    assert repeats(result)["ridge"] == 4


def test_a_later_blend_that_is_surely_worse_does_not_take_the_place_of_the_earlier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limited, "surely_better", lambda *_: True)
    result, _, _ = limited_run(arrays(zoo(own(test=unseen()))), tmp_path, nested=False)
    assert repeats(result) == {"median": 1, "ridge": 1}
    assert any("is kept" in note for note in result.notes)
    assert result.blend is not None and result.submission is not None


def test_only_a_difference_beyond_chance_is_sure() -> None:
    metric = own().metric
    target, noise = np.zeros(300), np.random.default_rng(0).normal(size=(2, 300))
    assert surely_better(metric, target, noise[0] / 2, noise[1])
    assert not surely_better(metric, target, noise[1], noise[0] / 2)
    assert not surely_better(metric, target, noise[0], noise[1] * 1.001)
    gaps = np.where(np.arange(300) < 50, np.nan, noise[1])
    assert surely_better(metric, target, noise[0] / 2, gaps)
