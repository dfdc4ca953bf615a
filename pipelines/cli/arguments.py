"""The arguments and options of the commands: what they are called, and what help says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def _competitions(incomplete: str) -> list[str]:
    """Return what a shell completes the name of a competition to."""
    from comps.catalog import competition_names

    return [name for name in competition_names() if name.startswith(incomplete)]


_COMPETITION = typer.Argument(
    help="Name of the competition, see 'comps list', or module:NAME.", autocompletion=_competitions
)
Competition = Annotated[str, _COMPETITION]
MaybeCompetition = Annotated[str | None, _COMPETITION]
CompetitionOrFiles = Annotated[
    str,
    typer.Argument(
        help="Name of the competition, see 'comps list', or Kaggle's archive or a folder or file "
        "of tables.",
        autocompletion=_competitions,
    ),
]
NewCompetition = Annotated[str, typer.Argument(help="Name of the new competition.")]
InitData = Annotated[
    Path | None,
    typer.Option("--data", help="Kaggle's archive, a folder, or a table. [default: data/NAME/]"),
]
Competitions = Annotated[
    Path | None,
    typer.Option(help="Folder of your own competitions. [default: competitions/]"),
]
NewRows = Annotated[
    Path,
    typer.Argument(
        help="File of rows as the test rows, or a folder or archive laid out as the competition's."
    ),
]
OneMember = Annotated[
    str | None, typer.Option("--member", help="Predict by this member alone. [default: the blend]")
]
AskedRows = Annotated[
    int, typer.Option("--rows", min=1, help="Rows that the models are asked about.")
]
ExplainFolder = Annotated[
    Path | None, typer.Option("--out", help="Folder for the tables: importance, dependence, ...")
]
ModelFolder = Annotated[
    Path,
    typer.Option(
        "--to",
        help="Folder for the models; some rows of the training data are in it, which its README "
        "counts.",
    ),
]
AsOnnx = Annotated[
    bool,
    typer.Option("--onnx", help="Write the models as ONNX too, where they can be (an extra)."),
]
Predictions = Annotated[Path, typer.Option("--out", help="File for the predictions.")]
KeepModels = Annotated[
    str,
    typer.Option(
        help="Trained models that are kept to predict new rows: all, those of the blend, or none."
    ),
]
MetricName = Annotated[
    str | None,
    typer.Option("--metric", help="Of files: what predictions are judged by: {metrics}."),
]
Target = Annotated[
    list[str] | None, typer.Option(help="Of files: column to predict; once for each of several.")
]
Id = Annotated[str | None, typer.Option(help="Of files: column with the ids.")]
Group = Annotated[
    str | None, typer.Option(help="Of files: column whose equal values stay in one fold; or none.")
]
Time = Annotated[
    str | None, typer.Option(help="Of files: column that rows are ordered by; or none.")
]
Weight = Annotated[str | None, typer.Option(help="Of files: column of the rows' weights.")]
Query = Annotated[
    str | None, typer.Option(help="Of files: column of the rows that are ranked together.")
]
FoldsColumn = Annotated[
    str | None, typer.Option(help="Of files: column with the fold of each training row.")
]
Text = Annotated[list[str] | None, typer.Option(help="Of files: column of free texts.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", help="Of files: NAME=KIND, with a kind of: {kinds}."),
]
Positive = Annotated[
    str | None, typer.Option(help="Of files: the label whose probability is predicted, of two.")
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        help="Of files: a label of the target, though it looks missing. All of them: their order.",
    ),
]
LeaveOut = Annotated[
    list[str] | None,
    typer.Option(help="Of files: training rows to leave out: missing-target, rare-class."),
]
TrainFile = Annotated[str | None, typer.Option(help="Of files: the table of the training rows.")]
TestTable = Annotated[str | None, typer.Option("--test-file", help="Of files: that to predict.")]
SampleFile = Annotated[str | None, typer.Option(help="Of files: the sample submission.")]
TargetsFile = Annotated[
    str | None, typer.Option(help="Of files: targets of the training rows, a table of its own.")
]
ImageFolder = Annotated[
    str | None,
    typer.Option(
        "--images", help="Of files: folder of the training images; one in it for each class."
    ),
]
TestImages = Annotated[str | None, typer.Option(help="Of files: folder of the images to predict.")]
Horizon = Annotated[
    int | None,
    typer.Option(help="Of files: forecast series, of --time and --target, so many steps ahead."),
]
Key = Annotated[str | None, typer.Option(help="Of files: column that says which series it is.")]
AllCompetitions = Annotated[
    bool,
    typer.Option(
        "--all", help="The best network against each boosting model, for every competition."
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(help="Kaggle's zip or a folder of its files. [default: data/COMPETITION/]"),
]
Runs = Annotated[
    Path | None,
    typer.Option(help="Folder for results, or an address: s3://bucket/runs. [default: runs/]"),
]
Folds = Annotated[int | None, typer.Option(help="Number of folds.")]
Repeats = Annotated[int | None, typer.Option(help="Repeats of the folds, shuffled anew.")]
Scheme = Annotated[str | None, typer.Option(help="Fold scheme: {schemes}.")]
FoldsFile = Annotated[
    Path | None,
    typer.Option(help="Table with the id and the fold of each training row, instead of a scheme."),
]
Seed = Annotated[int | None, typer.Option(help="Seed of every random choice. [default: 0]")]
StoredData = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Kaggle's zip or a folder of its files. [default: those of the last run]"
    ),
]
StoredFolds = Annotated[
    int | None, typer.Option("--folds", help="Number of folds. [default: that of the last run]")
]
StoredScheme = Annotated[
    str | None, typer.Option("--scheme", help="Fold scheme. [default: that of the last run]")
]
StoredFoldsFile = Annotated[
    Path | None,
    typer.Option(
        "--folds-file",
        help="Table with the id and the fold of each training row. [default: that of the last run]",
    ),
]
StoredSeed = Annotated[
    int | None, typer.Option("--seed", help="Seed of a run. [default: that of the last run]")
]
StoredSealed = Annotated[
    float | None,
    typer.Option("--sealed", help="Share of the sealed rows. [default: that of the last run]"),
]
Jobs = Annotated[int | None, typer.Option(help="Jobs side by side. [default: one a core]")]
Backend = Annotated[
    str,
    typer.Option(help="What networks are trained on: {backends}; auto is the fastest here."),
]
Precision = Annotated[
    str, typer.Option(help="Of networks: {precisions}; mixed is half precision, for GPUs.")
]
BoostingDevice = Annotated[str, typer.Option(help="Where boosting is trained: {devices}.")]
DataParallel = Annotated[
    bool,
    typer.Option(
        "--data-parallel",
        help="Train a network on all GPUs at once; else each GPU takes its share of the folds.",
    ),
]
TensorBoard = Annotated[
    bool, typer.Option("--tensorboard", help="Write learning curves for TensorBoard.")
]
Engine = Annotated[
    str,
    typer.Option(
        help="Where jobs run: {engines}; local is worker processes, inline this process, ray a "
        "cluster."
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        help="Of --engine ray: the cluster, e.g. auto or HOST:6379. [default: that of this "
        "machine, or a new one of it]"
    ),
]
JobLimit = Annotated[
    str | None,
    typer.Option(
        help="End a job that takes longer, e.g. 30m; once more, and it has failed. [default: 12h "
        "with --engine ray, else none]"
    ),
]
JobNeeds = Annotated[
    str | None,
    typer.Option(
        help="Of --engine ray: what a job takes beside its cores, e.g. gpu=0.5,memory=4GB."
    ),
]
TimeLimit = Annotated[
    str | None, typer.Option(help="End after this time with what is finished, e.g. 90s, 10m, 1h.")
]
Like = Annotated[
    str | None,
    typer.Option(
        metavar="RUN",
        help="Do a run again without a clock: the same members, repeats and submission. Its name "
        "or date (see 'comps history'), last, the file of its record, or a run folder.",
    ),
]
Models = Annotated[
    str | None,
    typer.Option(
        "--models",
        "--model",
        help="{sets}, or names with commas, see 'comps list'; ridge[alpha=1e6] is one with a "
        "changed parameter.",
    ),
]
OneModel = Annotated[
    str | None, typer.Option("--model", "--models", help="Name of the model to search for.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show results alone, no progress.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show how fits go on, too.")]
Quick = Annotated[
    bool, typer.Option("--quick", help="The cheapest models alone: done within a minute.")
]
MemberName = Annotated[
    str,
    typer.Argument(
        metavar="NAME|FOLDER",
        help="What to call the imported member; or a folder with the files of many: NAME-oof.csv "
        "and NAME-test.csv of each.",
    ),
]
OofFile = Annotated[
    Path | None,
    typer.Option("--oof", help="CSV or Parquet file: id, fold, out-of-fold predictions."),
]
TestFile = Annotated[
    Path | None, typer.Option("--test", help="CSV or Parquet file: id, test predictions.")
]
CheckMembers = Annotated[
    bool, typer.Option("--check", help="Read all predictions and compare their checksums.")
]
RemoveMembers = Annotated[
    list[str] | None,
    typer.Option("--remove", help="Name of a member to remove, or a pattern such as 'ann-*'."),
]
FoldsOutput = Annotated[Path, typer.Option("--output", help="Where to write the folds.")]
Members = Annotated[
    str | None,
    typer.Option(
        "--members",
        help="Names of models and imported members, with commas; ridge[alpha=1e6] is one with a "
        "changed parameter.",
    ),
]
Method = Annotated[
    str,
    typer.Option(help="auto, or one of: {methods}; or the mean of several, e.g. top+convex."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="MODEL.PARAMETER=VALUE, e.g. lightgbm.learning_rate=0.02."),
]
Weights = Annotated[
    Path | None,
    typer.Option(help="File of pretrained weights, for the models that take one."),
]
Tuned = Annotated[
    bool,
    typer.Option(
        "--tuned",
        help="Use the parameters that comps tune found, if they gained more than one standard "
        "error on rows that the search never saw.",
    ),
]
Trials = Annotated[int, typer.Option(help="Configurations to try in all, earlier calls included.")]
Tuner = Annotated[
    str | None,
    typer.Option(help="Of networks: {network_tuners}; of other models: {tuners}."),
]
Storage = Annotated[
    str | None,
    typer.Option(help="URL of Optuna's database, which machines can share. [default: SQLite]"),
]
Study = Annotated[str | None, typer.Option(help="[default: the competition and the model]")]
Prune = Annotated[
    bool, typer.Option(help="End a trial that is behind the best one after a few folds.")
]
Outer = Annotated[
    float,
    typer.Option(
        help="Share of the training rows that the search never sees, to check its winner on; of "
        "rows in time the last. With 0 there is no check, and --tuned does not use the winner."
    ),
]
Refit = Annotated[
    int,
    typer.Option(help="Train so many of the best configurations on all rows, for a submission."),
]
Checks = Annotated[
    bool,
    typer.Option(
        "--checks/--no-checks", help="Look for leaks and shifts before training, on some rows."
    ),
]
Ignore = Annotated[
    list[str] | None, typer.Option("--ignore", help="Code of a check to leave out, e.g. L004.")
]
Sealed = Annotated[
    float | None,
    typer.Option(
        help="Share of the training rows that nothing is trained on or chosen by, e.g. 0.2; "
        "run scores its blend on them, once."
    ),
]
Nested = Annotated[
    bool | None,
    typer.Option(
        "--nested/--no-nested",
        help="Train models without each pair of neighbouring folds, too, so that the honest score "
        "chooses by no model that saw the scored rows. [default: up to 2,000 rows]",
    ),
]
Output = Annotated[Path, typer.Option(help="Where to write the submission.")]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--output",
        help="Where to write the page; report.json lies beside it. [default: the run's folder]",
    ),
]
MLflow = Annotated[
    str | None,
    typer.Option(
        metavar="URI",
        help="Log run, members, scores, report and models to MLflow, such as "
        "http://127.0.0.1:5000 (an extra).",
    ),
]
ExportFolder = Annotated[Path, typer.Option("--output", help="Folder for the files.")]
ExportFormat = Annotated[str, typer.Option("--format", help="{formats}; parquet needs an extra.")]
ExportScale = Annotated[
    str,
    typer.Option(
        "--scale",
        help="{scales}: target is the unit of the submission, metric that of the metric.",
    ),
]
Wide = Annotated[
    bool, typer.Option("--wide", help="One table with a column a member, not one a member.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be removed.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON lines, for machines.")]
Check = Annotated[Path | None, typer.Option(help="Check this file instead of writing one.")]
Submission = Annotated[Path, typer.Argument(help="The file that was submitted.")]
Solution = Annotated[Path, typer.Argument(help="A file of the same form with the answers.")]
OfCompetition = Annotated[
    str | None, typer.Option(help="[default: the one with the solution's columns]")
]
ScoreMetric = Annotated[
    str | None,
    typer.Option(
        "--metric",
        help="Judges in place of the competition's, or answers of no competition, whose first "
        "column has the ids: {metrics}.",
    ),
]
KaggleName = Annotated[
    str | None,
    typer.Option(
        "--kaggle-name",
        help="What Kaggle calls the competition: the last part of its address. [default: the name "
        "of its archive, else its name]",
    ),
]
FromKaggle = Annotated[
    bool,
    typer.Option("--kaggle", help="Fetch the files from Kaggle first, where NAME is its name."),
]
Send = Annotated[
    bool, typer.Option("--upload", help="Send the submission to Kaggle, too; needs -m.")
]
Message = Annotated[
    str | None, typer.Option("--message", "-m", help="What Kaggle shows beside the submission.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Await the public score, for an hour at most.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Send without asking.")]
PublicShare = Annotated[
    float | None,
    typer.Option(
        help="Share of the test rows that public scores are of, as the competition's page says. "
        "[default: as it was said before, else 0.2]"
    ),
]
Offline = Annotated[bool, typer.Option("--offline", help="Show what is known; ask nobody.")]
Levels = Annotated[
    Path | None,
    typer.Option(
        "--levels",
        help="TOML file of blends of members and of blends: a table for each, with members = [...] "
        "and method = ...; the last one is the blend of all.",
    ),
]
Look = Annotated[
    bool,
    typer.Option("--look", help="Score the blend on the sealed rows; each look is counted."),
]
