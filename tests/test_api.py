"""The Python API: what each public function returns, tells, stores and refuses."""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Lasso, Ridge

import comps
import pipelines
from comps import boosting, estimator
from comps.base import BusyError, DataError, UsageError, WorkbenchError
from pipelines import (
    Result,
    Update,
    blend,
    clean,
    compare,
    compare_all,
    cross_validate,
    export_oof,
    folds_table,
    history,
    import_oof,
    load_run,
    run,
    score,
    show_progress,
    submit,
    tune,
)
from pipelines.api.progress import Finished, FitUpdate, Note, Planned
from pipelines.cli import main
from tests.support import ROOT, python
from tests.tables import own, table, unseen

HERE: dict[str, Any] = {"engine": "inline", "folds": 3}


def told(call: Callable[..., Any], *given: Any, **choices: Any) -> tuple[Any, list[Update]]:
    """Return what a call returns, and the updates that it told."""
    updates: list[Update] = []
    return call(*given, progress=updates.append, **choices), updates


def fits(updates: list[Update]) -> list[tuple[int, int]]:
    """Return how many fits were planned and how many were stored, each time."""
    return [(u.to_fit, u.stored) for u in updates if isinstance(u, Planned)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path, Result, list[Update]]:
    """Return a competition, its folder of results, and the outcome and updates of a run."""
    runs = tmp_path_factory.mktemp("runs")
    competition = own(test=unseen())
    result, updates = told(
        run, competition, models="median,ridge", runs=runs, output=runs / "out.csv", **HERE
    )
    return competition, runs, result, updates


# The contract of the packages


@pytest.mark.parametrize("package", [pipelines, comps])
def test_public_names_are_there_documented_and_sorted(package: Any) -> None:
    assert list(package.__all__) == sorted(package.__all__)
    for name in package.__all__:
        found = getattr(package, name)
        assert inspect.getdoc(found), name
        assert found.__name__ == name
        doc = inspect.getdoc(found) or ""
        if inspect.isfunction(found) and "Args:" in doc:
            parameters = inspect.signature(found).parameters
            assert all(f"{parameter}:" in doc for parameter in parameters), name


