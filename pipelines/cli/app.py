"""The commands of `comps`. Each imports what it needs when it runs, so that help is quick."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from pipelines.cli.arguments import (
    OUTER_SHARE,
    Check,
    Data,
    DryRun,
    ExportFolder,
    ExportFormat,
    ExportScale,
    FoldsOutput,
    Json,
    MemberName,
    Method,
    OfCompetition,
    OofFile,
    Outer,
    Output,
    Prune,
    Refit,
    Solution,
    Storage,
    Study,
    Submission,
    TestFile,
    TimeLimit,
    Trials,
    Tuner,
    Wide,
)
from pipelines.cli.shared import (
    COMPETITION,
    JSON,
    MEMBERS,
    MODEL,
    MODELS,
    NESTED,
    QUICK,
    REPEATS,
    ROWS,
    RUNS,
    SEALED,
    SETTINGS,
    STORED,
    TENSORBOARD,
    TRAINING,
    TUNED,
    takes,
)

if TYPE_CHECKING:
    from pipelines.cli.options import Options

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
@takes(*ROWS, MODELS, QUICK, TUNED, REPEATS, NESTED, SEALED, SETTINGS, *TRAINING, TENSORBOARD, JSON)
def run(
    options: Options, time_limit: TimeLimit = None, output: Output = Path("submission.csv")
) -> None:
    """Go all the way: data, folds, models, blend, submission."""
    from pipelines.cli.run import run_competition

    run_competition(options, time_limit, output)


@app.command()
@takes(*ROWS, MODELS, QUICK, TUNED, REPEATS, SEALED, SETTINGS, *TRAINING, TENSORBOARD, JSON)
def cv(options: Options, time_limit: TimeLimit = None) -> None:
    """Cross-validate models and keep their out-of-fold predictions."""
    from pipelines.cli.run import cross_validate_models

    cross_validate_models(options, time_limit)


@app.command()
@takes(*STORED, JSON)
def blend(options: Options, method: Method = "auto") -> None:
    """Blend the members of the last run, or those named, without training anything."""
    from pipelines.cli.stored import blend_stored

    blend_stored(options, method)


@app.command()
@takes(*ROWS, MEMBERS, REPEATS, SEALED, *TRAINING, TENSORBOARD, JSON)
def compare(options: Options) -> None:
    """Compare members fold by fold (deep models and boosting), and test the differences."""
    from pipelines.cli.run import compare_models

    compare_models(options)


@app.command()
@takes(*ROWS, MODEL, REPEATS, SEALED, SETTINGS, *TRAINING, JSON)
def tune(
    options: Options,
    trials: Trials = 20,
    time_limit: TimeLimit = None,
    tuner: Tuner = None,
    prune: Prune = True,
    outer: Outer = OUTER_SHARE,
    storage: Storage = None,
    study: Study = None,
    refit: Refit = 0,
    output: Output = Path("submission.csv"),
) -> None:
    """Search for better parameters of a model, and check them on rows that it never saw."""
    from pipelines.cli.tune import Request, tune_model

    request = Request(
        trials=trials,
        tuner=tuner,
        time_limit=time_limit,
        storage=storage,
        study=study,
        prune=prune,
        outer=outer,
        refit=refit,
        output=output,
    )
    tune_model(options, request)


@app.command()
@takes(*STORED, JSON)
def submit(
    options: Options,
    method: Method = "auto",
    output: Output = Path("submission.csv"),
    check: Check = None,
) -> None:
    """Write the submission of the last run's members, or of those named, and check it."""
    from pipelines.cli.stored import check_file, submit_stored

    if check is None:
        submit_stored(options, method, output)
    else:
        check_file(options, check)


@app.command("folds")
@takes(*ROWS, JSON)
def folds_(options: Options, output: FoldsOutput = Path("folds.csv")) -> None:
    """Write the fold of every training row, so that another tool can train on the same folds."""
    from pipelines.cli.imported import write_folds

    write_folds(options, output)


@app.command()
@takes(*ROWS, JSON)
def import_oof(options: Options, name: MemberName, oof: OofFile, test: TestFile) -> None:
    """Take predictions that another tool made on the same folds as a member of the blend."""
    from pipelines.cli.imported import import_predictions

    import_predictions(options, name, oof, test)


@app.command()
@takes(COMPETITION, RUNS, JSON)
def history(options: Options) -> None:
    """List the commands that trained, what they trained, and what came out."""
    from pipelines.cli.history import show_history

    show_history(options)


@app.command()
@takes(*STORED, JSON)
def export_oof(
    options: Options,
    output: ExportFolder = Path("oof"),
    format: ExportFormat = "csv",
    scale: ExportScale = "target",
    wide: Wide = False,
) -> None:
    """Write out-of-fold and test predictions as tables by id, for other tools and for people."""
    from pipelines.cli.exporting import Form, export_stored

    export_stored(options, output, Form(format, scale, wide))


@app.command()
@takes(COMPETITION, RUNS, JSON)
def clean(options: Options, dry_run: DryRun = False) -> None:
    """Remove stored results that no record names; imported members stay."""
    from pipelines.cli.history import clean_store

    clean_store(options, dry_run)


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
