"""The commands of `comps`. Each imports what it needs when it runs, so that help is quick."""

from __future__ import annotations

import atexit
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pipelines.api.defaults import OUTER_SHARE
from pipelines.basics.processes import begin_command, is_command
from pipelines.cli.arguments import (
    AllCompetitions,
    AskedRows,
    AsOnnx,
    Check,
    CheckMembers,
    Competitions,
    Data,
    DryRun,
    ExplainFolder,
    ExportFolder,
    ExportFormat,
    ExportScale,
    FoldsOutput,
    FromKaggle,
    Ignore,
    InitData,
    Json,
    KaggleName,
    Levels,
    Like,
    Look,
    MemberName,
    Message,
    Method,
    MLflow,
    ModelFolder,
    NewRows,
    OfCompetition,
    Offline,
    OneMember,
    OofFile,
    Outer,
    Output,
    Predictions,
    Prune,
    PublicShare,
    Refit,
    RemoveMembers,
    ReportFile,
    ScoreMetric,
    Send,
    Solution,
    Storage,
    Study,
    Submission,
    TestFile,
    TimeLimit,
    Trials,
    Tuner,
    Wait,
    Wide,
    Yes,
)
from pipelines.cli.helping import Command
from pipelines.cli.interrupts import MESSAGE, Interrupted, catch_interrupts, was_interrupt
from pipelines.cli.shared import (
    CHECKS,
    COMPETITION,
    FOLDS,
    KEEP_MODELS,
    KEPT,
    MAYBE_COMPETITION,
    MEMBERS,
    MODEL,
    MODELS,
    NESTED,
    NEW_COMPETITION,
    OF_FILES,
    QUICK,
    REPEATS,
    ROWS,
    ROWS_OR_FILES,
    RUNS,
    SCHEME,
    SEALED,
    SETTINGS,
    STORED,
    STORED_OR_FILES,
    TENSORBOARD,
    TRAINING,
    TUNED,
    takes,
)
from pipelines.cli.streams import steady_outputs

if TYPE_CHECKING:
    from pipelines.cli.request import Request

EXIT_CODES = (
    "Exit codes: 0 done; 1 the work failed or was interrupted, and what is finished is kept; 2 the "
    "call, the data or a competition's file have to be changed."
)