@pytest.mark.parametrize("package", [pipelines, comps])
def test_public_names_are_those_that_type_checkers_see(package: Any) -> None:
    tree = ast.parse(inspect.getsource(package))
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    seen = [
        alias.name
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert sorted(seen) == list(package.__all__)


@pytest.mark.parametrize("package", [pipelines, comps])
def test_an_unknown_name_is_an_attribute_error(package: Any) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'rum'"):
        _ = package.rum


def test_importing_the_packages_imports_no_heavy_library_and_prints_nothing() -> None:
    code = "import sys, pipelines, comps; print(*sys.modules, sep='\\n')"
    modules = python(code).splitlines()
    heavy = {"pandas", "sklearn", "keras", "lightgbm", "xgboost", "jax", "tensorflow", "optuna"}
    assert modules[0] == "sys" and not heavy & set(modules)


# run


def test_run_returns_members_blend_and_checked_submission(made: Any) -> None:
    competition, runs, result, _ = made
    assert list(result.oof) == ["median", "ridge"]
    assert list(result.leaderboard["model"]) == ["ridge", "median"]
    assert result.blend is not None and result.headline is not None
    assert result.score == result.blend.honest_score
    assert not result.failures
    assert repr(result).startswith("Result(own: RMSE 0.")
    assert "<table" in result._repr_html_()
    assert len(result.blends) >= 1
    assert result.competition.name == competition.name
    written = pd.read_csv(runs / "out.csv")
    pd.testing.assert_frame_equal(written, result.submission)
    assert list(written.columns) == ["id", "y"] and len(written) == 20


def test_out_of_fold_predictions_are_those_of_a_plain_loop(made: Any) -> None:
    from sklearn.preprocessing import StandardScaler

    _, _, result, _ = made
    rows = table()
    values, target = rows[list("abc")].to_numpy(np.float32), rows["y"].to_numpy()
    expected = np.full(60, np.nan)
    for fold in range(3):
        train, valid = result.folds.rows(0, (fold,))
        scaler = StandardScaler().fit(values[train].astype(np.float64))
        model = Ridge(alpha=10.0).fit(scaler.transform(values[train]), target[train])
        expected[valid] = model.predict(scaler.transform(values[valid]))
    np.testing.assert_allclose(result.oof["ridge"].valid, expected, rtol=1e-3, atol=1e-3)
    rmse = np.sqrt(np.mean((result.oof["ridge"].valid - target) ** 2))
    assert result.oof["ridge"].score == pytest.approx(rmse)


def test_progress_tells_what_is_planned_fitted_and_finished(made: Any) -> None:
    competition, runs, _, updates = made
    assert all(isinstance(update, Update) and str(update) for update in updates)
    # Three folds and three pairs of them, of two models.
    assert fits(updates) == [(12, 0)]
    assert [u.oof.model for u in updates if isinstance(u, Finished)] == ["median", "ridge"]
    assert any(isinstance(update, FitUpdate) for update in updates)
    assert any(isinstance(u, Note) and "in memory" in u.text for u in updates)
    _, again = told(run, competition, models="median,ridge", runs=runs, **HERE)
    assert fits(again) == [(0, 12)]


@pytest.mark.slow
def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    competition, runs = own(test=unseen()), tmp_path / "runs"
    choices: dict[str, Any] = {**HERE, "runs": runs}
    # Lasso does not converge, and says so to programmers.
    run(competition, models=["ridge", Lasso(alpha=1e-9, max_iter=1)], **choices)
    cross_validate(competition, models="ridge", **choices)
    compare(competition, "median,ridge", **choices)
    tune(competition, "ridge", trials=2, **choices)
    load_run(competition, runs=runs)
    blend(competition, "ridge", runs=runs)
    submit(competition, output=tmp_path / "s.csv", runs=runs)
    export_oof(competition, output=tmp_path, runs=runs)
    folds_table(competition, runs=runs)
    history(competition, runs=runs)
    clean(competition, runs=runs)
    assert capfd.readouterr() == ("", "")


def test_show_progress_prints_what_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cross_validate(own(), models="ridge", runs=tmp_path, progress=show_progress, **HERE)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Data: in memory" and lines[1] == "3 fits to make."
    assert lines[-1].startswith("ridge: out-of-fold RMSE 0.")


def test_a_call_leaves_a_record_with_its_choices(made: Any) -> None:
    competition, runs, result, _ = made
    found = history(competition, runs=runs)
    record = found.records[0]
    assert (record.command, str(record.state)) == ("run", "done")
    assert record.data.path == "in memory"
    assert record.options["models"] == "median,ridge" and record.options["folds"] == 3
    assert record.options["output"] == str(runs / "out.csv")
    best = found.best(record)
    assert best is not None and (best.name, best.score) == ("ridge", result.oof["ridge"].score)
    json.dumps(record.options)


def test_a_hook_that_raises_ends_the_call_and_keeps_what_is_finished(tmp_path: Path) -> None:
    def stop(update: Update) -> None:
        if isinstance(update, Finished):
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        run(own(), models="median,ridge", runs=tmp_path, progress=stop, **HERE)
    assert str(history(own(), runs=tmp_path).records[0].state) == "failed"
    _, updates = told(run, own(), models="median,ridge", runs=tmp_path, **HERE)
    assert fits(updates)[0][1] > 0


@pytest.mark.parametrize("choice", [{"jobs": 0}, {"engine": "nosuch"}])
def test_an_engine_that_cannot_be_leaves_no_record(tmp_path: Path, choice: dict[str, Any]) -> None:
    for call in (run, cross_validate, lambda c, **more: tune(c, "ridge", **more)):
        with pytest.raises(UsageError, match=r"--jobs must be between|no engine 'nosuch'"):
            call(own(), runs=tmp_path, **choice)
    assert not history(own(), runs=tmp_path).records


def test_results_are_printed_in_a_line(made: Any) -> None:
    _, _, result, _ = made
    assert re.fullmatch(
        r"Blend\(\w+: ridge [01]\.\d{3}; (nested|cross-fitted) 0\.\d+\)", repr(result.blend)
    )
    ridge = repr(result.oof["ridge"])
    assert re.fullmatch(r"OutOfFold\(ridge: 0\.\d+ on \d+ of \d+ rows\)", ridge)
    assert "array" not in repr(result.tried)


def test_an_interrupt_leaves_a_record_and_the_same_call_goes_on(tmp_path: Path) -> None:
    def interrupt(update: Update) -> None:
        if isinstance(update, FitUpdate) and update.status.done == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        cross_validate(own(), models="ridge", runs=tmp_path, progress=interrupt, **HERE)
    assert str(history(own(), runs=tmp_path).records[0].state) == "interrupted"
    _, updates = told(cross_validate, own(), models="ridge", runs=tmp_path, **HERE)
    assert fits(updates) == [(1, 2)]


def test_one_call_trains_in_a_folder_at_a_time(tmp_path: Path) -> None:
    caught: list[str] = []

    def second(update: Update) -> None:
        if isinstance(update, Planned):
            with pytest.raises(BusyError) as error:
                cross_validate(own(), models="ridge", runs=tmp_path, **HERE)
            caught.append(str(error.value))

    cross_validate(own(), models="ridge", runs=tmp_path, progress=second, **HERE)
    assert len(caught) == 1 and "Another run is writing to" in caught[0]


def test_a_thread_can_call(tmp_path: Path) -> None:
    found: list[Result] = []
    thread = threading.Thread(
        target=lambda: found.append(cross_validate(own(), models="ridge", runs=tmp_path, **HERE))
    )
    thread.start()
    thread.join()
    assert found[0].oof["ridge"].score < 1


def test_without_test_rows_there_is_no_submission(tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    result = run(own(), models="ridge", runs=tmp_path, output=output, **HERE)
    assert result.submission is None and not output.exists()
    assert "own has no test rows: no submission is written." in result.notes
    with pytest.raises(UsageError, match="there is nothing to submit"):
        submit(own(), output=output, runs=tmp_path)
    (files,) = export_oof(own(), "ridge", output=tmp_path / "e", runs=tmp_path, folds=3)
    assert files.test is None and [p.name for p in (tmp_path / "e").iterdir()] == ["ridge-oof.csv"]


@pytest.mark.slow
def test_sealed_rows_of_a_table_are_scored_once_at_the_end(tmp_path: Path) -> None:
    competition = own(test=unseen())
    choices: dict[str, Any] = {"models": "median,ridge", "sealed": 0.25, "runs": tmp_path}
    result = run(competition, **choices, **HERE)
    assert result.sealed is not None
    assert "on 15 rows" in result.sealed.text and "Looked at once" in result.sealed.text
    assert result.submission is not None and len(result.submission) == 20
    assert load_run(competition, runs=tmp_path).oof["ridge"].valid.shape == (45,)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"fold": 3}, "no choice called 'fold'. Did you mean 'folds'"),
        ({"folds": "3"}, "folds takes a whole number; '3' came"),
        ({"folds": 2.5}, "folds takes a whole number; 2.5 came"),
        ({"folds": True}, "folds takes a whole number; True came"),
        ({"folds": 1}, "must be between 2 and the number of training rows, 60; it is 1"),
        ({"repeats": "2"}, "repeats takes a whole number"),
        ({"repeats": 0}, "must be at least 1; it is 0"),
        ({"seed": "a"}, "seed takes a whole number; 'a' came"),
        ({"sealed": "0.2"}, "sealed takes a number"),
        ({"sealed": 2}, "above 0 and at most 0.5, such as 0.2; it is 2"),
        ({"scheme": "foo"}, "no fold scheme 'foo'"),
        ({"engine": None}, "engine takes a text; None came"),
        ({"engine": "rey"}, r"no engine 'rey'\. Did you mean 'ray'\? Known: inline, local, ray"),
        ({"address": "auto"}, "--address is for a cluster .*; the engine 'inline' has none"),
        ({"job_limit": "soon", "engine": "ray"}, "A time such as 90s, .* not 'soon'"),
        ({"job_needs": "gpus=1", "engine": "ray"}, "no part of --job-needs called 'gpus'"),
        ({"jobs": "2", "engine": "local"}, "jobs takes a whole number"),
        ({"backend": "foo"}, "no backend 'foo'"),
        ({"tuned": "yes"}, "tuned takes True or False; 'yes' came"),
        ({"data": "/tmp"}, "are in memory: leave out `data`"),
        ({"runs": 3}, "runs takes a path; 3 came"),
        ({"output": 3}, "output takes a path; 3 came"),
        ({"settings": "ridge.alpha=3"}, "settings takes a list of texts.*'ridge.alpha=3' came"),
        ({"settings": ["ridge.alfa=3"]}, "no parameter of model 'ridge' called 'alfa'"),
        ({"progress": "x"}, "progress takes a function of an update"),
        ({"time_limit": 0}, "more than zero"),
        ({"time_limit": "x"}, "A time such as 90s, 10m or 1h30m was expected, not 'x'"),
        ({"time_limit": float("nan")}, "more than zero seconds"),
        ({"time_limit": [5]}, r"time_limit takes a number; \[5\] came"),
        ({"models": []}, "No model was named"),
        ({"models": "rigde"}, "no model 'rigde'. Did you mean 'ridge'"),
        ({"models": ["quick", "ridge"]}, "'quick' stands for several models"),
        ({"models": [3]}, "A name, a Model, .* 3 came"),
        ({"models": [Ridge]}, "the class Ridge came"),
        ({"models": [Lasso(0.1), Lasso(0.2)]}, "Two of the models are called 'lasso'"),
        ({"models": ["ridge", Ridge()]}, "that of the competition and your own"),
    ],
)
def test_wrong_choices_say_what_came_and_train_nothing(
    choices: dict[str, Any], message: str, tmp_path: Path
) -> None:
    given = {"models": "ridge", "runs": tmp_path, "engine": "inline", **choices}
    with pytest.raises(UsageError, match=message):
        run(own(), **given)
    assert not list(tmp_path.rglob("*.npz"))


