"""The commands of `comps`. Each imports what it needs when it runs, so that help is quick."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

import typer

from pipelines.cli.arguments import (
    Backend,
    BoostingDevice,
    Check,
    Competition,
    Data,
    DataParallel,
    Engine,
    Folds,
    FoldsOutput,
    Jobs,
    Json,
    MemberName,
    Members,
    Method,
    Models,
    OfCompetition,
    OofFile,
    Output,
    Precision,
    Prune,
    Quick,
    Refit,
    Repeats,
    Runs,
    Scheme,
    Sealed,
    Seed,
    Set,
    Solution,
    Storage,
    Study,
    Submission,
    TensorBoard,
    TestFile,
    TimeLimit,
    Trials,
    Tuned,
    Tuner,
    Weights,
)

app = typer.Typer(
    name="comps",
    help="From raw competition files to a checked, blended submission, with honest scores.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command("list")
def list_(data: Data = None, json: Json = False) -> None:
    """Show the competitions, their metrics, and the data that would be used."""
    from pipelines.cli.listing import list_competitions

    list_competitions(data, json)


@app.command()
def run(
    competition: Competition,
    data: Data = None,
    runs: Runs = None,
    models: Models = None,
    quick: Quick = False,
    folds: Folds = None,
    repeats: Repeats = None,
    scheme: Scheme = None,
    seed: Seed = 0,
    sealed: Sealed = None,
    jobs: Jobs = None,
    engine: Engine = "local",
    data_parallel: DataParallel = False,
    backend: Backend = "auto",
    precision: Precision = "float32",
    boosting_device: BoostingDevice = "cpu",
    tensorboard: TensorBoard = False,
    time_limit: TimeLimit = None,
    settings: Set = None,
    weights: Weights = None,
    tuned: Tuned = False,
    output: Output = Path("submission.csv"),
    json: Json = False,
) -> None:
    """Go all the way: data, folds, models, blend, submission."""
    from pipelines.cli.options import Options
    from pipelines.cli.run import run_competition

    options = Options(
        competition=competition,
        data=data,
        runs=runs,
        models=models,
        quick=quick,
        folds=folds,
        repeats=repeats,
        scheme=scheme,
        seed=seed,
        sealed=sealed,
        jobs=jobs,
        engine=engine,
        data_parallel=data_parallel,
        backend=backend,
        precision=precision,
        boosting_device=boosting_device,
        tensorboard=tensorboard,
        settings=settings,
        weights=weights,
        tuned=tuned,
        json=json,
    )
    run_competition(options, time_limit, output)


@app.command()
def cv(
    competition: Competition,
    data: Data = None,
    runs: Runs = None,
    models: Models = None,
    quick: Quick = False,
    folds: Folds = None,
    repeats: Repeats = None,
    scheme: Scheme = None,
    seed: Seed = 0,
    sealed: Sealed = None,
    jobs: Jobs = None,
    engine: Engine = "local",
    data_parallel: DataParallel = False,
    backend: Backend = "auto",
    precision: Precision = "float32",
    boosting_device: BoostingDevice = "cpu",
    tensorboard: TensorBoard = False,
    time_limit: TimeLimit = None,
    settings: Set = None,
    weights: Weights = None,
    tuned: Tuned = False,
    json: Json = False,
) -> None:
    """Cross-validate models and keep their out-of-fold predictions."""
    from pipelines.cli.options import Options
    from pipelines.cli.run import cross_validate_models

    options = Options(
        competition=competition,
        data=data,
        runs=runs,
        models=models,
        quick=quick,
        folds=folds,
        repeats=repeats,
        scheme=scheme,
        seed=seed,
        sealed=sealed,
        jobs=jobs,
        engine=engine,
        data_parallel=data_parallel,
        backend=backend,
        precision=precision,
        boosting_device=boosting_device,
        tensorboard=tensorboard,
        settings=settings,
        weights=weights,
        tuned=tuned,
        json=json,
    )
    cross_validate_models(options, time_limit)


@app.command()
def blend(
    competition: Competition,
    data: Data = None,
    runs: Runs = None,
    members: Members = None,
    method: Method = "auto",
    folds: Folds = None,
    scheme: Scheme = None,
    seed: Seed = 0,
    sealed: Sealed = None,
    json: Json = False,
) -> None:
    """Blend what is stored, without training anything."""
    from pipelines.cli.options import Options
    from pipelines.cli.stored import blend_stored

    options = Options(
        competition=competition,
        data=data,
        runs=runs,
        models=members,
        folds=folds,
        scheme=scheme,
        seed=seed,
        sealed=sealed,
        json=json,
    )
    blend_stored(options, method)


@app.command()
def compare(
    competition: Competition,
    data: Data = None,
    runs: Runs = None,
    members: Members = None,
    folds: Folds = None,
    repeats: Repeats = None,
    scheme: Scheme = None,
    seed: Seed = 0,
    sealed: Sealed = None,
    jobs: Jobs = None,
    engine: Engine = "local",
    data_parallel: DataParallel = False,
    backend: Backend = "auto",
    precision: Precision = "float32",
    boosting_device: BoostingDevice = "cpu",
    tensorboard: TensorBoard = False,
    weights: Weights = None,
    json: Json = False,
) -> None:
    """Compare members fold by fold (deep models and boosting), and test the differences."""
    from pipelines.cli.options import Options
    from pipelines.cli.run import compare_models

    options = Options(
        competition=competition,
        data=data,
        runs=runs,
        models=members,
        folds=folds,
        repeats=repeats,
        scheme=scheme,
        seed=seed,
        sealed=sealed,
        jobs=jobs,
        engine=engine,
        data_parallel=data_parallel,
        backend=backend,
        precision=precision,
        boosting_device=boosting_device,
        tensorboard=tensorboard,
        weights=weights,
        json=json,
    )
    compare_models(options)


@app.command()
def tune(
    competition: Competition,
    model: Models = None,
    trials: Trials = 20,
    time_limit: TimeLimit = None,
    tuner: Tuner = None,
    prune: Prune = True,
    storage: Storage = None,
    study: Study = None,
    data: Data = None,
    runs: Runs = None,
    folds: Folds = None,
    repeats: Repeats = None,
    scheme: Scheme = None,
    seed: Seed = 0,
    sealed: Sealed = None,
    jobs: Jobs = None,
    engine: Engine = "local",
    backend: Backend = "auto",
    precision: Precision = "float32",
    boosting_device: BoostingDevice = "cpu",
    settings: Set = None,
    weights: Weights = None,
    refit: Refit = 0,
    output: Output = Path("submission.csv"),
    json: Json = False,
) -> None:
    """Search for better parameters of a model, scored by cross-validation."""
    from pipelines.cli.options import Options
    from pipelines.cli.tune import Request, tune_model

    options = Options(
        competition=competition,
        data=data,
        runs=runs,
        models=model,
        folds=folds,
        repeats=repeats,
        scheme=scheme,
        seed=seed,
        sealed=sealed,
        jobs=jobs,
        engine=engine,
        backend=backend,
        precision=precision,
        boosting_device=boosting_device,
        settings=settings,
        weights=weights,
        json=json,
    )
    request = Request(
        trials=trials,
        tuner=tuner,
        time_limit=time_limit,
        storage=storage,
        study=study,
        prune=prune,
        refit=refit,
        output=output,
    )
    tune_model(options, request)


@app.command()
def submit(
    competition: Competition,
    data: Data = None,
    runs: Runs = None,
    members: Members = None,
    method: Method = "auto",
    folds: Folds = None,
    scheme: Scheme = None,
    seed: Seed = 0,
    sealed: Sealed = None,
    output: Output = Path("submission.csv"),
    check: Check = None,
    json: Json = False,
) -> None:
    """Write the submission of the stored blend and check it."""
    from pipelines.cli.options import Options
    from pipelines.cli.stored import check_file, submit_stored

    options = Options(
        competition=competition,
        data=data,
        runs=runs,
        models=members,
        folds=folds,
        scheme=scheme,
        seed=seed,
        sealed=sealed,
        json=json,
    )
    if check is None:
        submit_stored(options, method, output)
    else:
        check_file(options, check)


@app.command("folds")
def folds_(
    competition: Competition,
    data: Data = None,
    runs: Runs = None,
    folds: Folds = None,
    scheme: Scheme = None,
    seed: Seed = 0,
    output: FoldsOutput = Path("folds.csv"),
    json: Json = False,
) -> None:
    """Write the fold of every training row, so that another tool can train on the same folds."""
    from pipelines.cli.imported import write_folds
    from pipelines.cli.options import Options

    options = Options(
        competition=competition,
        data=data,
        runs=runs,
        folds=folds,
        scheme=scheme,
        seed=seed,
        json=json,
    )
    write_folds(options, output)


@app.command()
def import_oof(
    competition: Competition,
    name: MemberName,
    oof: OofFile,
    test: TestFile,
    data: Data = None,
    runs: Runs = None,
    folds: Folds = None,
    scheme: Scheme = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Take predictions that another tool made on the same folds as a member of the blend."""
    from pipelines.cli.imported import import_predictions
    from pipelines.cli.options import Options

    options = Options(
        competition=competition,
        data=data,
        runs=runs,
        folds=folds,
        scheme=scheme,
        seed=seed,
        json=json,
    )
    import_predictions(options, name, oof, test)


