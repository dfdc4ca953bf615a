"""What public scores can tell of honest ones: errors, doubts, and the two final submissions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from comps.base import Truth
from comps.metrics import ACCURACY, LOG_LOSS, ROC_AUC, ROOT_MEAN_SQUARED_ERROR
from ensembles.paired import paired_gain
from ensembles.public_part import Scored, doubts, gap_error, known_rows, score_error
from pipelines import run
from pipelines.api.kaggle.finals import pick_finals
from pipelines.api.kaggle.record import new_upload
from pipelines.store import RunStore
from pipelines.store.uploads import Upload, Uploads, keep_upload
from submissions import Difference, difference
from tests.tables import own, table, unseen

RMSE = ROOT_MEAN_SQUARED_ERROR


def labels(n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    odds = random.normal(size=n_rows)
    target = (random.random(n_rows) < 1 / (1 + np.exp(-odds))).astype(float)
    return target, 1 / (1 + np.exp(-0.9 * odds - 0.3 * random.normal(size=n_rows)))


@pytest.mark.parametrize("metric", [LOG_LOSS, ROC_AUC], ids=["log loss", "AUC"])
def test_the_error_is_how_much_scores_of_other_rows_vary(metric: object) -> None:
    scores = [metric.score(*labels(1000, seed)) for seed in range(300)]
    errors = [score_error(metric, *labels(1000, seed)) for seed in range(30)]
    assert np.mean(errors) == pytest.approx(np.std(scores), rel=0.15)


def test_the_gap_varies_as_two_scores_on_rows_of_these_numbers_do() -> None:
    gaps = []
    for seed in range(400):
        target, predictions = labels(1250, seed)
        gaps.append(
            LOG_LOSS.score(target[:250], predictions[:250])
            - LOG_LOSS.score(target[250:], predictions[250:])
        )
    error = np.mean([score_error(LOG_LOSS, *labels(1000, seed)) for seed in range(30)])
    assert gap_error(error, 1000, 250) == pytest.approx(np.std(gaps), rel=0.15)


def test_rows_that_belong_together_make_the_error_larger() -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(100), 10)
    noise = np.repeat(random.normal(size=100), 10)
    alone = score_error(RMSE, noise, np.zeros(1000))
    together = score_error(RMSE, noise, np.zeros(1000), groups)
    assert together > 2 * alone
    truth = Truth(noise, query=groups)
    assert score_error(RMSE, truth, np.zeros(1000)) == pytest.approx(together)


def test_an_error_that_cannot_be_known_is_none() -> None:
    # Without the one positive row there is no area.
    target = np.zeros(100)
    target[3] = 1
    assert score_error(ROC_AUC, target, np.linspace(0, 1, 100)) is None


def test_rows_that_all_predictions_have() -> None:
    one = np.array([1.0, np.nan, 3.0, 4.0])
    other = np.array([[1.0, 1.0], [1.0, 1.0], [np.nan, 1.0], [1.0, 1.0]])
    assert known_rows(one).tolist() == [0, 2, 3]
    assert known_rows(one, other).tolist() == [0, 3]


@pytest.mark.slow
def test_chance_alone_raises_few_doubts() -> None:
    """Ten uploads of blends on equal rows, in 200 competitions without anything wrong."""
    false_alarms = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        rows, public = 400, 100
        target = random.normal(size=rows + public)
        shared = random.normal(size=rows + public)
        uploads: list[Scored] = []
        honest: list[np.ndarray] = []
        for number in range(10):
            predictions = target + shared + 0.3 * random.normal(size=rows + public)
            gains = {}
            for earlier, before in zip(uploads, honest, strict=True):
                found = paired_gain(RMSE, target[:rows], before, predictions[:rows])
                gains[earlier.name] = found.gain, found.error
            uploads.append(
                Scored(
                    str(number),
                    RMSE.score(target[:rows], predictions[:rows]),
                    score_error(RMSE, target[:rows], predictions[:rows]) or 0.0,
                    rows,
                    RMSE.score(target[rows:], predictions[rows:]),
                    gains,
                )
            )
            honest.append(predictions[:rows])
        false_alarms += bool(doubts(RMSE, uploads, public))
    assert false_alarms / 200 < 0.12


def scored(name: str, honest: float, public: float, **gains: tuple[float, float]) -> Scored:
    return Scored(name, honest, 0.01, 1000, public, gains)


@pytest.mark.parametrize(("metric", "sign"), [(RMSE, 1), (ROC_AUC, -1)], ids=["low", "high"])
def test_more_than_chance_is_doubted_in_the_direction_of_the_metric(
    metric: object, sign: int
) -> None:
    worse = scored("a", 0.5, 0.5 + 0.2 * sign)
    (doubt,) = doubts(metric, [worse], 250)
    assert (doubt.name, doubt.other) == ("a", "")
    assert doubt.gap == pytest.approx(-0.2)
    assert doubt.error == pytest.approx(0.01 * np.sqrt(5))
    assert doubts(metric, [scored("a", 0.5, 0.5 + 0.03 * sign)], 250) == []


def test_a_pair_that_was_compared_on_equal_rows_tells_more() -> None:
    # Each is within chance; that the public part turns their order round is not.
    one = scored("one", 0.500, 0.495)
    other = scored("other", 0.490, 0.505, one=(0.010, 0.001))
    (doubt,) = doubts(RMSE, [one, other], 250)
    assert (doubt.name, doubt.other) == ("other", "one")
    assert doubt.gap == pytest.approx(-0.020)
    assert doubts(RMSE, [one, replace(other, gains={"one": (0.010, 0.02)})], 250) == []
    assert doubts(RMSE, [replace(one, name="gone"), other], 250) == []


def test_scores_that_differ_by_their_rounding_alone_raise_no_doubt() -> None:
    one = scored("one", 0.123452, 0.12345)
    for last in (0.12344, 0.12345, 0.12346):
        other = scored("other", 0.123450, last, one=(2e-6, 1e-6))
        assert doubts(RMSE, [one, other], 250) == []
    (doubt,) = doubts(RMSE, [one, replace(other, public=0.12347)], 250)
    assert doubt.other == "one"
    # Fewer digits tell less.
    assert doubts(RMSE, [replace(one, public=0.123), replace(other, public=0.124)], 250) == []


# The records of uploads


def test_gains_and_errors_of_areas_are_those_within_folds(tmp_path: Path) -> None:
    """Models of different folds need not agree on a level, and honest scores do without it."""
    competition = own(table(200, "two"), unseen(), metric="roc_auc", name="areas")
    choices = {"folds": 4, "engine": "inline", "nested": False, "runs": tmp_path}
    result = run(competition, models="logistic", **choices)
    assert result.blend is not None
    level, folds = result.blend.judged, result.folds.fold_of_row()
    store = RunStore(tmp_path / "areas")
    first = new_upload(store, Uploads(), result, b"first", "first")
    keep_upload(store, first, b"first", level)
    shifted = replace(result, blend=replace(result.blend, honest=level + 10.0 * folds))
    second = new_upload(store, Uploads([first]), shifted, b"second", "second")
    assert second.gains[first.name] == pytest.approx((0, 0), abs=1e-6)
    assert second.score_error == pytest.approx(first.score_error)
    # The levels of folds that are not known any more cannot be taken out.
    others = replace(first, folds="others")
    assert new_upload(store, Uploads([others]), result, b"second", "second").gains == {}


# The final submissions


def upload(name: str, honest: float, public: float | None = None, **changes: object) -> Upload:
    values: dict[str, object] = {
        "name": name,
        "when": "2026-11-28T10:00:00+00:00",
        "message": name,
        "bytes": 1,
        "content": name,
        "method": "convex",
        "weights": {"a": 1.0},
        "metric": RMSE.name,
        "estimate": "nested",
        "honest_score": honest,
        "score_error": 0.01,
        "train_rows": 1000,
        "test_rows": 1000,
        "data": "d",
        "folds": "f",
        "seed": 0,
        "status": "complete",
        "public_score": public,
        **changes,
    }
    return Upload(**values)  # type: ignore[arg-type]


DISTANCES = {"near": 0.001, "far": 0.05, "farther": 0.2}


def differs(one: Upload, other: Upload) -> Difference | None:
    distance = DISTANCES.get(other.name)
    return None if distance is None else Difference(10, 1.0, 1 - distance, 0.1)


def names(uploads: list[Upload]) -> list[str]:
    return [pick.upload.name for pick in pick_finals(RMSE, uploads, differs)]


def test_the_best_honest_score_and_what_differs_most_among_its_equals_are_picked() -> None:
    best = upload("best", 0.500, 0.6)
    near = upload("near", 0.5005, 0.5, gains={"best": (-0.0005, 0.001)})
    far = upload("far", 0.501, 0.7, gains={"best": (-0.001, 0.001)})
    # It differs most, and is worse by more than chance explains.
    farther = upload("farther", 0.52, 0.4, gains={"best": (-0.02, 0.001)})
    picks = pick_finals(RMSE, [near, best, farther, far], differs)
    assert [pick.upload.name for pick in picks] == ["best", "far"]
    assert "best honest score, 0.50000" in picks[0].reason
    assert "'farther' of 2026-11-28 10:00 has the best public score" in picks[0].reason
    assert "of 2 such it differs most" in picks[1].reason


def test_without_equals_the_next_honest_score_is_picked() -> None:
    best = upload("best", 0.500)
    far = upload("far", 0.60, gains={"best": (-0.1, 0.001)})
    farther = upload("farther", 0.55, gains={"best": (-0.05, 0.001)})
    assert names([far, best, farther]) == ["best", "farther"]


def test_errors_of_uploads_on_other_rows_add_up() -> None:
    best, far = upload("best", 0.500), upload("far", 0.525)
    # Two standard errors of 0.014 are more than 0.025.
    assert names([best, far, upload("near", 0.51)]) == ["best", "far"]
    assert names([best, replace(far, honest_score=0.54), upload("near", 0.51)]) == ["best", "near"]


@pytest.mark.parametrize("changes", [{"status": "error"}, {"metric": "other"}])
def test_what_was_not_scored_or_is_of_another_metric_is_not_picked(changes: dict) -> None:
    best, far = upload("best", 0.4, **changes), upload("far", 0.5)
    assert names([best, far]) == ["far"]
    assert names([best]) == []


# Files


def test_two_submissions_are_compared_by_id() -> None:
    competition = own(table(), None)
    ids, column = competition.id_column, competition.target_columns[0]
    one = table(20).rename(columns={"y": column})[[column]].assign(**{ids: range(20)})
    shuffled = one.sample(frac=1, random_state=0)
    same = difference(competition, one, shuffled)
    assert same.text == "all 20 rows are equal"
    turned = difference(competition, one, one.assign(**{column: -one[column]}))
    assert turned.correlation == pytest.approx(-1) and turned.distance == pytest.approx(2)
    few = difference(competition, one, one.iloc[:5].assign(**{column: lambda f: f[column] + 0.25}))
    assert (few.rows, few.changed) == (5, 1.0)
    assert few.largest == pytest.approx(0.25)
    flat = difference(competition, one, one.assign(**{column: 1.0}))
    assert flat.correlation is None


def test_submissions_that_have_nothing_in_common_are_not_compared() -> None:
    competition = own(table(), None)
    ids, column = competition.id_column, competition.target_columns[0]
    one = table(20).rename(columns={"y": column})[[column]].assign(**{ids: range(20)})
    others = (
        one.assign(**{ids: range(100, 120)}),
        one.drop(columns=column),
        one.rename(columns={ids: "number"}),
        one.assign(**{column: "yes"}),
    )
    for other in others:
        assert difference(competition, one, other) is None
        assert difference(competition, other, one) is None


def test_labels_are_compared_by_how_many_differ() -> None:
    competition = own(table(60, "two"), None, metric=ACCURACY)
    ids, column = competition.id_column, competition.target_columns[0]
    one = table(20, "two")[["y"]].rename(columns={"y": column}).assign(**{ids: range(20)})
    other = one.copy()
    other.loc[:4, column] = np.where(other.loc[:4, column] == "yes", "no", "yes")
    found = difference(competition, one, other)
    assert (found.changed, found.correlation, found.distance) == (0.25, None, 0.25)
