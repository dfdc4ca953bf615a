"""Fingerprints: equal when what decides a result is equal, in every process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comps.base import IDENTITY, Model, Prediction, Task, UsageError
from pipelines.basics.fingerprint import fingerprint, with_contents
from pipelines.store import Experiment
from tests.support import (
    FOREST,
    LIGHTGBM,
    RIDGE,
    TINY,
    build_mean,
    kfold,
    python,
    tiny_experiment,
    with_dataset,
    write_tiny,
)

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_the_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    assert fingerprint(value) == fingerprint(dict(reversed(value.items())))


@given(JSON, JSON)
def test_different_values_have_different_fingerprints(one: object, other: object) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (fingerprint(one) == fingerprint(other)) == same


@pytest.mark.parametrize(
    "other",
    [
        np.array([1, 2, 3, 5]),
        np.array([1, 2, 3, 4], dtype=np.int32),
        np.array([[1, 2], [3, 4]]),
        np.array([1, 2, 3, 4, 0]),
    ],
    ids=["value", "dtype", "shape", "length"],
)
def test_arrays_differ_by_value_dtype_and_shape(other: np.ndarray) -> None:
    assert fingerprint(np.array([1, 2, 3, 4])) != fingerprint(other)


def test_equal_arrays_are_equal_however_they_lie_in_memory() -> None:
    table = np.arange(12).reshape(3, 4)
    assert fingerprint(table) == fingerprint(np.asfortranarray(table))
    assert fingerprint(table[:, ::2]) == fingerprint(table[:, ::2].copy())


def test_where_one_part_ends_matters() -> None:
    assert fingerprint("ab", "c") != fingerprint("a", "bc")


@pytest.mark.slow
def test_the_fingerprint_of_folds_is_the_same_in_another_process() -> None:
    code = "from tests.support import kfold; print(kfold(50, 4, seed=3).fingerprint)"
    found = {python(code, PYTHONHASHSEED=seed).strip() for seed in ("0", "1")}
    assert found == {kfold(50, 4, seed=3).fingerprint}


# The key of a model's results


def test_a_key_changes_with_a_parameter_of_the_model(experiment: Experiment) -> None:
    changed = RIDGE.with_params({"alpha": 1.5})
    assert experiment.key(changed) != experiment.key(RIDGE)
    assert experiment.key(changed.with_params({"alpha": 1.0})) == experiment.key(RIDGE)


@pytest.mark.parametrize(
    "changed",
    [
        replace(RIDGE, name="other"),
        replace(RIDGE, features=None),
        replace(RIDGE, build=build_mean),
        replace(RIDGE, patience=3),
        replace(RIDGE, trainer="lightgbm"),
    ],
    ids=["name", "features", "build", "patience", "trainer"],
)
def test_a_key_changes_with_what_decides_the_predictions(
    experiment: Experiment, changed: Model
) -> None:
    assert experiment.key(changed) != experiment.key(RIDGE)


@pytest.mark.parametrize(
    "changed",
    [replace(RIDGE, seconds=9.0), replace(RIDGE, about="lines"), replace(RIDGE, default=False)],
    ids=["seconds", "about", "default"],
)
def test_a_key_ignores_what_does_not_decide_the_predictions(
    experiment: Experiment, changed: Model
) -> None:
    assert experiment.key(changed) == experiment.key(RIDGE)


def test_a_key_does_not_depend_on_the_other_models(experiment: Experiment) -> None:
    zoo = tuple(
        model.with_params({"rounds": 99}) if model is LIGHTGBM else model for model in TINY.models
    )
    changed = replace(experiment, competition=replace(TINY, models=zoo))
    assert changed.key(RIDGE) == experiment.key(RIDGE)
    assert changed.key(zoo[3]) != experiment.key(LIGHTGBM)


@pytest.mark.parametrize(
    "change",
    [
        lambda experiment: replace(experiment, seed=1),
        lambda experiment: replace(experiment, folds=kfold(120, 4)),
        lambda experiment: with_dataset(experiment, fingerprint="other"),
    ],
    ids=["seed", "folds", "data"],
)
def test_a_key_changes_with_seed_folds_and_data(
    experiment: Experiment, change: Callable[[Experiment], Experiment]
) -> None:
    assert change(experiment).key(FOREST) != experiment.key(FOREST)


def test_a_key_does_not_change_with_the_number_of_repeats(tiny_data: Path) -> None:
    one, more = tiny_experiment(tiny_data), tiny_experiment(tiny_data, n_repeats=3)
    assert one.key(FOREST) == more.key(FOREST)


def test_other_content_of_the_files_changes_the_key(experiment: Experiment, tmp_path: Path) -> None:
    other = tiny_experiment(write_tiny(tmp_path, seed=1))
    assert other.key(RIDGE) != experiment.key(RIDGE)


def test_a_key_changes_with_the_scale_on_which_models_learn(experiment: Experiment) -> None:
    in_dollars = replace(TINY, metric=replace(TINY.metric, scale=IDENTITY))
    assert replace(experiment, competition=in_dollars).key(RIDGE) != experiment.key(RIDGE)


@pytest.mark.parametrize(
    "changes",
    [
        {"metric": replace(TINY.metric, greater_is_better=True)},
        {"metric": replace(TINY.metric, needs=Prediction.PROBABILITY)},
        {"task": Task.BINARY},
    ],
    ids=["direction", "needs", "task"],
)
def test_a_key_changes_with_what_is_predicted_and_how_it_is_judged(
    experiment: Experiment, changes: dict[str, Any]
) -> None:
    changed = replace(experiment, competition=replace(TINY, **changes))
    assert changed.key(RIDGE) != experiment.key(RIDGE)


def test_a_key_does_not_change_with_how_a_metric_is_shown(experiment: Experiment) -> None:
    shown = replace(TINY, metric=replace(TINY.metric, label="error", digits=2))
    assert replace(experiment, competition=shown).key(RIDGE) == experiment.key(RIDGE)


# Files that parameters name


def with_weights(file: object) -> Model:
    """Return a model with a parameter that names a file."""
    return replace(RIDGE, params={"alpha": 1.0, "weights": file})


def test_a_key_follows_the_content_of_a_file_and_not_its_name(
    experiment: Experiment, tmp_path: Path
) -> None:
    one, copied = tmp_path / "one.h5", tmp_path / "copied.h5"
    one.write_bytes(b"weights"), copied.write_bytes(b"weights")
    before = experiment.key(with_weights(str(one)))
    assert experiment.key(with_weights(str(copied))) == before
    assert experiment.key(with_weights(str(tmp_path / "missing.h5"))) != before
    one.write_bytes(b"changed")
    assert experiment.key(with_weights(str(one))) != before
    one.write_bytes(b"weights")
    assert experiment.key(with_weights(str(one))) == before


def test_files_in_lists_and_in_the_folder_for_data_are_found(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPS_DATA", str(tmp_path))
    model = with_weights([{"file": "vectors.txt"}])
    missing = experiment.key(model)
    (tmp_path / "vectors.txt").write_text("a 1")
    before = experiment.key(model)
    (tmp_path / "vectors.txt").write_text("a 2")
    assert len({missing, before, experiment.key(model)}) == 3


def test_a_folder_counts_with_all_that_lies_in_it(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    inner = tmp_path / "encoder" / "weights"
    inner.mkdir(parents=True)
    (inner / "a.bin").write_bytes(b"1")
    before = experiment.key(with_weights("./encoder"))
    (inner / "a.bin").rename(inner / "b.bin")
    renamed = experiment.key(with_weights("./encoder"))
    (inner / "b.bin").write_bytes(b"2")
    changed = experiment.key(with_weights("./encoder"))
    assert len({before, renamed, changed}) == 3


def test_a_word_is_no_folder_whatever_lies_here(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = experiment.key(with_weights("Bernoulli"))
    (tmp_path / "Bernoulli").mkdir()
    (tmp_path / "Bernoulli" / "file").write_text("of something else")
    assert experiment.key(with_weights("Bernoulli")) == before


@pytest.mark.parametrize("text", ["/", "//", "./", "../", "/./"])
def test_a_separator_alone_is_no_folder(text: str, tmp_path: Path) -> None:
    # All files of a disk would be read.
    assert with_contents({"sep": text}) == {"sep": text}


def test_a_key_changes_with_the_metric_that_scores_the_stages(experiment: Experiment) -> None:
    other = replace(TINY, metric=replace(TINY.metric, name="mean_absolute_error"))
    assert replace(experiment, competition=other).key(RIDGE) != experiment.key(RIDGE)


# What has no fingerprint


def test_an_array_of_objects_has_no_fingerprint() -> None:
    with pytest.raises(ValueError, match="numbers or text"):
        fingerprint(np.array(["a", None], dtype=object))


def test_a_model_whose_function_has_no_name_is_refused() -> None:
    with pytest.raises(UsageError, match="lambda"):
        replace(RIDGE, build=lambda: None)
