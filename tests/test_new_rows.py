"""New rows are read as those of the run were, whatever form they come in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from comps import table_competition
from comps.base import Competition, DataError, Dataset, WorkbenchError
from comps.sentiment.competition import SENTIMENT
from pipelines.api.export.form import form_of, write_files


def told(competition: Competition, rows: Any, path: Path = Path("in memory")) -> Dataset:
    """Return the competition with other test rows."""
    assert competition.with_test is not None
    return competition.with_test(path, rows)


# Tables in memory


def flats(n: int, first: int = 0, **columns: Any) -> pd.DataFrame:
    """Return rows with an id and a number."""
    numbers = np.arange(first, first + n)
    return pd.DataFrame({"id": numbers, "size": np.sin(numbers), **columns})


def in_memory(train: pd.DataFrame, test: pd.DataFrame | None, **more: Any) -> Competition:
    train = train.assign(price=np.arange(len(train)) % 7.0)
    return table_competition(train, test, target="price", metric="rmse", **more)


def test_the_id_that_was_inferred_stays_the_id() -> None:
    made = in_memory(flats(40), flats(10, 40))
    found = told(made, flats(5, 90))
    assert found.test_ids.tolist() == [90, 91, 92, 93, 94]
    assert list(found.test) == ["size"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda rows: rows.assign(id=7), "[Dd]uplicate ids among the test rows: 7"),
        (lambda rows: rows.assign(id=[1, None, 2, 3, 4]), "missing in 1 row"),
        (lambda rows: rows.drop(columns="id"), "column of the test rows called 'id'"),
        (lambda rows: rows.drop(columns="size"), "lacks 'size'"),
    ],
    ids=["duplicate", "missing", "no-column", "no-feature"],
)
def test_new_rows_of_another_form_are_refused(change: Any, error: str) -> None:
    made = in_memory(flats(40), flats(10, 40))
    with pytest.raises(WorkbenchError, match=error):
        told(made, change(flats(5, 90)))


def test_what_was_no_id_becomes_none() -> None:
    """The ids of the first test rows were no ids: a column of this name is a feature then."""
    made = in_memory(flats(40), flats(10, 40).assign(id=1))
    found = told(made, flats(5, 90))
    assert list(found.test) == ["id", "size"] and found.test_ids.tolist() == [0, 1, 2, 3, 4]


def test_columns_that_the_first_test_rows_lacked_are_left_out() -> None:
    made = in_memory(flats(40, rent=1.0), flats(10, 40))
    assert list(told(made, flats(5, 90, rent="high")).test) == ["size"]


def test_weights_are_no_part_of_new_rows() -> None:
    train = flats(40, weight=np.ones(40))
    made = in_memory(train, train.drop(columns="id").assign(id=100 + train["id"]), weight="weight")
    assert list(told(made, flats(5, 200)).test) == ["size"]


@pytest.mark.parametrize("form", ["table", "file"])
def test_texts_that_are_numbers_and_dates_that_are_missing_are_taken(
    form: str, tmp_path: Path
) -> None:
    days = pd.date_range("2024-01-01", periods=40).astype(str)
    own = in_memory(flats(40, code=["1", "2", "a", "02"] * 10, when=days), None)
    new: Any = flats(2, code=["1", "02"], when=[None, None]).drop(columns="y", errors="ignore")
    if form == "file":
        new.to_csv(tmp_path / "new.csv", index=False)
        new = tmp_path / "new.csv"
    found = told(own, new).test
    assert found["code"].tolist() == ["1", "02"] and found["when"].isna().all()


def test_a_column_like_one_that_no_model_sees_does_no_harm() -> None:
    own = in_memory(flats(40, Name="a"), flats(3))
    assert "Name" not in told(own, flats(2, name="b")).test


def test_columns_may_be_called_by_numbers(tmp_path: Path) -> None:
    names = {"id": 0, "size": 1, "rooms": 2}
    train, test = flats(40, rooms=3), flats(10, 40, rooms=3)
    made = in_memory(train.rename(columns=names), test.rename(columns=names), id=0)
    new = flats(5, 90, rooms=4).rename(columns=names)
    new.to_csv(tmp_path / "new.csv", index=False)
    for rows in (new, tmp_path / "new.csv"):
        found = told(made, rows)
        assert list(found.test) == [1, 2] and found.test_ids.tolist() == [90, 91, 92, 93, 94]
    with pytest.raises(DataError, match=r"lacks 2, .*in addition: 0, 'colour'"):
        told(made, new.drop(columns=2).assign(colour="red"))


@pytest.mark.parametrize("known", [True, False])
def test_kinds_of_texts_do_not_follow_from_new_rows(known: bool) -> None:
    """Long numbers as texts name rows, unless test rows have the same ones: then they count."""
    train = flats(40, tag=[str(10**17 + n) for n in range(40)])
    seen = train["tag"][:10].tolist() if known else [str(2 * 10**17 + n) for n in range(10)]
    made = in_memory(train, flats(10, 40, tag=seen))
    first = made.load(Path("in memory"))
    for tags in (train["tag"][:5].tolist(), [str(3 * 10**17 + n) for n in range(5)]):
        found = told(made, flats(5, 90, tag=tags))
        pd.testing.assert_frame_equal(found.train, first.train)
        assert found.test["tag"].dtype == first.train["tag"].dtype


def test_a_column_that_is_ignored_may_be_missing() -> None:
    train, test = flats(40, note="a"), flats(10, 40, note="b")
    made = in_memory(train, test, columns={"ignored": ["note"]})
    assert list(told(made, flats(5, 90)).test) == ["size"]


# Tables in files


def test_columns_that_models_do_not_see_may_be_missing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    beside = {"version": "a", "token": [f"t{n}" for n in range(40)], "note": "x"}
    train = flats(40, **beside).assign(price=np.arange(40) % 7.0)
    train.to_csv(data / "train.csv", index=False)
    more = {**beside, "token": [f"u{n}" for n in range(10)]}
    flats(10, 40, **more).to_csv(data / "test.csv", index=False)
    made = table_competition(
        data, target="price", metric="rmse", id="id", columns={"ignored": ["note"]}
    )
    flats(5, 90).to_csv(tmp_path / "new.csv", index=False)
    assert list(told(made, tmp_path / "new.csv", data).test) == ["size"]
    flats(5, 90).drop(columns="size").to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(DataError, match="lacks 'size'"):
        told(made, tmp_path / "bad.csv", data)


# Reviews

TEXTS = ['An "odd", long\nfilm\twith tabs', '"Quoted"', "plain", 'a lone " mark', "NA"]
PLAIN = ['An "odd", long film with tabs', '"Quoted"', "plain", 'a lone " mark', "NA"]


def reviews() -> pd.DataFrame:
    return pd.DataFrame({"id": [f"n{n}" for n in range(len(TEXTS))], "review": TEXTS})


@pytest.fixture
def acl(tmp_path: Path) -> Path:
    """A folder laid out as aclImdb."""
    for part, label in (("train", "pos"), ("train", "neg"), ("test", "pos"), ("test", "neg")):
        folder = tmp_path / "aclImdb" / part / label
        folder.mkdir(parents=True)
        for number in range(6):
            text = f'{part} "{label}",\n<br />number\t{number}'
            (folder / f"{number}_7.txt").write_text(text, encoding="utf-8")
    return tmp_path / "aclImdb"


def kaggle(folder: Path) -> Path:
    """Write Kaggle's files."""
    folder.mkdir()
    lines = [f'"{n}_8"\t{n % 2}\t"A \\"fine\\" text, number {n}"' for n in range(20)]
    train = "\n".join(['"id"\t"sentiment"\t"review"', *lines])
    (folder / "labeledTrainData.tsv").write_text(train, encoding="utf-8")
    (folder / "testData.tsv").write_text('id\treview\n"1_1"\t"text"\n', encoding="utf-8")
    (folder / "sampleSubmission.csv").write_text("id,sentiment\n1_1,0\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("form", ["table", "commas", "semicolons", "tabs"])
def test_reviews_come_in_any_form(form: str, tmp_path: Path) -> None:
    path, rows = kaggle(tmp_path / "own"), tmp_path / "new.csv"
    divided = {"commas": ",", "semicolons": ";", "tabs": "\t"}
    reviews().to_csv(rows, index=False, sep=divided.get(form, ","))
    found = told(SENTIMENT, reviews() if form == "table" else rows, path)
    assert found.test_ids.tolist() == reviews()["id"].tolist()
    assert found.test["review"].tolist() == PLAIN


def test_a_file_in_kaggles_form_is_read_as_kaggles(tmp_path: Path) -> None:
    path, rows = kaggle(tmp_path / "own"), tmp_path / "new.tsv"
    rows.write_text('"id"\t"review"\n"5_1"\t"He said \\"no\\" "and" left"\n', encoding="utf-8")
    assert told(SENTIMENT, rows, path).test["review"].tolist() == ['He said "no" "and" left']


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_errors_name_the_file_of_the_user(ending: str, tmp_path: Path) -> None:
    path, rows = kaggle(tmp_path / "own"), tmp_path / f"mine.{ending}"
    table = reviews().rename(columns={"review": "text"}).iloc[2:3]
    table.to_csv(rows, index=False, sep="\t" if ending == "tsv" else ",")
    with pytest.raises(DataError, match=rf"mine\.{ending}.*review") as failed:
        told(SENTIMENT, rows, path)
    assert "testData" not in str(failed.value)
    with pytest.raises(DataError, match="The table"):
        told(SENTIMENT, table, path)


def test_new_reviews_go_with_a_folder_of_reviews(acl: Path, tmp_path: Path) -> None:
    loaded = SENTIMENT.load(acl)
    reviews().to_csv(tmp_path / "new.csv", index=False)
    found = told(SENTIMENT, tmp_path / "new.csv", acl)
    assert found.test["review"].tolist() == PLAIN
    assert found.train_ids.tolist() == loaded.train_ids.tolist()
    np.testing.assert_array_equal(found.target, loaded.target)
    assert found.train["review"].str.split().tolist() == loaded.train["review"].str.split().tolist()


def test_a_form_is_made_of_a_folder_of_reviews(acl: Path, tmp_path: Path) -> None:
    form = form_of(SENTIMENT, acl)
    assert form.rows == 12 and set(form.files) == {
        "labeledTrainData.tsv",
        "testData.tsv",
        "sampleSubmission.csv",
    }
    write_files(tmp_path / "form", form.files)
    assert told(SENTIMENT, reviews(), tmp_path / "form").test["review"].tolist() == PLAIN