@pytest.mark.parametrize("competition", [None, 3, table(5)])
def test_what_is_no_competition_is_refused(competition: Any) -> None:
    with pytest.raises(UsageError, match="The name of a competition, or one of your own"):
        run(competition)


def test_the_name_of_a_competition_of_the_package_is_taken(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="name of a known competition .*Give yours another name"):
        run(own(name="house-prices"), runs=tmp_path)


@pytest.mark.parametrize("limit", [60, 60.5, "60s", np.float64(60), "1m"])
def test_time_limits_of_every_form_are_taken(limit: Any, tmp_path: Path) -> None:
    competition = own(test=unseen())
    assert run(competition, models="median", runs=tmp_path, time_limit=limit, repeats=1, **HERE)


# Models


def test_models_come_as_names_objects_and_single_ones(tmp_path: Path) -> None:
    names = {
        tuple(cross_validate(own(), models=models, runs=tmp_path, **HERE).oof)
        for models in (
            "ridge",
            ["ridge", "ridge"],
            ("ridge",),
            {"ridge"},
            (name for name in ["ridge"]),
            Ridge(),
            estimator(Ridge()),
        )
    }
    assert names == {("ridge",)}


def test_a_model_with_changed_parameters_stands_beside_the_declared_one(tmp_path: Path) -> None:
    model = estimator(Lasso(alpha=0.01))
    changed = model.with_params({"alpha": 1.0})
    result = cross_validate(own(), models=[model, changed], runs=tmp_path, **HERE)
    assert list(result.oof) == ["lasso", "lasso[alpha=1.0]"]
    assert result.oof["lasso"].score < result.oof["lasso[alpha=1.0]"].score
    zoo = own().model("ridge").with_params({"alpha": 1000.0})
    result = cross_validate(own(), models=["ridge", zoo], runs=tmp_path, **HERE)
    assert list(result.oof) == ["ridge", "ridge[alpha=1000.0]"]


