"""Predictions of other tools: the same folds, joined on ids, checked, members like our own."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from comps.base import Competition, DataError, Dataset, Family, Task, UsageError
from comps.digits.competition import DIGITS
from comps.digits.loader import load as load_digits
from comps.metrics import LOG_LOSS
from ensembles import best_blend
from pipelines.api.choices import Options
from pipelines.api.imported import check_name, predictions
from pipelines.api.result_rows import leaderboard_rows
from pipelines.api.results import Result
from pipelines.api.session import Session
from pipelines.api.stored import open_stored
from pipelines.cli.imported import import_predictions, write_folds
from pipelines.cli.request import Request
from pipelines.cli.run import compare_models
from pipelines.folds import FoldInput, Folds, FoldSpec, make_folds
from pipelines.results.imported import fold_table, imported_member, prediction_columns
from pipelines.results.oof import OutOfFold
from pipelines.results.prediction_tables import table_of_oof, table_of_test
from pipelines.store import Experiment, RunStore
from submissions import build_submission
from tests.commands import Done, comps, environment
from tests.support import FOREST, LIGHTGBM, MEAN, RIDGE, TINY, kfold, validate, with_dataset
from tests.test_cli import N_TRAIN, prices_in, tables, write_houses
from tests.test_digits import tables as drawn
from tests.test_digits import written

FILES = {"oof": "oof.csv", "test": "test.csv"}


def written_to(path: Path, table: pd.DataFrame) -> Path:
    table.to_csv(path, index=False)
    return path


@dataclass(frozen=True)
class Tables:
    """What another tool hands over, and what it is for."""

    competition: Competition
    dataset: Dataset
    folds: Folds
    oof: pd.DataFrame
    test: pd.DataFrame

    def member(self, name: str = "foreign") -> OutOfFold:
        """Import the tables by way of files, as the command does."""
        with tempfile.TemporaryDirectory() as folder:
            oof, test = (
                predictions(written_to(Path(folder, "a.csv"), table), self.competition.id_column)
                for table in (self.oof, self.test)
            )
        return imported_member(
            self.competition, self.dataset, self.folds, name, oof, test, files=FILES
        )

    def changed(self, part: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Tables:
        """Return the tables with one of them changed."""
        return replace(self, **{part: change(getattr(self, part).copy())})


def exported(
    competition: Competition, dataset: Dataset, folds: Folds, valid: np.ndarray, test: np.ndarray
) -> Tables:
    """Return predictions on the metric's scale as tables in the target's own unit."""
    inverse, columns = competition.metric.scale.inverse, prediction_columns(competition, dataset)
    oof = fold_table(competition, dataset, folds)
    out = pd.DataFrame({competition.id_column: dataset.test_ids})
    for place, column in enumerate(columns):
        oof[column] = inverse(valid.reshape(len(valid), -1)[:, place])
        out[column] = inverse(test.reshape(len(test), -1)[:, place])
    return Tables(competition, dataset, folds, oof, out)


@pytest.fixture(scope="module")
def trained(
    experiment: Experiment, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, OutOfFold]:
    """Members of the tiny competition."""
    store = RunStore(tmp_path_factory.mktemp("trained") / "tiny")
    return validate(experiment, [MEAN, RIDGE, FOREST, LIGHTGBM], store).oofs


@pytest.fixture(scope="module")
def ridge(experiment: Experiment, trained: dict[str, OutOfFold]) -> Tables:
    """The predictions of ridge in dollars."""
    oof = trained["ridge"]
    return exported(TINY, experiment.dataset, experiment.folds, oof.valid, oof.test)


# The folds


def test_every_row_is_in_the_fold_that_predicts_it(experiment: Experiment) -> None:
    table = fold_table(TINY, experiment.dataset, experiment.folds)
    assert list(table.columns) == ["id", "fold"]
    assert table["id"].tolist() == experiment.dataset.train_ids.tolist()
    for number, (_, rows) in enumerate(experiment.folds.pairs[0], start=1):
        assert np.flatnonzero(table["fold"] == number).tolist() == rows.tolist()


# Members like our own


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_our_own_predictions_come_back_from_shuffled_files(
    ridge: Tables, trained: dict[str, OutOfFold], experiment: Experiment, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    shuffled = ridge
    for part in ("oof", "test"):
        shuffled = shuffled.changed(
            part,
            lambda table: table.sample(frac=1, random_state=rng)[rng.permutation(table.columns)],
        )
    own, back = trained["ridge"], shuffled.member("back")
    np.testing.assert_allclose(back.valid, own.valid, rtol=1e-12)
    np.testing.assert_allclose(back.test, own.test, rtol=1e-12)
    assert back.score == pytest.approx(own.score, rel=1e-12)
    # Our scores of the folds are of predictions before they were stored in single precision.
    np.testing.assert_allclose(back.fold_scores, own.fold_scores, rtol=1e-6)
    target = TINY.scaled_target(experiment.dataset)
    blends = [
        best_blend([trained["forest"], member], target, experiment.folds, TINY.metric)[0]
        for member in (own, back)
    ]
    assert blends[0].method == blends[1].method
    assert blends[0].honest_score == pytest.approx(blends[1].honest_score, rel=1e-12)
    np.testing.assert_allclose(blends[0].test, blends[1].test, rtol=1e-9)


def test_scores_are_those_of_a_loop_over_the_table(ridge: Tables, experiment: Experiment) -> None:
    truth = dict(zip(experiment.dataset.train_ids, experiment.dataset.target, strict=True))
    errors: dict[int, list[float]] = {}
    for row in ridge.oof.itertuples():
        errors.setdefault(row.fold, []).append((np.log1p(row.price) - np.log1p(truth[row.id])) ** 2)
    expected = [np.sqrt(np.mean(errors[fold])) for fold in sorted(errors)]
    member = ridge.member()
    np.testing.assert_allclose(member.fold_scores, [expected], rtol=1e-12)
    assert member.score == pytest.approx(np.sqrt(np.mean([*chain(*errors.values())])), rel=1e-12)
    assert (member.step, member.fit_seconds, member.imported) == (1, 0.0, True)
    assert member.config == {"name": "foreign", "imported": True, **FILES}


def test_the_key_follows_from_the_content(ridge: Tables) -> None:
    key = ridge.member().key
    moved = ridge.changed("oof", lambda table: table[::-1])
    other = ridge.changed("test", lambda table: table.assign(price=table["price"] * 2))
    assert moved.member().key == key != other.member().key


def test_ids_are_compared_as_text(ridge: Tables) -> None:
    ids = ridge.dataset.train_ids.astype(str), ridge.dataset.test_ids.astype(str)
    textual = replace(ridge, dataset=replace(ridge.dataset, train_ids=ids[0], test_ids=ids[1]))
    assert textual.member().score == ridge.member().score


def test_the_leaderboard_shows_it_as_imported(
    ridge: Tables, trained: dict[str, OutOfFold], experiment: Experiment
) -> None:
    oofs = {**trained, "foreign": ridge.member()}
    rows = leaderboard_rows(Result(experiment, oofs))
    found = {row["model"]: (row["family"], row["note"]) for row in rows}
    assert found["foreign"] == (Family.IMPORTED, "imported")
    assert found["ridge"] == (Family.LINEAR, "")


# The store


def test_the_newest_import_of_a_name_is_the_member(
    ridge: Tables, experiment: Experiment, store: RunStore
) -> None:
    first = ridge.member()
    second = ridge.changed("oof", lambda table: table.assign(price=1e5)).member()
    for member in (first, second, first):
        with store.writing():
            store.imported.put(member)
        (found,) = store.imported.on(experiment.dataset, experiment.folds)
        assert (found.model, found.key, found.score) == ("foreign", member.key, member.score)
    assert store.imported.names() == {"foreign"}


def test_other_data_or_folds_do_not_see_it(
    ridge: Tables, experiment: Experiment, store: RunStore
) -> None:
    with store.writing():
        store.imported.put(ridge.member())
    changed = with_dataset(experiment, fingerprint="other").dataset
    for dataset, folds in (
        (changed, experiment.folds),
        (experiment.dataset, kfold(experiment.folds.n_rows, 4)),
        (experiment.dataset, kfold(experiment.folds.n_rows, seed=1)),
    ):
        assert store.imported.on(dataset, folds) == []


# What is refused


def test_names_that_a_member_cannot_have() -> None:
    for name in ("ridge", "all", "default", "quick"):
        with pytest.raises(UsageError, match=f"'{name}' is a model of tiny or a set of them"):
            check_name(TINY, name)
    for name in ("", ".", "..", ".hidden", "a/b", "a\\b", "a b", "a,b", "a\n", "é", "a" * 101):
        with pytest.raises(UsageError, match=r"A name of letters, digits, '_', '-' and '.'"):
            check_name(TINY, name)
    for name in ("a", "tabpfn-2.5", "Team_7"):
        check_name(TINY, name)


Change = Callable[[pd.DataFrame], pd.DataFrame]


def cell(row: int, column: str, value: object) -> Change:
    """Return a change of one cell."""

    def change(table: pd.DataFrame) -> pd.DataFrame:
        table[column] = table[column].astype(object)
        table.loc[table.index[row], column] = value
        return table

    return change


# In the tiny competition, rows 1000 to 1119 are to train on, 1120 to 1149 to predict.
REFUSED: dict[str, tuple[str, Change, str]] = {
    "no folds": (
        "oof",
        lambda table: table.drop(columns="fold"),
        r"oof.csv lacks the columns \['fold'\].*'comps folds tiny' writes the folds",
    ),
    "no predictions": (
        "test",
        lambda table: table.drop(columns="price"),
        r"test.csv lacks the columns \['price'\]; it has \['id'\]\.$",
    ),
    "a row without an id": ("oof", cell(0, "id", None), "oof.csv has 1 row without an id"),
    "a missing id": ("oof", lambda table: table[2:], "2 ids of the data are missing: 1000, 1001"),
    "an id twice": (
        "test",
        lambda table: pd.concat([table, table[:1]]),
        "1 duplicate ids: 1120",
    ),
    "an unknown id": (
        "test",
        cell(3, "id", 7),
        r"ids of the data are missing: 1123\.\n- 1 ids are not in the data: 7\.",
    ),
    "ids of the training rows": (
        "test",
        lambda table: table.assign(id=table["id"] - 120),
        r"30 ids are not in the data: 1000, 1001, 1002, 1003, 1004 and 25 more",
    ),
    "another fold": (
        "oof",
        lambda table: table.assign(fold=table["fold"] % 3 + 1),
        r"120 ids are in another fold than here \(scheme 'kfold', 3 folds, seed 0\): 1000,",
    ),
    "folds from zero": (
        "oof",
        lambda table: table.assign(fold=table["fold"] - 1),
        "120 ids are in another fold",
    ),
    "no fold": ("oof", cell(5, "fold", None), "1 ids are in another fold than here.*: 1005"),
    "a fold in words": ("oof", cell(5, "fold", "five"), "1 ids are in another fold.*: 1005"),
    "an empty cell": (
        "test",
        cell(2, "price", None),
        r"1 values of price are no finite numbers: ids 1122 \(nan\)",
    ),
    "text": ("oof", cell(2, "price", "dear"), r"no finite numbers: ids 1002 \(dear\)"),
    "infinity": ("oof", cell(2, "price", np.inf), r"no finite numbers: ids 1002 \(inf\)"),
    "no logarithm": (
        "oof",
        cell(2, "price", -1),
        r"1 values of price have no number on the scale 'log1p': ids 1002 \(-1",
    ),
    "below zero": ("test", cell(4, "price", -7), r"scale 'log1p': ids 1124 \(-7"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_named(ridge: Tables, case: str) -> None:
    part, change, message = REFUSED[case]
    with pytest.raises(DataError, match=f"(?s){message}") as refused:
        ridge.changed(part, change).member()
    assert str(refused.value).startswith(f"{part}.csv")


def test_values_outside_the_range_of_a_submission_are_refused(ridge: Tables) -> None:
    competition = replace(TINY, valid_range=(1.0, 1e9))
    tables = replace(ridge, competition=competition).changed("oof", cell(1, "price", 0.5))
    with pytest.raises(DataError, match=r"price are not from 1 to 1e\+09: ids 1001 \(0.5"):
        tables.member()


# Folds that grow in time


@pytest.fixture(scope="module")
def forecast(experiment: Experiment) -> Tables:
    """A forecast of the tiny competition, whose rows are in time, the last one first."""
    dataset = replace(experiment.dataset, times=-np.arange(len(experiment.dataset.target)))
    rows = FoldInput(dataset.target, Task.REGRESSION, times=dataset.times)
    folds = make_folds(FoldSpec("expanding", 3), rows)
    rng = np.random.default_rng(0)
    valid, test = rng.normal(11, 0.3, folds.n_rows), rng.normal(11, 0.3, len(dataset.test_ids))
    return exported(TINY, dataset, folds, valid, test)


def test_rows_that_no_fold_predicts_have_no_fold_and_need_not_be_there(forecast: Tables) -> None:
    covered = forecast.folds.covered()
    assert 0 < covered.sum() < len(covered)
    assert forecast.oof["fold"].isna().tolist() == (~covered).tolist()
    whole = forecast.member()
    assert np.isnan(whole.valid).tolist() == (~covered).tolist()
    assert whole.covered.tolist() == covered.tolist()
    for change in (
        lambda table: table[covered],
        lambda table: table.assign(price=table["price"].where(covered)),
    ):
        assert forecast.changed("oof", change).member().key == whole.key


@pytest.mark.parametrize("value", [1, "none"])
def test_rows_that_no_fold_predicts_are_in_no_fold(forecast: Tables, value: object) -> None:
    # The first block of time is the last one of the table.
    with pytest.raises(DataError, match="1 ids are in another fold.*: 1119"):
        forecast.changed("oof", cell(-1, "fold", value)).member()


# Classes


def binary(experiment: Experiment) -> Tables:
    """Probabilities that a house is dear."""
    competition = replace(TINY, task=Task.BINARY, metric=LOG_LOSS)
    dear = (experiment.dataset.target > np.median(experiment.dataset.target)).astype(float)
    dataset = replace(experiment.dataset, target=dear, classes=(0, 1))
    rng = np.random.default_rng(1)
    valid, test = rng.uniform(0, 1, len(dear)), rng.uniform(0, 1, len(dataset.test_ids))
    return exported(competition, dataset, experiment.folds, valid, test)


def test_of_two_classes_the_probability_of_class_1_is_expected(experiment: Experiment) -> None:
    tables = binary(experiment)
    member = tables.member()
    assert member.valid.shape == (120,) and member.test.shape == (30,)
    assert member.score == pytest.approx(log_loss(tables.dataset.target, tables.oof["price"]))


@pytest.mark.parametrize(
    ("columns", "classes", "first"),
    [
        (("Status_C", "Status_D"), ("C", "D"), "Status_D"),
        (("yes", "no"), ("no", "yes"), "yes"),
        (("no", "yes"), ("no", "yes"), "yes"),
    ],
)
def test_of_two_columns_that_of_class_1_goes_out_and_comes_back(
    experiment: Experiment, columns: tuple[str, str], classes: tuple[str, str], first: str
) -> None:
    one = binary(experiment)
    competition = replace(one.competition, target_columns=columns)
    dataset = replace(one.dataset, classes=classes)
    own = {"own": one.member()}
    oof = table_of_oof(competition, dataset, one.folds, own)
    test = table_of_test(competition, dataset, own)
    np.testing.assert_array_equal(oof[first], own["own"].valid)
    wide = table_of_test(competition, dataset, own, wide=True)
    assert list(test) == ["id", first] and list(wide) == ["id", "own"]
    # Another tool may write both columns.
    (other,) = set(columns) - {first}
    both = Tables(
        competition,
        dataset,
        one.folds,
        oof.assign(**{other: 1 - oof[first]}),
        test.assign(**{other: 1 - test[first]}),
    )
    back = both.member()
    np.testing.assert_allclose(back.valid, own["own"].valid)
    np.testing.assert_allclose(back.test, own["own"].test)


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_probabilities_lie_between_0_and_1(experiment: Experiment, value: float) -> None:
    tables = binary(experiment).changed("test", cell(0, "price", value))
    with pytest.raises(DataError, match=rf"price are not from 0 to 1: ids 1120 \({value}"):
        tables.member()


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Probabilities of ten digits."""
    dataset = load_digits(written(drawn(60, 10), tmp_path_factory.mktemp("digits")))
    rows = FoldInput(dataset.target, DIGITS.task, dataset.groups)
    rng = np.random.default_rng(2)
    valid, test = rng.dirichlet(np.ones(10), 60), rng.dirichlet(np.ones(10), 10)
    return exported(DIGITS, dataset, make_folds(FoldSpec("stratified", 3), rows), valid, test)


