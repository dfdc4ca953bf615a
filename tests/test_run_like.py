"""`run --like RUN`: what a run decided by its clock is done again without one, to the byte."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from comps import estimator
from comps.base import Competition, Params, StoreError, UsageError, WorkbenchError
from pipelines import Result, cross_validate, load_run, run
from pipelines.api import limited
from pipelines.basics.files import read_json
from pipelines.basics.hardware import available_cores
from pipelines.store import RunStore
from pipelines.store.recording import THREADS, versions
from pipelines.store.records import Record, read_records
from pipelines.tuning.best import Best, Check, write_best
from tests.commands import comps
from tests.tables import own, table, unseen
from tests.test_cli import write_houses
from tests.test_limited import arrays, limited_run, repeats, zoo

HERE: dict[str, Any] = {"engine": "inline", "checks": False}


@pytest.fixture(autouse=True)
def _few_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited, "MOST_REPEATS", 3)


def record_of(runs: Path, name: str = "own") -> Record:
    """Return the last record of a run folder."""
    return read_records(RunStore(runs / name))[0][-1]


def bytes_of(runs: Path, name: str = "own") -> bytes:
    """Return the submission that a run left in its store."""
    return (runs / name / "submission.csv").read_bytes()


def nested(result: Result) -> dict[str, bool]:
    """Return of each member whether models without pairs of folds were trained."""
    return {name: oof.nested is not None for name, oof in result.oof.items()}


def alike(one: Result, other: Result) -> None:
    """Check that two runs have the same members, in one order, and the same predictions."""
    assert list(one.oof) == list(other.oof)
    assert (repeats(one), nested(one)) == (repeats(other), nested(other))
    assert one.blend is not None and other.blend is not None
    assert one.blend.honest_score == other.blend.honest_score
    assert one.blend.estimate == other.blend.estimate
    for name, oof in one.oof.items():
        np.testing.assert_array_equal(oof.valid, other.oof[name].valid)
        np.testing.assert_array_equal(oof.test, other.oof[name].test)


def endless(competition: Competition) -> Competition:
    """Return a competition with a model, too, for which there is never time."""
    slow = replace(competition.model("ridge"), name="slow", seconds=1e9, default=True)
    return replace(competition, models=(*competition.models, slow))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """A limited run that repeated a member, left a model out, and tried one more."""
    runs = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limited, "MOST_REPEATS", 3)
        return limited_run(competition(), runs)[0], runs


def competition() -> Competition:
    return endless(arrays(zoo(own(table(120), test=unseen()), further=("strict",))))


# What is recorded


def test_the_record_says_what_was_decided(made: tuple[Result, Path]) -> None:
    result, runs = made
    record = record_of(runs)
    decided = record.decided
    assert decided is not None and decided.time_limit == 600
    assert {member.name: member.repeats for member in decided.members} == repeats(result)
    assert {member.name: member.nested for member in decided.members} == nested(result)
    assert repeats(result)["ridge"] == 3 and repeats(result)["median"] == 1
    assert decided.left_out == {"slow": "no time"}
    assert Record.from_json(record.name, json.loads(json.dumps(record.to_json()))) == record


def test_a_run_without_a_limit_records_the_same(tmp_path: Path) -> None:
    run(zoo(own(test=unseen())), runs=tmp_path, folds=3, **HERE)
    decided = record_of(tmp_path).decided
    assert decided is not None and decided.time_limit is None
    assert [(m.name, m.repeats, m.nested) for m in decided.members] == [
        ("median", 1, True),
        ("ridge", 1, True),
    ]


def test_records_of_earlier_versions_are_read_and_decided_nothing(
    made: tuple[Result, Path], tmp_path: Path
) -> None:
    runs = Path(shutil.copytree(made[1], tmp_path / "runs"))
    changed_record(runs, lambda values: values.pop("decided"))
    assert record_of(runs).decided is None
    with pytest.raises(UsageError, match=r"recorded by an earlier version \(.+\), which did not"):
        run(competition(), like=runs, runs=tmp_path / "new", **HERE)


@pytest.mark.parametrize(
    "members",
    [
        [{"name": "nobody", "repeats": 1, "nested": True}],
        [{"name": "ridge", "repeats": 0, "nested": True}],
        [{"name": "ridge", "repeats": "3", "nested": True}],
        [{"name": "ridge", "repeats": 1, "nested": "no"}],
        [{"name": "ridge"}],
        "ridge",
    ],
)
def test_what_cannot_have_been_decided_is_a_damaged_record(
    members: object, made: tuple[Result, Path], tmp_path: Path
) -> None:
    runs = Path(shutil.copytree(made[1], tmp_path / "runs"))
    path = changed_record(runs, lambda values: values["decided"].update(members=members))
    assert read_records(RunStore(runs / "own"))[0] == []
    with pytest.raises(StoreError, match="cannot be read"):
        run(competition(), like=path, runs=tmp_path / "new", **HERE)


def changed_record(runs: Path, change: Any) -> Path:
    """Change the values of the one record of a run folder, and return its file."""
    (path,) = runs.glob("*/records/*.json")
    values = read_json(path)
    change(values)
    path.write_text(json.dumps(values))
    return path


# The same again


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["inline", "local"])
def test_a_limited_run_is_repeated_in_an_empty_folder_to_the_byte(
    engine: str, made: tuple[Result, Path], tmp_path: Path
) -> None:
    result, runs = made
    again = run(competition(), like=runs, runs=tmp_path, engine=engine, checks=False)
    alike(result, again)
    assert bytes_of(tmp_path) == bytes_of(runs)
    assert any("byte for byte" in note for note in again.notes)
    assert any("Left out there: slow (no time)" in note for note in again.notes)
    assert not any((tmp_path / "own" / "models").glob("slow*"))
    first, second = record_of(runs), record_of(tmp_path)
    assert second.decided == first.decided and second.options["like"] == first.name


@pytest.mark.slow
def test_pairs_of_folds_are_trained_of_the_members_that_had_them(tmp_path: Path) -> None:
    competition = arrays(zoo(own(test=unseen())))
    made, _, _ = limited_run(competition, tmp_path / "made", nested=False)
    assert nested(made) == {"median": False, "ridge": False}
    again = run(competition, like=tmp_path / "made", runs=tmp_path / "again", **HERE)
    alike(made, again)
    # A store that has them, of another run, gives the same.
    full = tmp_path / "full"
    run(competition, runs=full, folds=3, nested=True, **HERE)
    alike(made, run(competition, like=tmp_path / "made", runs=full, **HERE))
    assert bytes_of(full) == bytes_of(tmp_path / "made")
    # Whatever follows this run has what it had.
    alike(made, load_run(competition, runs=full))


def test_the_blend_before_the_last_step_is_repeated_where_it_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limited, "surely_better", lambda *_: True)
    competition = arrays(zoo(own(test=unseen())))
    made, _, _ = limited_run(competition, tmp_path / "made", nested=False)
    again = run(competition, like=tmp_path / "made", runs=tmp_path / "again", **HERE)
    assert repeats(again) == {"median": 1, "ridge": 1}
    alike(made, again)


def test_members_are_blended_in_the_order_in_which_they_were(
    made: tuple[Result, Path], tmp_path: Path
) -> None:
    runs = Path(shutil.copytree(made[1], tmp_path / "runs"))
    changed_record(runs, lambda values: values["decided"]["members"].reverse())
    again = run(competition(), like=runs, runs=tmp_path / "new", **HERE)
    assert list(again.oof) == list(made[0].oof)[::-1]


@pytest.mark.slow
def test_a_run_that_repeats_another_is_repeated_like_it(
    made: tuple[Result, Path], tmp_path: Path
) -> None:
    run(competition(), like=made[1], runs=tmp_path / "second", **HERE)
    third = run(competition(), like=tmp_path / "second", runs=tmp_path / "third", **HERE)
    alike(made[0], third)


@pytest.mark.slow
def test_changed_and_tuned_parameters_are_those_of_the_run(tmp_path: Path) -> None:
    competition = zoo(own(test=unseen()))
    first = run(competition, runs=tmp_path / "made", folds=3, **HERE)
    check = Check(rows=20, share=0.25, score=1.0, default_score=2.0, gain=1.0, error=0.1)
    store = RunStore(tmp_path / "made" / "own")
    found: Params = {"alpha": 77.0}
    data = first.dataset.fingerprint
    write_best(store, Best("ridge", "study", found, 3, 1.0, 2.0, data, check))
    made = run(competition, runs=tmp_path / "made", folds=3, tuned=True, **HERE)
    assert list(made.oof) == ["median", "ridge[alpha=77.0]"]
    again = run(competition, like=tmp_path / "made", runs=tmp_path / "again", **HERE)
    alike(made, again)
    # That a search chose them is said again, for the score was looked at.
    assert [use.used for use in again.tuned] == [True]
    assert str(again.headline) == str(made.headline)


@pytest.mark.slow
def test_rows_that_were_sealed_are_sealed_again(tmp_path: Path) -> None:
    competition = zoo(own(table(120), test=unseen()))
    made, _, _ = limited_run(competition, tmp_path / "made", sealed=0.2)
    again = run(competition, like=tmp_path / "made", runs=tmp_path / "again", **HERE)
    alike(made, again)
    assert again.sealed is not None and made.sealed is not None
    assert again.sealed.values["score"] == made.sealed.values["score"]


@pytest.mark.slow
def test_models_of_the_users_own_are_given_again(tmp_path: Path) -> None:
    models = ["median", estimator(Ridge(alpha=3.0), name="mine")]
    competition = own(test=unseen())
    made, _, _ = limited_run(competition, tmp_path / "made", models=models)
    with pytest.raises(UsageError, match="has no model 'mine' here"):
        run(competition, like=tmp_path / "made", runs=tmp_path / "again", **HERE)
    again = run(
        competition, like=tmp_path / "made", models=models[1:], runs=tmp_path / "again", **HERE
    )
    alike(made, again)


def test_a_submission_of_other_bytes_is_told(made: tuple[Result, Path], tmp_path: Path) -> None:
    runs = Path(shutil.copytree(made[1], tmp_path / "runs"))
    changed_record(runs, lambda values: values["decided"].update(submission="0123456789abcdef"))
    again = run(competition(), like=runs, runs=tmp_path / "new", **HERE)
    assert "(0123456789abcdef), though its members were trained alike" in again.notes[-1]
    assert "another kind of processor, or another number of threads" in again.notes[-1]


def test_other_threads_of_a_job_are_named_where_bytes_differ(
    made: tuple[Result, Path], tmp_path: Path
) -> None:
    runs = Path(shutil.copytree(made[1], tmp_path / "runs"))
    own = len(available_cores())
    assert record_of(runs).hardware[THREADS] == str(own)

    def change(values: Any) -> None:
        values["decided"].update(submission="0123456789abcdef")
        values["hardware"][THREADS] = "64"

    changed_record(runs, change)
    again = run(competition(), like=runs, runs=tmp_path / "new", **HERE)
    told = again.notes[-1]
    assert f"a job had 64 threads there and {own} here" in told and "Choose --jobs" in told
    assert record_of(tmp_path / "new").hardware[THREADS] == str(own)
    # Nothing is trained once more, and nothing says with how many threads it was.
    found = run(competition(), like=runs, runs=tmp_path / "new", **HERE)
    assert "another kind of processor, or another number of threads" in found.notes[-1]
    assert THREADS not in record_of(tmp_path / "new").hardware


# Which run


@pytest.mark.slow
def test_a_run_is_named_by_record_beginning_date_file_or_folder(
    made: tuple[Result, Path], tmp_path: Path
) -> None:
    runs = Path(shutil.copytree(made[1], tmp_path / "runs"))
    record = record_of(runs)
    (path,) = runs.glob("own/records/*.json")
    date = record.when.removesuffix(" UTC")
    names = [
        record.name,
        record.name[:19],
        record.when,
        date,
        "last",
        path,
        str(runs),
        runs / "own",
    ]
    for name in names:
        again = run(competition(), like=name, runs=runs, **HERE)
        assert record_of(runs).decided == record.decided
        assert repeats(again) == repeats(made[0])
        record_of(runs)
        (*_, last) = sorted(runs.glob("own/records/*.json"))
        last.unlink()


def test_of_several_runs_the_last_is_meant_or_all_are_listed(tmp_path: Path) -> None:
    competition = zoo(own(test=unseen()))
    run(competition, runs=tmp_path, folds=3, models="median", **HERE)
    run(competition, runs=tmp_path, folds=4, models="median", **HERE)
    cross_validate(competition, runs=tmp_path, folds=5, models="median", engine="inline")
    again = run(competition, like="last", runs=tmp_path, **HERE)
    assert again.folds.n_folds == 4
    with pytest.raises(UsageError, match=r"Several runs are called so: .+-run, .+-run"):
        run(competition, like="20", runs=tmp_path, **HERE)


def test_a_run_that_is_not_there_is_refused_with_those_that_are(
    made: tuple[Result, Path], tmp_path: Path
) -> None:
    name = record_of(made[1]).name
    for like in ("1999-01-01 12:00", "last-week", ""):
        with pytest.raises(UsageError, match=f"no run '{like}' in .+: {name}"):
            run(competition(), like=like, runs=made[1], **HERE)
    for like in ("last", tmp_path):
        with pytest.raises(UsageError, match="has no record of a run"):
            run(competition(), like=like, runs=tmp_path / "empty", **HERE)
    with pytest.raises(UsageError, match="like takes a path; 3 came"):
        run(competition(), like=3, runs=tmp_path, **HERE)  # type: ignore[arg-type]
    (tmp_path / "text.json").write_text("{")
    with pytest.raises(StoreError, match=r"text.json is no record of a run, or damaged"):
        run(competition(), like=tmp_path / "text.json", runs=tmp_path, **HERE)


def test_what_is_no_run_or_did_not_end_is_refused(
    made: tuple[Result, Path], tmp_path: Path
) -> None:
    cross_validate(own(), runs=tmp_path / "cv", models="median", engine="inline")
    (path,) = tmp_path.glob("cv/own/records/*.json")
    with pytest.raises(UsageError, match="is of 'comps cv'; like"):
        run(own(), like=path, runs=tmp_path, **HERE)
    runs = Path(shutil.copytree(made[1], tmp_path / "runs"))
    path = changed_record(runs, lambda values: values.update(decided=None, status="interrupted"))
    for like in (path, runs):
        with pytest.raises(UsageError, match=r"did not end \(interrupted\)"):
            run(competition(), like=like, runs=tmp_path, **HERE)


# What contradicts it


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"time_limit": "5m"}, r"leave out time_limit \(--time-limit\)"),
        ({"models": "ridge"}, r"leave out models \(--models\)\."),
        ({"models": ["ridge"]}, r"leave out models \(--models\)\."),
        ({"settings": ["ridge.alpha=3"], "repeats": 2}, r"settings \(--set\), repeats \(--repe"),
        ({"quick": True}, r"leave out quick \(--quick\)"),
        ({"tuned": True}, r"leave out tuned \(--tuned\)"),
        ({"nested": False}, r"leave out nested \(--nested\)"),
        ({"backend": "torch"}, r"leave out backend \(--backend\)"),
        ({"folds": 5}, r"has folds 3, and 5 was given: leave out folds \(--folds\)"),
        ({"seed": 1}, "has seed 0, and 1 was given"),
        ({"sealed": 0.2}, r"has sealed none, and 0\.2 was given"),
        ({"scheme": "column"}, "has scheme stratified, and column was given"),
    ],
)
def test_choices_that_contradict_the_run_are_refused(
    given: Mapping[str, Any], said: str, made: tuple[Result, Path], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        run(competition(), like=made[1], runs=tmp_path / "new", **{**HERE, **given})
    assert not (tmp_path / "new").exists()


def test_the_folds_and_the_seed_of_the_run_may_be_named(
    made: tuple[Result, Path], tmp_path: Path
) -> None:
    given = {"folds": 3, "seed": 0, "scheme": "stratified"}
    alike(made[0], run(competition(), like=made[1], runs=tmp_path, **HERE, **given))


# What cannot be repeated


def refused(competition: Competition, made: tuple[Result, Path], runs: Path) -> str:
    """Return what is said where a run cannot be repeated."""
    with pytest.raises(UsageError) as error:
        run(competition, like=made[1], runs=runs, **HERE)
    return str(error.value)


def test_other_rows_are_named_with_both_fingerprints(
    made: tuple[Result, Path], tmp_path: Path
) -> None:
    others = endless(arrays(zoo(own(table(120, seed=5), test=unseen()), further=("strict",))))
    said = refused(others, made, tmp_path)
    theirs = record_of(made[1]).data.fingerprint
    assert f"(fingerprint {theirs}); those of " in said and "are others (fingerprint " in said


def test_a_model_that_is_gone_is_named_with_those_that_are_there(
    made: tuple[Result, Path], tmp_path: Path
) -> None:
    full = competition()
    less = replace(full, models=tuple(m for m in full.models if m.name != "ridge"))
    said = refused(less, made, tmp_path)
    assert "has the member 'ridge', and own has no model 'ridge' here. Known: median," in said


def test_a_model_whose_library_is_not_installed_is_named_with_its_extra(
    made: tuple[Result, Path], tmp_path: Path
) -> None:
    full = competition()
    models = (replace(m, extra="nowhere") if m.name == "ridge" else m for m in full.models)
    said = refused(replace(full, models=tuple(models)), made, tmp_path)
    assert "whose library is not installed here: pip install 'competition-workbench[no" in said


def test_another_version_of_the_competition_is_named_with_both_keys(
    made: tuple[Result, Path], tmp_path: Path
) -> None:
    full = competition()
    models = (replace(m, patience=7) if m.name == "ridge" else m for m in full.models)
    said = refused(replace(full, models=tuple(models)), made, tmp_path)
    (key,) = (member.key for member in record_of(made[1]).members if member.name == "ridge")
    assert f"'ridge' ({key} there, " in said and "'median'" not in said
    assert "The versions of all libraries are the same: it is the code" in said


def test_versions_that_differ_are_named(made: tuple[Result, Path], tmp_path: Path) -> None:
    runs = Path(shutil.copytree(made[1], tmp_path / "runs"))

    def older(values: dict[str, Any]) -> None:
        values["versions"]["scikit-learn"] = "0.1"
        values["members"][1]["key"] = "0" * 16

    changed_record(runs, older)
    here = versions()["scikit-learn"]
    with pytest.raises(UsageError, match=f"Versions: scikit-learn 0.1 there, {here} here"):
        run(competition(), like=runs, runs=tmp_path / "new", **HERE)


def test_folds_that_are_made_otherwise_are_named(made: tuple[Result, Path], tmp_path: Path) -> None:
    runs = Path(shutil.copytree(made[1], tmp_path / "runs"))
    changed_record(runs, lambda values: values["folds"].update(fingerprint="f" * 16))
    with pytest.raises(UsageError, match=f"The folds of the run .+ \\({'f' * 16}\\) are others"):
        run(competition(), like=runs, runs=tmp_path / "new", **HERE)


class Moody(Ridge):
    """An estimator that fails where a file says so."""

    def __init__(self, *, place: str = "", alpha: float = 1.0) -> None:
        super().__init__(alpha=alpha)
        self.place = place

    def fit(self, rows: Any, target: Any, sample_weight: Any = None) -> Moody:
        if Path(self.place).is_dir():
            raise ValueError("in no mood")
        super().fit(rows, target, sample_weight)
        return self


@pytest.mark.slow
def test_a_member_that_cannot_be_trained_here_ends_the_run(tmp_path: Path) -> None:
    # A name without a separator in it is no folder to a key.
    models = ["median", estimator(Moody(place="mood"), name="moody")]
    competition = own(test=unseen())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        limited_run(competition, tmp_path / "made", models=models)
        (tmp_path / "mood").mkdir()
        with pytest.raises(WorkbenchError, match="in no mood"):
            run(
                competition,
                like=tmp_path / "made",
                models=models[1:],
                runs=tmp_path / "new",
                **HERE,
            )
    assert record_of(tmp_path / "new").decided is None


# The command


@pytest.mark.slow
def test_the_command_repeats_a_run_of_another_folder(tmp_path: Path) -> None:
    write_houses(tmp_path / "houses.zip")
    houses = ("house-prices", "--data", "houses.zip", "--engine", "inline")
    models = ("--models", "median,ridge[alpha=3.0]", "--no-checks")
    limits = ("--time-limit", "10m", "--folds", "3", "--repeats", "2", *models)
    first = comps("run", *houses, *limits, "--runs", "first", "--json", cwd=tmp_path)
    made = (tmp_path / "submission.csv").read_bytes()
    (tmp_path / "submission.csv").unlink()
    again = ("run", *houses, "--like", "first", "--no-checks", "--runs", "second", "--json")
    second = comps(*again, cwd=tmp_path)
    assert (tmp_path / "submission.csv").read_bytes() == made
    rows = [
        [(row["model"], row["score"], row["repeats"]) for row in done.event("leaderboard")["rows"]]
        for done in (first, second)
    ]
    assert rows[0] == rows[1] and [row[2] for row in rows[0]] == [2, 2]
    # Where the data lie is in the record; the date is that of the history.
    (row,) = comps("history", "house-prices", "--runs", "first", "--json", cwd=tmp_path).event(
        "history"
    )["rows"]
    third = comps(
        *("run", *houses[:1], "--like", row["record"], "--runs", "first", "--json"), cwd=tmp_path
    )
    assert {event["to_fit"] for event in third.all("planned")} == {0}
    assert (tmp_path / "submission.csv").read_bytes() == made


@pytest.mark.slow
def test_the_command_refuses_in_words(tmp_path: Path) -> None:
    write_houses(tmp_path / "houses.zip")
    houses = ("run", "house-prices", "--data", "houses.zip")
    done = comps(*houses, "--like", "last", "--time-limit", "1m", cwd=tmp_path, code=2)
    assert "leave out time_limit (--time-limit)" in " ".join(done.err.split())
    done = comps(*houses, "--like", "nothing", cwd=tmp_path, code=2)
    assert "There is no run 'nothing' in runs/house-prices: none." in " ".join(done.err.split())
