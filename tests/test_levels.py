"""Blends in levels: honest at each, and the same as one blend where there is one level."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from comps.base import DataError, Task, UsageError
from comps.metrics import F1, LOG_LOSS
from ensembles import METHODS, Sample, best_blend, blend
from ensembles.levels import Level, blend_levels
from pipelines import blend_in_levels, run
from pipelines.api.levels import read_levels
from pipelines.folds import FoldInput, Folds, FoldSpec, make_folds
from pipelines.results.inner import Estimate, Inner
from pipelines.results.oof import OutOfFold
from tests.support import METRIC, kfold, rmse
from tests.tables import own, table, unseen
from tests.test_blend import FOLDS, N_ROWS, N_TEST, member, some_members

Floats = NDArray[np.float64]

TWO = [
    Level("left", ("model-0", "model-1", "model-2"), "convex"),
    Level("right", ("model-3", "model-4"), "ridge"),
    Level("top", ("left", "right", "model-5"), "convex"),
]
THREE = [
    *TWO[:2],
    Level("middle", ("left", "model-5"), "greedy"),
    Level("all", ("middle", "right"), "ridge"),
]
CHOSEN = [
    Level("left", ("model-0", "model-1", "model-2"), "auto"),
    Level("top", ("left", "model-3", "model-5"), "auto"),
]


def in_time(n_rows: int = N_ROWS, n_folds: int = 5, gap: float | None = None) -> Folds:
    rows = FoldInput(np.zeros(n_rows), Task.REGRESSION, times=np.arange(n_rows), gap=gap)
    return make_folds(FoldSpec("expanding", n_folds), rows)


def of(folds: Folds) -> tuple[list[OutOfFold], Floats]:
    """Return six members on some folds, and the target."""
    members, target = some_members(1, count=6)
    valid = [one.valid.copy() for one in members]
    for values in valid:
        values[folds.fold_of_row() < 0] = np.nan
    return [
        member(one.model, v, one.test, folds) for one, v in zip(members, valid, strict=True)
    ], target


@pytest.mark.slow
@pytest.mark.parametrize("levels", [TWO, THREE, CHOSEN], ids=["two", "three", "chosen"])
@pytest.mark.parametrize(
    "folds", [FOLDS, in_time(), in_time(gap=4)], ids=["shuffled", "in time", "behind a gap"]
)
@pytest.mark.parametrize("elsewhere", [False, True], ids=["stopped", "stopped elsewhere"])
def test_no_level_knows_a_target_of_the_fold_that_is_predicted(
    levels: list[Level], folds: Folds, elsewhere: bool
) -> None:
    members, target = of(folds)
    if elsewhere:
        members = stopped(members, folds, elsewhere=True)
    blends = blend_levels(levels, members, target, folds, METRIC)
    for fold in range(folds.n_folds):
        rows = np.flatnonzero(folds.fold_of_row() == fold)
        behind = np.flatnonzero(~folds.trained_on(fold)) if folds.growing else rows
        shaken = target.copy()
        shaken[behind] = shaken[behind][::-1] * 3 - 1
        again = blend_levels(levels, members, shaken, folds, METRIC)
        for one, other in zip(blends, again, strict=True):
            np.testing.assert_array_equal(one.honest[rows], other.honest[rows])
            changed = not np.allclose(one.test, other.test)
            assert changed, "the targets of a fold do count for the others"


def test_two_levels_are_what_plain_loops_make_of_them() -> None:
    members, target = of(FOLDS)
    folds = FOLDS.fold_of_row()
    valid = np.stack([one.valid for one in members], axis=1)
    places = {"left": [0, 1, 2], "right": [3, 4]}

    def below(without: set[int], rows: NDArray[np.bool_]) -> Floats:
        inside = ~np.isin(folds, list(without))
        columns = []
        for level in TWO[:2]:
            own = valid[:, places[level.name]]
            fitted = METHODS[level.method].fit(Sample(own[inside], target[inside]), METRIC)
            columns.append(fitted.predict(own[rows]))
        return np.column_stack([*columns, valid[rows, 5]])

    honest = np.empty(N_ROWS)
    for outer in range(4):
        sample, targets = [], []
        for inner in range(4):
            if inner != outer:
                sample.append(below({outer, inner}, folds == inner))
                targets.append(target[folds == inner])
        joined = Sample(np.concatenate(sample), np.concatenate(targets))
        top = METHODS["convex"].fit(joined, METRIC)
        honest[folds == outer] = top.predict(below({outer}, folds == outer))
    found = blend_levels(TWO, members, target, FOLDS, METRIC)[-1]
    np.testing.assert_allclose(found.honest, honest, rtol=1e-9)
    assert found.honest_score == pytest.approx(rmse(target, honest))
    assert found.estimate is Estimate.CROSS_FITTED


def stopped(members: list[OutOfFold], folds: Folds, *, elsewhere: bool) -> list[OutOfFold]:
    """Return members whose stopping points without a fold are others than on all folds.

    Args:
        members: see `of`.
        folds: of the members.
        elsewhere: whether the predictions of the inner folds differ, too.
    """
    random, fold_of_row = np.random.default_rng(8), folds.fold_of_row()
    found = []
    for one in members:
        outer = one.valid + random.normal(size=len(one.valid)) / 3
        inner = None
        if folds.growing:
            outer[fold_of_row == 0] = np.nan
        if elsewhere:
            noise = random.normal(size=(folds.n_folds, len(one.valid))) / 3
            inner = (one.valid + noise).astype(np.float32)
            for fold in range(folds.n_folds):
                beside = fold_of_row >= fold if folds.growing else fold_of_row == fold
                inner[fold, beside] = np.nan
        estimate = Estimate.TIME_ORDERED if folds.growing else Estimate.CROSS_FITTED
        steps = np.ones(folds.n_folds, dtype=np.int64)
        found.append(replace(one, stored=Inner(estimate, steps, inner, outer)))
    return found


@pytest.mark.parametrize(
    "folds", [FOLDS, in_time(), in_time(gap=4)], ids=["shuffled", "in time", "behind a gap"]
)
@pytest.mark.parametrize(
    ("method", "stops"),
    [
        # A choice is made by stricter predictions here: no weight of them knows the scored fold.
        ("auto", "on all folds"),
        *(
            (method, stops)
            for method in ("equal", "convex", "greedy", "ridge")
            for stops in ("on all folds", "without the scored fold", "elsewhere")
        ),
    ],
)
def test_one_level_is_the_blend_of_its_members(method: str, stops: str, folds: Folds) -> None:
    members, target = of(folds)
    if stops != "on all folds":
        members = stopped(members, folds, elsewhere=stops == "elsewhere")
    names = tuple(one.model for one in members)
    (found,) = blend_levels([Level("all", names, method)], members, target, folds, METRIC)
    plain = (
        best_blend(members, target, folds, METRIC)[0]
        if method == "auto"
        else blend(method, members, target, folds, METRIC)
    )
    assert found.method == f"all: {plain.method}"
    np.testing.assert_allclose(found.honest, plain.honest, rtol=1e-9)
    np.testing.assert_allclose(found.test, plain.test, rtol=1e-9)
    np.testing.assert_allclose(found.weights, plain.weights, rtol=1e-9)
    assert found.honest_score == pytest.approx(plain.honest_score)
    assert found.fitted_score == pytest.approx(plain.fitted_score)


def test_the_first_blocks_in_time_have_no_honest_prediction() -> None:
    members, target = of(in_time())
    blends = blend_levels(TWO, members, target, in_time(), METRIC)
    fold = in_time().fold_of_row()
    for one, first in zip(blends, (1, 1, 2), strict=True):
        np.testing.assert_array_equal(np.isfinite(one.honest), fold >= first)
        assert one.estimate is Estimate.TIME_ORDERED


def test_of_noise_no_level_finds_anything() -> None:
    folds, random = kfold(400, n_folds=5), np.random.default_rng(0)
    target = random.normal(size=400)
    members = [
        member(f"m{n}", random.normal(size=400), random.normal(size=N_TEST), folds)
        for n in range(40)
    ]
    levels = [Level(f"part{n}", tuple(f"m{k}" for k in range(n, 40, 4)), "ridge") for n in range(4)]
    levels.append(Level("top", ("part0", "part1", "part2", "part3"), "ridge"))
    blends = blend_levels(levels, members, target, folds, METRIC)
    chance = rmse(target, np.full(400, target.mean()))
    assert all(one.honest_score > chance - 0.01 for one in blends)


def test_shares_of_the_members_are_products_along_the_levels() -> None:
    members, target = of(FOLDS)
    levels = [*TWO[:1], Level("top", ("left", "model-3"), "convex")]
    left, top = blend_levels(levels, members, target, FOLDS, METRIC)
    assert top.members == ("model-0", "model-1", "model-2", "model-3")
    assert top.weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(top.weights[:3] / top.weights[:3].sum(), left.weights)
    rows = np.random.default_rng(0).normal(size=(7, 4))
    np.testing.assert_allclose(top.fitted.predict(rows), rows @ top.weights)


@pytest.mark.parametrize("metric", [F1, LOG_LOSS], ids=["labels", "probabilities"])
def test_cut_points_of_a_fold_follow_from_the_others(metric: object) -> None:
    random = np.random.default_rng(0)
    folds = kfold(200, n_folds=4)
    target = (random.random(200) < 0.3).astype(float)
    odds = 1.2 * target + random.normal(size=(4, 200))
    members = [
        member(f"m{n}", 1 / (1 + np.exp(-one)), 1 / (1 + np.exp(-one[:N_TEST])), folds)
        for n, one in enumerate(odds)
    ]
    levels = [Level("a", ("m0", "m1"), "logistic"), Level("top", ("a", "m2", "m3"), "convex")]
    found = blend_levels(levels, members, target, folds, metric)[-1]
    rows = folds.fold_of_row() == 2
    shaken = np.where(rows, 1 - target, target)
    again = blend_levels(levels, members, shaken, folds, metric)[-1]
    np.testing.assert_array_equal(found.judged[rows], again.judged[rows])
    assert found.honest_score == pytest.approx(metric.score(target, found.judged))


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ([Level("a", ("nobody",), "convex")], "names nobody, which is neither a member"),
        ([Level("a", (), "convex")], "names no member"),
        ([Level("a", ("b",), "equal"), Level("b", ("model-0",), "equal")], "names b"),
        ([Level("model-0", ("model-1",), "equal")], "name of a member or blend already"),
        ([Level("a", ("model-0",), "logistic")], "'logistic' of the blend 'a' does not suit"),
        ([Level("a", ("model-0",), "magic")], "'magic'"),
    ],
)
def test_levels_that_make_no_sense_are_refused(levels: list[Level], said: str) -> None:
    members, target = of(FOLDS)
    with pytest.raises(UsageError, match=said):
        blend_levels(levels, members, target, FOLDS, METRIC)


@pytest.mark.parametrize("method", ["convex", "auto"])
def test_two_folds_are_too_few_for_two_levels(method: str) -> None:
    folds = kfold(N_ROWS, n_folds=2)
    members, target = of(folds)
    levels = [Level("a", ("model-0", "model-1"), method), Level("b", ("a", "model-2"), method)]
    (alone,) = blend_levels(levels[:1], members, target, folds, METRIC)
    assert np.isfinite(alone.honest_score)
    with pytest.raises(UsageError, match="'b' is 2 levels high, and the folds are 2.*3 folds or"):
        blend_levels(levels, members, target, folds, METRIC)


# Files


MEMBERS = ("lgb-1", "lgb-2", "nn-1", "ridge[alpha=3.0]")


def written(folder: Path, text: str) -> Path:
    path = folder / "levels.toml"
    path.write_text(text)
    return path


def test_patterns_name_members_and_tables_above(tmp_path: Path) -> None:
    text = """
        [trees]
        members = ["lgb-*"]
        [rest]
        members = ["nn-1", "ridge[alpha=3.0]"]
        method = "greedy"
        [all]
        members = ["trees", "rest"]
        method = "equal"
    """
    assert read_levels(written(tmp_path, text), MEMBERS) == [
        Level("trees", ("lgb-1", "lgb-2"), "convex"),
        Level("rest", ("nn-1", "ridge[alpha=3.0]"), "greedy"),
        Level("all", ("trees", "rest"), "equal"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no blend"),
        ("[a", "no TOML file"),
        ("[a]\nmembers = 'lgb-1'", "needs a list of names"),
        ("[a]\nmembers = ['lgb-1']\nmetod = 'equal'", "has metod; it takes members and method"),
        ("[a]\nmembers = ['xgb-*']", "'xgb-.'.*fits no member.*lgb-1"),
        ("[a]\nmembers = ['lgb-1']\n[b]\nmembers = ['lgb-2']", "a is a part of no blend below"),
        ("a = 3", "needs a list of names"),
    ],
)
def test_a_file_that_is_wrong_says_where(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_levels(written(tmp_path, text), MEMBERS)
    with pytest.raises(DataError, match="cannot be read"):
        read_levels(tmp_path / "none.toml", MEMBERS)


@pytest.mark.slow
def test_levels_of_a_run_are_blended_written_and_recorded(tmp_path: Path) -> None:
    choices = {"runs": tmp_path, "folds": 3, "engine": "inline", "nested": False}
    competition = own(table(90), unseen())
    made = run(competition, models="median,ridge,neighbours,random-forest", **choices)
    path = written(
        tmp_path,
        "[near]\nmembers = ['neighbours', 'random-forest']\n[all]\nmembers = ['near', 'ridge']",
    )
    out = tmp_path / "submission.csv"
    found = blend_in_levels(competition, path, output=out, runs=tmp_path)
    assert [one.method for one in found.tried] == ["near: convex", "all: convex"]
    assert set(found.oof) == {"neighbours", "random-forest", "ridge"}
    assert found.submission is not None and len(found.submission) == len(made.submission)
    assert out.read_text() == found.submission.to_csv(index=False)
    expected = found.metric.scale.inverse(found.blend.test)
    np.testing.assert_allclose(found.submission["y"], expected)
    with pytest.raises(UsageError, match="leave out `members`"):
        blend_in_levels(competition, path, runs=tmp_path, models="ridge")
