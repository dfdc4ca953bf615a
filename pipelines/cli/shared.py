"""Options that commands share: declared once, and given to a command as one request."""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature, signature
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, get_type_hints

from pipelines.cli import arguments

if TYPE_CHECKING:
    from pipelines.cli.request import Request

Own = ParamSpec("Own")


def _shared(name: str, annotation: Any, default: Any = None) -> Parameter:
    """Return the parameter that sets a field of `Options`."""
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


MODELS = _shared("models", arguments.Models)
MODEL = _shared("models", arguments.OneModel)
MEMBERS = _shared("models", arguments.Members)
QUICK = _shared("quick", arguments.Quick, False)
KEEP_MODELS = _shared("keep_models", arguments.KeepModels, "all")
TUNED = _shared("tuned", arguments.Tuned, False)
SETTINGS = _shared("settings", arguments.Set)
WEIGHTS = _shared("weights", arguments.Weights)
REPEATS = _shared("repeats", arguments.Repeats)
TENSORBOARD = _shared("tensorboard", arguments.TensorBoard, False)
NESTED = _shared("nested", arguments.Nested)
CHECKS = _shared("checks", arguments.Checks, True)
SEALED = _shared("sealed", arguments.Sealed)
# How results are shown, and where competitions are; every command takes these.
SHOWN = (
    _shared("competitions", arguments.Competitions),
    _shared("json", arguments.Json, False),
    _shared("quiet", arguments.Quiet, False),
    _shared("verbose", arguments.Verbose, False),
)

COMPETITION = _shared("competition", arguments.Competition, Parameter.empty)
COMPETITION_OR_FILES = _shared("competition", arguments.CompetitionOrFiles, Parameter.empty)
NEW_COMPETITION = _shared("competition", arguments.NewCompetition, Parameter.empty)
MAYBE_COMPETITION = _shared("competition", arguments.MaybeCompetition)
RUNS = _shared("runs", arguments.Runs)
FOLDS = _shared("folds", arguments.Folds)
SCHEME = _shared("scheme", arguments.Scheme)
FOLDS_FILE = _shared("folds_file", arguments.FoldsFile)
# Which rows, in which folds, and where results are kept.
ROWS = (
    COMPETITION,
    _shared("data", arguments.Data),
    RUNS,
    FOLDS,
    SCHEME,
    FOLDS_FILE,
    _shared("seed", arguments.Seed),
)
# What is said of files that no competition describes.
OF_FILES = (
    _shared("metric", arguments.MetricName),
    _shared("target", arguments.Target),
    _shared("id", arguments.Id),
    _shared("group", arguments.Group),
    _shared("time", arguments.Time),
    _shared("weight", arguments.Weight),
    _shared("query", arguments.Query),
    _shared("folds_column", arguments.FoldsColumn),
    _shared("text", arguments.Text),
    _shared("columns", arguments.Columns),
    _shared("positive", arguments.Positive),
    _shared("labels", arguments.Labels),
    _shared("leave_out", arguments.LeaveOut),
    _shared("train_file", arguments.TrainFile),
    _shared("test_file", arguments.TestTable),
    _shared("sample_file", arguments.SampleFile),
    _shared("targets_file", arguments.TargetsFile),
    _shared("images", arguments.ImageFolder),
    _shared("test_images", arguments.TestImages),
    _shared("horizon", arguments.Horizon),
    _shared("key", arguments.Key),
)
# The rows of a competition, or of files that none describes.
ROWS_OR_FILES = (COMPETITION_OR_FILES, *OF_FILES, *ROWS[1:])
# The same where the last run decides what is not given.
STORED = (
    COMPETITION,
    _shared("data", arguments.StoredData),
    RUNS,
    _shared("folds", arguments.StoredFolds),
    _shared("scheme", arguments.StoredScheme),
    _shared("folds_file", arguments.StoredFoldsFile),
    _shared("seed", arguments.StoredSeed),
    MEMBERS,
    _shared("sealed", arguments.StoredSealed),
)
# What trained models that were kept are asked for.
KEPT = tuple(parameter for parameter in STORED if parameter is not MEMBERS)
# The same of files that no competition describes; members are those of the run.
STORED_OR_FILES = (
    COMPETITION_OR_FILES,
    *OF_FILES,
    *(choice for choice in STORED[1:] if choice is not MEMBERS),
)
# Where and how models are trained.
TRAINING = (
    WEIGHTS,
    _shared("jobs", arguments.Jobs),
    _shared("engine", arguments.Engine, "local"),
    _shared("address", arguments.Address),
    _shared("job_limit", arguments.JobLimit),
    _shared("job_needs", arguments.JobNeeds),
    _shared("data_parallel", arguments.DataParallel, False),
    _shared("backend", arguments.Backend, "auto"),
    _shared("precision", arguments.Precision, "float32"),
    _shared("boosting_device", arguments.BoostingDevice, "cpu"),
)


def takes(
    *shared: Parameter,
) -> Callable[[Callable[Concatenate[Request, Own], None]], Callable[..., None]]:
    """Return a decorator that makes `(request, its own parameters)` a command for Typer.

    Args:
        shared: what the request is made of, in the order of the help; `SHOWN` comes behind it. The
            first one, the competition, comes before the command's own parameters.
    """

    def decorate(function: Callable[Concatenate[Request, Own], None]) -> Callable[..., None]:
        # The class is imported when a command runs; here only the others' types are needed.
        hints = get_type_hints(function, localns={"Request": object}, include_extras=True)
        _, *own = signature(function).parameters.values()
        parameters = [
            shared[0],
            *(part.replace(kind=part.KEYWORD_ONLY, annotation=hints[part.name]) for part in own),
            *shared[1:],
            *SHOWN,
        ]

        run: Callable[..., None] = function

        def command(**given: Any) -> None:
            from pipelines.cli.request import Request

            competition = given.pop(shared[0].name)
            shown = {part.name: given.pop(part.name) for part in SHOWN}
            values = {part.name: given.pop(part.name) for part in shared[1:]}
            # What is not given is left to the API, which knows what is usual.
            choices = {
                part.name: values[part.name]
                for part in shared[1:]
                if values[part.name] not in (part.default, [])
            }
            files = COMPETITION_OR_FILES in shared
            run(Request(competition, choices, files, **shown), **given)

        command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {part.name: part.annotation for part in parameters}
        command.__name__, command.__doc__ = function.__name__, function.__doc__
        return command

    return decorate