def test_classes_are_known_by_the_labels_of_their_columns(digits: Tables) -> None:
    backwards = digits.changed("oof", lambda table: table[table.columns[::-1]])
    backwards = backwards.changed("test", lambda table: table[table.columns[::-1]])
    member = backwards.member()
    assert member.valid.shape == (60, 10) and member.test.shape == (10, 10)
    labels = [str(label) for label in range(10)]
    guessed = digits.oof[labels].idxmax(axis=1).astype(int)
    assert member.score == pytest.approx(np.mean(guessed == digits.dataset.target))
    submission = build_submission(DIGITS, digits.dataset, member.test)
    expected = digits.test.set_index("ImageId")[labels].idxmax(axis=1).astype(int)
    assert submission.set_index("ImageId")["Label"].to_dict() == expected.to_dict()


def test_probabilities_of_all_classes_are_brought_to_sum_1(digits: Tables) -> None:
    rounded = digits.changed("oof", lambda table: table.round(4))
    sums = rounded.member().valid.sum(axis=1)
    assert not np.allclose(rounded.oof.iloc[:, 2:].sum(axis=1), 1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(sums, 1, rtol=0, atol=1e-12)


def test_probabilities_that_do_not_sum_to_1_are_refused(digits: Tables) -> None:
    labels = [str(label) for label in range(10)]

    def spoil(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[3, labels] = 0.025
        return table

    with pytest.raises(DataError, match=r"1 ids do not sum to 1: 4 \(0\.25"):
        digits.changed("oof", spoil).member()
    with pytest.raises(DataError, match=r"lacks the columns \['9'\]"):
        digits.changed("test", lambda table: table.drop(columns="9")).member()
    with pytest.raises(DataError, match=r"values of 7 are not from 0 to 1: ids 2 \(-0.2"):
        digits.changed("test", cell(1, "7", -0.2)).member()


# The command line

HOUSES = ("house-prices", "--data", "houses.zip")


@dataclass(frozen=True)
class Home:
    """A folder with houses, stored models and their folds."""

    path: Path
    folds: Done

    @property
    def store(self) -> RunStore:
        return RunStore(self.path / "runs" / "house-prices")

    def options(self, members: str | None = None, **changes: Any) -> Options:
        """Return the options of a call."""
        return Options.of("house-prices", self.request(members, **changes).choices)

    def request(self, members: str | None = None, **changes: Any) -> Request:
        """Return what a command that prints lines of JSON was asked for."""
        places = {"data": self.path / "houses.zip", "runs": self.path / "runs"}
        own = {} if members is None else {"models": members}
        return Request("house-prices", {**places, **own, **changes}, json=True)

    def twin(self) -> OutOfFold:
        """Return the stored member 'twin'."""
        experiment = Session(self.options()).experiment()
        (twin,) = self.store.imported.on(experiment.dataset, experiment.folds)
        return twin


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Folds, and predictions of ridge as another tool would bring them."""
    path = tmp_path_factory.mktemp("home")
    write_houses(path / "houses.zip")
    home = Home(path, comps("folds", *HOUSES, "--json", cwd=path))
    comps("run", *HOUSES, "--models", "median,ridge", "--engine", "inline", cwd=path)
    experiment = Session(home.options()).experiment()
    stored = home.store.predictions(experiment.dataset, experiment.folds)
    (ridge,) = [oof for oof in stored if oof.model == "ridge"]
    oof = pd.read_csv(path / "folds.csv")
    assert oof["Id"].tolist() == ridge.train_ids.tolist()
    oof["SalePrice"] = np.expm1(ridge.valid)
    oof.sample(frac=1, random_state=0).to_csv(path / "oof.csv", index=False)
    test = pd.DataFrame({"Id": ridge.test_ids, "SalePrice": np.expm1(ridge.test)})
    test.sample(frac=1, random_state=1).to_csv(path / "test.csv", index=False)
    return home


IMPORT = ("import-oof", *HOUSES, "twin", "--oof", "oof.csv", "--test", "test.csv")


@pytest.fixture(scope="module")
def imported(home: Home) -> Home:
    """The same folder with the predictions in its store, as 'twin'."""
    done = comps(*IMPORT, cwd=home.path)
    assert done.out.startswith("twin: out-of-fold RMSLE 0.")
    assert "replaces" not in done.out
    return home


@pytest.fixture
def away(imported: Home, tmp_path: Path) -> Home:
    """A copy that a test may change."""
    shutil.copytree(imported.path, tmp_path / "home")
    return replace(imported, path=tmp_path / "home")


@pytest.mark.slow
def test_the_command_says_which_folds_it_wrote_and_how_to_come_back(home: Home) -> None:
    result = home.folds.event("result")
    assert (result["folds"], result["rows"]) == ("folds.csv", N_TRAIN)
    assert (result["scheme"], result["n_folds"], result["seed"]) == ("stratified", 5, 0)
    assert home.folds.all("note")[-1]["text"].endswith(
        "comps import-oof house-prices NAME --oof oof.csv --test test.csv --data houses.zip"
    )


def test_other_folds_are_written_where_one_wants_them(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    path = home.path / "three folds.csv"
    write_folds(home.request(folds=3, scheme="kfold", seed=7), path)
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["text"].endswith(" --folds 3 --scheme kfold --seed 7")
    expected = kfold(N_TRAIN, 3, seed=7).fold_of_row() + 1
    assert pd.read_csv(path)["fold"].tolist() == expected.tolist()


@pytest.mark.slow
def test_an_imported_member_is_blended_without_being_named(imported: Home) -> None:
    done = comps("blend", *HOUSES, "--method", "equal", "--json", cwd=imported.path)
    rows = {row["model"]: row for row in done.event("leaderboard")["rows"]}
    weights = {name: row["weight"] for name, row in rows.items()}
    assert weights == {"median": 0.0, "ridge": 0.5, "twin": 0.5}
    assert rows["twin"]["score"] == pytest.approx(rows["ridge"]["score"], rel=1e-12)


def test_a_submission_of_an_imported_member_has_its_predictions(imported: Home) -> None:
    arguments = ("--members", "twin", "--output", "twin.csv")
    comps("submit", *HOUSES, *arguments, cwd=imported.path)
    test = pd.read_csv(imported.path / "test.csv", dtype={"Id": str})
    expected = test.set_index("Id")["SalePrice"].to_dict()
    assert prices_in(imported.path / "twin.csv") == pytest.approx(expected, rel=1e-12)


@pytest.mark.slow
def test_compare_trains_what_is_ours_alone(imported: Home) -> None:
    done = comps("compare", *HOUSES, "--members", "twin,ridge", "--json", cwd=imported.path)
    assert done.event("planned")["to_fit"] == 0
    rows = done.event("comparison")["rows"]
    assert [row["fold"] for row in rows] == [1, 2, 3, 4, 5]
    for row in rows:
        assert row["twin"] == pytest.approx(row["ridge"], rel=1e-6)


def test_one_member_is_no_comparison(imported: Home) -> None:
    with pytest.raises(UsageError, match="at least two different members; it got: twin"):
        compare_models(imported.request("twin", engine="inline"))


def test_on_other_folds_it_is_refused_before_anything_is_trained(
    imported: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    request = imported.request("ridge,twin", folds=4, engine="inline")
    with pytest.raises(UsageError, match="'twin' was imported for other data or other folds"):
        compare_models(request)
    assert "planned" not in capsys.readouterr().out


@pytest.mark.slow
def test_after_a_change_of_the_data_it_is_refused(away: Home) -> None:
    *houses, last = tables()["train.csv"]
    write_houses(away.path / "houses.zip", {"train.csv": [*houses, last | {"YrSold": "2006"}]})
    run = ("run", *HOUSES, "--models", "median,ridge", "--engine", "inline")
    comps(*run, cwd=away.path)
    with pytest.raises(UsageError, match="'twin' was imported for other data or other folds"):
        open_stored(away.options("median,ridge,twin"))
    assert list(open_stored(away.options()).oofs) == ["median", "ridge"]


def test_names_are_known_to_what_takes_imported_members_alone(imported: Home) -> None:
    session = Session(imported.options("twin,ridge"), imported=True)
    assert ([model.name for model in session.models], session.imported) == (["ridge"], ["twin"])
    with pytest.raises(UsageError, match="There is no model 'twin'"):
        Session(imported.options("twin"))
    with pytest.raises(UsageError, match=r"no model 'twim'. Did you mean 'twin'\?"):
        Session(imported.options("twim"), imported=True)


def test_a_name_is_refused_before_a_file_is_read(home: Home) -> None:
    with pytest.raises(UsageError, match="'ridge' is a model of house-prices"):
        import_predictions(home.request(), "ridge", Path("none.csv"), Path("none.csv"))


@pytest.mark.slow
def test_a_refused_import_changes_nothing_and_a_good_one_replaces(
    away: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    before, path = away.twin(), away.path
    test = pd.read_csv(path / "test.csv")
    test[1:].to_csv(path / "test.csv", index=False)
    done = comps(*IMPORT, cwd=path, code=2)
    assert f"1 ids of the data are missing: {test['Id'][0]}." in done.err
    assert away.twin().key == before.key
    test.assign(SalePrice=1e5).to_csv(path / "test.csv", index=False)
    import_predictions(away.request(), "twin", path / "oof.csv", path / "test.csv")
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["replaced"] is True
    np.testing.assert_allclose(away.twin().test, np.log1p(1e5))


# Ends its process between writing the predictions and giving them their name.
KILLED = f"""
import os, signal
from pathlib import Path
from pipelines.cli import main

rename = Path.replace

def replace(self, target):
    if "oof" in self.name:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)

Path.replace = replace
main({list(IMPORT)})
"""


@pytest.mark.slow
def test_a_killed_import_leaves_the_one_before(away: Home) -> None:
    before = away.twin()
    test = pd.read_csv(away.path / "test.csv")
    test.assign(SalePrice=1e5).to_csv(away.path / "test.csv", index=False)
    command = [sys.executable, "-c", KILLED]
    done = subprocess.run(
        command, cwd=away.path, env=environment(), check=False, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(list(away.store.root.glob("imported/twin/*/.oof-r1.npz.*.part"))) == 1
    assert away.twin().key == before.key
