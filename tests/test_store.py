"""The run store: what goes in comes out, and one process writes at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from comps.base import BusyError, StoreError
from pipelines.basics.files import read_json, write_json
from pipelines.basics.processes import here_since
from pipelines.folds.files import folds_to_arrays
from pipelines.results.inner import Inner
from pipelines.results.oof import OutOfFold, assemble
from pipelines.store import FORMAT, Experiment, RunStore
from tests.support import RIDGE, ROOT, fold_result, kfold, tiny_experiment


def make_oof(experiment: Experiment, value: float = 1.0, key: str = "k1") -> OutOfFold:
    """Return out-of-fold predictions that are all the same value."""
    results = [
        {
            (fold,): fold_result(
                repeat=repeat,
                fold=fold,
                valid=np.full((2, len(valid)), value, dtype=np.float32),
                test=np.full((2, len(experiment.dataset.test_ids)), value, dtype=np.float32),
            )
            for fold, (_, valid) in enumerate(experiment.folds.pairs[repeat])
        }
        for repeat in range(experiment.folds.n_repeats)
    ]
    competition, dataset, folds = experiment.competition, experiment.dataset, experiment.folds
    return assemble(competition, dataset, RIDGE, key, folds, results)


# Round trips


def test_a_fold_comes_back_as_it_was_stored(store: RunStore) -> None:
    result = fold_result(
        repeat=1,
        fold=2,
        valid=np.random.default_rng(0).normal(size=(2, 7)).astype(np.float32),
        test=np.random.default_rng(1).normal(size=(2, 3, 4)).astype(np.float32),
    )
    store.write_fold(RIDGE, "k1", result)
    found = store.read_fold("ridge", "k1", 1, (2,))
    assert (found.repeat, found.held) == (1, (2,))
    assert (found.fit_seconds, found.other_seconds) == (1.5, 0.25)
    for name in ("steps", "curve", "valid", "test"):
        np.testing.assert_array_equal(getattr(found, name), getattr(result, name), strict=True)


def test_a_curve_is_read_without_the_predictions(store: RunStore) -> None:
    result = fold_result(fold=2)
    store.write_fold(RIDGE, "k1", result)
    steps, scores = store.read_curve("ridge", "k1", 0, (2,))
    np.testing.assert_array_equal(steps, result.steps)
    np.testing.assert_array_equal(scores, result.curve)
    path = store.fold_path("ridge", "k1", 0, (2,))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match="damaged"):
        store.read_curve("ridge", "k1", 0, (2,))
    # It is deleted by whoever trains, and by nobody who looks.
    assert path.exists()


def test_a_fit_without_two_folds_and_one_of_all_rows_come_back(store: RunStore) -> None:
    curves = np.array([[0.5, 0.4], [0.7, 0.6]])
    pair = replace(
        fold_result(), held=(2, 3), curves=curves, loss=np.arange(2.0), size=np.array([8.0, 9.0])
    )
    whole = replace(fold_result(repeat=1), held=(), curves=np.empty((0, 2)))
    for result, name in ((pair, "r0-f2-f3.npz"), (whole, "r1-all.npz")):
        store.write_fold(RIDGE, "k1", result)
        assert (store.root / "models" / "ridge" / "k1" / name).is_file()
        found = store.read_fold("ridge", "k1", result.repeat, result.held)
        assert found.held == result.held
        for part in ("curves", "loss", "size"):
            np.testing.assert_array_equal(getattr(found, part), getattr(result, part), strict=True)


def test_some_fits_are_found_together_or_not_at_all(store: RunStore) -> None:
    for fold in range(2):
        store.write_fold(RIDGE, "k1", fold_result(fold=fold))
    assert sorted(store.find_folds("ridge", "k1", 0, [(0,), (1,)])) == [(0,), (1,)]
    assert store.find_folds("ridge", "k1", 0, [(0,), (1,), (2,)]) == {}
    assert store.has_fold("ridge", "k1", 0, (1,)) and not store.has_fold("ridge", "k1", 0, (2,))


def test_what_is_damaged_is_deleted_where_it_is_looked_for(
    store: RunStore, experiment: Experiment
) -> None:
    store.write_fold(RIDGE, "k1", fold_result())
    store.write_oof(make_oof(experiment))
    fold = store.fold_path("ridge", "k1", 0, (0,))
    oof = fold.with_name("oof-r1.npz")
    for path in (fold, oof):
        path.write_bytes(b"PK garbage")
    assert store.find_fold("ridge", "k1", 0, (0,)) is None
    assert store.find_oof("ridge", "k1", 1) is None
    assert not fold.exists() and not oof.exists()
    assert store.find_oof("ridge", "k1", 1) is None


def test_a_fold_lies_where_the_store_says(store: RunStore) -> None:
    store.write_fold(RIDGE, "k1", fold_result(repeat=0, fold=3))
    path = store.fold_path("ridge", "k1", 0, (3,))
    assert path == store.root / "models" / "ridge" / "k1" / "r0-f3.npz"
    assert path.is_file()
    assert not store.fold_path("ridge", "k1", 0, (2,)).exists()


def test_the_configuration_lies_beside_the_results_for_people(store: RunStore) -> None:
    store.write_fold(RIDGE, "k1", fold_result())
    record = read_json(store.root / "models" / "ridge" / "k1" / "model.json")
    assert record == {"key": "k1", "config": RIDGE.config()}


def test_out_of_fold_predictions_come_back_as_they_were_stored(
    store: RunStore, experiment: Experiment
) -> None:
    oof = make_oof(experiment)
    store.write_oof(oof)
    found = store.read_oof("ridge", "k1", 1)
    assert oof.stored is not None and found.stored is not None
    for one, other in ((found, oof), (found.stored, oof.stored)):
        for name in type(other).__dataclass_fields__:
            value, wanted = getattr(one, name), getattr(other, name)
            if isinstance(wanted, np.ndarray):
                np.testing.assert_array_equal(value, wanted, strict=True)
            elif not isinstance(wanted, Inner):
                assert value == wanted


def test_the_row_numbers_of_folds_come_back(store: RunStore) -> None:
    folds = kfold(20, 4, n_repeats=2, seed=5)
    with np.load(store.write_folds(folds)) as found:
        for name, rows in folds_to_arrays(folds).items():
            np.testing.assert_array_equal(found[name], rows, strict=True)


def test_damaged_row_numbers_are_written_anew(store: RunStore) -> None:
    path = store.write_folds(kfold(20, 4))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert store.write_folds(kfold(20, 4)) == path
    assert path.read_bytes() == whole


def test_what_a_kill_left_half_written_is_removed_by_the_next_run(store: RunStore) -> None:
    store.write_record("blend.json", {})
    mark = f"{''.join(here_since())}01234567"
    half = store.fold_path("ridge", "k1", 0, (0,)).parent / f".r0-f0.npz.{2**30}.{mark}.part"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"PK")
    # Who blends takes no lock, and may be writing at this moment.
    whole = half.with_name(f".r0-f0.npz.{os.getppid()}.{mark}.part")
    whole.write_bytes(b"PK")
    with store.writing():
        assert not half.exists() and whole.exists()
    assert (store.root / "blend.json").exists()


def test_repeats_of_folds_are_kept_apart(store: RunStore) -> None:
    assert store.write_folds(kfold(20)) != store.write_folds(kfold(20, n_repeats=2))


def test_records_and_texts_are_stored_under_the_root(store: RunStore) -> None:
    assert read_json(store.write_record("blend.json", {"a": [1, 2]})) == {"a": [1, 2]}
    path = store.write_text("errors/ridge.log", "Traceback: ü")
    assert path == store.root / "errors" / "ridge.log"
    assert path.read_text(encoding="utf-8") == "Traceback: ü"


def test_what_is_not_there_is_not_found(store: RunStore) -> None:
    with pytest.raises(FileNotFoundError, match=r"r0-f0\.npz"):
        store.read_fold("ridge", "k1", 0, (0,))
    with pytest.raises(FileNotFoundError, match=r"oof-r1\.npz"):
        store.read_oof("ridge", "k1", 1)


def test_damaged_results_are_named(store: RunStore, experiment: Experiment) -> None:
    store.write_fold(RIDGE, "k1", fold_result())
    store.fold_path("ridge", "k1", 0, (0,)).write_bytes(b"PK garbage")
    with pytest.raises(StoreError, match=r"models/ridge/k1/r0-f0\.npz is damaged"):
        store.read_fold("ridge", "k1", 0, (0,))
    store.write_oof(make_oof(experiment))
    (store.root / "models" / "ridge" / "k1" / "oof-r1.npz").write_bytes(b"")
    with pytest.raises(StoreError, match=r"models/ridge/k1/oof-r1\.npz is damaged"):
        store.read_oof("ridge", "k1", 1)


# What is stored on some data and folds


def test_whatever_is_stored_on_the_data_and_folds_is_found(
    store: RunStore, experiment: Experiment, tiny_data: Path
) -> None:
    assert store.predictions(experiment.dataset, experiment.folds) == []
    for key in ("k2", "k1"):
        store.write_oof(make_oof(experiment, key=key))
    store.write_oof(OutOfFold(**make_oof(experiment).__dict__ | {"model": "ridge[alpha=2.0]"}))
    changed = {"data_fingerprint": "other", "key": "k9"}
    store.write_oof(OutOfFold(**make_oof(experiment).__dict__ | changed))
    found = store.predictions(experiment.dataset, experiment.folds)
    assert [(oof.model, oof.key) for oof in found] == [("ridge[alpha=2.0]", "k1"), ("ridge", "k2")]
    other = tiny_experiment(tiny_data, n_folds=4)
    assert store.predictions(other.dataset, other.folds) == []


def test_imported_members_are_kept_apart_and_the_newest_counts(
    store: RunStore, experiment: Experiment
) -> None:
    foreign = {"model": "foreign", "config": {"imported": True}}
    for number, (key, values) in enumerate((("k2", 1.0), ("k1", 2.0))):
        oof = replace(make_oof(experiment, values, key), **foreign)
        store.imported.put(oof)
        path = store.root / "imported" / "foreign" / key / "oof-r1.npz"
        os.utime(path, (number, number))
    other = replace(make_oof(experiment, key="k3"), **foreign, data_fingerprint="other")
    store.imported.put(other)
    (found,) = store.imported.on(experiment.dataset, experiment.folds)
    assert (found.model, found.key, found.imported) == ("foreign", "k1", True)
    assert store.imported.names() == {"foreign"}
    assert store.predictions(experiment.dataset, experiment.folds) == []


def test_repeats_of_a_key_are_told_most_first(
    store: RunStore, experiment: Experiment, tiny_data: Path
) -> None:
    assert store.repeats_of("ridge", "k1") == []
    for n_repeats in (1, 2, 10):
        store.write_oof(make_oof(tiny_experiment(tiny_data, n_repeats=n_repeats)))
    assert store.repeats_of("ridge", "k1") == [10, 2, 1]


# Folders that are no stores of this version


def test_a_store_that_is_not_there_yet_can_be_read(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "absent")
    assert not store.fold_path("ridge", "k1", 0, (0,)).exists()
    assert not store.root.exists()


def test_the_format_is_written_and_accepted_again(store: RunStore) -> None:
    with store.writing():
        pass
    marker = read_json(store.root / "store.json")
    assert marker["format"] == FORMAT
    RunStore(store.root)


def test_a_store_of_another_format_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "store.json", {"format": FORMAT + 1, "version": "9.9"})
    expected = rf"version 9\.9 in format {FORMAT + 1}; this version reads format {FORMAT}"
    with pytest.raises(StoreError, match=expected):
        RunStore(tmp_path)


def test_a_store_of_the_first_format_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "store.json", {"format": 1, "version": "0.1.0"})
    with pytest.raises(StoreError, match=r"in format 1; .*are not converted"):
        RunStore(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", "3", '{"version": "0.1.0"}'])
def test_a_damaged_marker_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "store.json").write_text(content)
    with pytest.raises(StoreError, match=r"store\.json is damaged\. Delete it"):
        RunStore(tmp_path)


def test_a_file_in_the_place_of_the_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(StoreError, match="runs is a file; a folder for results was expected"):
        RunStore(tmp_path / "runs")


def test_a_file_in_the_place_of_a_parent_is_explained_when_writing(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with (
        pytest.raises(StoreError, match=r"Cannot write to .*runs/tiny: "),
        RunStore(tmp_path / "runs" / "tiny").writing(),
    ):
        pass


def test_a_full_disk_is_explained_when_the_lock_is_taken(small_disk: Path) -> None:
    store = RunStore(small_disk / "tiny")
    store.root.mkdir()
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "other").write_bytes(bytes(400_000))
    with pytest.raises(StoreError, match="disk is full"):
        take(store)
    (small_disk / "other").unlink()
    take(store)


# The lock


@contextmanager
def holder(root: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that holds the store until it is killed."""
    code = (
        "import sys, time; from pathlib import Path; from pipelines.store import RunStore\n"
        f"with RunStore(Path({str(root)!r})).writing():\n"
        "    print('held', flush=True)\n"
        "    time.sleep(600)"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def take(store: RunStore) -> None:
    """Hold the store for a moment."""
    with store.writing():
        pass


def test_a_second_process_is_told_who_holds_the_store(store: RunStore) -> None:
    with holder(store.root) as process:
        expected = rf"Another run is writing to .*tiny \(process {process.pid}\)\. Wait"
        with pytest.raises(BusyError, match=expected):
            take(store)


def test_a_killed_holder_releases_the_store(store: RunStore) -> None:
    with holder(store.root) as process:
        with pytest.raises(BusyError, match=f"process {process.pid}"):
            take(store)
        process.send_signal(signal.SIGKILL)
        process.wait()
        take(store)
    assert (store.root / ".holder").read_text() == str(os.getpid())


def test_a_holder_that_left_no_name_is_unknown(store: RunStore) -> None:
    with store.writing():
        (store.root / ".holder").unlink()
        with pytest.raises(BusyError, match=r"\(process unknown\)"):
            take(RunStore(store.root))


def test_a_store_that_is_held_can_be_read(store: RunStore) -> None:
    store.write_fold(RIDGE, "k1", fold_result(curve=(0.5, 0.25)))
    with holder(store.root):
        assert store.read_fold("ridge", "k1", 0, (0,)).curve.tolist() == [0.5, 0.25]


def test_one_process_cannot_hold_a_store_twice(store: RunStore) -> None:
    with store.writing(), pytest.raises(BusyError, match=f"process {os.getpid()}"):
        take(RunStore(store.root))


def test_other_stores_are_not_held(store: RunStore, tmp_path: Path) -> None:
    with store.writing():
        take(RunStore(tmp_path / "runs" / "other"))


def test_an_error_releases_the_store(store: RunStore) -> None:
    with pytest.raises(KeyError, match="oops"), store.writing():
        raise KeyError("oops")
    take(store)
