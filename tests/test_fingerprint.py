"""Fingerprints: equal when what decides a result is equal, in every process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comps.base import IDENTITY, Model, UsageError
from pipelines.crossval import Experiment
from pipelines.fingerprint import fingerprint
from pipelines.trainers import TRAINERS
from tests.support import (
    FOREST,
    LIGHTGBM,
    RIDGE,
    ROOT,
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


def test_a_key_changes_with_the_metric_that_scores_the_stages(experiment: Experiment) -> None:
    other = replace(TINY, metric=replace(TINY.metric, name="mean_absolute_error"))
    assert replace(experiment, competition=other).key(RIDGE) != experiment.key(RIDGE)


# The code

Found = dict[tuple[str, str], str]

PRINT_ALL = """
import json
from comps.catalog import find_competition
from pipelines.fingerprint import code_fingerprint
whose = find_competition({competition!r})
rows = [[model.trainer, model.name, code_fingerprint(whose, model)] for model in whose.models]
print(json.dumps(rows))
"""


def fingerprints_at(root: Path, hash_seed: str = "0", competition: str = "house-prices") -> Found:
    """Return the fingerprint by (trainer, model) of the code of the project that lies at `root`."""
    here = f"import sys; sys.path.insert(0, {str(root)!r})\n"
    code = here + PRINT_ALL.format(competition=competition)
    rows = json.loads(python(code, PYTHONHASHSEED=hash_seed))
    return {(trainer, model): code for trainer, model, code in rows}


@contextmanager
def altered(file: Path, addition: str = "# changed") -> Iterator[None]:
    """Add a line to a file, for a while."""
    content = file.read_text()
    file.write_text(f"{content}\n{addition}\n")
    try:
        yield
    finally:
        file.write_text(content)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Found]:
    """A copy of the project's code, and its fingerprints."""
    root = tmp_path_factory.mktemp("project")
    for room in ("comps", "pipelines"):
        ignored = shutil.ignore_patterns("sample", "__pycache__")
        shutil.copytree(ROOT / room, root / room, ignore=ignored)
    return root, fingerprints_at(root)


EVERYTHING = set(TRAINERS)


@pytest.mark.parametrize(
    ("file", "trainers"),
    [
        ("pipelines/training.py", EVERYTHING),
        ("pipelines/trainers/_base.py", EVERYTHING),
        ("pipelines/folds/schemes.py", EVERYTHING),
        ("comps/base/metric.py", EVERYTHING),
        ("comps/house_prices/features.py", EVERYTHING),
        ("comps/house_prices/cleaning.py", EVERYTHING),
        ("comps/house_prices/loader.py", EVERYTHING),
        ("comps/archive.py", EVERYTHING),
        ("comps/image_features.py", set()),
        ("comps/digits/loader.py", set()),
        ("comps/catalog.py", set()),
        ("pipelines/trainers/lightgbm.py", {"lightgbm"}),
        ("pipelines/trainers/xgboost.py", {"xgboost"}),
        ("pipelines/trainers/keras_jax.py", {"keras-jax"}),
        ("comps/house_prices/models.py", set()),
        ("pipelines/crossval.py", set()),
        ("pipelines/engines/local.py", set()),
        ("pipelines/cli/app.py", set()),
        ("pipelines/trainers/_fold_program.py", EVERYTHING),
        ("pipelines/trainers/_boosting.py", EVERYTHING),
        ("pipelines/seeds.py", EVERYTHING),
        ("pipelines/preparation.py", EVERYTHING),
    ],
)
def test_changed_code_changes_exactly_the_models_that_follow_from_it(
    copied: tuple[Path, Found], file: str, trainers: set[str]
) -> None:
    root, before = copied
    with altered(root / file):
        after = fingerprints_at(root)
    changed = {key for key, code in before.items() if after[key] != code}
    assert changed == {key for key in before if key[0] in trainers}


def test_what_competitions_share_counts_for_those_that_import_it(
    copied: tuple[Path, Found],
) -> None:
    root, houses = copied
    digits = fingerprints_at(root, competition="digits")
    with altered(root / "comps" / "image_features.py"):
        after = fingerprints_at(root, competition="digits")
        assert fingerprints_at(root) == houses
    assert after["lightgbm", "lightgbm"] != digits["lightgbm", "lightgbm"]


IMPORTS = """
import comps.one, comps.two.part
from comps.three import thing
from comps import four
from ..five import thing
from .. import six
def later():
    from comps.seven.part import thing
"""


def test_imports_are_found_however_they_are_written(copied: tuple[Path, Found]) -> None:
    root, _ = copied
    with altered(root / "comps" / "house_prices" / "table.py", IMPORTS):
        found = python(
            f"import sys; sys.path.insert(0, {str(root)!r})\n"
            "from pipelines.fingerprint import _imports; print(*_imports('comps.house_prices'))"
        )
    names = ("one", "two", "three", "four", "five", "six", "seven")
    assert {f"comps.{name}" for name in names} <= set(found.split())


def test_a_file_that_cannot_be_parsed_and_is_not_imported_does_no_harm(
    copied: tuple[Path, Found],
) -> None:
    root, _ = copied
    file = root / "comps" / "house_prices" / "_half_written.py"
    file.write_text("def")
    try:
        assert fingerprints_at(root)
    finally:
        file.unlink()


def test_the_code_has_the_same_fingerprint_in_another_process() -> None:
    assert fingerprints_at(ROOT, "1") == fingerprints_at(ROOT, "2")


def test_an_array_of_objects_has_no_fingerprint() -> None:
    with pytest.raises(ValueError, match="numbers or text"):
        fingerprint(np.array(["a", None], dtype=object))


def test_a_model_whose_function_has_no_name_is_refused() -> None:
    with pytest.raises(UsageError, match="lambda"):
        replace(RIDGE, build=lambda: None)
