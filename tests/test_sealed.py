"""The sealed part: what is in it, who may know of it, and how often it was looked at."""

from __future__ import annotations

import io
import json
import pickle
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import root_mean_squared_log_error

import pipelines
from comps import table_competition
from comps.base import (
    Competition,
    Dataset,
    Images,
    StoreError,
    Task,
    UsageError,
    Windows,
    join_rows,
)
from comps.digits.competition import DIGITS
from comps.reading.archives import read_files
from comps.temperature.readings import TARGET, TIME
from ensembles import best_blend
from pipelines import load_run, run, tune
from pipelines.api.choices import Options
from pipelines.api.search.tuning import SearchRequest, run_search
from pipelines.api.session import Session
from pipelines.api.stored import blend, open_stored
from pipelines.cli.request import Request
from pipelines.cli.run import run_competition
from pipelines.code import reached
from pipelines.folds import FoldInput, FoldSpec, make_folds
from pipelines.results.sealed import LEAST_ROWS, OUTER, SealedPart, seal, seal_competition
from pipelines.store import Experiment, RunStore
from pipelines.store.looks import FILE, read_looks, record_look
from submissions import build_submission
from tests.commands import Done, comps
from tests.support import (
    FOREST,
    LIGHTGBM,
    MEAN,
    METRIC,
    RIDGE,
    TINY,
    load_tiny,
    no_engine,
    validate,
    write_tiny,
)
from tests.tables import own, table, unseen
from tests.test_cli import answers, prices_in, tables, write_houses
from tests.test_temperature import station, written

CLASSES = replace(TINY, task=Task.MULTICLASS)
IN_TIME = replace(TINY, gap=5)
N_TEST = 3

seeds = st.integers(0, 2**31)


def rows_of(
    target: Sequence[float] | NDArray[Any],
    groups: Sequence[int] | NDArray[Any] | None = None,
    times: Sequence[int] | NDArray[Any] | None = None,
    folds: Sequence[int] | NDArray[Any] | None = None,
) -> Dataset:
    """Return a data set whose training row i is `[i]`, and whose ids of both parts begin with 1."""
    n_rows = len(target)
    return Dataset(
        train=np.arange(float(n_rows))[:, None],
        test=-1 - np.arange(float(N_TEST))[:, None],
        target=np.asarray(target, dtype=np.float64),
        train_ids=np.arange(1, n_rows + 1),
        test_ids=np.arange(1, N_TEST + 1),
        sample_submission=pd.DataFrame({"id": np.arange(N_TEST, 0, -1), "price": 0.0}),
        source="here",
        fingerprint="whole",
        groups=None if groups is None else np.asarray(groups),
        times=None if times is None else np.asarray(times),
        folds=None if folds is None else np.asarray(folds),
    )


