"""The report of a run: what it shows, what it says is missing, and that data stay text in it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

import pipelines
from comps import boosting, estimator, series_competition, table_competition
from comps.base import Competition, Forecasts, StoreError, UsageError
from pipelines import Report, Result
from pipelines.api import gathering, reporting
from pipelines.basics.files import read_json, write_json
from pipelines.basics.processes import typed_command
from pipelines.reports import Curves, ReportedRun, Section, Study, build, page
from pipelines.reports.again import command_line
from pipelines.reports.classes import _probability_charts
from pipelines.reports.features import residuals_by_feature
from pipelines.reports.parallel import parallel, scale_of
from pipelines.reports.parts import Plot, Table
from pipelines.reports.series import forecasts_of, in_time
from pipelines.store import RunStore
from pipelines.store.records import read_records
from pipelines.tuning import State, Trial, TrialResult
from pipelines.tuning.best import Best
from tests.commands import comps
from tests.tables import own, table, unseen

HOSTILE = "<script>alert(1)</script>"
HERE: dict[str, Any] = {"engine": "inline", "folds": 3, "checks": False}
SMALL = boosting("lightgbm", rounds=30, num_leaves=4, min_data_in_leaf=3)


class Seen(HTMLParser):
    """What a browser would make of a page: elements, and the text that is shown."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.shown: list[str] = []
        self._open = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._open = tag

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open not in ("script", "style"):
            self.shown.append(data)

    @property
    def text(self) -> str:
        return "".join(self.shown)

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the results of all runs here."""
    return tmp_path_factory.mktemp("runs")


def trained(competition: Competition, runs: Path, models: list[Any]) -> Result:
    return pipelines.run(competition, models=models, runs=runs, **HERE)


def classes(kind: str) -> pd.DataFrame:
    return table(90, kind=kind)


@pytest.fixture(scope="module")
def values(runs: Path) -> tuple[Result, Report]:
    """A run on values, with its report."""
    result = trained(own(test=unseen()), runs, ["median", LinearRegression(), SMALL])
    return result, pipelines.report(result, runs=runs)


@pytest.fixture(scope="module")
def two(runs: Path) -> tuple[Result, Report]:
    """A run on two classes, with its report."""
    competition = own(classes("two"), name="two", metric="auc")
    result = trained(competition, runs, ["class-share", LogisticRegression()])
    return result, pipelines.report(result, runs=runs)


@pytest.fixture(scope="module")
def three(runs: Path) -> tuple[Result, Report]:
    """A run on three classes, with its report."""
    competition = own(classes("three"), name="three", metric="log-loss")
    result = trained(competition, runs, ["class-share", LogisticRegression(), SMALL])
    return result, pipelines.report(result, runs=runs)


def html(made: Report) -> str:
    return made.path.read_text("utf-8")


def section(made: Report, name: str) -> dict[str, Any]:
    return dict(made.values["sections"][name])


# What it shows


def test_a_run_on_values_has_every_section(values: tuple[Result, Report]) -> None:
    result, made = values
    assert list(made.values["sections"]) == [
        *("leaderboard", "training", "blend", "fit", "data", "again")
    ]
    assert not made.missing
    text = Seen(html(made)).text
    for name in ("Leaderboard", "Training", "Blend", "Data", "To do it again", "Missing values"):
        assert (name in text) == (name != "Missing values")
    assert [row["model"] for row in section(made, "leaderboard")["members"]] == list(
        result.leaderboard["model"]
    )
    assert section(made, "blend")["weights"] == pytest.approx(
        {n: w for n, w in zip(result.blend.members, result.blend.weights, strict=True) if w > 0}
    )
    assert set(section(made, "blend")["gains"]) == set(result.blend.members)
    assert {"against-y", "left-y", "residuals-y"} <= {
        plot.name for part in build(gathered(result, made)).sections for plot in plots(part)
    }


def gathered(result: Result, made: Report) -> ReportedRun:
    store = RunStore(made.path.parent)
    records, _ = read_records(store)
    return gathering.Gatherer(store, records[-1]).whole(result, result.notes)


def plots(part: Section) -> list[Plot]:
    return [plot for plot in part.parts if isinstance(plot, Plot)]


@pytest.mark.long
def test_the_score_grows_with_the_members(runs: Path) -> None:
    competition = own(table(120), name="growing")
    result = pipelines.run(
        competition, models="median,ridge,lightgbm,extra-trees", runs=runs, **HERE
    )
    weights = dict(zip(result.blend.members, result.blend.weights, strict=True))
    weights = {name: float(weight) for name, weight in weights.items() if weight > 0}
    found = section(pipelines.report(result, runs=runs), "blend")["growth"]
    assert len(found["members"]) == len(weights) > 2
    first, second = (result.oof[name].valid for name in found["members"][:2])
    shares = np.array([weights[name] for name in found["members"][:2]])
    mixed = (shares[0] * first + shares[1] * second) / shares.sum()
    scores = [result.metric.score(result.truth, values) for values in (first, mixed)]
    assert found["fitted_scores"][:2] == pytest.approx(scores)


def test_two_classes_have_confusion_calibration_and_curves(two: tuple[Result, Report]) -> None:
    result, made = two
    fit = section(made, "fit")
    assert fit["confusion"]["classes"] == ["no", "yes"]
    assert np.sum(fit["confusion"]["counts"]) == 90
    assert fit["roc"]["area"]["yes"] == pytest.approx(result.blend.pooled_score)
    assert np.sum(fit["calibration"]["yes"]["rows"]) == 90
    assert 0.5 < fit["precision_recall"]["average_precision"]["yes"] <= 1
    assert section(made, "data")["target"] == {
        "no": int((result.target == 0).sum()),
        "yes": int((result.target == 1).sum()),
    }


def test_of_more_classes_each_has_its_rates(three: tuple[Result, Report]) -> None:
    result, made = three
    fit = section(made, "fit")
    counts = np.array(fit["confusion"]["counts"])
    assert counts.sum(axis=1).tolist() == np.bincount(result.target.astype(int)).tolist()
    for place, row in enumerate(fit["classes"]):
        assert row["recall"] == pytest.approx(counts[place, place] / counts[place].sum())
        assert row["predicted"] == counts[:, place].sum()
    assert len(fit["roc"]["area"]) == 3


@pytest.mark.slow
def test_several_labels_and_several_values(runs: Path) -> None:
    rows = table(80)
    rows["hot"], rows["wet"] = (rows["y"] > 0) * 1, (rows["a"] - rows["b"] > 0) * 1
    labels = own(rows.drop(columns="y"), target=["hot", "wet"], metric="log-loss", name="labels")
    result = trained(labels, runs, ["class-share", LogisticRegression()])
    fit = section(pipelines.report(result, runs=runs), "fit")
    assert [row["class"] for row in fit["labels"]] == ["hot", "wet"]
    assert [row["rows"] for row in fit["labels"]] == [
        int(rows["hot"].sum()),
        int(rows["wet"].sum()),
    ]
    rows = table(80).assign(z=lambda rows: rows["y"] + rows["b"])
    both = own(rows, target=["y", "z"], name="both")
    made = pipelines.report(trained(both, runs, ["median", LinearRegression()]), runs=runs)
    assert {"worst-y", "worst-z"} <= section(made, "fit").keys()


def test_curves_have_every_fold_their_mean_and_the_stopping_point(
    values: tuple[Result, Report],
) -> None:
    result, made = values
    found = section(made, "training")["curves-lightgbm"]
    oof = result.oof["lightgbm"]
    assert found["stop_at"] == oof.step and found["unit"] == "round"
    assert found["mean"] == pytest.approx(oof.curve.tolist())
    assert len(found["folds"]) == 3
    stops = [fold["scores"][fold["steps"].index(oof.step)] for fold in found["folds"]]
    assert np.mean(stops) == pytest.approx(found["mean"][found["steps"].index(oof.step)])


def test_what_does_not_beat_the_baseline_is_marked() -> None:
    rows = [
        {"model": "good", "score": 0.1, "note": ""},
        {"model": "middle", "score": 0.3, "note": "baseline"},
        {"model": "bad", "score": 0.9, "note": "does not beat the baseline"},
    ]
    folds = {row["model"]: np.array([[row["score"]] * 3]) for row in rows}
    (made,) = build(ReportedRun(name="x", members=rows, fold_scores=folds)).sections
    (members,) = [part for part in made.parts if isinstance(part, Table)]
    assert members.marked == {2}
    assert any("not blended: bad" in note for note in made.values()["notes"])
    assert "bad (behind)" in plots(made)[0].svg


def test_of_many_members_some_are_drawn_and_all_are_in_the_table() -> None:
    rng = np.random.default_rng(0)
    names = [f"member-{number}" for number in range(60)]
    rows = [{"model": n, "score": 0.1 + k / 100, "note": ""} for k, n in enumerate(names)]
    steps = np.arange(50)
    curves = {
        n: Curves(20, steps, rng.random(50), [(steps, rng.random(50))], "epoch") for n in names
    }
    weights = dict.fromkeys(names, 1 / 60)
    run = ReportedRun(
        name="x",
        members=rows,
        fold_scores={n: rng.random((1, 5)) for n in names},
        curves=curves,
        blend={"method": "equal", "weights": weights},
        correlations=(names, np.corrcoef(rng.random((60, 99)))),
    )
    built = build(run)
    assert not built.missing
    leaderboard, training, _ = built.sections
    assert len(leaderboard.values()["members"]) == 60
    assert len(plots(training)) < 20
    assert len(page(run, built.sections, built.missing)) < 1_000_000
    for made in built.sections:
        assert any(re.search(r"(best|first) \d+ ", note) for note in made.values()["notes"])


def test_scores_that_are_not_defined_leave_a_gap() -> None:
    rows = [
        {"model": "one", "score": 0.5, "note": ""},
        {"model": "none", "score": float("nan"), "note": ""},
        {"model": "middle", "score": 0.6, "note": "baseline"},
    ]
    folds = {row["model"]: np.array([[row["score"], row["score"]]]) for row in rows}
    blend = {"method": "equal", "weights": {"one": 1.0}, "honest_score": float("nan")}
    nothing = (["one", "none"], np.full((2, 2), np.nan))
    run = ReportedRun(name="x", members=rows, fold_scores=folds, blend=blend, correlations=nothing)
    built = build(run)
    assert not built.missing
    values = built.sections[0].values()
    assert [row["score"] for row in values["members"]] == [0.5, None, 0.6]
    assert values["scores"]["none"] == [[None, None]]


@pytest.mark.slow
def test_of_very_many_classes_and_columns_some_are_shown(runs: Path) -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(200, 320))).rename(columns=str)
    rows["y"] = [f"class {number % 40}" for number in range(200)]
    competition = own(rows, name="many", metric="log-loss")
    made = pipelines.report(trained(competition, runs, ["class-share"]), runs=runs)
    assert len(section(made, "fit")["confusion"]["classes"]) == 30
    assert len(section(made, "fit")["classes"]) == 40
    assert len(section(made, "data")["columns"]) == 300
    assert "The first 300 of 320 columns." in section(made, "data")["notes"]
    text = Seen(html(made)).text
    assert "Confusion matrix: the 30 most frequent of 40 classes" in text
    assert len(html(made)) < 1_000_000 and not made.missing


def test_rows_are_sampled_and_the_report_says_so(
    values: tuple[Result, Report], runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "ENOUGH", 25)
    result, before = values
    made = pipelines.report(result, runs=runs, output=tmp_path / "few.html")
    assert "25 of 60 rows, drawn at random" in section(made, "fit")["notes"][0]
    assert "60 rows" in section(before, "fit")["notes"][0]
    few, all_ = (len(Seen(html(one)).of("use")) for one in (made, before))
    assert few < all_


def test_the_last_run_is_read_from_the_store(values: tuple[Result, Report], tmp_path: Path) -> None:
    result, made = values
    runs = made.path.parent.parent
    again = pipelines.report(result.competition, runs=runs, output=tmp_path / "again.html")
    for name in ("leaderboard", "training", "fit"):
        assert section(again, name) == section(made, name)
    assert again.values["summary"] == made.values["summary"]


def test_of_very_many_numbers_nothing_is_blended_or_scored_again(
    copied: tuple[Competition, Path, Path],
    values: tuple[Result, Report],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    competition, runs, _ = copied
    result, before = values

    def refuse(*_: Any) -> None:
        raise AssertionError("it would take minutes")

    for module in (gathering, reporting):
        monkeypatch.setattr(module, "LARGE", 0)
    monkeypatch.setattr("pipelines.api.stored.blend_members", refuse)
    monkeypatch.setattr(gathering, "leaderboard_rows", refuse)
    made = pipelines.report(competition, runs=runs)
    for part in ("members", "scores"):
        assert section(made, "leaderboard")[part] == section(before, "leaderboard")[part]
    assert section(made, "blend")["weights"] == section(before, "blend")["weights"]
    note = section(made, "fit")["notes"][0]
    assert note.startswith("Out-of-fold predictions of the members, summed by their weights")
    weights = section(made, "blend")["weights"]
    summed = sum(weight * result.oof[name].valid for name, weight in weights.items())
    wrong = np.sort(np.abs(result.target - summed))[::-1][:10]
    shown = [abs(row["residual"]) for row in section(made, "fit")["worst-y"]]
    assert shown == pytest.approx(wrong.tolist())
    # A leaderboard that another command left is not that of the run.
    monkeypatch.undo()
    for module in (gathering, reporting):
        monkeypatch.setattr(module, "LARGE", 0)
    rows = read_json(runs / "own" / "leaderboard.json")["members"]
    write_json(runs / "own" / "leaderboard.json", {"members": rows[:2]})
    again = pipelines.report(competition, runs=runs)
    assert len(section(again, "leaderboard")["members"]) == 3


def test_a_cross_validation_has_members_and_no_blend(runs: Path) -> None:
    competition = own(name="unblended")
    choices = {name: value for name, value in HERE.items() if name != "checks"}
    result = pipelines.cross_validate(competition, models="median,ridge", runs=runs, **choices)
    for made in (pipelines.report(result, runs=runs), pipelines.report(competition, runs=runs)):
        assert list(made.values["sections"]) == ["leaderboard", "fit", "data", "again"]
        assert not made.missing
        assert section(made, "fit")["notes"][0].startswith("Out-of-fold predictions of ridge")


def test_the_same_run_makes_the_same_bytes(values: tuple[Result, Report], tmp_path: Path) -> None:
    result, made = values
    other = pipelines.report(result, runs=made.path.parent.parent, output=tmp_path / "other.html")
    assert other.path.read_bytes() == made.path.read_bytes()


def test_notes_hardware_and_command_are_recorded(values: tuple[Result, Report]) -> None:
    _, made = values
    record = read_records(RunStore(made.path.parent))[0][-1]
    assert record.notes and "cores" in record.hardware
    again = section(made, "again")
    assert again["command"]["hardware"].startswith("system: ")
    assert again["command"]["fingerprint of the folds"] == record.folds.fingerprint
    assert {row["key"] for row in again["keys"]} == {member.key for member in record.members}
    options = {"models": ["a", "b c"], "settings": ["x.y=1"], "quick": True, "checks": False}
    told = command_line("own", replace(record, options=options))
    assert told == "comps run own --models 'a,b c' --set x.y=1 --quick --no-checks"


@pytest.mark.slow
def test_the_command_is_told_as_it_was_typed(tmp_path: Path) -> None:
    table(90, kind="two").assign(id=range(90)).to_csv(tmp_path / "weather.csv", index=False)
    words = ["run", "weather.csv", "--metric", "auc", "--target", "y", "--id", "id"]
    words += ["--models", "class-share,logistic", "--no-checks"]
    comps(*words, cwd=tmp_path)
    (file,) = tmp_path.glob("runs/*/report.json")
    command = json.loads(file.read_text())["sections"]["again"]["command"]["command"]
    assert shlex.split(command) == ["comps", *words]


def test_passwords_in_addresses_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["comps", "run", "x y", "--mlflow", "http://me:secret@there/"])
    assert typed_command() == ""
    monkeypatch.setattr("pipelines.basics.processes._command_began", 1.0)
    assert typed_command() == "comps run 'x y' --mlflow 'http://***@there/'"


@pytest.mark.slow
def test_searches_have_their_trials(runs: Path, tmp_path: Path) -> None:
    competition = own(name="searched")
    choices: dict[str, Any] = {"runs": runs, "engine": "inline", "folds": 3}
    pipelines.tune(competition, "ridge", trials=6, outer=0.3, prune=False, **choices)
    pipelines.run(competition, models="median,ridge", checks=False, **choices)
    made = pipelines.report(competition, runs=runs)
    trials = section(made, "tuning")["trials-ridge"]
    assert sorted(row["trial"] for row in trials) == list(range(6))
    assert sum(section(made, "tuning")["importance-ridge"].values()) == pytest.approx(1)
    (runs / "searched" / "tuning" / "optuna.db").write_bytes(b"no database")
    damaged = pipelines.report(competition, runs=runs)
    assert any("cannot be read" in line for line in damaged.missing)
    assert section(damaged, "tuning")["best-ridge"]["model"] == "ridge"


def test_what_pruning_saved_is_told() -> None:
    def trial(number: int, state: State, *scores: float) -> TrialResult:
        score = float(np.mean(scores)) if state is State.COMPLETE else None
        params = {"alpha": 10.0**number}
        return TrialResult(Trial(number, params), state, score, scores, seconds=5.0 * len(scores))

    trials = (
        trial(0, State.COMPLETE, 0.3, 0.4, 0.5),
        trial(1, State.PRUNED, 0.9),
        trial(2, State.PRUNED, 0.9, 0.8),
        trial(3, State.FAILED),
    )
    best = Best("ridge", "of ridge", {"alpha": 1.0}, 0, 0.4, None, "data")
    (made,) = build(ReportedRun(name="x", studies=[Study(best, trials)])).sections
    facts = made.values()["best-ridge"]
    # 30 s for the six that were fitted.
    assert facts["pruning saved"] == "3 of 12 fits of a fold, about 15 s"
    assert facts["trials"] == "1 complete, 2 pruned, 1 failed"
    assert made.values()["trials-ridge"][0]["trial"] == 0


def test_parallel_coordinates_lead_from_parameters_to_the_score() -> None:
    def trial(number: int, score: float | None, **params: Any) -> TrialResult:
        state = State.PRUNED if score is None else State.COMPLETE
        return TrialResult(Trial(number, params), state, score)

    trials = [
        trial(0, 0.5, rate=0.01, kind="b", layers=[8, 4], same=1),
        trial(1, 0.4, rate=0.1, kind="a", layers=[8], same=1),
        trial(2, 0.3, rate=1.0, kind="b", layers=[8], same=1),
        trial(3, None, rate=0.5, kind="c", layers=[9], same=1),
    ]
    best = Best("net", "of net", {}, 2, 0.3, None, "data")
    study = Study(best, trials, {"kind": 0.7, "rate": 0.2, "layers": 0.1})
    plot = parallel(ReportedRun(name="x", studies=[study]), study)
    assert plot is not None
    # The most important first; what does not vary and who was pruned is left out.
    assert "3 complete trials of net as lines. The best has kind b, rate 1, layers [8], score" in (
        plot.alt
    )
    for text in ("kind", "rate", "layers", "[8, 4]", "0.01", "0.50000"):
        assert f">{text}<" in plot.svg
    assert ">same<" not in plot.svg and ">c<" not in plot.svg
    assert parallel(ReportedRun(name="x"), Study(best, trials[:1])) is None
    assert parallel(ReportedRun(name="x"), Study(best, [trials[0], trials[0]])) is None


def test_axes_of_parallel_coordinates_suit_their_values() -> None:
    assert scale_of("x", [0, 5, 10]).places.tolist() == [0.0, 0.5, 1.0]
    wide = scale_of("x", [1e-4, 1e-2, 1.0])
    assert wide.places == pytest.approx([0.0, 0.5, 1.0]) and wide.labels[0] == (0.0, "0.0001")
    gap = scale_of("x", [1.0, None, 2.0]).places
    assert np.isnan(gap[1]) and gap[2] == 1
    assert scale_of("x", [True, False]).labels == [(0.0, "False"), (1.0, "True")]
    many = scale_of("x", list("abcdefgh"))
    assert many.labels == [(0.0, "a"), (1.0, "h")]


def test_checks_and_notes_of_the_data_are_shown(runs: Path) -> None:
    rows = table(120).assign(tax=lambda rows: 2 * rows["y"])
    competition = own(rows, name="leaking")
    models = ["median", LinearRegression()]
    pipelines.run(competition, models=models, runs=runs, engine="inline", folds=3)
    findings = section(pipelines.report(competition, runs=runs), "data")["findings"]
    assert any("L001" in line and "tax" in line for line in findings)


@pytest.mark.slow
def test_columns_have_kinds_and_gaps(runs: Path) -> None:
    rows = table(60)
    rows.loc[:14, "a"] = np.nan
    rows["town"] = np.where(rows["b"] > 0, "Ulm", "Hof")
    rows["told"] = "five words are a text, no doubt"
    made = pipelines.report(trained(own(rows, name="gaps"), runs, ["median", SMALL]), runs=runs)
    columns = {row["column"]: row for row in section(made, "data")["columns"]}
    assert columns["a"]["missing"] == 0.25 and columns["b"]["missing"] == 0
    kinds = {name: row["kind"] for name, row in columns.items()}
    assert kinds == {"a": "number", "b": "number", "c": "number", "town": "category"} | (
        {"told": kinds["told"]} if "told" in kinds else {}
    )
    assert "Missing values" in Seen(html(made)).text


def test_columns_along_which_residuals_differ_are_found() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"size": rng.normal(size=600), "age": rng.normal(size=600)})
    rows["town"] = rng.choice(["Ulm", "Hof", "Bonn"], 600)
    rows["same"] = 1.0
    # Nothing is said of a group of three rows, however wrong they are.
    rows["rare"] = ["x"] * 3 + ["y"] * 597
    residual = rng.normal(size=600) + 2 * (rows["town"] == "Hof").to_numpy()
    residual[:3] = 9
    first, *_ = residuals_by_feature("y", rows, residual, "")
    assert isinstance(first, Plot) and first.title == "Residuals by town"
    found = dict(zip(first.data["groups"], first.data["means"], strict=True))
    means = pd.Series(residual).groupby(rows["town"].to_numpy()).mean()
    assert found == pytest.approx(means.to_dict())
    titles = [p.title for p in residuals_by_feature("y", rows, residual, "") if isinstance(p, Plot)]
    assert not {"Residuals by same", "Residuals by rare"} & set(titles)
    assert not residuals_by_feature("y", rows[["same"]], residual, "")


def test_residuals_by_dates_are_in_the_order_of_time() -> None:
    days = pd.date_range("2024-01-01", periods=400).to_series().sample(frac=1, random_state=0)
    residual = (days > "2024-07-01").to_numpy() * 1.0
    (plot, _) = residuals_by_feature("y", pd.DataFrame({"day": days}), residual, "")
    assert isinstance(plot, Plot)
    groups = plot.data["groups"]
    assert groups[0] == "from 2024-01-01" and groups == sorted(groups) and len(groups) == 8
    assert plot.data["means"][0] == 0 and plot.data["means"][-1] == 1


def hourly(count: int) -> np.ndarray:
    """Return hours from the evening of a 30th of January on."""
    return np.datetime64("2024-01-30T22") + np.arange(count) * np.timedelta64(1, "h")


def ahead(times: Any, steps: Any = None, series: Any = None) -> Forecasts:
    steps = np.ones(len(times), dtype=np.int64) if steps is None else np.asarray(steps)
    return Forecasts(times, steps, series)


def charts_in_time(rows: Forecasts, true: Any, guess: Any, *, all_: bool = True) -> dict[str, Plot]:
    parts = in_time("y", rows, np.asarray(true), np.asarray(guess), all_=all_)
    return {part.name: part for part in parts if isinstance(part, Plot)}


def test_of_rows_in_time_errors_are_told_by_hour_and_month() -> None:
    times, order = hourly(72), np.random.default_rng(0).permutation(72)
    true, guess = np.zeros(72), np.where(np.arange(72) < 26, 1.0, 3.0)
    found = charts_in_time(ahead(times[order]), true[order], guess[order])
    assert list(found) == ["time-y", "hour-y", "month-y"]
    # 22, 23 o'clock and a whole day are in January.
    assert found["month-y"].data == {"1": 1.0, "2": 3.0}
    hours = found["hour-y"].data
    assert len(hours) == 24 and hours["22"] == pytest.approx(5 / 3)
    assert "2024-01-30T22" in found["time-y"].alt
    assert list(charts_in_time(ahead(np.arange(72.0)), true, guess)) == ["time-y"]


def test_of_forecasts_errors_are_told_by_the_steps_ahead() -> None:
    steps = np.tile([1, 2, 3], 24)
    found = charts_in_time(ahead(hourly(72), steps), np.zeros(72), steps * -0.5)
    assert found["steps-y"].data == {"1": 0.5, "2": 1.0, "3": 1.5}


def test_one_of_several_series_is_drawn_by_its_nearest_forecasts() -> None:
    # Each time of Hof is forecast from one and from two steps away; Ulm has fewer rows.
    times = np.concatenate([np.repeat(np.arange(10.0), 2), np.arange(5.0)])
    steps = np.array([1, 2] * 10 + [1] * 5)
    series = np.array(["Hof"] * 20 + ["Ulm"] * 5)
    guess = np.where(series == "Hof", steps, 100)
    found = charts_in_time(ahead(times, steps, series), np.zeros(25), guess, all_=False)
    drawn = found["time-y"]
    assert drawn.title == "The last 10 times of Hof of those drawn"
    assert "their mean absolute difference is 1." in drawn.alt


def test_of_rows_at_the_same_time_the_mean_is_drawn() -> None:
    times = np.repeat(hourly(12), 3)
    true = np.tile([1.0, 2.0, 6.0], 12)
    drawn = charts_in_time(ahead(times), true, np.zeros(36))["time-y"]
    assert drawn.title == "The last 12 times, means of rows"
    assert "their mean absolute difference is 3." in drawn.alt


def test_times_that_are_texts_are_not_drawn() -> None:
    dataset = own().load(Path("memory"))
    assert forecasts_of(dataset) is None
    texts = replace(dataset, times=np.array(["noon"] * len(dataset.train)))
    assert forecasts_of(texts) is None
    dated = forecasts_of(replace(dataset, times=hourly(len(dataset.train))))
    assert dated is not None and dated.times[0] == hourly(1)[0]


@pytest.mark.slow
def test_a_report_of_series_has_the_times_that_are_forecast(runs: Path) -> None:
    rng = np.random.default_rng(0)
    days = pd.date_range("2023-01-01", periods=400)
    rows = pd.DataFrame(
        {
            "day": days,
            "sold": 20 + 5 * np.sin(np.arange(400) * 2 * np.pi / 7) + rng.normal(size=400),
        }
    )
    shop = series_competition(rows, time="day", target="sold", horizon=3, metric="mae", name="shop")
    result = pipelines.run(shop, models="seasonal-naive,ridge", runs=runs, engine="inline")
    made = pipelines.report(result, runs=runs)
    fit = section(made, "fit")
    assert set(fit["steps-sold"]) == {"1", "2", "3"} and len(fit["month-sold"]) > 6
    assert section(made, "data")["facts"]["time"] == "2023-01-02 to 2024-02-04"
    by_hand = np.abs(result.target - result.blend.honest)
    steps = result.dataset.forecasts.steps
    known = np.isfinite(by_hand)
    assert fit["steps-sold"]["2"] == pytest.approx(by_hand[known & (steps == 2)].mean())


def test_sealed_rows_are_told_of_and_not_looked_at_again(runs: Path) -> None:
    competition = own(table(120), name="sealed", test=unseen())
    choices = HERE | {"runs": runs, "sealed": 0.2}
    result = pipelines.run(competition, models=["median", LinearRegression()], **choices)
    before = (runs / "sealed" / "sealed.json").read_bytes()
    told = section(pipelines.report(result, runs=runs), "leaderboard")["notes"][0]
    assert result.sealed is not None and result.sealed.text in told
    later = section(pipelines.report(competition, runs=runs), "leaderboard")["notes"][0]
    assert f"Sealed RMSE {result.sealed.values['score']:.4f}"[:16] in later
    assert (runs / "sealed" / "sealed.json").read_bytes() == before


# Data stay data


@pytest.fixture(scope="module")
def hostile(runs: Path) -> Report:
    """A report on a table whose names, labels, texts and ids are code."""
    rows = classes("two").rename(columns={"a": HOSTILE, "b": "$x_1$ & <b>", "c": "\x1b[31mred"})
    rows["y"] = np.where(rows["y"] == "yes", "<img src=x onerror=alert(2)>", HOSTILE)
    rows["id"] = [f"'\"><svg onload=alert({number})>" for number in range(90)]
    rows.loc[:30, [HOSTILE, "$x_1$ & <b>"]] = np.nan
    rows["said"] = [f"{HOSTILE} is what they said in row {number} of it" for number in range(90)]
    competition = table_competition(
        rows, target="y", id="id", metric="auc", name="hostile", columns={"text": ["said"]}
    )
    competition = replace(competition, title=f"A {HOSTILE} of it")
    return pipelines.report(trained(competition, runs, ["class-share", SMALL]), runs=runs)


def test_names_labels_and_texts_are_text(hostile: Report) -> None:
    text = html(hostile)
    seen = Seen(text)
    assert len(seen.of("script")) == 1 and "alert" not in text.split("<script>")[1]
    assert not [a for _, a in seen.elements for name in a if name.startswith("on")]
    assert not [tag for tag, a in seen.elements if tag == "img" and a.get("src") == "x"]
    # In tables, lists and the labels of charts.
    assert seen.text.count(HOSTILE) > 10
    assert "<img src=x onerror=alert(2)>" in seen.text
    assert "'\"><svg onload=alert(" in seen.text
    charts = [plot for plot in re.findall(r"<svg.*?</svg>", text, re.S) if "&lt;script" in plot]
    assert charts and "\x1b" not in text


def test_a_name_that_looks_like_a_formula_is_written_as_it_is(hostile: Report) -> None:
    columns = [row["column"] for row in section(hostile, "data")["columns"]]
    assert "$x_1$ & <b>" in columns
    # In the table, and in the chart of missing values.
    assert Seen(html(hostile)).text.count("$x_1$ & <b>") == 2


@pytest.mark.parametrize("fixture", ["values", "two", "three", "hostile"])
def test_nothing_is_loaded_and_charts_are_whole(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    found = request.getfixturevalue(fixture)
    text = html(found if isinstance(found, Report) else found[1])
    seen = Seen(text)
    for tag, attributes in seen.elements:
        for name in ("src", "href", "xlink:href", "action", "data", "srcset", "poster"):
            assert attributes.get(name, "#").startswith(("#", "data:image/")), (tag, attributes)
    assert not re.search(r"@import|url\((?!#)|https?:", text)
    policy = next(a["content"] for a in seen.of("meta") if "http-equiv" in a)
    assert policy.startswith("default-src 'none'")
    ids = [a["id"] for _, a in seen.elements if "id" in a]
    assert len(ids) == len(set(ids))
    used = re.findall(r'(?:href="|url\()#([^")]+)', text) + [
        a["aria-labelledby"] for _, a in seen.elements if "aria-labelledby" in a
    ]
    assert used and set(used) <= set(ids)
    charts = seen.of("svg")
    assert charts and all(len(a["aria-label"]) > 30 and a["role"] == "img" for a in charts)
    # Colours that stand for those of the page.
    assert not re.search(r"#01010|#02020|#03030", text)
    assert len(text) < 1_000_000


def test_json_has_the_same_and_is_strict(three: tuple[Result, Report]) -> None:
    result, made = three

    def refuse(name: str) -> None:
        raise AssertionError(name)

    values = json.loads(made.json_path.read_text("utf-8"), parse_constant=refuse)
    assert values == made.values
    assert values["format"] == 1
    assert values["summary"]["honest_score"] == result.blend.honest_score
    assert values["summary"]["greater_is_better"] is False
    scores = values["sections"]["leaderboard"]["scores"]
    for name, oof in result.oof.items():
        assert scores[name] == oof.fold_scores.tolist()


def test_a_notebook_shows_a_part_of_it(values: tuple[Result, Report]) -> None:
    result, _ = values
    seen = Seen(result._repr_html_())
    assert len(seen.of("svg")) == 1 and len(seen.of("table")) == 1 and not seen.of("script")
    assert all(name in seen.text for name in result.oof)
    assert str(result.headline) in seen.text


# What is missing


@pytest.fixture
def copied(values: tuple[Result, Report], tmp_path: Path) -> tuple[Competition, Path, Path]:
    """The competition of values, a copy of its results, and the record of its run."""
    result, made = values
    shutil.copytree(made.path.parent, tmp_path / "own")
    (record,) = (tmp_path / "own" / "records").glob("*-run.json")
    return result.competition, tmp_path, record


def changed(record: Path, **changes: Any) -> None:
    record.write_text(json.dumps(read_json(record) | changes))


def test_damaged_fold_files_cost_their_curves_alone(copied: tuple[Competition, Path, Path]) -> None:
    competition, runs, _ = copied
    files = sorted(runs.glob("own/models/lightgbm/*/r0-f[01].npz"))
    files[0].write_bytes(files[0].read_bytes()[:200])
    files[1].unlink()
    made = pipelines.report(competition, runs=runs)
    assert any("lightgbm fold 1, lightgbm fold 2" in line for line in made.missing)
    assert len(section(made, "training")["curves-lightgbm"]["folds"]) == 1
    assert "What is missing" in Seen(html(made)).text
    # It is for whoever trains to delete what is damaged.
    assert files[0].exists()


@pytest.mark.parametrize(
    ("process", "end"), [(2**30, "was killed"), (os.getpid(), "goes on")], ids=["gone", "alive"]
)
def test_a_run_that_has_not_ended_shows_what_was_finished(
    copied: tuple[Competition, Path, Path], process: int, end: str
) -> None:
    competition, runs, record = copied
    members = json.loads(record.read_text())["members"]
    nothing = dict.fromkeys(("score", "repeats", "step", "fit_seconds"))
    members = [m | (nothing if m["name"] == "lightgbm" else {}) for m in members]
    changed(record, members=members, status="running", process=process, blend=None)
    for file in runs.glob("own/models/lightgbm/*/oof*.npz"):
        file.unlink()
    made = pipelines.report(competition, runs=runs)
    assert any(end in line for line in made.missing)
    assert "Members without results: lightgbm." in made.missing
    names = [row["model"] for row in section(made, "leaderboard")["members"]]
    assert sorted(names) == ["linear-regression", "median"]
    assert f"UTC · {end}" in Seen(html(made)).text


@pytest.mark.slow
def test_damaged_predictions_cost_their_member_alone(runs: Path) -> None:
    # Members of the zoo, which are found by their names.
    competition = own(name="damaged")
    pipelines.run(competition, models="median,ridge,lightgbm", runs=runs, **HERE)
    (file,) = runs.glob("damaged/models/ridge/*/oof-r1.npz")
    file.write_bytes(file.read_bytes()[:500])
    made = pipelines.report(competition, runs=runs)
    assert "Predictions that are damaged or gone: ridge." in made.missing
    rows = section(made, "leaderboard")["members"]
    assert sorted(row["model"] for row in rows) == ["lightgbm", "median"]
    assert "training" in made.values["sections"] and file.exists()
    # Without one of its members there is no sum of them.
    assert section(made, "fit")["notes"][0].startswith("Out-of-fold predictions of lightgbm")


def test_a_run_that_has_nothing_yet_shows_what_it_is(
    copied: tuple[Competition, Path, Path],
) -> None:
    competition, runs, record = copied
    members = json.loads(record.read_text())["members"]
    nothing = dict.fromkeys(("score", "repeats", "step", "fit_seconds"))
    changed(record, members=[m | nothing for m in members], status="failed", blend=None)
    shutil.rmtree(runs / "own" / "models")
    made = pipelines.report(competition, runs=runs)
    assert any("failed" in line for line in made.missing)
    assert {row["note"] for row in section(made, "leaderboard")["members"]} == {"not finished"}
    assert "fit" not in made.values["sections"] and "again" in made.values["sections"]


def test_a_competition_that_is_gone_leaves_its_results(
    copied: tuple[Competition, Path, Path],
) -> None:
    _, runs, _ = copied
    done = comps("report", "own", "--runs", runs, cwd=runs / "own")
    assert f"Report: {runs / 'own' / 'report.html'}" in done.out
    assert "Missing in the report: Rows and predictions: " in done.err
    values = json.loads((runs / "own" / "report.json").read_text())
    scores = {row["model"]: row["score"] for row in values["sections"]["leaderboard"]["members"]}
    assert len(scores) == 3 and all(scores.values())
    assert values["sections"]["blend"]["weights"]
    assert values["missing"]


@pytest.mark.slow
def test_nothing_was_run(tmp_path: Path) -> None:
    done = comps("report", "house-prices", "--runs", tmp_path, cwd=tmp_path, code=2)
    assert "comps run house-prices" in done.err
    done = comps("report", "nowhere", "--runs", tmp_path, cwd=tmp_path, code=2)
    assert "nowhere" in done.err


def test_rows_that_are_gone(runs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    table().assign(id=range(60)).to_csv(folder / "train.csv", index=False)
    competition = table_competition(folder, target="y", id="id", metric="rmse", name="gone")
    pipelines.run(competition, models=["median", LinearRegression()], runs=runs, **HERE)
    shutil.rmtree(folder)
    made = pipelines.report(competition, runs=runs)
    assert any("There is no file or folder" in line for line in made.missing)
    assert len(section(made, "leaderboard")["members"]) == 2


def test_a_damaged_record_leaves_the_members(copied: tuple[Competition, Path, Path]) -> None:
    competition, runs, record = copied
    record.write_text("")
    made = pipelines.report(competition, runs=runs, folds=3)
    assert len(section(made, "leaderboard")["members"]) == 3
    assert any("There is no record of a run" in line for line in made.missing)
    assert any("is damaged" in line for line in made.missing)
    assert "blend" not in made.values["sections"] and "fit" in made.values["sections"]


@pytest.mark.slow
def test_a_search_alone_has_a_report(runs: Path) -> None:
    competition = own(name="searched-alone")
    pipelines.tune(competition, "ridge", trials=3, outer=0, folds=3, engine="inline", runs=runs)
    made = pipelines.report(competition, runs=runs)
    assert list(made.values["sections"]) == ["data", "tuning"]
    assert len(section(made, "tuning")["trials-ridge"]) == 3


@pytest.fixture
def reader() -> list[str]:
    """What a command is put behind so that it must not write what others own: root may."""
    if os.geteuid():
        return []
    prefix = ["setpriv", "--reuid=65534", "--clear-groups"]
    try:
        subprocess.run([*prefix, sys.executable, "-c", ""], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no other user may start this Python")
    return prefix


@pytest.mark.slow
def test_a_read_only_folder_is_read(reader: list[str]) -> None:
    # The folders of pytest are closed to others.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = ("--models", "median,ridge", "--folds", "2", "--no-nested", "--no-checks")
        comps("run", "house-prices", *models, cwd=folder)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        done = comps("report", "house-prices", cwd=folder, code=1, prefix=reader)
        assert "--output) names another file" in done.err
        with tempfile.TemporaryDirectory() as other:
            Path(other).chmod(0o777)
            page = Path(other) / "report.html"
            done = comps("report", "house-prices", "--output", page, cwd=folder, prefix=reader)
            assert "Missing" not in done.err and done.out == f"Report: {page}\n"
            assert len(Seen(page.read_text()).of("svg")) > 5
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)


@pytest.mark.slow
def test_imported_members_have_no_curves_and_are_no_fault(runs: Path) -> None:
    competition = own(table(90), name="imported", test=unseen())
    result = trained(competition, runs, ["median", LinearRegression()])
    folds = pipelines.folds_table(competition, runs=runs, folds=3).table
    guess = folds.assign(y=result.oof["linear-regression"].valid + 0.1)
    sample = result.submission
    pipelines.import_oof(competition, "elsewhere", guess, sample, runs=runs, folds=3)
    made = pipelines.report(competition, runs=runs)
    rows = {row["model"]: row for row in section(made, "leaderboard")["members"]}
    assert rows["elsewhere"]["family"] == "imported"
    assert not made.missing


@pytest.mark.slow
def test_where_it_cannot_be_written_the_error_says_so(
    values: tuple[Result, Report], tmp_path: Path
) -> None:
    result, made = values
    (tmp_path / "file").write_text("")
    runs = made.path.parent.parent
    with pytest.raises(StoreError, match=r"Cannot write .*--output"):
        pipelines.report(result, runs=runs, output=tmp_path / "file" / "report.html")
    with pytest.raises(UsageError, match=r"ends in \.html; '.*page\.json' came"):
        pipelines.report(result, runs=runs, output=tmp_path / "page.json")
    with pytest.raises(UsageError, match="leave out folds"):
        pipelines.report(result, runs=runs, folds=3)


def test_a_section_that_fails_does_not_cost_the_others(
    values: tuple[Result, Report], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from pipelines.reports import sections

    def unlucky(run: ReportedRun) -> Section | None:
        raise ZeroDivisionError("by zero")

    kept: list[Callable[[ReportedRun], Section | None]] = list(sections.SECTIONS)
    monkeypatch.setattr(sections, "SECTIONS", [unlucky, *kept])
    result, made = values
    other = pipelines.report(result, runs=made.path.parent.parent, output=tmp_path / "o.html")
    assert list(other.values["sections"]) == list(made.values["sections"])
    (line,) = other.missing
    assert "'unlucky' could not be made: ZeroDivisionError: by zero (test_report.py:" in line


# The command line


@pytest.mark.slow
def test_files_that_no_competition_describes_have_a_whole_report(tmp_path: Path) -> None:
    table(90, kind="two").assign(id=range(90)).to_csv(tmp_path / "weather.csv", index=False)
    said = ("weather.csv", "--metric", "auc", "--target", "y", "--id", "id")
    comps("run", *said, "--models", "class-share,logistic", "--no-checks", cwd=tmp_path)
    (report,) = tmp_path.glob("runs/*/report.html")
    before = report.read_text()
    done = comps("report", *said, cwd=tmp_path)
    assert "Missing" not in done.err
    assert "Confusion matrix" in report.read_text() and "Confusion matrix" in before


@pytest.mark.slow
def test_a_run_ends_with_the_path_of_its_report(tmp_path: Path) -> None:
    arguments = ["run", "house-prices", "--models", "median,ridge", "--folds", "2", "--no-nested"]
    done = comps(*arguments, "--no-checks", "--runs", "runs", "--json", cwd=tmp_path)
    event = done.event("report")
    assert event["report"] == "runs/house-prices/report.html" and event["missing"] == []
    page_ = (tmp_path / event["report"]).read_text()
    assert "House Prices" in page_ and len(page_) < 1_000_000
    assert json.loads((tmp_path / event["json"]).read_text())["summary"]["status"] == "done"
    done = comps("report", "house-prices", "--runs", "runs", "--output", "r.html", cwd=tmp_path)
    assert done.out == "Report: r.html\n"
    assert (tmp_path / "r.json").exists()


@pytest.mark.slow
def test_a_report_that_cannot_be_written_does_not_fail_the_run(tmp_path: Path) -> None:
    (tmp_path / "runs" / "house-prices" / "report.html").mkdir(parents=True)
    arguments = ["run", "house-prices", "--models", "median,ridge", "--folds", "2", "--no-nested"]
    done = comps(*arguments, "--no-checks", "--runs", "runs", cwd=tmp_path)
    assert "There is no report: Cannot write" in done.err
    assert (tmp_path / "submission.csv").exists()


def test_a_model_may_have_letters_that_no_font_of_the_charts_has(runs: Path) -> None:
    competition = own(name="letters")
    models = ["median", estimator(LinearRegression(), name="ünï-模型")]
    result = trained(competition, runs, models)
    assert "ünï-模型" in html(pipelines.report(result, runs=runs))


def test_classes_whose_names_begin_alike_have_a_curve_each() -> None:
    rng = np.random.default_rng(0)
    names = [f"a class of long name {place}" for place in range(3)]
    target = rng.integers(0, 3, 90)
    lines = [
        (name, (target == place).astype(np.int64), rng.random(90))
        for place, name in enumerate(names)
    ]
    plots = [part for part in _probability_charts(lines) if isinstance(part, Plot)]
    data: dict[str, Any] = {plot.name: plot.data for plot in plots}
    assert list(data["calibration"]) == names
    assert list(data["roc"]["area"]) == list(data["precision_recall"]["average_precision"]) == names