def test_of_two_models_of_one_name_each_has_results_of_its_own(tmp_path: Path) -> None:
    first = cross_validate(own(), models=[Ridge(alpha=1e-3)], runs=tmp_path, **HERE)
    second, updates = told(cross_validate, own(), models=[Ridge(alpha=1e3)], runs=tmp_path, **HERE)
    assert fits(updates) == [(3, 0)]
    assert first.oof["ridge"].score < second.oof["ridge"].score


def test_a_model_that_fails_is_named_and_left_out(tmp_path: Path) -> None:
    broken = estimator(Lasso(alpha="x"), name="broken")  # type: ignore[arg-type]
    result = run(own(), models=["median", "ridge", broken], runs=tmp_path, **HERE)
    assert list(result.failures) == ["broken"] and "alpha" in result.failures["broken"]
    assert any(note.startswith("broken failed and is left out") for note in result.notes)
    with pytest.raises(WorkbenchError, match="No model was trained. broken: Inv"):
        cross_validate(own(), models=[broken], runs=tmp_path, **HERE)


CHANGES = """
import sys
from sklearn.linear_model import Ridge
from pipelines import cross_validate
from pipelines.api.progress import Planned
from tests.tables import own

def fits():
    told = []
    cross_validate(own(), models=[Own()], runs=sys.argv[1], progress=told.append, engine="inline",
                   folds=2)
    return next(update.to_fit for update in told if isinstance(update, Planned))

class Own(Ridge):
    def predict(self, X):
        return helper(super().predict(X))

def closed(k):
    def inner(x):
        return x + k
    return inner

class Held:
    more = 1
    def __call__(self, x):
        return x + self.more

def shown():
    print(fits(), fits())

helper = lambda x: x + 1
shown()
helper = lambda x: x + 2
shown()
helper = closed(1)
shown()
helper = closed(2)
shown()
helper = Held()
shown()
Held.more = 2
shown()
helper.more = 3
shown()
table = {"k": 1}
def helper(x):
    return x + table["k"]
shown()
table["k"] = 2
shown()
helper = closed(1)
shown()
"""