app = typer.Typer(
    name="comps",
    help="From raw competition files to a checked, blended submission, with honest scores.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from pipelines.basics.version import own_version

        typer.echo(f"comps {own_version()}")
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    del version


@app.command("list", cls=Command)
def list_(data: Data = None, competitions: Competitions = None, json: Json = False) -> None:
    """Show the competitions, their metrics, and the data that would be used."""
    from pipelines.cli.listing import list_competitions

    list_competitions(data, competitions, json)


@app.command(cls=Command)
@takes(NEW_COMPETITION)
def fetch(request: Request, kaggle_name: KaggleName = None) -> None:
    """Download the files of a competition from Kaggle, checked, into data/NAME/."""
    from pipelines.cli.kaggle import fetch_files

    fetch_files(request, kaggle_name)


@app.command(cls=Command)
@takes(NEW_COMPETITION, *OF_FILES, FOLDS, SCHEME)
def init(request: Request, data: InitData = None, kaggle: FromKaggle = False) -> None:
    """Write a competition of your own: a file that says what its data hold, yours to change."""
    from pipelines.cli.inferring import init_competition

    init_competition(request, data, kaggle)


@app.command(cls=Command)
@takes(
    *ROWS_OR_FILES,
    MODELS,
    QUICK,
    TUNED,
    REPEATS,
    NESTED,
    SEALED,
    CHECKS,
    KEEP_MODELS,
    SETTINGS,
    *TRAINING,
    TENSORBOARD,
)
def run(
    request: Request,
    time_limit: TimeLimit = None,
    like: Like = None,
    output: Output = Path("submission.csv"),
    mlflow: MLflow = None,
) -> None:
    """Go all the way: data, folds, models, blend, submission."""
    from pipelines.cli.run import run_competition

    run_competition(request, time_limit, output, mlflow, like)


@app.command(cls=Command)
@takes(*ROWS_OR_FILES)
def check_data(request: Request, ignore: Ignore = None) -> None:
    """Look for leaks, shifts and duplicates in the rows, before anything is trained."""
    from pipelines.cli.checking import show_findings

    show_findings(request, ignore or [])


@app.command(cls=Command)
@takes(
    *ROWS_OR_FILES,
    MODELS,
    QUICK,
    TUNED,
    REPEATS,
    SEALED,
    KEEP_MODELS,
    SETTINGS,
    *TRAINING,
    TENSORBOARD,
)
def cv(request: Request, time_limit: TimeLimit = None) -> None:
    """Cross-validate models and keep their out-of-fold predictions."""
    from pipelines.cli.run import cross_validate_models

    cross_validate_models(request, time_limit)


@app.command(cls=Command)
@takes(*STORED)
def blend(
    request: Request, method: Method = "auto", levels: Levels = None, look: Look = False
) -> None:
    """Blend the members of the last run, or those named, without training anything."""
    from pipelines.cli.stored import blend_stored

    blend_stored(request, method, levels, look)


@app.command(cls=Command)
@takes(MAYBE_COMPETITION, *ROWS[1:], MEMBERS, REPEATS, SEALED, *TRAINING, TENSORBOARD)
def compare(request: Request, all_: AllCompetitions = False) -> None:
    """Compare members fold by fold (deep models and boosting), and test the differences."""
    from pipelines.cli.run import compare_everywhere, compare_models

    if all_:
        compare_everywhere(request)
    else:
        compare_models(request)


@app.command(cls=Command)
@takes(*ROWS, MODEL, REPEATS, SEALED, SETTINGS, *TRAINING)
def tune(
    request: Request,
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
    from pipelines.cli.tune import tune_model

    search = {
        "trials": trials,
        "tuner": tuner,
        "time_limit": time_limit,
        "storage": storage,
        "study": study,
        "prune": prune,
        "outer": outer,
        "refit": refit,
        "output": output,
    }
    tune_model(request, search)


@app.command(cls=Command)
@takes(*STORED)
def submit(
    request: Request,
    method: Method = "auto",
    output: Output = Path("submission.csv"),
    check: Check = None,
    levels: Levels = None,
    upload: Send = False,
    message: Message = None,
    wait: Wait = False,
    yes: Yes = False,
    kaggle_name: KaggleName = None,
) -> None:
    """Write the submission of the last run's members, or of those named, check it, and send it."""
    from pipelines.cli.kaggle import Sending, check_sending, upload_stored
    from pipelines.cli.stored import check_submission_file, submit_stored

    sending = Sending(message, wait, yes, kaggle_name)
    check_sending(upload, sending, check)
    if check is not None:
        check_submission_file(request, check)
    elif upload:
        upload_stored(request, method, output, sending, levels)
    else:
        submit_stored(request, method, output, levels)


@app.command(cls=Command)
@takes(COMPETITION, RUNS)
def leaderboard(
    request: Request,
    public_share: PublicShare = None,
    offline: Offline = False,
    kaggle_name: KaggleName = None,
) -> None:
    """Show your submissions to Kaggle: honest score, public score, gap, and which two to pick."""
    from pipelines.cli.kaggle import show_leaderboard

    show_leaderboard(request, public_share, offline, kaggle_name)


@app.command(cls=Command)
@takes(*KEPT)
def predict(
    request: Request,
    rows: NewRows,
    member: OneMember = None,
    out: Predictions = Path("predictions.csv"),
) -> None:
    """Predict new rows by the models of the last run; nothing is trained."""
    from pipelines.cli.stored import predict_rows

    predict_rows(request, rows, member, out)


@app.command(cls=Command)
@takes(*KEPT)
def export(
    request: Request, to: ModelFolder, member: OneMember = None, onnx: AsOnnx = False
) -> None:
    """Write a folder that predicts without this package: models, blend, program, service."""
    from pipelines.cli.stored import export_models

    export_models(request, to, member, onnx)


@app.command(cls=Command)
@takes(*KEPT)
def explain(
    request: Request, member: OneMember = None, rows: AskedRows = 1000, out: ExplainFolder = None
) -> None:
    """Show which columns the models of the last run use, and how; nothing is trained."""
    from pipelines.cli.explaining import show_explanation

    show_explanation(request, member, rows, out)


@app.command("folds", cls=Command)
@takes(*ROWS, SEALED)
def folds_(request: Request, output: FoldsOutput = Path("folds.csv")) -> None:
    """Write the fold of every training row, so that another tool can train on the same folds."""
    from pipelines.cli.imported import write_folds

    write_folds(request, output)


@app.command(cls=Command)
@takes(*ROWS, SEALED)
def import_oof(
    request: Request, name: MemberName, oof: OofFile = None, test: TestFile = None
) -> None:
    """Take predictions that other tools made on the same folds as members of the blend."""
    from pipelines.cli.imported import import_predictions

    import_predictions(request, name, oof, test)


@app.command(cls=Command)
@takes(COMPETITION, RUNS)
def members(request: Request, check: CheckMembers = False, remove: RemoveMembers = None) -> None:
    """List the imported members; check them, or remove some by name."""
    from pipelines.cli.imported import show_members

    show_members(request, check, remove or [])


@app.command(cls=Command)
@takes(*STORED_OR_FILES)
def report(request: Request, output: ReportFile = None, mlflow: MLflow = None) -> None:
    """Write a report on the last run: one page that opens offline, and JSON for programs."""
    from pipelines.cli.reporting import write_report

    write_report(request, output, mlflow)


@app.command(cls=Command)
@takes(COMPETITION, RUNS)
def history(request: Request) -> None:
    """List the commands that trained, what they trained, and what came out."""
    from pipelines.cli.history import show_history

    show_history(request)


@app.command(cls=Command)
@takes(COMPETITION, RUNS)
def board(request: Request) -> None:
    """Rank all runs by the honest score of their blend."""
    from pipelines.cli.history import show_board

    show_board(request)


@app.command(cls=Command)
@takes(*STORED)
def export_oof(
    request: Request,
    output: ExportFolder = Path("oof"),
    format: ExportFormat = "csv",
    scale: ExportScale = "target",
    wide: Wide = False,
) -> None:
    """Write out-of-fold and test predictions as tables by id, for other tools and for people."""
    from pipelines.cli.stored import export_stored

    export_stored(request, output, format, scale, wide)


@app.command(cls=Command)
@takes(COMPETITION, RUNS)
def clean(request: Request, dry_run: DryRun = False) -> None:
    """Remove stored results that no record names; imported members stay."""
    from pipelines.cli.history import clean_store

    clean_store(request, dry_run)


@app.command(cls=Command)
def score(
    submission: Submission,
    solution: Solution,
    competition: OfCompetition = None,
    metric: ScoreMetric = None,
    competitions: Competitions = None,
    json: Json = False,
) -> None:
    """Score a submission against the answers."""
    from pipelines.cli.scoring import score_files

    score_files(submission, solution, competition, metric, competitions, json)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; see `EXIT_CODES`."""
    # Typer ends without a word at a KeyboardInterrupt; whoever asks the command to end, at
    # the keyboard or as a scheduler, should read that nothing is lost.
    catch_interrupts()
    if arguments is None:
        begin_command()
    steady = steady_outputs()
    try:
        app(args=arguments, standalone_mode=True)
    except SystemExit as end:
        if end.code in (None, 0) and (lost := steady.error) is not None:
            _fail(f"Results could not be shown: {lost.strerror or lost}. They are kept.", 1)
        _leave(end.code if isinstance(end.code, int) else int(end.code is not None))
    except Interrupted as end:
        _fail(str(end) or MESSAGE, 1)
    except Exception as error:
        if was_interrupt(error):
            _fail(MESSAGE, 1)
        # Imported here: help and completion do not need it, and it imports NumPy.
        from comps.base import WorkbenchError

        if isinstance(error, WorkbenchError):
            _fail(str(error), error.exit_code)
        if isinstance(error, OSError):
            # A path that may not be looked into, an output that is full or closed.
            parts = [str(part) for part in (error.filename, error.strerror) if part]
            _fail(": ".join(parts) or str(error) or type(error).__name__, 1)
        raise


def _fail(message: str, code: int) -> NoReturn:
    if "--json" in sys.argv[1:]:
        import json

        sys.stdout.write(json.dumps({"event": "error", "message": message}) + "\n")
        sys.stdout.flush()
    if "--json" not in sys.argv[1:] or getattr(sys.stdout, "error", None) is not None:
        sys.stderr.write(f"Error: {message}\n")
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End the process, also where the output is full or closed.

    Python would flush it once more at the end, and complain with a traceback.
    """
    for stream in filter(None, (sys.__stdout__, sys.__stderr__)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if is_command():
        # Python would take two thousand modules apart, which takes a second, or five on a machine
        # that is busy: the time limit is over by then.
        atexit._run_exitfuncs()
        os._exit(code)
    sys.exit(code)
