"""Members of a whole team: a folder at once, every fault named, listed and removed by name."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from comps.base import Competition, DataError, UsageError
from pipelines import (
    blend,
    cross_validate,
    export_oof,
    folds_table,
    import_folder,
    import_oof,
    imported_members,
)
from pipelines.api.imported_folder import Pair, pairs_of
from tests.commands import comps
from tests.tables import own, table, unseen
from tests.test_cli import write_houses

ROWS, NEW = table(60), unseen(20)


@pytest.fixture(scope="module")
def competition() -> Competition:
    return own(ROWS, NEW)


@pytest.fixture(scope="module")
def folds(competition: Competition) -> pd.DataFrame:
    return folds_table(competition).table


def tables(folds: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what another tool predicts."""
    random = np.random.default_rng(seed)
    ids = folds.columns[0]
    oof = folds.assign(y=ROWS["y"].to_numpy() + random.normal(size=60))
    return oof, pd.DataFrame({ids: np.arange(20), "y": random.normal(size=20)})


def put(folder: Path, name: str, parts: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Write the two files of a member, `{}` in whose path stands for oof and test."""
    for part, frame in zip(("oof", "test"), parts, strict=True):
        path = folder / name.format(part)
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_csv(path, index=False)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("lgb-{}.csv", "lgb"),
        ("{}_lgb.csv", "lgb"),
        ("lgb/{}.csv", "lgb"),
        ("{}/lgb.csv", "lgb"),
        ("ann/lgb-{}.csv.gz", "ann-lgb"),
        ("ann/{}/lgb_v2.parquet", "ann-lgb_v2"),
        ("latest.{}.csv", "latest"),
        ("OOF/../{}-x.csv", "x"),
    ],
)
def test_a_path_says_whose_predictions_a_file_holds(tmp_path: Path, path: str, name: str) -> None:
    for part in ("oof", "test"):
        file = tmp_path / path.replace("OOF/../", "").format(part)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / "notes.md").touch()
    (pair,), faults = pairs_of(tmp_path)
    assert pair.name == name and not faults
    assert pair.oof is not None and "oof" in str(pair.oof.relative_to(tmp_path))
    assert pair.test is not None and "test" in str(pair.test.relative_to(tmp_path))


def test_files_that_are_of_no_member_or_of_one_twice_are_faults(tmp_path: Path) -> None:
    for name in ("what.csv", "a-oof.csv", "oof/a.csv", "b-oof.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    pairs, faults = pairs_of(tmp_path)
    assert pairs == [Pair("b", tmp_path / "b-oof.csv", None)]
    assert "Neither 'oof' nor 'test'" in faults[str(tmp_path / "what.csv")]
    assert "of the same member 'a'" in faults[str(tmp_path / "oof" / "a.csv")]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="has no tables"):
        pairs_of(tmp_path / "empty")
    with pytest.raises(DataError, match="is no folder"):
        pairs_of(tmp_path / "none")


def test_good_members_are_taken_and_each_fault_is_named(
    competition: Competition, folds: pd.DataFrame, tmp_path: Path
) -> None:
    team, ids = tmp_path / "team", folds.columns[0]
    for seed in range(5):
        put(team, f"m{seed}-{{}}.csv", tables(folds, seed))
    oof, test = tables(folds, 9)
    put(team, "moved-{}.csv", (oof.assign(fold=oof["fold"] % 5 + 1), test))
    put(team, "short-{}.csv", (oof.iloc[:-2], test))
    put(team, "named-{}.csv", (oof.rename(columns={"y": "z"}), test))
    put(team, "endless-{}.csv", (oof, test.assign(y=np.inf)))
    put(team, "ridge-{}.csv", (oof, test))
    oof.to_csv(team / "alone-oof.csv", index=False)
    (team / "broken-oof.csv").write_bytes(b"")
    test.to_csv(team / "broken-test.csv", index=False)
    found = import_folder(competition, team, runs=tmp_path)
    assert sorted(row["name"] for row in found.members) == [f"m{seed}" for seed in range(5)]
    said = {Path(where.split(" and ")[0]).name: fault for where, fault in found.faults.items()}
    assert "in another fold than here" in said["moved-oof.csv"]
    assert "2 ids of the data are missing" in said["short-oof.csv"]
    assert "lacks the columns ['y']" in said["named-oof.csv"]
    assert "finite" in said["endless-oof.csv"]
    assert "is a model of own" in said["ridge-oof.csv"]
    assert "no file of test predictions" in said["alone-oof.csv"]
    assert "broken-oof.csv" in said
    assert len(said) == 7
    # They are members as if each had come alone.
    blended = blend(competition, runs=tmp_path)
    assert set(blended.oof) == {f"m{seed}" for seed in range(5)}
    alone = import_oof(competition, "m0", *tables(folds, 0), runs=tmp_path / "other")
    np.testing.assert_array_equal(blended.oof["m0"].valid, alone.member.valid)
    # Once more, with one that was mended.
    put(team, "short-{}.csv", (oof, test))
    again = import_folder(competition, team, runs=tmp_path)
    replaced = {row["name"]: row["replaced"] for row in again.members}
    assert replaced == {**{f"m{seed}": True for seed in range(5)}, "short": False}
    assert ids in oof


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("kind", ["values", "three"])
def test_what_was_exported_comes_back(tmp_path: Path, wide: bool, kind: str) -> None:
    metric = {"values": "rmse", "three": "log_loss"}[kind]
    mine = own(table(60, kind), NEW, metric=metric)
    names = {"values": "median,ridge", "three": "class-share,logistic"}[kind]
    made = cross_validate(mine, models=names, folds=3, runs=tmp_path, engine="inline")
    choices = {"folds": 3, "runs": tmp_path}
    export_oof(mine, names, output=tmp_path / "oof", wide=wide, **choices)
    # Other names: those of models are taken.
    for path in (tmp_path / "oof").iterdir():
        text = path.read_text()
        for name in names.split(","):
            text = text.replace(name, f"my-{name}")
        path.unlink()
        path.with_name(f"my-{path.name}" if not wide else path.name).write_text(text)
    found = import_folder(mine, tmp_path / "oof", **choices)
    assert not found.faults
    scores = {row["name"]: row["score"] for row in found.members}
    expected = {f"my-{name}": oof.score for name, oof in made.oof.items()}
    assert scores == pytest.approx(expected)


def test_a_wide_table_names_the_member_that_is_at_fault(
    competition: Competition, folds: pd.DataFrame, tmp_path: Path
) -> None:
    oof, test = tables(folds, 0)
    wide = oof.rename(columns={"y": "good"}).assign(bad=np.nan)
    (tmp_path / "team").mkdir()
    put(tmp_path / "team", "{}.csv", (wide, test.rename(columns={"y": "good"}).assign(bad=1.0)))
    found = import_folder(competition, tmp_path / "team", runs=tmp_path)
    assert [row["name"] for row in found.members] == ["good"]
    ((where, fault),) = found.faults.items()
    assert where.endswith("column bad") and "finite" in fault


def test_members_are_listed_checked_and_removed_by_pattern(
    competition: Competition, folds: pd.DataFrame, tmp_path: Path
) -> None:
    for name in ("ann-1", "ann-2", "bob"):
        import_oof(competition, name, *tables(folds, len(name)), runs=tmp_path)
    listed = imported_members(competition, runs=tmp_path)
    assert sorted(row["name"] for row in listed.rows) == ["ann-1", "ann-2", "bob"]
    assert all(row["fault"] == "" and row["score"] > 0 for row in listed.rows)
    assert {
        row["rows"] for row in imported_members(competition, runs=tmp_path, check=True).rows
    } == {60}
    with pytest.raises(UsageError, match="called 'eve'.*ann-1, ann-2, bob"):
        imported_members(competition, runs=tmp_path, remove=["ann-*", "eve"])
    assert len(imported_members(competition, runs=tmp_path).rows) == 3
    gone = imported_members(competition, runs=tmp_path, remove=["ann-*"])
    assert list(gone.removed) == ["ann-1", "ann-2"]
    assert [row["name"] for row in gone.rows] == ["bob"]
    assert not (tmp_path / "own" / "imported" / "ann-1").exists()


@pytest.mark.parametrize("cut", ["end", "middle"])
def test_a_damaged_member_is_found_and_can_be_removed(
    competition: Competition, folds: pd.DataFrame, tmp_path: Path, cut: str
) -> None:
    for name in ("ann", "bob"):
        import_oof(competition, name, *tables(folds, len(name)), runs=tmp_path)
    (path,) = (tmp_path / "own" / "imported" / "ann").glob("*/*.npz")
    content = bytearray(path.read_bytes())
    if cut == "end":
        path.write_bytes(content[:-200])
    else:
        place = content.index(b"valid.npy") + 300
        content[place] ^= 255
        path.write_bytes(bytes(content))
    rows = {
        row["name"]: row for row in imported_members(competition, runs=tmp_path, check=True).rows
    }
    assert "damaged" in rows["ann"]["fault"] and rows["bob"]["fault"] == ""
    imported_members(competition, runs=tmp_path, remove=["ann"])
    assert list(blend(competition, runs=tmp_path).oof) == ["bob"]


@pytest.mark.slow
def test_the_command_takes_what_is_good_and_ends_with_the_faults(tmp_path: Path) -> None:
    write_houses(tmp_path / "houses.zip")
    rows = ("house-prices", "--data", "houses.zip")
    comps("folds", *rows, "--output", "folds.csv", cwd=tmp_path)
    frame = pd.read_csv(tmp_path / "folds.csv")
    team = tmp_path / "team"
    ids = comps_test_ids(tmp_path)
    for name, price in (("a", 1.0), ("b", 1.1)):
        prices = np.random.default_rng(0).uniform(9e4, 3e5, len(frame)) * price
        test = pd.DataFrame({"Id": ids, "SalePrice": np.linspace(9e4, 3e5, len(ids))})
        put(team, f"{name}-{{}}.csv", (frame.assign(SalePrice=prices), test))
    done = comps("import-oof", *rows[:1], "team", *rows[1:], cwd=tmp_path)
    assert "2 members taken from team" in done.out
    shutil.copy(team / "a-oof.csv", team / "c-oof.csv")
    done = comps("import-oof", *rows[:1], "team", *rows[1:], cwd=tmp_path, code=2)
    assert "2 members taken" in done.out and "2 in place of earlier ones" in done.out
    assert "team/c-oof.csv: There is no file of test predictions" in done.err
    listed = comps("members", "house-prices", "--json", "--check", cwd=tmp_path)
    assert {row["name"] for row in listed.event("members")["rows"]} == {"a", "b"}
    assert listed.event("result")["damaged"] == 0
    comps("members", "house-prices", "--remove", "a", cwd=tmp_path)
    assert "There are no" in comps("members", "house-prices", "--remove", "b", cwd=tmp_path).out
    said = comps("import-oof", *rows[:1], "nobody", *rows[1:], cwd=tmp_path, code=2)
    assert "There is no folder nobody" in said.err
    said = comps(*("import-oof", "house-prices", "x", "--oof", "a.csv"), cwd=tmp_path, code=2)
    assert "--oof and --test" in said.err


def comps_test_ids(folder: Path) -> list[int]:
    """Return the ids of the houses to predict."""
    import io
    import zipfile

    with zipfile.ZipFile(folder / "houses.zip") as archive:
        return pd.read_csv(io.BytesIO(archive.read("sample_submission.csv")))["Id"].tolist()


def test_members_of_a_team_are_scored_on_sealed_rows_when_somebody_asks(tmp_path: Path) -> None:
    rows = table(200)
    mine, choices = own(rows, NEW), {"sealed": 0.2, "runs": tmp_path}
    given = folds_table(mine, sealed=0.2, runs=tmp_path)
    ids = given.table.columns[0]
    assert len(given.table) == 160 and "40 training rows are sealed" in given.how
    inside = given.table[ids].to_numpy(int)
    sealed = np.setdiff1d(np.arange(200), inside)
    random, true = np.random.default_rng(0), rows["y"].to_numpy()
    kept = {}
    for name in ("ann", "bob"):
        oof = given.table.assign(y=true[inside] + random.normal(size=160) / 4)
        kept[name] = true[sealed] + random.normal(size=40) / 4
        marked = [*map(str, range(20)), *(f"sealed:{row}" for row in sealed)]
        values = np.concatenate([random.normal(size=20), kept[name]])
        put(tmp_path / "team", f"{name}-{{}}.csv", (oof, pd.DataFrame({ids: marked, "y": values})))
    # A member that was trained on all rows has no predictions of the sealed ones.
    put(tmp_path / "team", "eve-{}.csv", (oof, pd.DataFrame({ids: range(20), "y": 0.0})))
    found = import_folder(mine, tmp_path / "team", **choices)
    assert [row["name"] for row in found.members] == ["ann", "bob"]
    assert "40 ids of the data are missing: sealed:" in next(iter(found.faults.values()))
    assert blend(mine, **choices).sealed is None
    for _ in range(2):
        looked = blend(mine, method="equal", look=True, **choices)
        assert looked.sealed is not None
        mean = (kept["ann"] + kept["bob"]) / 2
        assert looked.sealed.values["score"] == pytest.approx(
            np.sqrt(np.mean((mean - true[sealed]) ** 2))
        )
        # The same predictions again are no further look.
        assert looked.sealed.values["looks"] == 1
    assert blend(mine, "ann", look=True, **choices).sealed.values["looks"] == 2
    # What is submitted is of the test rows alone.
    assert len(looked.submission) == 20
    with pytest.raises(UsageError, match="no sealed rows to look at"):
        import_oof(mine, "eve", *tables_of(mine, rows), runs=tmp_path / "other")
        blend(mine, look=True, runs=tmp_path / "other")


def tables_of(competition: Competition, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return predictions of all rows."""
    folds = folds_table(competition).table
    test = pd.DataFrame({folds.columns[0]: np.arange(20), "y": 0.5})
    return folds.assign(y=rows["y"].to_numpy() * 0.9), test


@pytest.mark.parametrize("wide", [False, True])
def test_a_target_that_is_called_target_comes_back(wide: bool, tmp_path: Path) -> None:
    mine = own(ROWS.rename(columns={"y": "target"}), NEW, target="target")
    made = cross_validate(mine, models="median,ridge", runs=tmp_path, engine="inline")
    written = export_oof(mine, "median,ridge", output=tmp_path / "oof", wide=wide, runs=tmp_path)
    for one in written:
        names = one.oof.read_text().splitlines()[0].split(",")
        assert len(names) == len(set(names))
    for path in (tmp_path / "oof").iterdir():
        text = path.read_text().replace("ridge", "my-ridge").replace("median", "my-median")
        path.unlink()
        path.with_name(f"my-{path.name}" if not wide else path.name).write_text(text)
    found = import_folder(mine, tmp_path / "oof", runs=tmp_path)
    assert not found.faults
    scores = {row["name"]: row["score"] for row in found.members}
    assert scores == {f"my-{name}": pytest.approx(oof.score) for name, oof in made.oof.items()}


def test_wide_tables_without_members_are_a_fault_and_others_are_taken(
    competition: Competition, folds: pd.DataFrame, tmp_path: Path
) -> None:
    (tmp_path / "team").mkdir()
    put(tmp_path / "team", "good-{}.csv", tables(folds, 0))
    put(tmp_path / "team", "{}.csv", (folds, pd.DataFrame({folds.columns[0]: range(20)})))
    found = import_folder(competition, tmp_path / "team", runs=tmp_path)
    assert [row["name"] for row in found.members] == ["good"]
    (fault,) = found.faults.values()
    assert "no columns of members" in fault


def test_a_column_without_predictions_is_a_fault_of_its_own(tmp_path: Path) -> None:
    mine = own(ROWS, None)
    folds = folds_table(mine).table
    wide = folds.assign(good=ROWS["y"].to_numpy(), empty=np.nan)
    (tmp_path / "team").mkdir()
    wide.to_csv(tmp_path / "team" / "oof.csv", index=False)
    found = import_folder(mine, tmp_path / "team", runs=tmp_path)
    assert [row["name"] for row in found.members] == ["good"]
    ((place, fault),) = found.faults.items()
    assert "empty" in place and "no finite numbers" in fault
    with pytest.raises(UsageError, match="12 training rows are sealed: give their predictions"):
        import_oof(mine, "mine", folds.assign(y=0.0), sealed=0.2, runs=tmp_path)
    with pytest.raises(DataError, match="the table has no rows"):
        import_oof(mine, "mine", folds.iloc[:0].assign(y=0.0), runs=tmp_path)


def test_of_a_member_that_was_replaced_the_last_counts_wherever_the_store_is(
    competition: Competition, folds: pd.DataFrame, tmp_path: Path
) -> None:
    for seed in (0, 1):
        import_oof(competition, "mine", *tables(folds, seed), runs=tmp_path)
    expected = tables(folds, 1)[0]["y"].to_numpy()
    # A copy has the times of its making.
    moved = shutil.copytree(tmp_path, tmp_path.with_name("moved"), copy_function=shutil.copyfile)
    for number, path in enumerate(sorted(moved.rglob("oof-r*.npz"), reverse=True)):
        os.utime(path, (number, number))
    np.testing.assert_array_equal(blend(competition, runs=moved).oof["mine"].valid, expected)
    assert len(list(moved.glob("own/imported/mine/*"))) == 1