@pytest.mark.slow
def test_a_changed_function_fits_anew_and_an_unchanged_one_does_not(tmp_path: Path) -> None:
    script = tmp_path / "changes.py"
    script.write_text(CHANGES)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [*["2 0"] * 9, "0 0"]


# What is stored


def test_load_run_blend_and_submit_follow_the_run(made: Any, tmp_path: Path) -> None:
    competition, runs, result, _ = made
    loaded = load_run(competition, runs=runs, seed=0)
    assert list(loaded.oof) == ["median", "ridge"]
    assert loaded.submission is not None
    pd.testing.assert_frame_equal(loaded.submission, result.submission)
    assert loaded.blend is not None and loaded.blend.honest_score == result.blend.honest_score
    assert any("in memory, 3 folds (stratified), seed 0" in note for note in loaded.notes)
    named = blend(competition, ["ridge"], method="best", runs=runs)
    assert named.blend is not None and named.blend.members == ("ridge",)
    submitted = submit(competition, output=tmp_path / "s.csv", runs=runs)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "s.csv"), submitted.submission)


def test_models_of_the_users_are_found_by_the_record_and_by_themselves(tmp_path: Path) -> None:
    competition, mine = own(test=unseen()), Lasso(alpha=0.01)
    run(competition, models=["median", mine], runs=tmp_path, **HERE)
    loaded = load_run(competition, runs=tmp_path)
    assert list(loaded.oof) == ["median", "lasso"]
    assert not any("older version" in note for note in loaded.notes)
    assert list(blend(competition, [mine], runs=tmp_path).oof) == ["lasso"]
    with pytest.raises(UsageError, match="'lasso'.*A model of your own is given itself"):
        blend(competition, "lasso", runs=tmp_path)


