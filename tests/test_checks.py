"""Checks of the rows: what is found, what is left alone, and how findings reach people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from comps.base import (
    Competition,
    Finding,
    Images,
    NotSuitedError,
    Severity,
    Subject,
    UsageError,
)
from pipelines import check_data, run
from pipelines.api.progress import FitUpdate, Note, Update
from pipelines.checks import CHECKS, CheckReport, check
from tests.benchmarks.planted_leaks import CLEAN, LEAKS, measure
from tests.commands import comps
from tests.tables import own, table, unseen

GUIDE = Path(__file__).parent.parent / "docs" / "guides" / "checks.md"


def report(competition: Competition, **choices: Any) -> CheckReport:
    return check(competition, competition.load(Path()), **choices)


def codes(competition: Competition, **choices: Any) -> set[str]:
    """Return the codes of what is found beyond notes; nothing may fail."""
    found = report(competition, **choices)
    assert not found.failed
    return {f.code for f in found.findings if f.severity is not Severity.NOTE}


def leaky(n: int = 300) -> Competition:
    """Return a competition with a copy of the target."""
    rows = table(n)
    return own(rows.assign(copy=3 * rows["y"]), unseen(100).assign(copy=0.5))


# Figures. The benchmark has all kinds with several seeds.


@pytest.mark.parametrize(
    "name",
    [
        "rounded_target",
        "label_with_flips",
        "filled_after_the_event",
        "letters_of_the_id",
        "rows_in_turns",
        "mean_target_of_a_category",
        "target_of_the_row_before",
        "begin_and_end",
        "groups_without_a_key",
        "test_rows_are_later",
        "copies_with_new_numbers",
        "a_new_level",
        "word_of_texts_alone",
    ],
)
def test_a_planted_leak_is_found_by_the_check_of_its_kind(name: str) -> None:
    found = measure(name, seed=0)
    assert found["caught"] and not found["failed"], found["texts"]


@pytest.mark.parametrize(
    "name",
    ["breast_cancer", "iris", "strong_predictor_of_values", "times_that_are_named", "a_survey"],
)
def test_a_clean_data_set_raises_no_alarm(name: str) -> None:
    found = measure(name, seed=0)
    assert not found["told"] and not found["failed"], found["texts"]


@pytest.mark.long
def test_of_all_kinds_of_leaks_nineteen_of_twenty_are_found() -> None:
    found = [measure(name, seed=7) for name in LEAKS]
    missed = [row["name"] for row in found if not row["caught"]]
    assert len(missed) <= len(found) / 20, missed


@pytest.mark.long
def test_of_clean_data_sets_one_in_twenty_raises_an_alarm_at_most() -> None:
    found = [measure(name, seed=7) for name in CLEAN]
    alarmed = {row["name"]: row["texts"] for row in found if row["told"]}
    assert len(alarmed) <= len(found) / 20, alarmed


# What a finding says


def test_a_finding_has_figures_columns_and_values_that_are_json() -> None:
    (finding,) = [f for f in report(leaky()).findings if f.code == "L001"]
    assert finding.severity is Severity.ERROR
    assert finding.columns == ("copy",)
    figures: Any = finding.values
    assert figures["alone"] > 0.99 > figures["others"]
    assert f"R² {figures['others']:.3f}" in finding.text


def test_the_gravest_findings_come_first() -> None:
    rows = table(300)
    rows = pd.concat([rows, rows[:2]], ignore_index=True)
    found = report(own(rows.assign(copy=rows["y"])))
    severities = [f.severity for f in found.findings]
    assert severities == sorted(severities, key=list(Severity).index)  # type: ignore[arg-type]
    assert {Severity.ERROR, Severity.NOTE} <= set(severities)


def test_rows_that_equal_another_one_are_named() -> None:
    rows = table(200)
    rows.iloc[150] = rows.iloc[20]
    (finding,) = [f for f in report(own(rows)).findings if f.code == "D003"]
    assert finding.rows == (20, 150) and "2 of 200" in finding.text


def test_checks_leave_the_rows_as_they_are_and_say_the_same_twice() -> None:
    competition = leaky()
    rows: Any = competition.load(Path()).train
    before = rows.copy(deep=True)
    first, second = report(competition), report(competition)
    pd.testing.assert_frame_equal(rows, before)
    assert first.findings == second.findings


def test_the_rows_that_models_are_trained_on_are_bounded_and_this_is_said() -> None:
    found = report(leaky(400), most_rows=200)
    assert found.notes == ("Models of checks were trained on 200 of 400 training rows.",)
    assert "L001" in {f.code for f in found.findings}


def test_levels_that_are_new_are_no_surprise_where_many_levels_have_one_row() -> None:
    rng = np.random.default_rng(0)
    rows, others = table(400), unseen(200)
    rows["shop"] = [f"s{i}" for i in rng.integers(0, 1000, 400)]
    others["shop"] = [f"s{i}" for i in rng.integers(0, 1000, 200)]
    assert codes(own(rows, others)) == set()
    rows["shop"], others["shop"] = rng.choice(["a", "b"], 400), rng.choice(["a", "b", "c"], 200)
    assert "S002" in codes(own(rows, others))


def test_groups_are_told_if_the_test_rows_have_others_and_not_if_they_share_them() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 80, 1200)
    rows = table(1200).assign(customer=group)
    rows["y"] += 3 * rng.normal(size=80)[group]
    for is_test, expected in ((group >= 60, {"L008"}), (rng.random(1200) < 0.3, set())):
        competition = own(rows[~is_test], rows[is_test].drop(columns="y"))
        assert codes(competition) == expected
    named = own(rows[group < 60], rows[group >= 60].drop(columns="y"), group="customer")
    assert codes(named) == set()


def test_without_test_rows_checks_of_them_have_nothing_to_look_at() -> None:
    found = report(own(table(200)))
    assert {"S001", "S002", "S003", "D001"} <= set(found.not_suited)
    assert found.not_suited["S001"] == "there are no test rows"
    assert not {f.code for f in found.findings} & set(found.not_suited)


def test_an_image_that_stands_there_twice_is_told() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 4, 4, 1), dtype=np.uint8)
    pixels[5] = pixels[3]
    pixels[35] = pixels[1]
    competition = own(table(30), unseen(10))
    dataset = replace(
        competition.load(Path()),
        train=Images(pixels, np.arange(30)),
        test=Images(pixels, np.arange(30, 40)),
    )
    found = check(competition, dataset)
    assert not found.failed
    (finding,) = [f for f in found.findings if f.code == "D005"]
    assert finding.rows == (3, 5) and finding.values == {"train": 2, "test": 1}


def test_strange_tables_make_no_check_fail() -> None:
    rng = np.random.default_rng(0)
    rows = table(120, "two")
    rows = rows.assign(
        **{
            '{"json": [1]}': rng.normal(size=120),
            "größe": pd.Series(rng.normal(size=120)).mask(rng.random(120) < 0.5),
            "empty": np.nan,
            "no text": None,
            "constant": 1,
            "infinite": np.where(rng.random(120) < 0.1, np.inf, 1.0),
            "mixed": [1, "a", None, 2.5] * 30,
            "truth": rng.random(120) < 0.5,
            "level": pd.Categorical(rng.choice(["u", "v"], 120)),
            "whole": pd.array(rng.integers(0, 9, 120), dtype="Int64"),
            "zoned": pd.date_range("2024-01-01", periods=120, tz="Europe/Berlin"),
            "lasting": pd.to_timedelta(rng.integers(0, 99, 120), unit="h"),
            "dates": pd.date_range("1900-01-01", periods=120).strftime("%d.%m.%Y"),
            "numbers": [str(i) for i in range(120)],
        }
    )
    competition = own(rows[:80], rows[80:].drop(columns="y"), metric="roc_auc")
    assert report(competition).failed == {}


@pytest.mark.parametrize("n", [4, 12, 40])
def test_few_rows_make_no_check_fail(n: int) -> None:
    assert report(own(table(n), unseen(3))).failed == {}


def test_several_targets_are_looked_at_one_by_one() -> None:
    competition = own(table(300).assign(leak=0.0), unseen(50).assign(leak=0.0))
    dataset = competition.load(Path())
    second = np.random.default_rng(0).normal(size=300)
    rows: Any = dataset.train
    dataset = replace(
        dataset,
        train=rows.assign(leak=second + 0.01),
        target=np.column_stack([dataset.target, second]),
    )
    competition = replace(competition, target_columns=("y", "z"))
    (finding,) = [f for f in check(competition, dataset).findings if f.code == "L001"]
    assert finding.columns == ("leak",) and "'z'" in finding.text


def test_near_copies_of_a_sample_are_said_to_be_so() -> None:
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(800, 9)), columns=list("abcdefghy"))
    rows = pd.concat([rows, rows[:160] + 1e-6])
    both = own(rows.sample(frac=1, random_state=0).reset_index(drop=True))
    whole, some = (
        next(f.text for f in report(both, most_rows=n).findings if f.code == "D006")
        for n in (5000, 600)
    )
    assert whole.startswith("320 of 960 training rows are nearly") and "sample" not in whole
    assert re.match(r"In a sample of rows, \d+ of 600 training rows", some)
    assert "In all rows there may be more." in some


# Checks of the user's own


class Negative:
    """Negative values of `a`."""

    code, title, severity = "X001", "Negative values", Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        rows = np.flatnonzero(subject.train["a"] < 0)  # type: ignore[call-overload]
        yield Finding(
            text=f"{len(rows)} rows are negative.", rows=tuple(rows), values={"n": rows.size}
        )


class Broken(Negative):
    """A check that stumbles."""

    code = "X002"

    def find(self, subject: Subject) -> Iterator[Finding]:
        yield Finding(text="Found before.")
        raise KeyError("a")


class Choosy(Negative):
    """A check that has nothing to look at."""

    code = "X003"

    def find(self, subject: Subject) -> Iterator[Finding]:
        raise NotSuitedError("no such rows")


def test_a_check_of_the_users_own_is_named_in_the_competition() -> None:
    found = report(replace(own(), checks=(Negative(), Choosy())))
    (finding,) = found.findings
    expected = int((table()["a"] < 0).sum())
    assert (finding.code, finding.severity) == ("X001", Severity.WARNING)
    assert finding.text == f"{expected} rows are negative."
    assert json.loads(json.dumps([finding.rows, dict(finding.values)]))[1] == {"n": expected}
    assert found.not_suited["X003"] == "no such rows"


def test_a_check_that_stumbles_is_named_and_ends_nothing() -> None:
    found = report(replace(own(), checks=(Broken(), Negative())))
    assert re.fullmatch(r"KeyError: 'a' \(test_checks.py:\d+\)", found.failed["X002"])
    assert "X002" not in found.checked and list(found.failed) == ["X002"]
    # What it had found before is kept.
    assert [f.code for f in found.findings] == ["X002", "X001"]


@pytest.mark.parametrize("given", ["too small", ["too small"]])
def test_a_check_that_gives_something_else_than_findings_is_told_what_is_expected(
    given: object,
) -> None:
    class Wrong(Negative):
        def find(self, subject: Subject) -> Any:
            return given

    found = report(replace(own(), checks=(Wrong(),)))
    assert "comps.base.Finding" in found.failed["X001"]


@pytest.mark.slow
def test_the_command_names_a_check_that_failed(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "rows.csv", index=False)
    comps("init", "flats", "--data", "rows.csv", "--metric", "rmse", "--target", "y", cwd=tmp_path)
    file = tmp_path / "competitions" / "flats" / "competition.py"
    head = (
        "class Own:\n    code, title, severity = 'X002', 'Own', 'warning'\n\n"
        "    def find(self, subject):\n        raise KeyError('boo')\n\n\n"
    )
    text = file.read_text().replace("DATA =", head + "DATA =")
    file.write_text(text.replace("features=features,", "features=features, checks=[Own()],"))
    done = comps("check-data", "flats", cwd=tmp_path)
    line = text.splitlines().index("        raise KeyError('boo')") + 1
    assert f"X002 could not be finished: KeyError: 'boo' (competition.py:{line})" in done.err
    assert "1 failed (X002)" in done.out


def test_checks_are_left_out_by_their_codes() -> None:
    competition = leaky()
    assert "L001" not in {f.code for f in report(competition, ignore=["L001"]).findings}
    found = report(replace(competition, ignore=("L001",)))
    assert "L001" not in {f.code for f in found.findings} and found.ignored == ("L001",)


def test_a_code_that_does_not_exist_or_stands_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no check with the code 'L01'.*Did you mean 'L0"):
        report(own(), ignore=["L01"])
    with pytest.raises(UsageError, match="Two checks have the code 'X001'"):
        report(replace(own(), checks=(Negative(), Negative())))
    with pytest.raises(UsageError, match="no check with the code 'L999'"):
        run(replace(own(), ignore=("L999",)), models="median,ridge", runs=tmp_path)
    with pytest.raises(UsageError, match="ignore takes a list"):
        check_data(own(), ignore="L001")


# Documentation


def test_every_code_has_its_section_in_the_guide_and_every_section_a_check() -> None:
    sections = re.findall(r"^### (\w+)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(sections) == sorted(CHECKS)


def test_titles_in_the_guide_are_those_of_the_checks() -> None:
    text = " ".join(GUIDE.read_text(encoding="utf-8").split())
    for code, one in CHECKS.items():
        assert f"### {code} **{one.title}" in text, code


# In a run, and on the command line


@pytest.mark.slow
def test_a_run_says_what_is_found_before_it_trains(tmp_path: Path) -> None:
    told: list[Update] = []
    result = run(leaky(), models="median,ridge", runs=tmp_path, progress=told.append)
    finding = next(i for i, update in enumerate(told) if "Check L001 error" in update.text)
    first_fit = next(i for i, update in enumerate(told) if isinstance(update, FitUpdate))
    assert isinstance(told[finding], Note) and finding < first_fit
    assert any(note.startswith("Check L001 error: Column 'copy'") for note in result.notes)


def test_a_run_without_checks_says_nothing(tmp_path: Path) -> None:
    result = run(leaky(), models="median,ridge", runs=tmp_path, checks=False)
    assert not any("L001" in note for note in result.notes)


@pytest.mark.slow
def test_the_command_shows_findings_and_ends_well(tmp_path: Path) -> None:
    done = comps("check-data", "house-prices", cwd=tmp_path)
    assert done.code == 0 and "D002" in done.out and "docs/guides/checks.md" in done.out
    lines = comps("check-data", "house-prices", "--json", "--ignore", "D002", cwd=tmp_path)
    (result,) = lines.all("result")
    assert "D002" in result["ignored"] and result["counts"]["error"] == 0
    assert lines.all("findings")[0]["rows"] == []


def test_a_run_of_the_command_line_looks_unless_told_not_to(tmp_path: Path) -> None:
    assert comps("run", "house-prices", "--help", cwd=tmp_path).out.count("--no-checks") == 1


def test_sealed_rows_are_not_looked_at_as_training_rows(tmp_path: Path) -> None:
    rows = table(300)
    rows.iloc[299] = rows.iloc[298]
    whole, sealed = (
        check_data(own(rows), sealed=share, runs=tmp_path).findings for share in (None, 0.5)
    )
    assert [f.code for f in whole] == ["D003"]
    assert not sealed or sealed[0].rows != whole[0].rows
