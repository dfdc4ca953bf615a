"""Inner and outer predictions: what is chosen without a fold, and by whose predictions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import Ridge

from comps.base import Model
from pipelines.engines import Cancelled, Event, NextJob
from pipelines.engines.inline import InlineEngine
from pipelines.engines.jobs import Job
from pipelines.folds import Folds, FoldSpec, Held
from pipelines.results.fold_result import FoldResult
from pipelines.results.inner import Estimate, inner_folds, stored_inner
from pipelines.results.oof import OutOfFold
from pipelines.store import Experiment, RunStore
from tests.support import (
    FOREST,
    LIGHTGBM,
    METRIC,
    NETWORK,
    RIDGE,
    Recorder,
    TinyFeatures,
    fold_result,
    inline_engine,
    kfold,
    no_engine,
    rmse,
    scripted,
    tiny_experiment,
    validate,
)
from tests.test_training import as_parameter

N_FOLDS = 4


@pytest.fixture(scope="module")
def four(tiny_data: Path) -> Experiment:
    """The tiny competition on four folds."""
    return tiny_experiment(tiny_data, n_folds=N_FOLDS)


def nested_of(experiment: Experiment, model: Model, store: RunStore) -> OutOfFold:
    """Cross-validate with pairs of folds."""
    return validate(experiment, [model], store, nested=True).oofs[model.name]


def naive_pair(experiment: Experiment, j: int, k: int) -> NDArray[np.float64]:
    """Predict fold j by ridge regression without folds j and k."""
    dataset, target = experiment.dataset, np.log1p(experiment.dataset.target)
    fold_of_row = experiment.folds.fold_of_row()
    train, rows = ~np.isin(fold_of_row, (j, k)), fold_of_row == j
    features = TinyFeatures().fit(dataset.train[train])
    fitted = clone(Ridge(1.0)).fit(features.transform(dataset.train[train]), target[train])
    found: NDArray[np.float64] = fitted.predict(features.transform(dataset.train[rows]))
    return found


def test_inner_folds_are_the_neighbours_predicted_without_the_outer_fold(
    four: Experiment, store: RunStore
) -> None:
    nested = nested_of(four, RIDGE, store).nested
    assert nested is not None and nested.estimate is Estimate.NESTED and nested.inner is not None
    fold_of_row = four.folds.fold_of_row()
    for outer in range(N_FOLDS):
        neighbours = {(outer - 1) % N_FOLDS, (outer + 1) % N_FOLDS}
        for fold in range(N_FOLDS):
            found = nested.inner[outer][fold_of_row == fold]
            if fold in neighbours:
                np.testing.assert_allclose(found, naive_pair(four, fold, outer), rtol=1e-5)
            else:
                assert np.isnan(found).all()


def test_outer_predictions_of_a_single_stage_are_the_out_of_fold_ones(
    four: Experiment, store: RunStore
) -> None:
    oof = nested_of(four, RIDGE, store)
    assert oof.nested is not None and oof.stored is not None
    np.testing.assert_array_equal(oof.nested.outer, oof.valid)
    np.testing.assert_array_equal(oof.stored.outer, oof.valid)
    assert oof.stored.inner is None and oof.stored.estimate is Estimate.CROSS_FITTED


@pytest.mark.parametrize("model", [as_parameter(m) for m in (LIGHTGBM, FOREST, NETWORK)])
def test_nothing_of_the_outer_fold_is_known_where_it_is_chosen_for(
    four: Experiment, store: RunStore, model: Model
) -> None:
    before = nested_of(four, model, store).nested
    target = four.dataset.target.copy()
    outer = four.folds.pairs[0][2][1]
    target[outer] = target[outer][::-1] * np.linspace(0.2, 5, len(outer))
    changed = replace(four, dataset=replace(four.dataset, target=target, fingerprint="changed"))
    after = nested_in_place(changed, model)
    assert before is not None and after is not None
    assert before.inner is not None and after.inner is not None
    assert before.steps[2] == after.steps[2]
    np.testing.assert_array_equal(before.inner[2], after.inner[2])
    np.testing.assert_array_equal(before.outer[outer], after.outer[outer])
    # The other folds do know it.
    assert (before.inner[0] != after.inner[0]).any()


def nested_in_place(experiment: Experiment, model: Model) -> object:
    """Return nested predictions of a data set that is not in its files."""
    from pipelines.fitting.training import train_folds
    from pipelines.results.oof import assemble

    folds, competition, dataset = experiment.folds, experiment.competition, experiment.dataset
    held = [*folds.single, *folds.neighbours]
    found = train_folds(competition, dataset, model, folds, 0, held, threads=1)
    results = {result.held: result for result in found}
    pairs = {part: results.pop(part) for part in folds.neighbours}
    return assemble(competition, dataset, model, "", folds, [results], pairs).nested


def test_the_step_of_a_fold_is_chosen_on_its_inner_folds(four: Experiment, store: RunStore) -> None:
    oof = nested_of(four, LIGHTGBM, store)
    key, target = four.key(LIGHTGBM), np.log1p(four.dataset.target)
    assert oof.nested is not None and oof.stored is not None
    for outer in range(N_FOLDS):
        inner_curves = []
        for held in four.folds.neighbours:
            if outer in held:
                result = store.read_fold("lightgbm", key, 0, held)
                (fold,) = {*held} - {outer}
                rows = [four.folds.pairs[0][part][1] for part in held]
                start = 0 if held[0] == fold else len(rows[0])
                own = rows[held.index(fold)]
                valid = result.valid[:, start : start + len(own)]
                inner_curves.append(np.sqrt(((valid - target[own]) ** 2).mean(axis=1)))
        best = int(np.mean(inner_curves, axis=0).argmin())
        assert oof.nested.steps[outer] == result.steps[best]
        ordinary = store.read_fold("lightgbm", key, 0, (outer,))
        rows_of_fold = four.folds.pairs[0][outer][1]
        np.testing.assert_array_equal(oof.nested.outer[rows_of_fold], ordinary.valid[best])
        others = [
            store.read_fold("lightgbm", key, 0, (fold,)).curve
            for fold in range(N_FOLDS)
            if fold != outer
        ]
        wanted = ordinary.steps[int(np.mean(others, axis=0).argmin())]
        assert oof.stored.steps[outer] == wanted


def test_pairs_are_fitted_once_and_extend_what_is_stored(
    four: Experiment, store: RunStore, reporter: Recorder
) -> None:
    plain = validate(four, [RIDGE], store).oofs["ridge"]
    assert plain.nested is None
    validate(four, [RIDGE], store, nested=True, reporter=reporter)
    assert reporter.plans == [(N_FOLDS, N_FOLDS)]
    again = validate(four, [RIDGE], store, nested=True, engine=no_engine).oofs["ridge"]
    assert again.nested is not None
    np.testing.assert_array_equal(again.valid, plain.valid)
    # What is stored is used, wanted or not.
    assert validate(four, [RIDGE], store, engine=no_engine).oofs["ridge"].nested is not None


def test_pairs_train_on_the_rows_of_neither_and_predict_no_test_rows(
    four: Experiment, store: RunStore
) -> None:
    validate(four, [RIDGE], store, nested=True)
    result = store.read_fold("ridge", four.key(RIDGE), 0, (1, 2))
    first, second = (four.folds.pairs[0][fold] for fold in (1, 2))
    assert result.valid.shape == (1, len(first[1]) + len(second[1]))
    assert result.curves.shape == (2, 1) and result.test.shape == (1, 1)
    train, valid = four.folds.rows(0, (1, 2))
    assert set(train) == set(first[0]) & set(second[0])
    assert valid.tolist() == [*first[1], *second[1]]


def test_a_model_whose_pairs_fail_has_its_folds(
    four: Experiment, store: RunStore, tmp_path: Path
) -> None:
    validate(four, [scripted("moody", "raise-while-there", tmp_path / "trouble")], store)
    (tmp_path / "trouble").touch()
    outcome = validate(
        four, [scripted("moody", "raise-while-there", tmp_path / "trouble")], store, nested=True
    )
    assert list(outcome.oofs) == ["moody"] and outcome.failures == {}
    assert "the model is unwell" in outcome.not_nested["moody"]
    assert outcome.oofs["moody"].nested is None


@pytest.mark.parametrize("n_folds", [2, 3, 5])
def test_neighbours_are_every_pair_of_adjacent_folds(n_folds: int) -> None:
    rows = np.arange(n_folds)
    pairs = [(np.delete(rows, row), rows[row : row + 1]) for row in rows]
    folds = Folds(FoldSpec("kfold", n_folds), n_folds, [pairs])
    if n_folds == 2:
        assert folds.neighbours == []
        return
    counts = np.bincount([fold for held in folds.neighbours for fold in held])
    assert counts.tolist() == [2] * n_folds and len(folds.neighbours) == n_folds
    for outer in range(n_folds):
        assert outer not in inner_folds(folds, Estimate.NESTED, outer)
        assert len(inner_folds(folds, Estimate.NESTED, outer)) == 2


def growing(gap: int = 0) -> Folds:
    """Return four blocks of five rows each, the first of which is never predicted.

    So many rows before a block are not known when it is predicted.
    """
    blocks = np.arange(20).reshape(4, 5)
    pairs = [(np.arange(5 * k - gap), blocks[k]) for k in (1, 2, 3)]
    return Folds(FoldSpec("expanding", 3), 20, [pairs])


def test_blocks_in_time_look_at_earlier_blocks_alone() -> None:
    folds = growing()
    assert folds.neighbours == []
    found = [inner_folds(folds, Estimate.TIME_ORDERED, outer) for outer in range(3)]
    assert found == [[], [0], [0, 1]]


def drawn_results(folds: Folds, n_repeats: int, seed: int) -> list[dict[Held, FoldResult]]:
    """Return results of four stages whose curves and predictions are drawn by chance."""
    rng = np.random.default_rng(seed)
    return [
        {
            (fold,): fold_result(
                rng.random(4),
                repeat=repeat,
                fold=fold,
                steps=(10, 20, 30, 40),
                valid=rng.random((4, len(valid))).astype(np.float32),
            )
            for fold, (_, valid) in enumerate(folds.pairs[0])
        }
        for repeat in range(n_repeats)
    ]


@pytest.mark.parametrize("kind", ["shuffled", "growing", "gap"])
@given(seed=st.integers(0, 10**6), n_repeats=st.integers(1, 2), usual=st.sampled_from([10, 30]))
@settings(max_examples=30)
def test_stored_predictions_are_those_of_the_step_that_the_inner_folds_choose(
    kind: str, seed: int, n_repeats: int, usual: int
) -> None:
    once = kfold(20, N_FOLDS, seed=seed)
    if kind != "shuffled":
        once = growing(2 if kind == "gap" else 0)
    target = np.random.default_rng(seed).random(20)
    folds = Folds(once.spec, 20, [once.pairs[0]] * n_repeats)
    repeats = drawn_results(folds, n_repeats, seed)
    found = stored_inner(METRIC, None, folds, repeats, usual, target)

    def curve_of(fold: int, outer: int) -> NDArray[np.float64]:
        rows = folds.pairs[0][fold][1]
        known = np.isin(rows, folds.pairs[0][outer][0])
        if kind != "gap" or known.all():
            return repeats[0][fold,].curve
        own = repeats[0][fold,].valid
        return np.array([rmse(target[rows[known]], stage[known]) for stage in own])

    inner, outer_values = np.full((folds.n_folds, 20), np.nan), np.full(20, np.nan)
    steps = []
    for outer, (_, rows) in enumerate(folds.pairs[0]):
        others = {*range(folds.n_folds)} - {outer} if kind == "shuffled" else range(outer)
        if not others:
            steps.append(0)
            continue
        stage = int(np.mean([curve_of(fold, outer) for fold in others], axis=0).argmin())
        steps.append(10 * (stage + 1))
        outer_values[rows] = np.mean([each[outer,].valid[stage] for each in repeats], axis=0)
        for fold in others:
            mean = np.mean([each[fold,].valid[stage] for each in repeats], axis=0)
            inner[outer, folds.pairs[0][fold][1]] = mean
    assert found.steps.tolist() == steps
    np.testing.assert_allclose(found.outer, outer_values, rtol=1e-6)
    # Where all choose what all folds together choose, out-of-fold predictions say it already.
    if {*steps} <= {0, usual}:
        assert found.inner is None
    else:
        assert found.inner is not None and found.inner.dtype == np.float32
        np.testing.assert_allclose(found.inner, inner, rtol=1e-6)


def test_repeats_predict_the_outer_rows_by_their_mean(tiny_data: Path, store: RunStore) -> None:
    two = tiny_experiment(tiny_data, n_folds=N_FOLDS, n_repeats=2)
    oof = validate(two, [FOREST], store, nested=True, engine=inline_engine).oofs["forest"]
    assert oof.nested is not None
    np.testing.assert_array_equal(oof.nested.outer, oof.valid)


def test_pairs_do_not_lose_repeats_that_are_finished(tiny_data: Path, store: RunStore) -> None:
    three = tiny_experiment(tiny_data, n_folds=N_FOLDS, n_repeats=3)
    validate(three, [FOREST], store)
    forget = store.fold_path("forest", three.key(FOREST), 2, (0,))
    forget.unlink()
    (forget.parent / "oof-r3.npz").unlink()
    engine = StopsAt(2)
    outcome = validate(three, [FOREST], store, nested=True, engine=lambda: engine)
    oof = outcome.oofs["forest"]
    assert oof.n_repeats == 2 and oof.nested is not None


class StopsAt(InlineEngine):
    """Runs jobs but those of one repeat, for which there is no more time."""

    def __init__(self, repeat: int) -> None:
        super().__init__(threads=1)
        self.repeat = repeat

    def run(self, next_job: NextJob, deadline: float | None) -> Iterator[Event]:
        """Execute jobs. See `Engine`."""
        late: list[Job] = []

        def earlier(slot: int) -> Job | None:
            while (job := next_job(slot)) is not None and job.repeat == self.repeat:
                late.append(job)
            return job

        yield from super().run(earlier, deadline)
        for job in late:
            yield Cancelled(job)