def test_without_a_run_or_after_the_data_changed_the_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no out-of-fold predictions for these data"):
        load_run(own(), runs=tmp_path)
    run(own(), models="ridge", runs=tmp_path, **HERE)
    changed = own(table(seed=5))
    with pytest.raises(UsageError, match="The rows in memory or the way to make folds changed"):
        load_run(changed, runs=tmp_path)
    with pytest.raises(UsageError, match="no stored member 'lightgbm'"):
        blend(own(), "lightgbm", runs=tmp_path)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c, r: blend(c, method="foo", runs=r), "no method 'foo'"),
        (lambda c, r: blend(c, method=3, runs=r), "method takes a text; 3 came"),
        (lambda c, r: submit(c, output=3, runs=r), "output takes a path"),
        (lambda c, r: export_oof(c, output=None, runs=r), "output takes a path; None came"),
        (lambda c, r: export_oof(c, output=r, scale="foo", runs=r), "no scale 'foo'"),
        (lambda c, r: export_oof(c, output=r, format="xls", runs=r), "no format 'xls'"),
        (lambda c, r: tune(c, "ridge", trials=0, runs=r), "must be 1 or more; it is 0"),
        (lambda c, r: tune(c, "ridge", trials="3", runs=r), "trials takes a whole number"),
        (lambda c, r: tune(c, "ridge", outer="x", runs=r), "outer takes a number"),
        (lambda c, r: tune(c, "ridge,lightgbm", runs=r), "A search takes one model"),
        (lambda c, r: tune(c, "median", runs=r), "has no parameter that can be tuned"),
        (lambda c, r: tune(c, "ridge", tuner="foo", runs=r), "called 'foo'. Known: cmaes"),
        (lambda c, r: compare(c, ["ridge"], runs=r), "needs at least two different members"),
        (lambda c, r: compare_all("own"), "A list of competitions was expected"),
        (lambda c, r: compare_all([None]), "The name of a competition, or one of your own"),
        (lambda c, r: compare_all([c], foo=1), "no choice called 'foo'"),
        (lambda c, r: history("xx"), "no competition 'xx'"),
        (lambda c, r: clean(3), "The name of a competition, or one of your own"),
        (lambda c, r: score(3, 4), "A DataFrame of pandas or the path of a CSV file"),
        (lambda c, r: import_oof(c, 3, table(), runs=r), "A name of letters"),
        (lambda c, r: import_oof(c, "ridge", table(), runs=r), "'ridge' is a model of own"),
        (lambda c, r: import_oof(c, "ext", 3, runs=r), "A DataFrame of pandas or the path"),
        (lambda c, r: import_oof(c, "ext", table(), runs=r), "own has 20 test rows: give"),
    ],
)
def test_wrong_use_of_other_functions_says_what_came(
    call: Callable[[Any, Path], object], message: str, made: Any
) -> None:
    competition, runs, *_ = made
    with pytest.raises(UsageError, match=message):
        call(competition, runs)


def test_folds_go_out_and_predictions_of_another_tool_come_in(tmp_path: Path) -> None:
    competition = own(test=unseen())
    found = folds_table(competition, runs=tmp_path, folds=3)
    assert list(found.table.columns) == ["id", "fold"]
    assert set(found.table["fold"]) == {1, 2, 3}
    assert "all other rows" in found.how and "import-oof own NAME" in found.back
    oof = found.table.assign(y=table()["y"] + 0.1)
    test = pd.DataFrame({"id": range(20), "y": 0.5})
    first = import_oof(competition, "ext", oof, test, runs=tmp_path, folds=3)
    assert first.member.score == pytest.approx(0.1) and not first.replaced
    assert import_oof(competition, "ext", oof, test, runs=tmp_path, folds=3).replaced
    with pytest.raises(DataError, match="ids are in another fold than here"):
        import_oof(competition, "ext", oof.assign(fold=1), test, runs=tmp_path, folds=3)
    blended = blend(competition, ["ext"], runs=tmp_path, folds=3)
    assert blended.submission is not None and set(blended.submission["y"]) == {0.5}
    alone = folds_table(own(), runs=tmp_path).table.assign(y=0.0)
    assert import_oof(own(name="alone"), "ext", alone, runs=tmp_path).member.covered.all()


def test_export_writes_what_the_run_predicted(made: Any, tmp_path: Path) -> None:
    competition, runs, result, _ = made
    (wide,) = export_oof(competition, output=tmp_path, wide=True, runs=runs)
    assert wide.members == ("median", "ridge") and wide.test is not None
    oof = pd.read_csv(wide.oof)
    np.testing.assert_allclose(oof["ridge"], result.oof["ridge"].valid, rtol=1e-6)
    np.testing.assert_allclose(pd.read_csv(wide.test)["ridge"], result.oof["ridge"].test, rtol=1e-6)


def test_clean_removes_what_no_record_names(tmp_path: Path) -> None:
    cross_validate(own(), models="ridge,median", runs=tmp_path, **HERE)
    for record in (tmp_path / "own" / "records").glob("*.json"):
        record.unlink()
    items, _ = clean(own(), runs=tmp_path, dry_run=True)
    assert items and all(item.path.exists() for item in items)
    removed, _ = clean(own(), runs=tmp_path)
    assert [item.name for item in removed] == [item.name for item in items]
    assert not any(item.path.exists() for item in items)


