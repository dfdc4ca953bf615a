"""What is inferred of a competition's files, why, and what is asked instead of guessed."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from comps import table_competition
from comps.base import AmbiguousError, DataError, Dataset, Task, UsageError
from comps.kinds.table.files import tables_of
from comps.kinds.table.kinds import Column, kind_of
from pipelines import Found, folds_table, infer
from pipelines.folds import FoldInput, FoldSpec, make_folds
from submissions import build_submission

N = 60
RNG = np.random.default_rng(0)


def rows(start: int = 0, count: int = N, **more: Any) -> pd.DataFrame:
    """Return rows of a competition, without a target."""
    rng = np.random.default_rng(start)
    return pd.DataFrame(
        {
            "Id": np.arange(start, start + count),
            "size": rng.normal(100, 20, count).round(1),
            "town": rng.choice(["Ulm", "Hof", "Köln"], count),
            **more,
        }
    )


def target(kind: str, count: int = N) -> Any:
    """Return a target."""
    rng = np.random.default_rng(1)
    return {
        "values": rng.normal(50, 5, count).round(2),
        "two": rng.choice(["no", "yes"], count),
        "three": rng.choice(["low", "mid", "high"], count),
        "digits": rng.choice([0, 1, 2], count),
    }[kind]


def write(folder: Path, **tables: pd.DataFrame) -> Path:
    """Write tables as CSV files of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return folder


def competition(folder: Path, kind: str = "values", sample: Any = 0.5, **more: Any) -> Path:
    """Write the usual three files."""
    train, test = rows().assign(y=target(kind)), rows(N, 20)
    if isinstance(sample, pd.DataFrame) or sample is None:
        submission = sample
    else:
        submission = pd.DataFrame({"Id": test["Id"], "y": sample})
    parts = {"train": train, "test": test, "sample_submission": submission} | more
    return write(
        folder / "flats", **{name: part for name, part in parts.items() if part is not None}
    )


def load(found: Found) -> Dataset:
    """Return the rows."""
    return found.competition.load(found.path)


def said(found: Found, what: str) -> tuple[str, str]:
    """Return value and reason of something that was inferred."""
    (row,) = [row for row in found.rows if row["what"].startswith(what)]
    return row["value"], row["reason"]


# Roles and task


@pytest.mark.parametrize(
    ("kind", "metric", "task", "classes", "outputs"),
    [
        ("values", "rmse", Task.REGRESSION, (), ("y",)),
        ("two", "auc", Task.BINARY, ("no", "yes"), ("y",)),
        ("two", "accuracy", Task.BINARY, ("no", "yes"), ("y",)),
        ("three", "accuracy", Task.MULTICLASS, ("high", "low", "mid"), ("y",)),
        ("digits", "accuracy", Task.MULTICLASS, ("0", "1", "2"), ("y",)),
    ],
)
def test_task_and_classes_follow_from_target_and_metric(
    tmp_path: Path, kind: str, metric: str, task: Task, classes: tuple[str, ...], outputs: Any
) -> None:
    found = infer(competition(tmp_path, kind), metric=metric)
    schema = found.inference.schema
    assert (schema.task, schema.classes, schema.outputs) == (task, classes, outputs)
    assert (schema.id, schema.targets) == ("Id", ("y",))
    assert found.competition.name == "flats"
    dataset = load(found)
    assert list(dataset.train) == ["size", "town"]
    assert dataset.test_ids.tolist() == list(range(N, N + 20))


def test_columns_of_the_sample_may_be_the_classes_in_its_order(tmp_path: Path) -> None:
    test = rows(N, 20)
    sample = pd.DataFrame({"Id": test["Id"], "mid": 0.3, "high": 0.3, "low": 0.4})
    found = infer(competition(tmp_path, "three", sample), metric="log_loss")
    assert found.inference.schema.targets == ("y",)
    assert found.inference.schema.classes == ("mid", "high", "low")
    assert found.competition.target_columns == ("mid", "high", "low")
    dataset = load(found)
    truth = pd.read_csv(found.path / "train.csv")["y"]
    assert [dataset.classes[int(code)] for code in dataset.target] == truth.tolist()


def test_several_columns_of_the_sample_are_several_targets(tmp_path: Path) -> None:
    test = rows(N, 20)
    train = rows().assign(a=target("values"), b=target("values") * 2)
    sample = pd.DataFrame({"Id": test["Id"], "b": 0.0, "a": 0.0})
    found = infer(competition(tmp_path, sample=sample, train=train), metric="rmse")
    assert found.inference.schema.targets == ("b", "a")
    np.testing.assert_array_equal(load(found).target, train[["b", "a"]].to_numpy())
    labels = train.assign(a=[0, 1] * 30, b=[1, 0, 0] * 20)
    found = infer(competition(tmp_path, sample=sample, train=labels), metric="auc")
    assert found.inference.schema.task is Task.MULTILABEL
    with pytest.raises(DataError, match="must then hold 0 and 1 alone"):
        infer(competition(tmp_path, sample=sample, train=train), metric="auc")


def test_labels_of_which_each_row_has_one_are_said_to_look_like_classes(tmp_path: Path) -> None:
    sample = pd.DataFrame({"Id": rows(N, 20)["Id"], "won": 0, "lost": 0, "drawn": 0})
    which = np.arange(N) % 3
    train = rows().assign(**{name: which == n for n, name in enumerate(["won", "lost", "drawn"])})
    train = train.astype({"won": int, "lost": int, "drawn": int})
    for first, reason in ((1, "exactly one"), (0, "none to many")):
        train.loc[0, "won"] = first
        found = infer(competition(tmp_path, sample=sample, train=train), metric="log_loss")
        assert reason in said(found, "task")[1]
        assert any("into one column" in n for n in found.inference.notes) == (first == 1)


