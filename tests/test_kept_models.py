"""Trained models stay: they are written, read without a pickle, and predict what they predicted."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from comps import estimator
from comps.base import Family, Model, StoreError, Task, Truth, take
from pipelines.basics.kept_objects import NotKeptError, dump_object, load_object
from pipelines.basics.trusted_names import trusted_name
from pipelines.engines import Engine
from pipelines.engines.inline import InlineEngine
from pipelines.fitting.keeping import FittedModel
from pipelines.fitting.training import _Record
from pipelines.folds import FoldInput, FoldSpec, Held, make_folds
from pipelines.results.fold_result import FoldResult
from pipelines.results.kept import Kept
from pipelines.results.oof import predicting
from pipelines.store import Experiment, RunStore
from pipelines.trainers import Context, FoldData, Stage, load_trainer, packages_of
from pipelines.trainers.sklearn import SklearnModel
from tests.support import (
    CATBOOST,
    FOREST,
    LIGHTGBM,
    MEAN,
    METRIC,
    NETWORK,
    RIDGE,
    XGBOOST,
    Recorder,
    TinyFeatures,
    TownMeans,
    build_ridge,
    no_engine,
    validate,
)

STAGED = [LIGHTGBM, XGBOOST, CATBOOST, NETWORK]
ALL = [MEAN, RIDGE, FOREST, *STAGED]
# A transformer that holds a table of pandas, which skops does not write.
TOWNS = Model("towns", Family.LINEAR, "sklearn", {"alpha": 1.0}, TownMeans, build_ridge)
TOWNS_BOOSTED = Model(
    "towns-boosted", Family.BOOSTING, "lightgbm", dict(LIGHTGBM.params), TownMeans
)


def named(model: Model) -> str:
    """Return the name of a model, for the tests' names."""
    return model.name


# Trainers


def fold_of(experiment: Experiment, model: Model) -> tuple[FoldData, Context]:
    """Return the first fold as a trainer gets it."""
    dataset, folds = experiment.dataset, experiment.folds
    train, valid = folds.rows(0, (0,))
    target = experiment.competition.scaled_target(dataset)[train]
    parts = [take(dataset.train, train), take(dataset.train, valid), dataset.test]
    view = model.view()
    if view is not None:
        parts = [view.fit_transform(parts[0], target), *map(view.transform, parts[1:])]
    data = FoldData(parts[0], target, parts[1], parts[2], seed=3)
    return data, Context(experiment.competition.task, 0, threads=1)


@pytest.mark.parametrize("model", ALL, ids=named)
def test_a_model_read_from_its_files_predicts_what_it_predicted(
    experiment: Experiment, model: Model
) -> None:
    fold, context = fold_of(experiment, model)
    trainer, own = load_trainer(model.trainer), model.without_view_params()
    trainer.prepare()
    stages = list(trainer.stages(own, [fold], context))
    (trained,) = stages[-1].models
    assert (len(stages) > 1) == trainer.staged
    for stage in (stages[0], stages[-1]):
        final = trainer.restored(own, trained.at(stage.step).files(), context)
        np.testing.assert_allclose(final.predict(fold.test), stage.test[0], rtol=1e-6)
        # All stages are there until one of them is chosen.
        whole = trainer.restored(own, trained.files(), context).at(stage.step)
        np.testing.assert_array_equal(whole.predict(fold.test), final.predict(fold.test))


# CatBoost writes the moment of training into its files.
@pytest.mark.slow
@pytest.mark.parametrize("model", [MEAN, RIDGE, FOREST, LIGHTGBM, XGBOOST, NETWORK], ids=named)
def test_equal_models_have_equal_files(experiment: Experiment, model: Model) -> None:
    fold, context = fold_of(experiment, model)
    trainer, own = load_trainer(model.trainer), model.without_view_params()
    trainer.prepare()
    one, other = (
        list(trainer.stages(own, [fold], context))[-1].models[0].files() for _ in range(2)
    )
    assert one == other