def test_score_takes_tables_and_files(tmp_path: Path) -> None:
    answers = pd.DataFrame({"id": [1, 2], "y": [1.0, 3.0]})
    given = answers.assign(y=[2.0, 4.0])
    answers.to_csv(tmp_path / "answers.csv", index=False)
    assert score(given, answers, own()).value == 1.0
    assert score(given, tmp_path / "answers.csv", own()).value == 1.0
    with pytest.raises(DataError, match="There is no file or folder"):
        score(tmp_path / "no.csv", answers, own())


def test_score_by_a_metric_needs_no_competition(tmp_path: Path) -> None:
    names = pd.DataFrame({"key": ["a", "b", "c"], "kind": ["x", "y", "y"], "Usage": "Public"})
    given = names.drop(columns="Usage").assign(kind=["x", "y", "x"])
    assert score(given, names, metric="accuracy").value == pytest.approx(2 / 3)
    shares = pd.DataFrame({"key": [1, 2], "x": [0.8, 0.4], "y": [0.2, 0.6]})
    true = shares.assign(x=[1, 0], y=[0, 1])
    expected = -np.log([0.8, 0.6]).mean()
    assert score(shares, true, metric="log_loss").value == pytest.approx(expected)
    assert score(shares, true, metric="rmse").value == pytest.approx(np.sqrt((0.04 + 0.16) / 2))
    labels = true.assign(x=[1, 1])
    assert score(labels.assign(x=[1, 0]), labels, metric="f1_micro").value == pytest.approx(0.8)
    with pytest.raises(DataError, match="the same first column, of ids"):
        score(given.rename(columns={"kind": "other"}), names, metric="accuracy")


def test_score_by_another_metric_of_the_same_predictions() -> None:
    answers = pd.DataFrame({"id": [1, 2], "y": [1.0, 3.0]})
    assert score(answers.assign(y=[2.0, 6.0]), answers, own(), metric="mae").value == 2.0
    with pytest.raises(UsageError, match="AUC needs predictions of the kind 'probability', and"):
        score(answers, answers, own(), metric="auc")


# Comparing and tuning


def test_compare_tests_the_best_against_the_others(tmp_path: Path) -> None:
    found = compare(own(), "median,ridge", repeats=2, runs=tmp_path, **HERE)
    assert found.best == "ridge" and len(found.pairs) == 1
    assert "ridge is better than median" in found.text
    assert list(found.table["model"]) == ["ridge", "median"]
    assert found.differences["told_apart"].tolist() == [True]
    assert found.pairs[0].n_folds == 6


@pytest.mark.parametrize(
    ("models", "wanted"),
    [
        ([Lasso()], {"median", "lasso"}),
        ([Lasso(), Ridge()], {"lasso", "ridge"}),
        ([Lasso(), Ridge(), boosting("lightgbm", rounds=2)], {"lasso", "ridge", "lightgbm"}),
    ],
)
def test_compare_takes_what_there_is(
    tmp_path: Path, models: list[object], wanted: set[str]
) -> None:
    found = compare(own(models=models), runs=tmp_path, **HERE)
    assert set(found.families) == wanted


@pytest.mark.slow
def test_members_of_the_last_run_that_are_not_compared_are_named(tmp_path: Path) -> None:
    competition = own(
        models=["median", "ridge", "lightgbm", boosting("lightgbm", name="other", rounds=3)]
    )
    run(competition, models="ridge,lightgbm", runs=tmp_path, **HERE)
    found = compare(competition, runs=tmp_path, **HERE)
    (note,) = [note for note in found.notes if "Left out" in note]
    assert "of the last run: ridge." in note
    advised = note.rpartition("--members ")[2].removesuffix(".")
    found = compare(competition, advised, runs=tmp_path, **HERE)
    assert {oof.model for oof in found.members} == {"ridge", "lightgbm", "other"}
    assert not any("Left out" in note for note in found.notes)