@pytest.mark.parametrize(("sample", "written"), [(0, {"0", "1"}), ("1.0", {"0.0", "1.0"})])
def test_labels_are_whole_numbers_where_the_sample_has_such(
    tmp_path: Path, sample: Any, written: set[str]
) -> None:
    train = rows().assign(y=[0.0, 1.0] * (N // 2))
    found = infer(competition(tmp_path, sample=sample, train=train), metric="accuracy")
    built = build_submission(found.competition, load(found), np.tile([0.1, 0.9], 10))
    assert set(built["y"]) == written


@pytest.mark.parametrize("metric", ["rmse", "auc"])
def test_predictions_go_to_the_columns_of_their_targets_in_any_order(
    tmp_path: Path, metric: str
) -> None:
    train = rows().assign(a=[0, 1] * 30, b=[1, 0, 0] * 20)
    sample = pd.DataFrame({"Id": rows(N, 20)["Id"], "a": 0.0, "b": 0.0})
    folder = competition(tmp_path, sample=sample, train=train)
    found = infer(folder, metric=metric, target=["b", "a"])
    dataset = load(found)
    np.testing.assert_array_equal(dataset.target, train[["b", "a"]].to_numpy())
    built = build_submission(found.competition, dataset, np.tile([0.25, 0.75], (20, 1)))
    assert list(built) == ["Id", "a", "b"]
    assert (built["b"] == 0.25).all() and (built["a"] == 0.75).all()


def test_without_a_sample_the_column_that_the_test_rows_lack_is_predicted(tmp_path: Path) -> None:
    found = infer(competition(tmp_path, sample_submission=None), metric="rmse")
    assert said(found, "target") == ("y", "the test rows lack it")
    assert load(found).template.columns.tolist() == ["Id", "y"]
    two = rows().assign(y=target("values"), z=target("values") + 1)
    with pytest.raises(AmbiguousError, match="Which column is to be predicted.*y, z.*--target"):
        infer(competition(tmp_path, train=two, sample_submission=None), metric="rmse")
    chosen = infer(
        competition(tmp_path, train=two, sample_submission=None), metric="rmse", target="z"
    )
    assert chosen.inference.schema.targets == ("z",)
    assert list(load(chosen).train) == ["size", "town"]


def test_a_single_table_needs_the_name_of_the_target(tmp_path: Path) -> None:
    file = tmp_path / "flats.csv"
    rows().assign(y=target("values")).to_csv(file, index=False)
    with pytest.raises(AmbiguousError, match="--target"):
        infer(file, metric="rmse")
    dataset = load(infer(file, metric="rmse", target="y"))
    assert len(dataset.train) == N and dataset.sample_submission is None


@pytest.mark.parametrize("name", ["blood_test.csv", "creditcard_sample.csv", "test.csv"])
def test_a_single_table_may_be_called_anything(tmp_path: Path, name: str) -> None:
    rows().assign(y=target("values")).to_csv(tmp_path / name, index=False)
    for choices in ({}, {"train_file": name}):
        dataset = load(infer(tmp_path / name, metric="rmse", target="y", **choices))
        assert len(dataset.train) == N and not dataset.made_sample


def test_a_file_that_is_named_for_one_part_is_no_other_one(tmp_path: Path) -> None:
    folder = tmp_path / "flats"
    blood = rows().assign(y=target("values"))
    write(folder, blood_test=blood, test_rows=rows(N, 20))
    dataset = load(infer(folder, metric="rmse", train_file="blood_test.csv"))
    assert (len(dataset.train), len(dataset.test)) == (N, 20)


def test_ids_may_be_numbers_of_rows(tmp_path: Path) -> None:
    train, test = rows().assign(y=target("values")), rows(N, 20)
    sample = pd.DataFrame({"ImageId": np.arange(1, 21), "y": 0.0})
    parts = {"train": train.drop(columns="Id"), "test": test.drop(columns="Id")}
    found = infer(competition(tmp_path, sample=sample, **parts), metric="rmse")
    assert load(found).test_ids.tolist() == list(range(1, 21))
    assert load(found).template["ImageId"].tolist() == [str(number) for number in range(1, 21)]


def test_labels_that_do_not_say_which_is_positive_are_asked_for(tmp_path: Path) -> None:
    train = rows().assign(y=RNG.choice(["edible", "poisonous"], N))
    with pytest.raises(AmbiguousError, match="edible, poisonous.*--positive"):
        infer(competition(tmp_path, train=train), metric="auc")
    found = infer(competition(tmp_path, train=train), metric="auc", positive="edible")
    assert found.inference.schema.classes == ("poisonous", "edible")
    assert infer(competition(tmp_path, train=train), metric="accuracy").competition.task == "binary"


def test_the_metric_is_asked_for_with_those_that_suit(tmp_path: Path) -> None:
    for kind, first in (("values", "rmse"), ("two", "auc"), ("three", "accuracy")):
        with pytest.raises(AmbiguousError, match="--metric") as caught:
            infer(competition(tmp_path / kind, kind))
        assert caught.value.answers[0] == first


# Kinds of columns


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([1.5, 2.5, None] * 20, "number"),
        (["1.5", "NA", "2.5"] * 20, "number"),
        ([7] * 60, "constant"),
        ([None] * 60, "constant"),
        (["yes", "no", None] * 20, "boolean"),
        ([True, False] * 30, "boolean"),
        (["a", "b", "c"] * 20, "category"),
        ([f"town {n % 30}" for n in range(60)], "category"),
        ([f"x{n:03d}" for n in range(60)], "id"),
        (list(range(5, 65)), "id"),
        ([int(n) for n in RNG.integers(0, 10**6, 60)], "number"),
        ([f"a text of {n} words and more" for n in range(60)], "text"),
        ([f"2020-01-{n % 28 + 1:02d}" for n in range(60)], "date"),
        ([f"{n % 28 + 1:02d}.01.2020 12:30" for n in range(60)], "date"),
        ([f"Jan {n % 28 + 1}, 2020" for n in range(60)], "date"),
        ([None, "x"] * 30, "category"),
        ([f"{n % 24:02d}:{n:02d}" for n in range(60)], "date"),
        # A parser may take these for a month of the year 8730, and for a quarter past four.
        ([f"87{n:02d}-{n % 12 + 1:02d}" for n in range(48)] * 2, "category"),
        (["16:9", "4:3", "21:9"] * 20, "category"),
        (["NA", *(f"{1200 + n}.{n % 9 + 1}" for n in range(59))], "number"),
    ],
)
def test_kinds_of_columns(cells: list[Any], kind: str) -> None:
    assert kind_of(Column("c", pd.Series(cells), None))[0] == kind


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_of_rows_that_begin_anew_in_the_test_rows_are_no_feature(first: int) -> None:
    train, test = (pd.Series(np.arange(first, first + count)) for count in (60, 20))
    assert kind_of(Column("c", train, test)) == ("id", "numbers the rows")
    assert kind_of(Column("c", train, test.sample(frac=1, random_state=0)))[0] == "number"
    assert kind_of(Column("c", train + 5, test + 5))[0] == "number"