@app.command()
def score(
    submission: Submission,
    solution: Solution,
    competition: OfCompetition = None,
    json: Json = False,
) -> None:
    """Score a submission against the answers."""
    from pipelines.cli.scoring import score_files

    score_files(submission, solution, competition, json)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Exit codes: 0 done, 1 failed, 2 used wrongly."""
    # Typer ends without a word at a KeyboardInterrupt; whoever asks the command to end, at
    # the keyboard or as a scheduler, should read that nothing is lost.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        app(args=arguments, standalone_mode=True)
    except _Interrupted:
        _fail("Interrupted. Finished folds are kept: the same command goes on from there.", 1)
    except Exception as error:
        # Imported here: help and completion do not need it, and it imports NumPy.
        from comps.base import WorkbenchError

        if isinstance(error, WorkbenchError):
            _fail(str(error), error.exit_code)
        if isinstance(error, OSError):
            # A path that may not be looked into, an output that is full or closed.
            _fail(": ".join(str(part) for part in (error.filename, error.strerror) if part), 1)
        raise


class _Interrupted(BaseException):
    """The user, or the system, wants the command to end."""


def _interrupt(number: int, frame: object) -> None:
    del number, frame
    raise _Interrupted


def _fail(message: str, code: int) -> NoReturn:
    try:
        if "--json" in sys.argv[1:]:
            import json

            sys.stdout.write(json.dumps({"event": "error", "message": message}) + "\n")
            sys.stdout.flush()
        else:
            sys.stderr.write(f"Error: {message}\n")
    except OSError:
        sys.stderr.write(f"Error: {message}\n")
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End the process, also where the output is full or closed.

    Python would flush it once more at the end, and complain with a traceback.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