def test_the_advice_on_what_to_compare_can_be_followed(tmp_path: Path) -> None:
    competition = own(models=[Lasso(), Ridge()])
    with pytest.raises(UsageError, match="it got: lasso. Name two or more") as caught:
        compare(competition, "lasso", runs=tmp_path, **HERE)
    advised = str(caught.value).rpartition("--members ")[2].removesuffix(".")
    assert len(compare(competition, advised, runs=tmp_path, **HERE).members) == 2
    with pytest.raises(UsageError, match="the only model of own: add one to its models"):
        compare(own(models=[]), runs=tmp_path, **HERE)


def test_compare_all_goes_on_after_a_failure(tmp_path: Path) -> None:
    boosters = [boosting("lightgbm", rounds=3), boosting("xgboost", rounds=3)]
    good, lacking = own(models=boosters), own(name="lacking", models=[Lasso()])
    found = compare_all([good, lacking], runs=tmp_path, **HERE)
    assert list(found.compared) == ["own"] and list(found.failures) == ["lacking"]
    assert "'comps compare lacking' compares the models" in found.failures["lacking"]
    # There is no network that could be compared.
    assert found.rows == [] and found.table.empty


@pytest.mark.slow
def test_tune_searches_checks_and_is_used(tmp_path: Path) -> None:
    competition = own(table(120), unseen())
    choices: dict[str, Any] = {"runs": tmp_path, **HERE}
    found, updates = told(tune, competition, "ridge", trials=3, refit=1, **choices)
    assert len(found.results) == 3 and list(found.trials["trial"]) != []
    assert set(found.params) == {"alpha"} and found.plot.exists()
    assert found.submission is not None and len(found.submission) == 20
    assert sum(type(update).__name__ == "TrialUpdate" for update in updates) == 3
    again, updates = told(tune, competition, "ridge", trials=3, **choices)
    assert again.params == found.params
    assert not any(type(update).__name__ == "TrialUpdate" for update in updates)
    used = cross_validate(competition, models="ridge", tuned=True, **choices)
    assert [use.model for use in used.tuned] == ["ridge"]
    boosted = tune(competition, boosting("lightgbm", rounds=3), trials=1, outer=0, **choices)
    assert set(boosted.params) == {"learning_rate"}
    with pytest.raises(UsageError, match="no test rows"):
        tune(own(table(120), name="none"), "ridge", refit=1, **choices)


# The command line gives the same numbers


@pytest.mark.usefixtures("capfd")
@pytest.mark.slow
def test_the_command_line_gives_the_same_numbers(tmp_path: Path) -> None:
    result = run("house-prices", models="median,ridge", runs=tmp_path / "a", **HERE)
    arguments = ["run", "house-prices", "--model", "median,ridge", "--folds", "3", "--json"]
    places = ["--runs", str(tmp_path / "b"), "--output", str(tmp_path / "s.csv")]
    with pytest.raises(SystemExit, match="0"):
        main([*arguments, "--engine", "inline", *places])
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "s.csv"), result.submission)
    board = json.loads((tmp_path / "b" / "house-prices" / "leaderboard.json").read_text())
    scores = {row["model"]: row["score"] for row in board["members"]}
    assert scores == {name: oof.score for name, oof in result.oof.items()}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compare(own(), models="ridge,median"), "takes `members`, not `models`"),
        (lambda: blend(own(), models="ridge"), "takes `members`, not `models`"),
        (lambda: tune(own(), "ridge", models="ridge"), "takes `model`, not `models`"),
        (lambda: compare_all([own()], models="ridge"), "leave out models"),
    ],
)
def test_members_that_are_called_models_are_refused(
    call: Callable[[], object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        call()


def test_a_block_without_a_class_does_not_end_a_run_by_the_area(tmp_path: Path) -> None:
    rows = table(240, "two").assign(day=np.arange(240))
    rows.loc[(rows["day"] >= 40) & (rows["day"] < 80), "y"] = "no"
    mine = own(rows, unseen().assign(day=240 + np.arange(20)), metric="auc", time="day", name="t")
    choices = {name: value for name, value in HERE.items() if name != "folds"}
    result = run(mine, models="class-share,logistic", runs=tmp_path, **choices)
    assert "logistic" in result.oof and result.folds.growing and np.isfinite(result.score)