def test_a_network_forgets_the_stages_that_are_not_retained(experiment: Experiment) -> None:
    fold, context = fold_of(experiment, NETWORK)
    trainer = load_trainer(NETWORK.trainer)
    trainer.prepare()
    stages = list(trainer.stages(NETWORK, [fold], context))
    (model,) = stages[-1].models
    model.retain([1, 2], 3)
    assert [model.holds(step) for step in (1, 2, 3)] == [True, True, False]
    np.testing.assert_allclose(model.at(2).predict(fold.test), stages[1].test[0], rtol=1e-6)
    model.retain([2], 3)
    again = trainer.restored(NETWORK, model.files(), context)
    # It was trained to the third, which is not there, and no further.
    assert [again.holds(step) for step in (1, 2, 3, 9)] == [False, True, False, False]
    np.testing.assert_allclose(again.at(2).predict(fold.test), stages[1].test[0], rtol=1e-6)
    # A fit that ended at the second stage, beside one that went on, has all that it ever had.
    again.retain([2], 2)
    ended = trainer.restored(NETWORK, again.files(), context)
    assert [ended.holds(step) for step in (1, 2, 3)] == [False, True, True]
    np.testing.assert_allclose(ended.at(3).predict(fold.test), stages[1].test[0], rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("held", [(0,), ()], ids=["fold", "all rows"])
def test_a_stage_that_was_forgotten_is_trained_again_and_not_replaced(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: Held
) -> None:
    if not held:
        rows = FoldInput(
            experiment.dataset.target, Task.REGRESSION, times=np.arange(experiment.folds.n_rows)
        )
        experiment = replace(experiment, folds=make_folds(FoldSpec("expanding", 3), rows))
    plain = validate(experiment, [NETWORK], RunStore(tmp_path / "plain")).oofs["network"]
    # Room for one stage, which is not that which is chosen.
    monkeypatch.setattr(_Record, "best_steps", lambda record, most: record.steps[:most][:1])
    store = RunStore(tmp_path / "kept")
    found = validate(experiment, [NETWORK], store, keep="all")
    oof = found.oofs["network"]
    np.testing.assert_allclose(oof.test, plain.test, rtol=2e-7)
    np.testing.assert_array_equal(oof.valid, plain.valid)
    reasons = [
        store.read_kept("network", oof.key, 0, part).reason for part in predicting(experiment.folds)
    ]
    assert any("not among those" in str(reason) for reason in reasons)
    validate(experiment, [NETWORK], store, engine=no_engine, keep="all")


@pytest.mark.parametrize("scored", [True, False])
def test_the_best_stages_are_retained_and_without_scores_the_last(scored: bool) -> None:
    truths = [Truth(np.zeros(3))] if scored else []
    record = _Record(METRIC, None, truths)
    for step, error in enumerate([3.0, 1.0, 2.0, 5.0], 1):
        record.add(Stage(step, [np.full(3, error)], [np.zeros(1)]), 0)
    assert sorted(record.best_steps(2)) == ([2, 3] if scored else [3, 4])


# Files


FILES = {"features.skops": b"features", "model/lightgbm.txt": b"trees" * 20}


def test_a_kept_model_is_read_as_it_was_written() -> None:
    kept = Kept(FILES, 7, 3, 2, None)
    again = Kept.from_bytes(kept.to_bytes())
    assert (again.files, again.step, again.n_classes, again.n_targets) == (FILES, 7, 3, 2)
    assert kept.to_bytes() == again.to_bytes()


@given(place=st.integers(0, len(Kept(FILES, 7).to_bytes()) - 1), bit=st.integers(0, 7))
def test_a_changed_byte_is_noticed_or_changes_nothing(place: int, bit: int) -> None:
    content = bytearray(Kept(FILES, 7).to_bytes())
    content[place] ^= 1 << bit
    try:
        again = Kept.from_bytes(bytes(content))
    except StoreError:
        return
    assert (again.files, again.step, again.reason) == (FILES, 7, None)


@given(length=st.integers(0, len(Kept(FILES, 7).to_bytes()) - 1))
def test_a_cut_file_is_noticed(length: int) -> None:
    with pytest.raises(StoreError, match="damaged"):
        Kept.from_bytes(Kept(FILES, 7).to_bytes()[:length])


@pytest.mark.parametrize(
    "name",
    [
        *("model/../../../../x", "model/..", "model/.", "model/", "model/a/b", "/x", "x", ""),
        *("model/..\\x", "model/C:x", "model/a\n", "features.skops\n", "../features.skops"),
    ],
)
def test_a_file_whose_name_points_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(StoreError, match="is no name of a file of a model"):
        Kept.from_bytes(Kept({"features.skops": b"", name: b"x"}).to_bytes())


def test_names_of_all_trainers_files_are_read() -> None:
    names = ("features.skops", "model/lightgbm.txt", "model/target-0-xgboost.ubj", "model/..a")
    files = dict.fromkeys(names, b"x")
    assert Kept.from_bytes(Kept(files).to_bytes()).files == files


class Planted:
    """Runs something when it is read from a pickle."""

    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('the planted code ran')",)


def test_no_pickle_is_read() -> None:
    with pytest.raises(StoreError):
        load_object(pickle.dumps(Planted()))
    network = load_trainer("keras-jax")
    network.prepare()
    with pytest.raises(StoreError):
        network.restored(
            NETWORK,
            {"target.json": pickle.dumps(Planted())},
            Context(None, 0, 1),  # type: ignore[arg-type]
        )


def test_a_type_that_is_not_named_as_trusted_is_not_made() -> None:
    own = TinyFeatures()
    with pytest.raises(NotKeptError, match=r"tests\.support\.TinyFeatures"):
        dump_object(own)
    content = dump_object(own, ["tests"])
    assert isinstance(load_object(content, ["tests"]), TinyFeatures)
    with pytest.raises(StoreError, match=r"tests\.support\.TinyFeatures, which is not trusted"):
        load_object(content)


def test_equal_objects_are_equal_bytes_wherever_they_lay_in_memory() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    # scikit-learn remembers the address of the stop words, and two lists have two addresses.
    one, other = (TfidfVectorizer(stop_words=["a", "the"]).fit(["a bird"]) for _ in range(2))
    assert one._stop_words_id != other._stop_words_id
    assert dump_object(one) == dump_object(other)


def test_bytes_come_back_whatever_name_skops_gives_their_file() -> None:
    # It draws the names, some of which begin with a digit.
    for _ in range(20):
        value = {"one": b"1", "other": [bytearray(b"2"), b"3"]}
        assert load_object(dump_object(value)) == value
        assert dump_object(value) == dump_object(value)


class Words:
    """Cuts texts into words of some letters."""

    def __init__(self, letters: int) -> None:
        self.letters = letters

    def cut(self, text: str) -> list[str]:
        """Return the words."""
        return [word for word in text.split() if len(word) >= self.letters]

    cuts_too = str.split
    opened = open


def halved(rows: Any) -> Any:
    """Return half of some numbers."""
    return np.asarray(rows) / 2


TEXTS = ["a red house", "a blue house by the sea", "the sea"]
OWN_PARTS = {
    "function": (FunctionTransformer(halved), np.arange(6.0).reshape(3, 2)),
    "columns": (
        make_column_transformer((FunctionTransformer(halved), [0])),
        np.arange(6.0).reshape(3, 2),
    ),
    "method": (CountVectorizer(tokenizer=Words(3).cut, token_pattern=None), TEXTS),
}


@pytest.mark.parametrize("name", OWN_PARTS)
def test_a_declared_estimator_may_be_made_of_the_users_own_code(name: str) -> None:
    step, rows = OWN_PARTS[name]
    model = estimator(make_pipeline(step, Ridge()))
    assert "tests" in packages_of(model) and model.build is not None
    fitted = model.build().fit(rows, np.arange(3.0))
    trained = SklearnModel(fitted, model, Task.REGRESSION)
    trainer = load_trainer("sklearn")
    again = trainer.restored(model, trained.files(), Context(Task.REGRESSION, 0, threads=1))
    np.testing.assert_array_equal(again.predict(rows), fitted.predict(rows))


def test_methods_that_a_class_did_not_define_are_none_of_its_own() -> None:
    own = f"{__name__}.Words"
    assert trusted_name(f"{own}.cut", ["tests"])
    for refused in (f"{own}.cuts_too", f"{own}.opened", f"{own}.__class__", f"{own}.nothing"):
        assert not trusted_name(refused, ["tests"])
    assert not trusted_name(f"{own}.cut", ["comps"])
    assert not trusted_name("sklearn.linear_model._ridge.Ridge.fit", ["sklearn"])


def test_what_a_notebook_wrote_is_not_kept_and_the_reason_says_where_to_write_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(halved, "__module__", "__main__")
    model = estimator(make_pipeline(FunctionTransformer(halved), Ridge()))
    assert "__main__" not in packages_of(model)
    with pytest.raises(NotKeptError, match=r"__main__\.halved.*in a module, not in a notebook"):
        dump_object(FunctionTransformer(halved), packages_of(model))


# The harness


def files_of(store: RunStore, model: Model, pattern: str) -> list[str]:
    """Return the names of the files of a model in a store."""
    return sorted(path.name for path in (store.root / "models" / model.name).glob(f"*/{pattern}"))


@pytest.mark.slow
@pytest.mark.parametrize("model", ALL, ids=named)
def test_kept_models_predict_the_test_rows_as_the_stages_did(
    experiment: Experiment, model: Model, tmp_path: Path
) -> None:
    kept = validate(experiment, [model], RunStore(tmp_path / "kept"), keep="all")
    plain = validate(experiment, [model], RunStore(tmp_path / "plain"))
    one, other = kept.oofs[model.name], plain.oofs[model.name]
    np.testing.assert_array_equal(one.valid, other.valid)
    np.testing.assert_allclose(one.test, other.test, rtol=2e-7)
    assert (one.step, one.score) == (other.step, other.score)


@pytest.mark.parametrize("model", STAGED, ids=named)
def test_test_rows_are_predicted_once_after_the_stopping_point_was_chosen(
    experiment: Experiment, model: Model, store: RunStore
) -> None:
    oof = validate(experiment, [model], store, keep="all").oofs[model.name]
    for held in experiment.folds.single:
        result = store.read_fold(model.name, oof.key, 0, held)
        assert result.test_steps.tolist() == [oof.step]
        assert len(result.valid) == len(result.steps) > 1
        kept = store.read_kept(model.name, oof.key, 0, held)
        assert kept.reason is None and kept.step in (oof.step, None)
        fitted = FittedModel(kept, model, Context(experiment.competition.task, 0, 1))
        at = fitted.model.at(oof.step)
        predicted = at.predict(fitted.features(experiment.dataset.test))
        np.testing.assert_array_equal(predicted.astype(np.float32), result.test[0])


@pytest.mark.parametrize("model", [TOWNS, TOWNS_BOOSTED], ids=named)
def test_what_skops_cannot_write_is_not_kept_and_predicts_all_the_same(
    experiment: Experiment, model: Model, store: RunStore, tmp_path: Path
) -> None:
    found = validate(experiment, [model], store, keep="all")
    oof = found.oofs[model.name]
    assert "TownMeans" in found.not_kept[model.name]
    kept = store.read_kept(model.name, oof.key, 0, (0,))
    assert kept.reason is not None and "TownMeans" in kept.reason and not kept.files
    plain = validate(experiment, [model], RunStore(tmp_path / "plain")).oofs[model.name]
    np.testing.assert_array_equal(oof.test, plain.test)
    # It is not fitted again each time.
    validate(experiment, [model], store, engine=no_engine, keep="all")


@pytest.mark.slow
def test_a_run_that_was_killed_before_its_test_rows_trains_nothing_again(
    experiment: Experiment, store: RunStore
) -> None:
    models = [LIGHTGBM, NETWORK]
    before = validate(experiment, models, store, keep="all").oofs
    for pattern in ("oof-*.npz", "r0-f1.test.npz"):
        for path in store.root.glob(f"models/*/*/{pattern}"):
            path.unlink()
    reporter = Recorder()
    after = validate(experiment, models, store, keep="all", reporter=reporter)
    assert after.fitted == 0 and reporter.plans == [(0, 6)]
    for name, oof in after.oofs.items():
        np.testing.assert_array_equal(oof.test, before[name].test)
        np.testing.assert_array_equal(oof.valid, before[name].valid)


def test_a_damaged_model_is_fitted_again_and_no_other(
    experiment: Experiment, store: RunStore
) -> None:
    before = validate(experiment, [RIDGE, LIGHTGBM], store, keep="all").oofs
    paths = {path: path.read_bytes() for path in store.root.glob("models/*/*/*.model.zip")}
    damaged = next(p for p in paths if p.parts[-3] == "lightgbm" and p.name.startswith("r0-f1"))
    damaged.write_bytes(paths[damaged][:-200] + b"x" * 200)
    after = validate(experiment, [RIDGE, LIGHTGBM], store, keep="all")
    assert after.fitted == 1
    assert {path: path.read_bytes() for path in paths} == paths
    np.testing.assert_array_equal(after.oofs["lightgbm"].test, before["lightgbm"].test)


def test_results_without_models_are_fitted_again_where_models_are_wanted(
    experiment: Experiment, store: RunStore
) -> None:
    validate(experiment, [RIDGE], store)
    assert files_of(store, RIDGE, "*.model.zip") == []
    assert validate(experiment, [RIDGE], store, keep="all").fitted == 3
    assert files_of(store, RIDGE, "*.model.zip") == [f"r0-f{fold}.model.zip" for fold in range(3)]


@pytest.mark.slow
def test_workers_keep_models_as_this_process_does(experiment: Experiment, tmp_path: Path) -> None:
    from pipelines.engines.local import LocalEngine

    def workers() -> Engine:
        return LocalEngine(slots=2)

    for name, engine in (("here", lambda: InlineEngine(threads=1)), ("workers", workers)):
        validate(
            experiment, [RIDGE, LIGHTGBM], RunStore(tmp_path / name), engine=engine, keep="all"
        )
    one, other = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in found}
        for name in ("here", "workers")
        for found in [sorted((tmp_path / name).glob("models/*/*/*.zip"))]
    )
    assert one == other and len(one) == 6