def sides(
    competition: Competition, whole: Dataset, share: float, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row numbers that are left to train on, and those that are sealed."""
    left, part = seal(competition, whole, share, seed)
    hidden = left.test[N_TEST:, 0].astype(np.int64)
    assert (part.predictions(left.test)[:, 0] == hidden).all()
    return left.train[:, 0].astype(np.int64), hidden


# Which rows


@given(st.integers(40, 120), st.floats(0.25, 0.5), seeds)
def test_every_row_is_on_one_side_with_all_that_belongs_to_it(
    n_rows: int, share: float, seed: int
) -> None:
    whole = rows_of(np.arange(n_rows) * 10.0, groups=list(range(n_rows)))
    left, part = seal(TINY, whole, share, seed)
    kept, hidden = sides(TINY, whole, share, seed)
    assert sorted([*kept, *hidden]) == list(range(n_rows))
    assert abs(len(hidden) - share * n_rows) <= 0.5
    assert left.target.tolist() == (kept * 10.0).tolist()
    assert left.train_ids.tolist() == (kept + 1).tolist()
    assert left.groups is not None and left.groups.tolist() == kept.tolist()
    assert part.target.tolist() == (hidden * 10.0).tolist()
    assert part.ids.tolist() == (hidden + 1).tolist()
    again, _ = seal(TINY, whole, share, seed)
    assert again.fingerprint == left.fingerprint
    np.testing.assert_array_equal(again.test, left.test)


@given(st.tuples(*[st.integers(20, 90)] * 3), st.floats(0.2, 0.5), seeds)
def test_every_class_gives_its_share(sizes: tuple[int, ...], share: float, seed: int) -> None:
    target = np.random.default_rng(seed).permutation(np.repeat(np.arange(3), sizes))
    _, hidden = sides(CLASSES, rows_of(target), share, seed)
    counts = np.bincount(target[hidden], minlength=3)
    assert (np.abs(counts - share * np.array(sizes)) <= 0.5).all()


@given(st.integers(20, 100), seeds)
def test_groups_stay_whole(n_groups: int, seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, n_groups, 200)
    kept, hidden = sides(TINY, rows_of(np.ones(200), labels), 0.3, seed)
    assert not set(labels[kept]) & set(labels[hidden])
    assert len(kept) + len(hidden) == 200
    assert abs(len(hidden) - 0.3 * 200) <= np.bincount(labels).max() / 2


@given(st.floats(0.1, 0.5), st.floats(0.1, 0.5), seeds)
def test_a_smaller_share_is_a_part_of_a_larger_one(one: float, other: float, seed: int) -> None:
    small, large = sorted([one, other])
    for competition, whole in (
        (CLASSES, rows_of([0, 1, 1, 2] * 40)),
        (IN_TIME, rows_of(np.ones(160), times=list(range(160)))),
    ):
        inner, outer = (sides(competition, whole, share, seed)[1] for share in (small, large))
        assert set(inner) <= set(outer)


@given(st.integers(40, 300), seeds)
def test_the_last_in_time_are_sealed_and_a_gap_before_them_is_left_out(
    last: int, seed: int
) -> None:
    when = np.random.default_rng(seed).integers(0, last, 150)
    kept, hidden = sides(IN_TIME, rows_of(np.ones(150), times=when), 0.2)
    first = when[hidden].min()
    assert set(hidden) == set(np.flatnonzero(when >= first))
    assert set(kept) == set(np.flatnonzero(when <= first - 5))
    # No more than the share, but for rows of one time.
    assert (when > first).sum() < 30 <= len(hidden)


@given(st.integers(3, 30), st.floats(0.2, 0.5), seeds, st.booleans())
@example(4, 0.5, 0, False)
def test_folds_that_the_user_numbered_are_sealed_whole(
    n_folds: int, share: float, seed: int, in_time: bool
) -> None:
    folds = np.random.default_rng(seed).permutation(np.arange(n_folds * 20) % (n_folds + 1) - 1)
    times = -folds if in_time else None
    whole = rows_of(np.ones(len(folds)), folds=folds, times=times)
    try:
        kept, hidden = sides(TINY, whole, share, seed)
    except UsageError as error:
        # Following the advice works, where there is one.
        advised = re.search(r"Use --sealed (\S+)\.$", str(error))
        assert advised is not None or n_folds == 3
        if advised is None:
            return
        kept, hidden = sides(TINY, whole, float(advised[1]), seed)
    assert not {*folds[kept]} & {*folds[hidden]}
    # Rows that no fold predicts are trained on.
    assert -1 not in folds[hidden] and len({*folds[kept]} - {-1}) >= 2
    if in_time:
        assert times is not None and times[hidden].min() > times[kept[folds[kept] >= 0]].max()


def test_whole_folds_cannot_be_sealed_of_two_or_where_they_cut_groups() -> None:
    halves = np.arange(100) % 2
    with pytest.raises(UsageError, match=r"of the 2 folds .* two left\. Leave out --sealed\."):
        seal(TINY, rows_of(np.ones(100), folds=halves), 0.5)
    with pytest.raises(UsageError, match=r"leaves 1\. .* Use --outer 0 for no check\."):
        seal(TINY, rows_of(np.ones(100), folds=halves), 0.25, purpose=OUTER)
    crossing = rows_of(np.ones(100), groups=np.arange(100) // 10, folds=np.arange(100) % 5)
    with pytest.raises(UsageError, match="groups of their rows lie in other folds, too"):
        seal(TINY, crossing, 0.2)
    inside = rows_of(np.ones(100), groups=np.arange(100) // 10, folds=np.arange(100) // 20)
    assert len(seal(TINY, inside, 0.2)[1].ids) == 20


@pytest.mark.slow
def test_a_run_and_a_search_go_on_with_the_folds_that_are_left(tmp_path: Path) -> None:
    rows = table(120).assign(part=np.arange(120) % 5)
    competition = own(rows, unseen(), folds="part")
    choices: dict[str, Any] = {"sealed": 0.2, "runs": tmp_path, "engine": "inline"}
    result = run(competition, models="median,ridge", nested=False, **choices)
    assert result.folds.n_folds == 4 and result.sealed is not None
    assert "on 24 rows" in result.sealed.text
    assert "24 of 120 training rows (whole folds: " in "".join(result.dataset.notes)
    assert load_run(competition, runs=tmp_path).folds.n_folds == 4
    found = tune(competition, "ridge", trials=2, **choices)
    assert not any("could be held out" in note for note in found.notes)


def test_in_time_a_group_of_a_sealed_row_is_not_trained_on() -> None:
    whole = rows_of(np.ones(100), groups=[7, *range(10, 108), 7], times=list(range(100)))
    kept, hidden = sides(IN_TIME, whole, 0.2)
    assert hidden.tolist() == list(range(80, 100))
    assert kept.tolist() == list(range(1, 76))


def both_parts(competition: Competition, whole: Dataset) -> list[set[Any]]:
    """Return the ids of the sealed rows, of the outer ones of the rest, and of what is left."""
    left, sealed = seal(competition, whole, 0.2)
    inner, outer = seal(competition, left, 0.25, purpose=OUTER)
    assert inner.test[N_TEST:, 0].tolist() == [*(sealed.ids - 1.0), *(outer.ids - 1.0)]
    assert outer.predictions(inner.test)[:, 0].tolist() == (outer.ids - 1.0).tolist()
    assert len(set(inner.test_ids.tolist())) == len(inner.test_ids)
    assert inner.notes[-1].startswith(f"{len(outer.ids)} of {len(left.target)} training rows")
    assert "sealed" not in inner.notes[-1] and inner.notes[-2] == left.notes[-1]
    assert outer.data == left.fingerprint and sealed.data == "whole"
    return [set(part.tolist()) for part in (sealed.ids, outer.ids, inner.train_ids)]


@given(st.integers(60, 300), st.booleans())
def test_the_outer_part_of_a_search_is_of_rows_that_are_not_sealed(
    n_rows: int, in_groups: bool
) -> None:
    groups = np.arange(n_rows) // 3 if in_groups else None
    whole = rows_of(np.arange(n_rows) % 2, groups)
    sealed, outer, left = both_parts(CLASSES, whole)
    assert not sealed & outer and not left & (sealed | outer)
    assert len(sealed | outer | left) == n_rows
    assert abs(len(outer) - 0.25 * (n_rows - len(sealed))) <= 3
    if in_groups:
        labels = [{(number - 1) // 3 for number in part} for part in (sealed, outer, left)]
        assert sum(map(len, labels)) == len(set.union(*labels))


def test_in_time_the_outer_part_is_the_last_before_the_sealed_one_and_its_gap() -> None:
    sealed, outer, left = both_parts(IN_TIME, rows_of(np.ones(200), times=np.arange(200)))
    assert sealed == set(range(161, 201))
    rest = 160 - 4
    assert outer == set(range(rest - round(rest / 4) + 1, rest + 1))
    assert left == set(range(1, min(outer) - 4))


def test_parts_of_two_purposes_are_drawn_independently() -> None:
    whole = rows_of(np.ones(400))
    (one, sealed), (other, outer) = (
        seal(TINY, whole, 0.25),
        seal(TINY, whole, 0.25, purpose=OUTER),
    )
    assert one.fingerprint != other.fingerprint
    # A quarter of a quarter is common by chance.
    assert 10 <= len(np.intersect1d(sealed.ids, outer.ids)) <= 40


def test_groups_and_times_of_the_rows_held_out_are_kept() -> None:
    whole = rows_of(np.ones(100), groups=list(range(100)), times=list(range(50, 150)))
    _, part = seal(TINY, whole, 0.2, purpose=OUTER)
    assert part.groups is not None and part.groups.tolist() == list(range(80, 100))
    assert part.times is not None and part.times.tolist() == list(range(130, 150))


def test_what_cannot_be_held_out_of_a_search_is_refused_in_its_own_words() -> None:
    words = r"--outer 0.2 of 40 training rows holds out 8 .* Use another share, or use --outer 0"
    with pytest.raises(UsageError, match=words):
        seal(TINY, rows_of(np.ones(40)), 0.2, purpose=OUTER)


def test_another_seed_seals_other_rows() -> None:
    whole = rows_of(np.ones(100))
    assert set(sides(TINY, whole, 0.3, seed=0)[1]) != set(sides(TINY, whole, 0.3, seed=1)[1])


def test_data_share_and_seed_give_other_fingerprints() -> None:
    whole = rows_of(np.ones(100), times=list(range(100)))
    other = replace(whole, fingerprint="other")
    made = [(whole, 0.2, 0), (whole, 0.2, 1), (whole, 0.3, 0), (other, 0.2, 0)]
    found = {seal(TINY, dataset, share, seed)[0].fingerprint for dataset, share, seed in made}
    assert len(found | {"whole"}) == 5


REFUSED: dict[str, tuple[Competition, Dataset, float, str]] = {
    "nothing": (TINY, rows_of(np.ones(100)), 0.0, r"above 0 and at most 0\.5.*; it is 0\."),
    "most of it": (TINY, rows_of(np.ones(100)), 0.6, r"it is 0\.6\."),
    "no number": (TINY, rows_of(np.ones(100)), float("nan"), "it is nan"),
    "few rows": (
        TINY,
        rows_of(np.ones(40)),
        0.2,
        rf"0\.2 of 40 training rows holds out 8 and leaves 32 .* at least {LEAST_ROWS} are needed",
    ),
    "a gap as long as all that is left": (
        replace(TINY, gap=75),
        rows_of(np.ones(100), times=list(range(100))),
        0.2,
        "holds out 20 and leaves 6 to train on",
    ),
    "one large group": (
        TINY,
        rows_of(np.ones(100), groups=[0] * 100),
        0.3,
        "holds out 0 and leaves 100",
    ),
    "a class with too few rows to score": (
        CLASSES,
        replace(rows_of([0] * 60 + [1] * 60 + [2] * 2), classes=("ash", "elm", "oak")),
        0.2,
        r"leaves no row of class oak to score; it has 2 in all\.",
    ),
    "a class with too few rows to train on": (
        CLASSES,
        rows_of([0] * 60 + [1] * 60 + [2]),
        0.5,
        r"leaves no row of class 2 to train on; it has 1 in all\.",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_sealed_is_refused(what: str) -> None:
    competition, whole, share, message = REFUSED[what]
    with pytest.raises(UsageError, match=message):
        seal(competition, whole, share)


# Joining rows


def test_tables_are_joined_by_their_columns() -> None:
    table = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", None]}, index=[4, 9])
    joined = join_rows(table, table[:1])
    assert joined.index.tolist() == [0, 1, 2]
    assert joined["a"].tolist() == [1.0, 2.0, 1.0] and joined["b"].tolist()[::2] == ["x", "x"]
    with pytest.raises(ValueError, match="same columns"):
        join_rows(table, table[["a"]])


def test_images_and_windows_are_joined_without_copying_what_they_lie_in() -> None:
    pixels = np.zeros((5, 2, 2, 1), dtype=np.uint8)
    images = Images(pixels, np.array([3, 1]))
    joined = join_rows(images, images[np.array([1])])
    assert joined.pixels is pixels and joined.index.tolist() == [3, 1, 1]
    series = np.zeros((9, 1), dtype=np.float32)
    windows = Windows(series, np.arange(9), np.array([4, 8]), 3, ("T",))
    both = join_rows(windows, windows[np.array([0])])
    assert both.series is series and both.ends.tolist() == [4, 8, 4]
    with pytest.raises(ValueError, match="same array of pixels"):
        join_rows(images, Images(pixels.copy(), np.array([0])))
    with pytest.raises(ValueError, match="same series"):
        join_rows(windows, replace(windows, length=2))


# Ids


def test_ids_that_are_there_in_both_parts_are_not_confused() -> None:
    left, part = seal(TINY, rows_of(np.ones(60), times=-np.arange(60)), 0.2)
    assert part.ids.tolist() == list(range(1, 13))
    assert len(set(left.test_ids.tolist())) == len(left.test_ids)
    sealed_values = 100.0 + np.arange(len(part.ids))
    values = np.concatenate([[1.0, 2.0, 3.0], sealed_values])
    built = build_submission(TINY, left, np.log1p(values))
    assert built["id"].tolist() == [3, 2, 1]
    np.testing.assert_allclose(built["price"], [3.0, 2.0, 1.0])
    assert part.predictions(values).tolist() == sealed_values.tolist()


# Jobs


def sealed_experiment(data: Path, share: float = 0.25) -> Experiment:
    """Return the tiny competition, a part of it sealed, on three folds."""
    competition = seal_competition(TINY, share)
    dataset = competition.load(data)
    folds = make_folds(FoldSpec("kfold", 3), FoldInput(dataset.target, TINY.task))
    return Experiment(competition, dataset, data, folds)


def test_jobs_know_a_sealed_competition_when_they_meet_it_again() -> None:
    competition = seal_competition(TINY, 0.2)
    assert pickle.loads(pickle.dumps(competition)) == competition != TINY
    assert seal_competition(TINY, 0.3) != competition
    whole = DIGITS.models[1]
    sealed_digits = seal_competition(DIGITS, 0.2)
    both = seal_competition(sealed_digits, 0.25, OUTER)
    assert pickle.loads(pickle.dumps(both)) == both
    # Results depend on the code of the loader that reads the files, and on what seals rows.
    sealed = reached(sealed_digits, whole)
    assert reached(DIGITS, whole) < sealed
    assert ("pipelines.results.sealed", "seal") in sealed
    assert reached(both, whole) == sealed


def test_sealed_targets_change_nothing_to_the_last_bit(tmp_path: Path, tiny_data: Path) -> None:
    experiment = sealed_experiment(tiny_data)
    _, part = seal(TINY, load_tiny(tiny_data), 0.25)
    changed = write_tiny(tmp_path / "changed")
    table = pd.read_csv(changed / "train.csv")
    hidden = table["id"].isin(part.ids)
    assert hidden.sum() == len(part.ids) == 30
    table.loc[hidden, "price"] = table.loc[hidden, "price"].to_numpy()[::-1] * 3
    table.to_csv(changed / "train.csv", index=False)
    models = [MEAN, RIDGE, FOREST, LIGHTGBM]
    found = []
    for number, data in enumerate((tiny_data, changed)):
        other = sealed_experiment(data)
        outcome = validate(other, models, RunStore(tmp_path / f"runs-{number}"))
        members = list(outcome.oofs.values())
        target = TINY.scaled_target(other.dataset)
        chosen, _ = best_blend(members, target, other.folds, METRIC)
        found.append((members, chosen))
    (members, chosen), (other_members, other_chosen) = found
    for one, two in zip(members, other_members, strict=True):
        np.testing.assert_array_equal(one.valid, two.valid)
        np.testing.assert_array_equal(one.test, two.test)
        assert one.test_ids.tolist() == two.test_ids.tolist()
        assert len(one.test) == len(one.test_ids) == len(experiment.dataset.test_ids)
    np.testing.assert_array_equal(chosen.weights, other_chosen.weights)


def test_whole_and_reduced_rows_share_no_results(tmp_path: Path, tiny_data: Path) -> None:
    store = RunStore(tmp_path / "runs")
    quarter, third = (sealed_experiment(tiny_data, share) for share in (0.25, 0.33))
    validate(quarter, [RIDGE], store)
    again = validate(quarter, [RIDGE], store, engine=no_engine)
    assert (again.fitted, again.stored) == (0, 3)
    whole = replace(quarter, competition=TINY, dataset=load_tiny(tiny_data))
    assert len({whole.key(RIDGE), quarter.key(RIDGE), third.key(RIDGE)}) == 3
    assert store.predictions(third.dataset, third.folds) == []


# Looks


def part_of(data: str = "files", share: float = 0.2) -> SealedPart:
    return SealedPart(np.arange(4), np.ones(4), share, 0, data)


def test_a_look_is_counted_once_however_often_it_is_repeated(store: RunStore) -> None:
    one, other = np.arange(4.0), np.arange(4.0) + 1e-12
    assert read_looks(store) == []
    assert record_look(store, part_of(), one, {"score": 0.5}) == 1
    assert record_look(store, part_of(), one, {"score": 0.5}) == 1
    assert record_look(store, part_of(), other, {"score": 0.5}) == 2
    # A part of another share has rows in common with the first.
    assert record_look(store, part_of(share=0.3), one[:3], {"score": 0.4}) == 3
    assert record_look(store, part_of(data="other files"), one, {"score": 0.5}) == 1
    assert record_look(store, part_of(), one, {"score": 0.5}) == 3
    looks = read_looks(store)
    assert [look["data"] for look in looks] == ["files"] * 3 + ["other files"]
    assert (looks[0]["score"], looks[0]["rows"], looks[0]["share"]) == (0.5, 4, 0.2)


def test_a_record_of_an_earlier_version_counts(store: RunStore) -> None:
    store.write_text(FILE, '[{"data": "files", "predictions": "others"}]')
    assert record_look(store, part_of(), np.zeros(4), {}) == 2
    changed = (store.root / FILE).read_text().replace("others", "mothers")
    (store.root / FILE).write_text(changed)
    with pytest.raises(StoreError, match="not known how often"):
        read_looks(store)


@pytest.mark.parametrize(
    "content", ["", "{", "3", "[3]", '[{"data": "files"}]', "{}", '{"looks": 3}', '{"looks": [{}]}']
)
def test_a_damaged_record_is_not_taken_for_none(store: RunStore, content: str) -> None:
    store.write_text(FILE, content)
    with pytest.raises(StoreError, match="not known how often the sealed part was looked at"):
        record_look(store, part_of(), np.zeros(4), {})
    assert (store.root / FILE).read_text() == content


# The command line

HOUSES = ("house-prices", "--data", "houses.zip", "--sealed", "0.2")
RUN = ("run", *HOUSES, "--models", "median,ridge", "--engine", "inline")


def options(path: Path, **changes: Any) -> Options:
    """Return the options of the run in `home`, some of them changed."""
    given: dict[str, Any] = {
        "competition": "house-prices",
        "data": path / "houses.zip",
        "runs": path / "runs",
        "models": "median,ridge",
        "engine": "inline",
        "sealed": 0.2,
    }
    return Options(**given | changes)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """A folder with a run on 150 houses, 30 of them sealed."""
    path = tmp_path_factory.mktemp("sealed")
    write_houses(path / "houses.zip")
    # In worker processes, which load the rows themselves.
    return path, comps(*RUN[:-2], "--jobs", "2", "--json", cwd=path)


@pytest.mark.slow
def test_the_sealed_score_is_that_of_the_blend_on_the_sealed_rows(home: tuple[Path, Done]) -> None:
    path, done = home
    event = done.event("sealed")
    prices = {row["Id"]: float(row["SalePrice"]) for row in tables()["train.csv"]}
    blended: dict[str, float] = {}
    for file in (path / "runs" / "house-prices").glob("models/*/*/oof-r1.npz"):
        with np.load(file) as arrays:
            trained, test_ids, test = arrays["train_ids"], arrays["test_ids"], arrays["test"]
        assert len(trained) == 120
        for name, value in zip(test_ids.tolist(), test.tolist(), strict=True):
            weight = event["members"].get(file.parts[-3], 0.0)
            blended[name] = blended.get(name, 0.0) + weight * value
    sealed = {
        name.removeprefix("sealed:"): np.expm1(v) for name, v in blended.items() if ":" in name
    }
    assert len(sealed) == event["rows"] == 30
    assert set(sealed) == set(prices) - {str(name) for name in trained}
    expected = root_mean_squared_log_error([prices[name] for name in sealed], list(sealed.values()))
    assert event["score"] == pytest.approx(expected, rel=1e-12)
    assert event["honest_score"] == done.event("result")["honest_score"]
    assert "Looked at once" in event["text"]


@pytest.mark.slow
def test_the_submission_has_the_test_rows_alone(home: tuple[Path, Done]) -> None:
    path, _ = home
    comps("submit", *HOUSES, "--check", "submission.csv", cwd=path)
    assert set(prices_in(path / "submission.csv")) == set(answers())


@pytest.mark.slow
def test_blend_and_submit_do_not_look(home: tuple[Path, Done]) -> None:
    path, _ = home
    record = (path / "runs" / "house-prices" / FILE).read_bytes()
    comps("submit", *HOUSES, "--output", "again.csv", cwd=path)
    assert (path / "again.csv").read_bytes() == (path / "submission.csv").read_bytes()
    choices = options(path, models=None).named
    blend("house-prices", **choices)
    assert (path / "runs" / "house-prices" / FILE).read_bytes() == record


@pytest.mark.slow
def test_looks_are_counted_over_runs(
    home: tuple[Path, Done], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(home[0] / "runs", tmp_path / "runs")
    store, output = tmp_path / "runs" / "house-prices", tmp_path / "submission.csv"
    before = (store / FILE).read_bytes()
    # A run that was killed goes on: the same predictions are no new look.
    (fold,) = store.glob("models/ridge/*/r0-f2.npz")
    fold.unlink()
    (fold.parent / "oof-r1.npz").unlink()
    changed = options(home[0], runs=tmp_path / "runs")
    run_competition(Request("house-prices", changed.named, json=True), None, output)
    again = Done(0, capsys.readouterr().out, "")
    assert again.event("planned") == {"event": "planned", "to_fit": 1, "stored": 19}
    assert again.event("sealed") == home[1].event("sealed")
    assert (store / FILE).read_bytes() == before
    changed = options(home[0], runs=tmp_path / "runs", settings=["ridge.alpha=40"])
    run_competition(Request("house-prices", changed.named), None, output)
    *_, last, report = capsys.readouterr().out.splitlines()
    assert report.startswith("Report: ")
    assert last.startswith("Sealed RMSLE 0.") and "on 30 rows, nested 0." in last
    assert "Looked at 2 times, and each look made it less of a surprise." in last


def test_another_share_has_no_results_yet(home: tuple[Path, Done]) -> None:
    with pytest.raises(UsageError, match="'comps run house-prices .* --sealed 0.3' makes them"):
        open_stored(options(home[0], sealed=0.3, models=None))


@pytest.mark.slow
def test_a_look_that_cannot_be_recorded_is_not_shown(
    home: tuple[Path, Done], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RunStore(tmp_path / "house-prices")
    store.write_text(FILE, "{")
    changed = options(home[0], runs=tmp_path, models="median")
    with pytest.raises(StoreError, match=f"{FILE} cannot be read"):
        run_competition(Request("house-prices", changed.named), None, tmp_path / "submission.csv")
    assert set(prices_in(tmp_path / "submission.csv")) == set(answers())
    assert "Sealed RMSLE" not in capsys.readouterr().out


def test_a_share_out_of_range_is_refused_before_anything_is_done(home: tuple[Path, Done]) -> None:
    done = comps(*RUN, "--sealed", "0.7", "--runs", "nowhere", cwd=home[0], code=2)
    assert "--sealed takes a share of the training rows above 0 and at most 0.5" in done.err
    assert not (home[0] / "nowhere").exists()


@pytest.mark.slow
def test_a_search_sees_the_reduced_rows_and_does_not_look(
    home: tuple[Path, Done], tmp_path: Path
) -> None:
    store, refit = tmp_path / "house-prices", tmp_path / "refit.csv"
    of_search = options(home[0], runs=tmp_path, models="ridge")
    found = run_search(of_search, SearchRequest(trials=3, refit=1, output=refit))
    assert not (store / FILE).exists()
    # The search holds out a quarter of what is not sealed.
    assert any("30 of 120 training rows are held out of the search" in n for n in found.notes)
    assert set(prices_in(refit)) == set(answers())
    best = json.loads((store / "tuning" / "best" / "ridge.json").read_text())
    session = Session(replace(of_search, tuned=True))
    assert best["study"] == "house-prices-ridge-sealed-0.2"
    # Of the rows before an outer part was held out of the search.
    assert best["data"] == session.dataset.fingerprint
    with pytest.raises(UsageError, match="none of these was tuned on these rows"):
        Session(replace(of_search, tuned=True, sealed=0.25))


@pytest.mark.slow
def test_images_with_the_same_numbers_in_both_parts(tmp_path: Path) -> None:
    arguments = ("digits", "--models", "shares", "--folds", "2", "--engine", "inline")
    done = comps("run", *arguments, "--sealed", "0.3", "--json", cwd=tmp_path)
    train = read_files(DIGITS.sample, ["train.csv"])["train.csv"]
    labels = pd.read_csv(io.BytesIO(train), usecols=["label"])["label"]
    labels.index += 1
    (file,) = (tmp_path / "runs" / "digits").glob("models/shares/*/oof-r1.npz")
    with np.load(file) as arrays:
        trained, sealed = arrays["train_ids"], arrays["test_ids"][1000:]
    hidden = [int(name.removeprefix("sealed:")) for name in sealed.tolist()]
    assert sorted([*hidden, *trained.tolist()]) == list(range(1, 3001))
    common = labels[trained].mode()[0]
    expected = (labels[hidden] == common).mean()
    assert done.event("sealed")["score"] == pytest.approx(expected)
    assert len(pd.read_csv(tmp_path / "submission.csv")) == 1000


@pytest.mark.slow
def test_of_a_series_the_last_hours_before_the_test_part_are_sealed(tmp_path: Path) -> None:
    table = station()
    written(table, tmp_path / "station.csv")
    arguments = ("temperature", "--data", "station.csv", "--models", "common-sense")
    done = comps("run", *arguments, "--sealed", "0.2", "--engine", "inline", "--json", cwd=tmp_path)
    # Three quarters of the hours can be trained on, but for the first window.
    hours = table.set_index(TIME)[TARGET].astype(np.float32).astype(np.float64)
    known = np.arange(143, round(len(hours) * 0.75))
    sealed = known[-round(0.2 * len(known)) :]
    expected = np.abs(hours.to_numpy()[sealed] - hours.to_numpy()[sealed - 24]).mean()
    assert done.event("sealed")["rows"] == len(sealed)
    assert done.event("sealed")["score"] == pytest.approx(expected, rel=1e-5)
    assert any("143 rows too near before them are left out" in e["text"] for e in done.all("note"))


@pytest.mark.slow
def test_a_report_shows_the_look_at_its_own_blend(tmp_path: Path) -> None:
    from sklearn.linear_model import LinearRegression, Ridge

    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200)})
    table["y"] = table["a"] + rng.normal(size=200)
    models = [Ridge(), LinearRegression()]
    own = table_competition(table, target="y", metric="rmse", name="own", models=models)
    made = pipelines.run(own, runs=tmp_path, sealed=0.2, engine="inline", checks=False)
    assert made.sealed is not None
    path = tmp_path / "own" / FILE
    (first,) = json.loads(path.read_text())["looks"]
    others = [
        {**first, "method": "another", "score": 91.0, "predictions": "1"},
        {**first, "members": {"median": 1.0}, "score": 92.0, "predictions": "2"},
        {**first, "share": 0.3, "score": 93.0, "predictions": "3"},
        {**first, "honest_score": first["honest_score"] + 0.1, "score": 94.0, "predictions": "4"},
    ]

    def told(*looks: object) -> str:
        path.write_text(json.dumps({"looks": looks}))
        pipelines.report(own, runs=tmp_path)
        return (tmp_path / "own" / "report.html").read_text()

    assert f"RMSE {first['score']:.{made.metric.digits}f}, the last look" in told(first, *others)
    text = told(*others)
    assert "The sealed rows were looked at 4 times, not for this blend." in text
    assert "the last look" not in text
