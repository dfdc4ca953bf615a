"""Folds of a file that a team shares: the same for any competition, kept with the run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comps.base import Competition, DataError, StoreError, UsageError
from pipelines import (
    blend,
    cross_validate,
    folds_table,
    import_oof,
    load_run,
    predict,
    run,
    tune,
)
from pipelines.api.choices import Options
from pipelines.api.session import Session
from pipelines.store import RunStore
from pipelines.store.records import Status, read_records
from tests.commands import comps
from tests.tables import own, table, unseen
from tests.test_cli import write_houses

HERE: dict[str, Any] = {"engine": "inline", "checks": False, "models": "median,ridge"}
ROWS, NEW = table(60), unseen(20)


def competition() -> Competition:
    return own(ROWS, NEW)


def written(path: Path, folds: pd.DataFrame | str) -> Path:
    """Write a file of folds."""
    if isinstance(folds, str):
        path.write_text(folds)
    else:
        folds.to_csv(path, index=False)
    return path


def numbered(numbers: Any, ids: Any = None) -> pd.DataFrame:
    """Return a table of folds."""
    column = competition().id_column
    return pd.DataFrame({column: np.arange(60) if ids is None else ids, "fold": numbers})


def folds_of(path: Path, **choices: Any) -> list[list[int]]:
    """Return the rows that each fold predicts."""
    session = Session(Options.of(competition(), {"folds_file": path, **choices}))
    folds = session.experiment().folds
    everything = set(range(folds.n_rows))
    for train, valid in folds.pairs[0]:
        assert set(train) == everything - set(valid)
    return [valid.tolist() for _, valid in folds.pairs[0]]


# What the file says


@pytest.mark.slow
@settings(max_examples=50)
@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_each_row_is_in_the_fold_that_the_file_says(
    tmp_path_factory: pytest.TempPathFactory, n_folds: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    numbers = random.permutation(np.arange(60) % (n_folds + 1) - 1)
    shuffled = numbered(numbers).sample(frac=1, random_state=seed % 1000)
    path = written(tmp_path_factory.mktemp("folds") / "f.csv", shuffled)
    expected = [np.flatnonzero(numbers == fold).tolist() for fold in range(n_folds)]
    assert folds_of(path) == expected


def test_the_folds_that_are_written_are_those_that_are_read(tmp_path: Path) -> None:
    made = folds_table(competition(), folds=4, seed=3).table
    path = written(tmp_path / "folds.csv", made)
    again = folds_table(competition(), folds_file=path).table
    pd.testing.assert_frame_equal(again, made)
    one = cross_validate(competition(), folds=4, seed=3, runs=tmp_path / "a", **HERE)
    other = cross_validate(competition(), folds_file=path, seed=3, runs=tmp_path / "b", **HERE)
    np.testing.assert_array_equal(one.oof["ridge"].valid, other.oof["ridge"].valid)
    np.testing.assert_array_equal(one.oof["ridge"].test, other.oof["ridge"].test)


@pytest.mark.parametrize(
    ("folds", "said"),
    [
        (numbered(np.arange(60) % 3).iloc[:-2], r"lacks 2 training rows: 58, 59\."),
        (numbered(np.arange(60) % 3, [*range(59), 0]), r"has 1 duplicate id: 0\."),
        (numbered(np.arange(60) % 3, range(60, 120)), "has none of the 60 training rows: its id"),
        (numbered([*[1, 2] * 29, 1, 2**60]), "no whole number as the fold of 1 row"),
        (numbered([0.5, *[1, 2] * 29, 1]), "no whole number as the fold of 1 row: id 0"),
        (numbered(["a", *[1, 2] * 29, np.inf]), "no whole number as the fold of 2 rows"),
        (numbered([1] * 60), r"must name at least two folds; it names 1\."),
        (numbered([-1] * 60), r"must name at least two folds; it names none"),
        (numbered([1] * 60).rename(columns={"fold": "part"}), r"lacks the columns \['fold'\]"),
        ("", "is empty|no header"),
        ("id,fold\n1,2\n3\n", "is not a readable CSV"),
        (",fold\n,1\n", "lacks the columns"),
    ],
)
def test_what_is_wrong_with_the_file_is_said(
    folds: pd.DataFrame | str, said: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "folds.csv", folds)
    with pytest.raises((DataError, UsageError), match=said):
        run(competition(), folds_file=path, runs=tmp_path / "runs", **HERE)
    assert not (tmp_path / "runs" / "own" / "models").exists()


def test_contradictions_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "folds.csv", numbered(np.arange(60) % 3))
    for choices, said in (
        ({"scheme": "kfold"}, r"leave out scheme \(--scheme\)"),
        ({"folds": 5}, r"names 3 of them \(0, 1, 2\), and 5 are asked for"),
        ({"folds_file": tmp_path / "none.csv"}, "there is no file"),
        ({"folds_file": tmp_path}, "takes a file"),
    ):
        with pytest.raises(UsageError, match=said):
            run(competition(), runs=tmp_path, **{"folds_file": path, **HERE, **choices})


def test_folds_that_follow_time_are_given_up_on_purpose_alone(tmp_path: Path) -> None:
    rows = ROWS.assign(day=np.arange(60))
    in_time = own(rows, NEW.assign(day=np.arange(60, 80)), time="day")
    path = written(tmp_path / "folds.csv", numbered(np.arange(60) % 3))
    with pytest.raises(UsageError, match="follow time"):
        folds_table(in_time, folds_file=path)
    table_of_folds = folds_table(in_time, folds_file=path, scheme="column").table
    assert table_of_folds["fold"].tolist() == (np.arange(60) % 3 + 1).tolist()


def test_folds_that_follow_time_come_back_as_they_were_written(tmp_path: Path) -> None:
    in_time = own(ROWS.assign(day=np.arange(60)), NEW.assign(day=np.arange(60, 80)), time="day")
    made = folds_table(in_time, folds=3).table
    assert made["fold"].isna().sum() == 15
    path = written(tmp_path / "folds.csv", made)
    again = folds_table(in_time, folds_file=path, scheme="column").table
    pd.testing.assert_frame_equal(again, made)


def test_rows_that_belong_together_in_several_folds_are_told(tmp_path: Path) -> None:
    together = own(ROWS.assign(town=np.arange(60) // 2), NEW.assign(town=99), group="town")
    apart = written(tmp_path / "apart.csv", numbered(np.arange(60) % 3))
    whole = written(tmp_path / "whole.csv", numbered(np.arange(60) // 2 % 3))
    for path, told in ((apart, 1), (whole, 0)):
        session = Session(Options.of(together, {"folds_file": path, "sealed": 0.2}))
        assert len([note for note in session.introduction() if "belong together" in note]) == told


def test_rows_without_a_fold_and_ids_of_no_row_are_told(tmp_path: Path) -> None:
    path = written(tmp_path / "folds.csv", numbered([None, *np.arange(60) % 3], range(61)))
    session = Session(Options.of(competition(), {"folds_file": path}))
    notes = " ".join(session.introduction())
    assert "1 id of folds.csv is of no row that is trained on: 60." in notes
    assert "1 row of folds.csv has no fold: trained on in every fold" in notes


# Sealed rows


def test_which_rows_are_sealed_does_not_depend_on_the_file(tmp_path: Path) -> None:
    held = []
    for name, numbers in (("a", np.arange(60) % 5), ("b", np.arange(60) // 15), ("none", None)):
        choices: dict[str, Any] = {"sealed": 0.2}
        if numbers is not None:
            choices["folds_file"] = written(tmp_path / f"{name}.csv", numbered(numbers))
        session = Session(Options.of(competition(), choices))
        assert session.sealed is not None
        held.append(session.sealed.ids.tolist())
        assert session.experiment().folds.n_folds == (4 if name == "b" else 5)
    assert held[0] == held[1] == held[2] and len(held[0]) == 12


def test_a_column_of_folds_is_sealed_whole_and_read_back(tmp_path: Path) -> None:
    with_column = own(ROWS.assign(part=np.arange(60) % 5), NEW, folds="part")
    made = folds_table(with_column, sealed=0.2).table
    path = written(tmp_path / "folds.csv", made)
    again = folds_table(with_column, folds_file=path, sealed=0.2).table
    pd.testing.assert_frame_equal(again, made)
    assert len(made) == 48 and made["fold"].nunique() == 4


def test_sealed_rows_are_those_that_the_shared_file_lacks(tmp_path: Path) -> None:
    made = folds_table(competition(), folds=4, sealed=0.2)
    path = written(tmp_path / "folds.csv", made.table)
    again = folds_table(competition(), folds_file=path, sealed=0.2)
    pd.testing.assert_frame_equal(again.table, made.table)
    with pytest.raises(DataError, match="give the same --sealed"):
        folds_table(competition(), folds_file=path)
    choices = HERE | {"folds_file": path, "runs": tmp_path}
    result = run(competition(), sealed=0.2, **choices)
    assert result.sealed is not None and "on 12 rows" in result.sealed.text


@pytest.mark.slow
def test_a_search_checks_its_winner_without_a_whole_fold(tmp_path: Path) -> None:
    path = written(tmp_path / "folds.csv", numbered(np.arange(60) % 5))
    choices: dict[str, Any] = {"engine": "inline", "runs": tmp_path, "folds_file": path}
    done = tune(competition(), "ridge", trials=3, outer=0.2, **choices)
    assert done.best.check is not None and done.best.check.rows == 12


# What follows a run


@pytest.mark.slow
def test_what_follows_a_run_uses_the_copy_that_its_store_keeps(tmp_path: Path) -> None:
    path = written(tmp_path / "folds.csv", numbered(np.arange(60) % 4))
    first = run(competition(), folds_file=path, runs=tmp_path / "runs", **HERE)
    path.unlink()
    assert first.blend is not None
    for runs in (tmp_path / "runs", shutil.copytree(tmp_path / "runs", tmp_path / "moved")):
        blended = blend(competition(), runs=runs)
        assert blended.blend is not None
        np.testing.assert_array_equal(blended.blend.weights, first.blend.weights)
        assert blended.blend.honest_score == first.blend.honest_score
        loaded = load_run(competition(), runs=runs)
        np.testing.assert_array_equal(loaded.oof["ridge"].valid, first.oof["ridge"].valid)
        assert len(predict(competition(), NEW, runs=runs)) == 20
    here = {name: value for name, value in HERE.items() if name != "models"}
    again = run(competition(), like=tmp_path / "moved", runs=tmp_path / "elsewhere", **here)
    assert any("byte for byte" in note for note in again.notes)
    (copy,) = (tmp_path / "moved" / "own" / "folds").glob("*.csv")
    copy.write_bytes(copy.read_bytes().replace(b"59,3", b"59,2"))
    with pytest.raises(StoreError, match=r"is damaged: .* Name the file with --folds-file; it was"):
        blend(competition(), runs=tmp_path / "moved")
    copy.unlink()
    with pytest.raises(StoreError, match=r"is gone: "):
        run(competition(), like=tmp_path / "moved", runs=tmp_path / "third", **here)


def test_a_file_that_says_the_same_is_the_same_file(tmp_path: Path) -> None:
    folds = numbered([-1, *np.arange(59) % 4])
    path, runs = written(tmp_path / "folds.csv", folds), tmp_path / "runs"
    first = run(competition(), folds_file=path, runs=runs, **HERE)
    other = tmp_path / "other.csv"
    content = folds.replace({"fold": {-1: None}})[::-1].to_csv(index=False, sep=";")
    other.write_bytes(content.replace("\n", "\r\n").encode())
    folds.to_parquet(tmp_path / "folds.parquet")
    for same in (other, tmp_path / "folds.parquet"):
        loaded = load_run(competition(), folds_file=same, runs=runs)
        assert loaded.oof["ridge"].key == first.oof["ridge"].key
        assert blend(competition(), folds_file=same, runs=runs).score == first.score


@pytest.mark.slow
def test_the_run_of_the_named_file_is_followed(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    files = [
        written(tmp_path / f"{n_folds}.csv", numbered(np.arange(60) % n_folds))
        for n_folds in (3, 4)
    ]
    for path in files:
        run(competition(), folds_file=path, runs=runs, **HERE)
    for n_folds, path in zip((3, 4), files, strict=True):
        oof = load_run(competition(), folds_file=path, runs=runs).oof["ridge"]
        assert oof.fold_scores.shape == (1, n_folds)
    again = run(competition(), like="last", runs=runs, engine="inline", checks=False)
    assert again.oof["ridge"].fold_scores.shape == (1, 4)
    with pytest.raises(UsageError, match=r"leave out folds_file \(--folds-file\)"):
        run(competition(), like="last", folds_file=files[0], runs=runs, engine="inline")


def test_a_moved_file_makes_no_new_results(tmp_path: Path) -> None:
    path = written(tmp_path / "folds.csv", numbered(np.arange(60) % 4))
    other = written(tmp_path / "other.csv", numbered(np.arange(60) % 4)[::-1])
    choices = HERE | {"runs": tmp_path / "runs"}
    keys = [
        cross_validate(competition(), folds_file=file, **choices).oof["ridge"].key
        for file in (path, other)
    ]
    assert keys[0] == keys[1]


@pytest.mark.parametrize("numbers", ["as written", "of the file"])
def test_members_of_other_tools_join_on_these_folds(numbers: str, tmp_path: Path) -> None:
    folds = numbered([-1, *np.arange(59) % 4])
    path = written(tmp_path / "folds.csv", folds)
    choices: dict[str, Any] = {"folds_file": path, "runs": tmp_path / "runs"}
    made = folds_table(competition(), **choices)
    assert f"--folds-file {path}" in made.back
    oof = (made.table if numbers == "as written" else folds).assign(y=ROWS["y"])
    test = pd.DataFrame({"id": range(20), "y": 0.0})
    import_oof(competition(), "theirs", oof, test, **choices)
    with pytest.raises(DataError, match="2 ids are in another fold than here"):
        moved = oof.assign(fold=oof["fold"].iloc[[0, 2, 1, *range(3, 60)]].to_numpy())
        import_oof(competition(), "others", moved, test, **choices)
    run(competition(), **choices, **HERE)
    assert "theirs" in blend(competition(), runs=tmp_path / "runs").oof


@pytest.mark.slow
def test_workers_and_commands_use_the_file_of_a_built_in_competition(tmp_path: Path) -> None:
    write_houses(tmp_path / "houses.zip")
    data = ("house-prices", "--data", "houses.zip")
    comps("folds", *data, "--folds", "3", "--sealed", "0.2", "--output", "folds.csv", cwd=tmp_path)
    given_folds = ("--folds-file", "folds.csv", "--sealed", "0.2")
    comps("run", *data, *given_folds, "--models", "median,ridge", "--jobs", "2", cwd=tmp_path)
    (record,) = read_records(RunStore(tmp_path / "runs" / "house-prices"))[0]
    assert (record.folds.n_folds, record.folds.scheme) == (3, "column")
    (tmp_path / "folds.csv").unlink()
    assert record.folds.file is not None and record.state is Status.DONE
    comps("submit", *data, "--output", "again.csv", cwd=tmp_path)
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "submission.csv").read_bytes()