@pytest.mark.slow
def test_nothing_is_held_of_a_network_that_is_not_kept(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.fitting.training import train_folds
    from pipelines.trainers.networks._kept import NetworkModel

    left = []
    original = NetworkModel.retain

    def retain(self: NetworkModel, steps: Any, last: int) -> None:
        original(self, steps, last)
        left.append(len(self.weights))

    monkeypatch.setattr(NetworkModel, "retain", retain)
    for keep in (False, True):
        train_folds(
            experiment.competition,
            experiment.dataset,
            NETWORK,
            experiment.folds,
            0,
            [(0,)],
            keep=keep,
        )
    assert left == [0, 0, 0, 1, 2, 3]


def test_a_stage_that_was_not_predicted_is_none() -> None:
    result = FoldResult(
        0,
        (0,),
        np.array([5, 10]),
        np.zeros((1, 2)),
        np.zeros(2),
        np.zeros((2, 4), np.float32),
        np.ones((1, 3), np.float32),
        0.0,
        0.0,
        np.zeros(2),
        np.array([10]),
    )
    assert result.tested(5) is None
    # A fit that ended by its own patience has its last stage for every later step.
    assert result.tested(10) is not None and result.tested(15) is not None


@given(
    entries=st.dictionaries(
        st.text(), st.integers() | st.floats() | st.text() | st.booleans() | st.none(), min_size=100
    ),
    within=st.sampled_from([dict, list, OrderedDict]),
)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_long_dictionaries_come_back_as_they_were(entries: dict[str, Any], within: type) -> None:
    value: Any = {"words": within(entries), "array": np.array([*entries], dtype=object)}
    again: Any = load_object(dump_object(value))
    assert type(again["words"]) is within
    pairs = [*within(entries).items()] if within is not list else [*entries]
    found = [*again["words"].items()] if within is not list else again["words"]
    # By their texts: a NaN differs from itself, and 1 is True.
    assert repr(found) == repr(pairs)
    assert again["array"].tolist() == [*entries]


def test_the_words_of_a_vectorizer_take_no_more_than_their_letters() -> None:
    words = {f"word{number}": number for number in range(20_000)}
    assert len(dump_object(words)) < 1.5 * len(json.dumps(words))


def test_a_file_of_skops_holds_no_addresses() -> None:
    content = dump_object({"a": np.arange(3.0), "b": [np.ones(2)]})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["schema.json", *sorted(archive.namelist()[1:])]
        assert all(len(name) < 10 for name in archive.namelist()[1:])
    value: Any = load_object(content)
    np.testing.assert_array_equal(value["a"], [0.0, 1.0, 2.0])
    assert isinstance(pd.Series(value["b"][0]).sum(), float)