def test_kinds_become_types_that_transformers_know(tmp_path: Path) -> None:
    more = {
        "when": [f"{n % 28 + 1:02d}.01.2020" for n in range(N)],
        "told": [f"a text of {n} words and more" for n in range(N)],
        "paid": ["yes", "no", ""] * (N // 3),
        "code": [f"x{n}" for n in range(N)],
    }
    tested = {name: values[:20] for name, values in more.items()} | {
        "code": [f"z{n}" for n in range(20)]
    }
    train, test = rows(**more).assign(y=target("values")), rows(N, 20, **tested)
    found = infer(competition(tmp_path, train=train, test=test), metric="rmse")
    table = load(found).train
    assert list(table) == ["size", "town", "when", "told", "paid"]
    assert table["when"].dt.day.iloc[27] == 28
    assert table["paid"].iloc[:3].tolist()[:2] == [1.0, 0.0] and np.isnan(table["paid"].iloc[2])
    assert isinstance(table["town"].dtype, pd.CategoricalDtype)
    said_otherwise = infer(
        competition(tmp_path, train=train, test=test),
        metric="rmse",
        columns=["code=category", "size=ignored"],
        text="town",
    )
    assert list(load(said_otherwise).train) == ["town", "when", "told", "paid", "code"]
    with pytest.raises(UsageError, match="no kind of column called 'words'"):
        infer(found.path, metric="rmse", columns=["told=words"])
    with pytest.raises(UsageError, match="no column called 'tolf'. Did you mean 'told'"):
        infer(found.path, metric="rmse", columns=["tolf=text"])


def test_codes_of_which_some_have_a_letter_are_asked_for(tmp_path: Path) -> None:
    # As 22423 and 85123A are, the stock codes of one shop.
    code = [f"{22400 + n % 30}{'A' * (n % 6 == 0)}" for n in range(N)]
    train, test = rows(code=code).assign(y=target("values")), rows(N, 20, code=code[:20])
    folder = competition(tmp_path, train=train, test=test)
    with pytest.raises(AmbiguousError, match="others have .* such as '22400A'.*--column") as caught:
        infer(folder, metric="rmse")
    assert caught.value.answers == ("code=category", "code=ignored")
    dataset = load(infer(folder, metric="rmse", columns=["code=category"]))
    assert dataset.train["code"].astype(str).tolist() == code
    with pytest.raises(UsageError, match=r"columns=\{'category': \['code'\]\}"):
        table_competition(train, test, target="y", metric="rmse")


def test_dates_that_can_be_read_in_two_ways_are_asked_for(tmp_path: Path) -> None:
    when = [f"{n % 12 + 1:02d}/{n % 11 + 1:02d}/2020" for n in range(N)]
    train, test = rows(when=when).assign(y=target("values")), rows(N, 20, when=when[:20])
    folder = competition(tmp_path, train=train, test=test)
    with pytest.raises(AmbiguousError, match="two ways.*--column") as caught:
        infer(folder, metric="rmse")
    for answer, month in zip(caught.value.answers, ("day", "month"), strict=True):
        dates = load(infer(folder, metric="rmse", columns=[answer])).train["when"]
        assert getattr(dates.dt, month).tolist() == [n % 12 + 1 for n in range(N)]


def test_names_of_columns_may_be_anything(tmp_path: Path) -> None:
    strange = {'a"b': 1.0, "a:b": 2.0, "{x}": 3.0, "größe": 4.0, " c ": 5.0, "[0]": 6.0}
    values = {name: RNG.normal(size=N) * value for name, value in strange.items()}
    train = rows(**values).assign(y=target("values"))
    test = rows(N, 20, **{name: value[:20] for name, value in values.items()})
    dataset = load(infer(competition(tmp_path, train=train, test=test), metric="rmse"))
    assert set(strange) <= set(dataset.train)


# Folds


def test_values_that_the_test_rows_share_with_no_training_row_are_groups(tmp_path: Path) -> None:
    train = rows(customer=np.arange(N) // 3).assign(y=target("values"))
    test = rows(N, 20, customer=np.arange(20) // 3 + 1000)
    found = infer(competition(tmp_path, train=train, test=test), metric="rmse")
    # Later numbers may be later customers or later times: shuffled, they are groups.
    mixed = np.random.default_rng(0).permutation(40)
    train["customer"], test["customer"] = mixed[np.arange(N) // 3], mixed[20 + np.arange(20) // 3]
    found = infer(competition(tmp_path, train=train, test=test), metric="rmse")
    assert said(found, "group")[0] == "customer"
    assert found.competition.scheme == "grouped"
    assert len(np.unique(load(found).groups)) == 20  # type: ignore[arg-type]
    shared = test.assign(customer=train["customer"].iloc[:20].to_numpy())
    found = infer(competition(tmp_path, train=train, test=shared), metric="rmse")
    assert found.inference.schema.group is None


def test_numbers_that_are_missing_in_one_part_are_the_same_numbers(tmp_path: Path) -> None:
    # Of these, one part reads 3.0 and the other one 3.
    numbers = np.arange(N) % 12
    train = rows(shop=[np.nan, *numbers[1:]]).assign(y=target("values"))
    folder = competition(tmp_path, train=train, test=rows(N, 20, shop=numbers[:20]))
    assert infer(folder, metric="rmse").inference.schema.group is None


def test_dates_that_the_training_rows_alone_have_may_order_them(tmp_path: Path) -> None:
    when = pd.date_range("2020-01-01", periods=N)
    for written in (when.astype(str), np.arange(N)):
        train = rows(when=written).assign(y=target("values"))
        found = infer(competition(tmp_path, train=train), metric="rmse", time="when")
        dataset = load(found)
        assert dataset.times is not None and (np.diff(dataset.times) > 0).all()
        assert list(dataset.train) == ["size", "town"] and found.competition.scheme == "expanding"


def test_dates_after_all_training_rows_order_the_folds(tmp_path: Path) -> None:
    when = pd.date_range("2020-01-01", periods=N + 20).astype(str)
    train = rows(when=when[:N]).assign(y=target("values"))
    test = rows(N, 20, when=when[N:])
    found = infer(competition(tmp_path, train=train, test=test), metric="rmse")
    assert said(found, "time")[0] == "when"
    assert found.competition.scheme == "expanding"
    mixed = train.assign(when=train["when"].sample(frac=1, random_state=0).to_numpy())
    overlapping = test.assign(when=train["when"].iloc[:20].to_numpy())
    found = infer(competition(tmp_path, train=mixed, test=overlapping), metric="rmse")
    assert found.inference.schema.time is None
    plain = infer(competition(tmp_path, train=train, test=test), metric="rmse", group="town")
    assert plain.inference.schema.group == "town"


def test_what_comes_later_in_time_is_no_group(tmp_path: Path) -> None:
    # Sales of shops by the day, and an order that no later row can share.
    when = np.repeat(pd.date_range("2020-01-01", periods=40).astype(str), 3)
    train = rows(0, 90, when=when[:90], order=[f"o{n // 3 * 7 % 31}" for n in range(90)])
    test = rows(90, 30, when=when[90:], order=[f"p{n // 3}" for n in range(30)])
    folder = competition(
        tmp_path, train=train.assign(y=target("values", 90)), test=test, sample=None
    )
    for choices in ({}, {"time": "when"}):
        found = infer(folder, metric="rmse", target="y", **choices)
        schema = found.inference.schema
        assert (schema.group, schema.time, found.competition.scheme) == (None, "when", "expanding")
        dataset = load(found)
        spec = FoldSpec(found.competition.scheme, 3)
        assert make_folds(spec, FoldInput.of(found.competition, dataset)).growing
    # A test part that comes earlier is no proof of groups of days, either.
    earlier = infer(
        competition(tmp_path / "back", train=test.assign(y=target("values", 30)), test=train),
        metric="rmse",
        target="y",
    )
    assert earlier.inference.schema.group != "when"


@pytest.mark.parametrize(
    ("name", "low", "is_time"),
    [
        ("years_at_company", 10, False),
        ("candidate_no", 10, False),
        ("year", 10, False),
        ("year", 11, True),
        ("saleYear", 11, True),
    ],
)
def test_a_number_is_a_time_by_its_name_and_by_later_test_rows(
    tmp_path: Path, name: str, low: int, is_time: bool
) -> None:
    # Of the largest value there are many rows, and some of the test part.
    train = rows(**{name: np.minimum(np.arange(N) // 3, 10)}).assign(y=target("values"))
    folder = competition(tmp_path, train=train, test=rows(N, 20, **{name: [low] * 20}))
    found = infer(folder, metric="rmse")
    assert found.inference.schema.time == (name if is_time else None)


@pytest.mark.parametrize(
    ("name", "is_id"),
    [("userid", True), ("PassengerId", True), ("user id", True)]
    + [(name, False) for name in ("amount_paid", "humid", "bid", "grid", "identity")],
)
def test_an_id_is_called_one(tmp_path: Path, name: str, is_id: bool) -> None:
    train, test = (part.rename(columns={"Id": name}) for part in (rows(), rows(N, 20)))
    folder = competition(tmp_path, train=train.assign(y=target("values")), test=test, sample=None)
    found = infer(folder, metric="rmse", target="y")
    assert found.inference.schema.id == (name if is_id else None)


def test_answers_of_several_words_are_classes_and_tags_are_labels(tmp_path: Path) -> None:
    degrees = ["strongly", "somewhat"]
    answers = [*(f"{how} {what}" for how in degrees for what in ("agree", "disagree"))]
    answers += ["agree", "disagree", "neither agree nor disagree"]
    # A sky is always named first, and then what else there is.
    things = ["road", "river", "farm", "mine"]
    tags = [
        " ".join([sky, *(thing for bit, thing in enumerate(things) if number >> bit & 1)])
        for number in range(1, 16)
        for sky in ("clear", "haze")
    ]
    for cells, task in ((answers, Task.MULTICLASS), (tags, Task.MULTILABEL)):
        train = rows(0, 120).assign(y=(cells * 20)[:120])
        folder = competition(tmp_path / task, train=train, test=rows(120, 20), sample=None)
        assert infer(folder, metric="accuracy", target="y").competition.task is task


def test_quantities_with_decimals_are_no_ids(tmp_path: Path) -> None:
    train, test = (part.assign(Id=part["Id"] + 0.25) for part in (rows(), rows(N, 20)))
    folder = competition(tmp_path, train=train.assign(y=target("values")), test=test, sample=None)
    assert infer(folder, metric="rmse", target="y").inference.schema.id is None


def test_a_question_about_the_target_has_answers(tmp_path: Path) -> None:
    train = rows().assign(y=target("values"))
    folder = competition(tmp_path, train=train, test=train.head(20), sample=None)
    with pytest.raises(AmbiguousError, match="every column of the training rows.*town"):
        infer(folder, metric="rmse")


def test_levels_that_are_numbers_in_one_part_are_read_to_the_character(tmp_path: Path) -> None:
    train = rows(code=["1", "2", "3", "A", "a"] * 12).assign(y=target("values"))
    test = rows(N, 20, code=["2", "3", None, "2"] * 5)
    dataset = load(infer(competition(tmp_path, train=train, test=test), metric="rmse"))
    assert not [note for note in dataset.notes if "2.0" in note]
    known = dataset.test["code"].dropna().astype(str)
    assert set(known) == {"2", "3"} and set(dataset.train["code"].astype(str)) >= {"2", "3"}


def test_none_says_that_no_column_has_a_role_unless_one_is_called_so(tmp_path: Path) -> None:
    when = pd.date_range("2020-01-01", periods=N + 20).astype(str)
    mixed = np.random.default_rng(0).permutation(40)
    train = rows(customer=mixed[np.arange(N) // 3]).assign(y=target("values"))
    test = rows(N, 20, customer=mixed[20 + np.arange(20) // 3])
    found = infer(competition(tmp_path, train=train, test=test), metric="rmse", group="none")
    assert said(found, "group") == ("none", "as you say")
    assert found.competition.scheme == "stratified" and load(found).groups is None
    later = competition(
        tmp_path, train=train.assign(when=when[:N]), test=test.assign(when=when[N:])
    )
    found = infer(later, metric="rmse", time="none", group="none")
    assert said(found, "time") == ("none", "as you say")
    assert found.competition.scheme == "stratified" and load(found).times is None
    named = [part.rename(columns={"customer": "none"}) for part in (train, test)]
    found = infer(competition(tmp_path, train=named[0], test=named[1]), metric="rmse", group="none")
    assert found.inference.schema.group == "none" and found.competition.scheme == "grouped"


def test_scheme_and_number_of_folds_are_those_that_were_said(tmp_path: Path) -> None:
    when = pd.date_range("2020-01-01", periods=N + 20).astype(str)
    train = rows(when=when[:N]).assign(y=target("values"))
    folder = competition(tmp_path, train=train, test=rows(N, 20, when=when[N:]))
    found = infer(folder, metric="rmse", folds=3)
    assert said(found, "folds") == ("3, expanding", "rows are ordered by when; 3 as you say")
    found = infer(folder, metric="rmse", folds=4, scheme="kfold")
    assert said(found, "folds") == ("4, kfold", "as you say")
    assert (found.competition.scheme, found.competition.n_folds) == ("kfold", 4)
    assert found.inference.schema.time is None
    # Named by the user, it is still found what they are ordered by.
    assert infer(folder, metric="rmse", scheme="expanding").inference.schema.time == "when"
    with pytest.raises(UsageError, match="no fold scheme 'kfolds'"):
        infer(folder, metric="rmse", scheme="kfolds")
    with pytest.raises(UsageError, match="at least 2"):
        infer(folder, metric="rmse", folds=1)


@pytest.mark.parametrize("form", ["one cell is no date", "two ways of writing"])
def test_times_that_cannot_be_read_are_refused_with_a_way_out(tmp_path: Path, form: str) -> None:
    days = pd.date_range("2020-01-01", periods=320)
    when = days.astype(str).to_numpy(dtype=object)
    if form == "one cell is no date":
        when[5] = "soon"
    else:
        when[::2] = days[::2].strftime("%d.%m.%Y")
    train = rows(0, 300, when=when[:300]).assign(y=target("values", 300))
    folder = competition(tmp_path, train=train, test=rows(300, 20, when=when[300:]), sample=None)
    if form == "two ways of writing":
        with pytest.raises(AmbiguousError, match=r"several ways: ISO8601, %d.%m.%Y. .*--column"):
            infer(folder, metric="rmse", target="y", time="when")
        found = infer(folder, metric="rmse", target="y", columns=["when=category"])
        assert load(found).times is None
        return
    found = infer(folder, metric="rmse", target="y", time="when")
    with pytest.raises(DataError, match=r"read in .*Mend the cells, or .*: --time none"):
        load(found)
    found = infer(folder, metric="rmse", target="y", time="none")
    assert found.competition.scheme == "stratified" and load(found).times is None


def test_a_scheme_that_keeps_groups_whole_says_so(tmp_path: Path) -> None:
    mixed = np.random.default_rng(0).permutation(40)
    train = rows(customer=mixed[np.arange(N) // 3]).assign(y=target("values"))
    test = rows(N, 20, customer=mixed[20 + np.arange(20) // 3])
    folder = competition(tmp_path, train=train, test=test)
    found = infer(folder, metric="rmse", scheme="kfold")
    assert said(found, "folds") == ("5, kfold, whole groups of customer", "as you say")
    table = folds_table(found.competition, data=folder, runs=tmp_path)
    assert "20 groups" in table.how
    assert len(table.table.assign(of=train["customer"])[["of", "fold"]].drop_duplicates()) == 20
    plain = infer(folder, metric="rmse", scheme="kfold", group="none")
    assert said(plain, "folds")[0] == "5, kfold"
    table = folds_table(plain.competition, data=folder, runs=tmp_path)
    assert "group" not in table.how
    assert len(table.table.assign(of=train["customer"])[["of", "fold"]].drop_duplicates()) > 20


def test_a_small_class_has_fewer_folds(tmp_path: Path) -> None:
    labels = np.array(["a", "b"] * (N // 2), dtype=object)
    labels[:3] = "rare"
    folder = competition(tmp_path, train=rows().assign(y=labels))
    found = infer(folder, metric="accuracy")
    assert found.competition.n_folds == 3
    assert "class rare has 3 rows" in said(found, "folds")[1]


# Files


@pytest.mark.parametrize(
    "form", ["zip", "zip in zip", "folder in folder", "gz", "tsv", "semicolon"]
)
def test_forms_of_files(tmp_path: Path, form: str) -> None:
    plain = competition(tmp_path / "plain")
    expected = load(infer(plain, metric="rmse"))
    path = tmp_path / "other"
    path.mkdir()
    tables = {
        name: pd.read_csv(plain / f"{name}.csv", dtype=str)
        for name in ("train", "test", "sample_submission")
    }
    if form == "folder in folder":
        write(path / "deep" / "er", **tables)
    for name, table in tables.items():
        text = table.to_csv(index=False)
        if form == "tsv":
            table.to_csv(path / f"{name}.tsv", index=False, sep="\t")
        elif form == "semicolon":
            table.to_csv(path / f"{name}.csv", index=False, sep=";")
        elif form == "gz":
            table.to_csv(path / f"{name}.csv.gz", index=False)
        elif form.startswith("zip"):
            with zipfile.ZipFile(path / f"{name}.csv.zip", "w") as archive:
                archive.writestr(f"{name}.csv", text)
    if form == "zip":
        path = tmp_path / "all.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name in tables:
                archive.write(plain / f"{name}.csv", f"flats/{name}.csv")
    found = load(infer(path, metric="rmse"))
    pd.testing.assert_frame_equal(found.train, expected.train)
    np.testing.assert_array_equal(found.target, expected.target)


def test_further_tables_reach_a_function_of_the_users(tmp_path: Path) -> None:
    from comps import table_competition

    towns = pd.DataFrame({"town": ["Ulm", "Hof", "Köln"], "people": [130_000, 45_000, 1_100_000]})
    folder = competition(tmp_path, towns=towns)
    assert infer(folder, metric="rmse").others == ["towns.csv"]

    def features(part: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
        return part.merge(tables["towns"], on="town", how="left")

    own = table_competition(folder, metric="rmse", features=features)
    dataset = own.load(folder)
    assert set(dataset.train["people"]) == {130_000, 45_000, 1_100_000}

    def learning(part: pd.DataFrame) -> pd.DataFrame:
        return part.assign(mean=part["size"].mean())

    notes = table_competition(folder, metric="rmse", features=learning).load(folder).notes
    assert any("learning() makes something else" in note for note in notes)


def test_the_fingerprint_tells_of_every_table_whatever_it_is_called(tmp_path: Path) -> None:
    folder = competition(tmp_path, train_v2=rows())
    for name in ("a", "b"):
        write(folder / name, towns=rows())

    def fingerprint() -> str:
        return tables_of(folder, {"train": "train_v2.csv"}).fingerprint()

    prints = {fingerprint()}
    for changed in ("train_v2", "train", "test", "a/towns", "b/towns"):
        file = folder / f"{changed}.csv"
        file.write_text(f"{file.read_text()}\n")
        prints.add(fingerprint())
    assert len(prints) == 6


def test_further_tables_of_one_name_are_called_by_their_paths(tmp_path: Path) -> None:
    folder = competition(tmp_path)
    for name in ("a", "b"):
        write(folder / name, towns=pd.DataFrame({"town": [name]}))
    tables = tables_of(folder)
    assert {name: table["town"].tolist() for name, table in tables.extra.items()} == {
        "a/towns.csv": ["a"],
        "b/towns.csv": ["b"],
    }


# Labels


def test_labels_that_differ_in_the_way_they_are_written_alone_are_refused(tmp_path: Path) -> None:
    labels = ["Yes", "yes ", "YES", "no"] * 15
    folder = competition(tmp_path, train=rows().assign(y=labels))
    message = r"'YES' \(15 rows\) and 'Yes' \(15 rows\) and 'yes' \(15 rows\)\. .* --label 'YES' "
    with pytest.raises(DataError, match=message):
        infer(folder, metric="accuracy")
    with pytest.raises(DataError, match="--label"):
        infer(folder, metric="accuracy", labels=["YES", "Yes"])
    found = infer(folder, metric="accuracy", labels=["YES", "Yes", "yes"])
    assert found.inference.schema.classes == ("YES", "Yes", "no", "yes")
    dataset = load(found)
    assert len(dataset.classes) == 4
    assert any("y: 15 cells of train.csv have blanks around the label" in n for n in dataset.notes)


def test_a_word_for_missing_may_be_a_label_if_that_is_said(tmp_path: Path) -> None:
    labels = ["EU", "NA", "AS"] * 20
    folder = competition(tmp_path, train=rows().assign(y=labels))
    with pytest.raises(
        DataError, match=r"20 rows .*: 'NA' in 20 rows is read as missing.* --label 'NA'"
    ):
        load(infer(folder, metric="accuracy"))
    without = load(infer(folder, metric="accuracy", leave_out="missing-target"))
    assert without.classes == ("AS", "EU") and len(without.target) == 40
    assert any("'NA' in 20 rows" in note for note in without.notes)
    kept = load(infer(folder, metric="accuracy", labels="NA"))
    assert [kept.classes[int(code)] for code in kept.target] == labels
    alone = competition(tmp_path, train=rows().assign(y=["EU", "NA"] * 30))
    with pytest.raises(DataError, match="has the label 'EU' alone.*--label 'NA'"):
        infer(alone, metric="accuracy")
    assert load(infer(alone, metric="accuracy", labels="NA")).classes == ("EU", "NA")
    # Its column in the sample submission says it, too.
    sample = rows(N, 20)[["Id"]].assign(NA=0.3, EU=0.3, AS=0.4)
    named = load(infer(competition(tmp_path, "three", sample, train=rows().assign(y=labels)),
                       metric="log_loss"))  # fmt: skip
    assert named.classes == ("NA", "EU", "AS") and len(named.target) == N


# Which file is which


@pytest.mark.parametrize("name", ["train_targets", "train_labels", "y_train"])
def test_targets_may_lie_in_a_table_of_their_own(tmp_path: Path, name: str) -> None:
    values = target("values")
    targets = rows()[["Id"]].assign(y=values).sample(frac=1.0, random_state=0)
    folder = competition(tmp_path, train=rows(), **{name: targets})
    found = infer(folder, metric="rmse")
    assert said(found, "table of targets") == (
        f"{name}.csv", "joined to train.csv, which has no target; by their common column",
    )  # fmt: skip
    assert found.others == [] and found.inference.schema.targets == ("y",)
    np.testing.assert_array_equal(load(found).target, values)
    # Another order is other content, and the same targets.
    one = load(found)
    (folder / f"{name}.csv").write_text(targets.sort_index().to_csv(index=False))
    assert load(found).fingerprint != one.fingerprint
    np.testing.assert_array_equal(load(found).target, values)


def test_a_table_of_targets_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    targets = rows()[["Id"]].assign(y=target("values"))
    for spoilt_targets, message in (
        (targets.assign(Id=targets["Id"] + 1), "differ"),
        (pd.concat([targets, targets[:1]]), r"train_targets\.csv has 1 duplicate id: 0"),
        (targets[["y"]], "one column in common, .* they have none"),
        (targets.assign(size=1), "one column in common, .* they have 'Id', 'size'"),
    ):
        folder = competition(tmp_path, train=rows(), train_targets=spoilt_targets)
        with pytest.raises(DataError, match=message):
            infer(folder, metric="rmse")
    two = competition(tmp_path, train=rows(), train_targets=targets, train_labels=targets)
    with pytest.raises(AmbiguousError, match="--targets-file"):
        infer(two, metric="rmse")
    found = infer(two, metric="rmse", targets_file="train_labels")
    assert load(found).target.tolist() == targets["y"].tolist()


def test_rows_that_a_table_of_targets_lacks_are_left_out_where_that_is_said(tmp_path: Path) -> None:
    targets = rows()[["Id"]].assign(y=target("two"))[3:]
    folder = competition(tmp_path, train=rows(), train_targets=targets)
    with pytest.raises(DataError, match=r"3 rows of .* no target \(lines 2, 3, 4\).*--leave-out"):
        load(infer(folder, metric="auc"))
    data = load(infer(folder, metric="auc", leave_out="missing-target"))
    assert data.train_ids.tolist() == targets["Id"].tolist()
    assert np.array(data.classes)[data.target.astype(int)].tolist() == targets["y"].tolist()


def test_duplicate_ids_are_refused_with_what_to_do(tmp_path: Path) -> None:
    test = rows(N, 20, key=np.arange(20))
    test.loc[1, "Id"] = N
    train = rows(key=np.arange(N) + 100).assign(y=target("values"))
    folder = competition(tmp_path, train=train, test=test, sample_submission=None)
    with pytest.raises(DataError, match=r"duplicate id: 60\. Keep one row of each\. .* --id"):
        load(infer(folder, metric="rmse", id="Id"))
    assert load(infer(folder, metric="rmse", id="key")).test_ids.tolist() == list(range(20))


def test_a_table_of_labels_beside_training_rows_with_targets_is_a_further_one(
    tmp_path: Path,
) -> None:
    labels = pd.DataFrame({"town": ["Ulm", "Hof"], "label": ["a", "b"]})
    found = infer(competition(tmp_path, labels=labels), metric="rmse")
    assert found.others == ["labels.csv"] and load(found).target.tolist() == list(target("values"))


def test_a_column_that_is_named_and_not_tested_is_an_error(tmp_path: Path) -> None:
    stories = [f"the long story of day {number}" for number in range(N)]
    table, test = rows().assign(y=target("values"), story=stories), rows(N, 20)
    folder = write(tmp_path, train=table, test=test)
    # What is said to be a text is not the target.
    with pytest.raises(DataError, match=r"'story' is said .* kind 'text', and test\.csv lacks it"):
        infer(folder, metric="rmse", text="story")
    assert infer(folder, metric="rmse", target="y", columns=["story=ignored"]).competition
    kinds: dict[str, Any] = {"target": "y", "metric": "rmse", "columns": {"text": ["story"]}}
    with pytest.raises(DataError, match=r"the table of the test rows lacks it"):
        table_competition(table, test, **kinds)
    assert table_competition(table, **kinds)


def test_images_without_a_table_are_told_to_be_named(tmp_path: Path) -> None:
    (tmp_path / "cat.JPG").write_bytes(b"x")
    with pytest.raises(DataError, match=r"holds no table.*name the folder of .*: --images FOLDER"):
        infer(tmp_path, metric="accuracy")


def test_sheets_are_told_to_be_saved_as_csv(tmp_path: Path) -> None:
    (tmp_path / "train.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"holds no table.*train\.xlsx\. Save the sheets as CSV"):
        infer(tmp_path, metric="rmse")
    folder = competition(tmp_path)
    # The part that is there counts; a sheet of a part that is not must not be overlooked.
    (folder / "train.xlsx").write_bytes(b"PK")
    assert infer(folder, metric="rmse").inference.schema.id == "Id"
    (folder / "test.csv").rename(folder / "test.xlsx")
    with pytest.raises(
        DataError, match=r"^test\.xlsx is a document of a spreadsheet.*Save it as a"
    ):
        infer(folder, metric="rmse")


# What is refused


def spoilt(**parts: Any) -> Any:
    """Return a change of the three files."""
    return parts


@pytest.mark.parametrize(
    ("kind", "metric", "parts", "message"),
    [
        ("values", "rmse", {"train": rows().assign(y=[np.nan, *target("values")[1:]])},
         r"1 row of train.csv has no target \(lines 2\).*--leave-out missing-target"),
        ("values", "rmse", {"train": rows().assign(y=["x", *target("values")[1:]])},
         "y: 1 cell of train.csv is no number: line 2: 'x'"),
        ("two", "auc", {"train": rows().assign(y="yes")}, "has the label 'yes' alone"),
        ("three", "accuracy", {"train": rows().assign(y=["once", *target("three")[1:]])},
         "A single row has the label 'once'.*--leave-out rare-class"),
        ("values", "accuracy", {"train": rows().assign(y=RNG.normal(size=N))},
         "which are no classes. Name a metric of values"),
        ("values", "rmsle", {"train": rows().assign(y=-2.0)}, "on the scale log1p"),
    ],
)  # fmt: skip
def test_targets_that_cannot_be_are_named_before_training(
    tmp_path: Path, kind: str, metric: str, parts: dict[str, Any], message: str
) -> None:
    folder = competition(tmp_path, kind, **parts)
    with pytest.raises(DataError, match=message):
        load(infer(folder, metric=metric))


def test_rows_are_left_out_where_that_is_said(tmp_path: Path) -> None:
    values = [np.nan, *target("values")[1:]]
    folder = competition(tmp_path, train=rows().assign(y=values))
    dataset = load(infer(folder, metric="rmse", leave_out="missing-target"))
    assert len(dataset.train) == N - 1 and dataset.train_ids[0] == 1
    assert any("left out" in note for note in dataset.notes)
    labels = ["once", *target("three")[1:]]
    folder = competition(tmp_path, train=rows().assign(y=labels))
    dataset = load(infer(folder, metric="accuracy", leave_out="rare-class"))
    assert len(dataset.train) == N - 1 and dataset.classes == ("high", "low", "mid")


def test_a_target_among_the_test_columns_plays_no_part(tmp_path: Path) -> None:
    folder = competition(tmp_path, test=rows(N, 20, y=1.0))
    found = infer(folder, metric="rmse")
    assert "y of the test rows" in [row["value"] for row in found.rows]
    assert list(load(found).test) == ["size", "town"]


def test_a_handful_of_rows_is_refused(tmp_path: Path) -> None:
    folder = competition(tmp_path, train=rows(count=3).assign(y=[1.0, 2.0, 3.0]))
    with pytest.raises(DataError, match="train.csv has 3 rows; at least 10 are needed"):
        infer(folder, metric="rmse")


def test_the_metric_and_the_sample_must_agree(tmp_path: Path) -> None:
    folder = competition(tmp_path, "three", sample="low")
    with pytest.raises(DataError, match="the column 'y' alone. Name a metric of labels"):
        infer(folder, metric="log_loss")
    with pytest.raises(DataError, match="F1 is of two classes, and 'y' has 3"):
        infer(folder, metric="f1")


def test_a_column_of_probabilities_for_each_class_is_refused_of_labels(tmp_path: Path) -> None:
    sample = rows(N, 20)[["Id"]].assign(mid=0.3, high=0.3, low=0.4)
    folder = competition(tmp_path, "three", sample)
    with pytest.raises(DataError, match="accuracy is of labels, .* --metric log_loss, or give a s"):
        infer(folder, metric="accuracy")
    assert infer(folder, metric="log_loss").competition.target_columns == ("mid", "high", "low")


@pytest.mark.parametrize(("sample", "told"), [(0.5, True), ("no", False), ("Yes", False)])
def test_labels_are_said_to_be_written_where_the_sample_has_something_else(
    tmp_path: Path, sample: Any, told: bool
) -> None:
    notes = infer(competition(tmp_path, "two", sample), metric="accuracy").inference.notes
    wanted = "'y' of the sample submission holds '0.5', and accuracy is of labels"
    assert any(note.startswith(wanted) and "'no', 'yes'" in note for note in notes) == told
    assert not infer(competition(tmp_path, "two", sample), metric="auc").inference.notes


def test_rows_of_one_query_stay_in_one_fold(tmp_path: Path) -> None:
    train = rows(query=np.arange(N) // 6).assign(y=target("digits"))
    test = rows(N, 20, query=np.arange(20) // 5 + 100)
    folder = competition(tmp_path, train=train, test=test)
    with pytest.raises(AmbiguousError, match="ranks rows together.*--query"):
        infer(folder, metric="ndcg@5")
    found = infer(folder, metric="ndcg@5", query="query")
    assert found.competition.scheme == "grouped"
    dataset = load(found)
    assert dataset.queries is not None and len(np.unique(dataset.queries)) == 10
    assert "query" not in dataset.train


def test_queries_may_be_divided_where_folds_follow_time(tmp_path: Path) -> None:
    train = rows(query=np.arange(N) // 6, step=np.arange(N)).assign(y=target("digits"))
    test = rows(N, 20, query=np.arange(20) // 5 + 100, step=N + np.arange(20))
    folder = competition(tmp_path, train=train, test=test)
    found = infer(folder, metric="ndcg@5", query="query", time="step")
    assert found.competition.scheme == "expanding"
    rows_of = FoldInput.of(found.competition, load(found))
    assert make_folds(FoldSpec("expanding", 3), rows_of).growing
    # Only who names a time divides queries.
    assert infer(folder, metric="ndcg@5", query="query").competition.scheme == "grouped"


def test_weights_and_folds_are_columns_that_models_do_not_see(tmp_path: Path) -> None:
    train = rows(weight=np.arange(N) + 1.0, kfold=np.arange(N) % 4).assign(y=target("values"))
    folder = competition(tmp_path, train=train)
    found = infer(folder, metric="rmse", weight="weight")
    assert (found.competition.scheme, found.competition.n_folds) == ("column", 4)
    dataset = load(found)
    assert dataset.weights is not None and dataset.weights[3] == 4.0
    assert dataset.folds is not None and dataset.folds.tolist() == [n % 4 for n in range(N)]
    assert list(dataset.train) == ["size", "town"]
    # Below zero no fold predicts a row, which is no fold of its own.
    some = train.assign(kfold=np.arange(N) % 4 - 1)
    found = infer(competition(tmp_path, train=some), metric="rmse")
    assert found.competition.n_folds == 3
    assert load(found).folds.tolist() == some["kfold"].tolist()  # type: ignore[union-attr]
    with pytest.raises(DataError, match="is missing in 15 rows: 1, 5, .* write -1"):
        infer(competition(tmp_path, train=some.replace({"kfold": {-1: None}})), metric="rmse")
    bad = train.assign(weight=-1.0)
    with pytest.raises(DataError, match="above zero; 60 in 'weight' are not"):
        load(infer(competition(tmp_path, train=bad), metric="rmse", weight="weight"))


def test_columns_of_the_sample_may_have_something_before_the_label(tmp_path: Path) -> None:
    sample = rows(N, 20)[["Id"]].assign(y_mid=0.3, y_high=0.3, y_low=0.4)
    found = infer(competition(tmp_path, "three", sample), metric="log_loss")
    assert found.inference.schema.classes == ("mid", "high", "low")
    assert found.competition.target_columns == ("y_mid", "y_high", "y_low")


def test_features_of_the_users_see_ids_and_groups_and_models_do_not(tmp_path: Path) -> None:
    from comps import table_competition

    owners = pd.DataFrame({"owner": range(30), "age": np.arange(30.0)})
    train = rows(owner=np.arange(N) // 2).assign(y=target("values"))
    test = rows(N, 20, owner=np.arange(20))
    folder = competition(tmp_path, train=train, test=test, owners=owners)

    def features(part: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
        assert part["Id"].dtype.kind == "i"
        return part.merge(tables["owners"], on="owner", how="left")

    own = table_competition(folder, metric="rmse", group="owner", features=features)
    dataset = own.load(folder)
    assert list(dataset.train) == ["size", "town", "age"]
    assert dataset.train["age"].tolist() == [n // 2 for n in range(N)]

    def broken(part: pd.DataFrame) -> pd.DataFrame:
        return part[["nothing"]]

    with pytest.raises(UsageError, match=r"broken\(\) failed \(test_inference.py:\d+\)"):
        table_competition(folder, metric="rmse", features=broken).load(folder)


def test_columns_that_differ_in_capital_letters_alone_are_refused(tmp_path: Path) -> None:
    folder = competition(tmp_path, test=rows(N, 20).rename(columns={"town": "Town "}))
    with pytest.raises(DataError, match="a column 'town' and the test rows 'Town '"):
        infer(folder, metric="rmse")


def test_quantities_as_texts_are_no_ids(tmp_path: Path) -> None:
    paid = [f"${value:,.2f}" for value in RNG.uniform(1000, 9000, N + 20)]
    train, test = rows(paid=paid[:N]).assign(y=target("values")), rows(N, 20, paid=paid[N:])
    dataset = load(infer(competition(tmp_path, train=train, test=test), metric="rmse"))
    assert dataset.train["paid"].between(1000, 9000).all()
