"""`comps tune`: search, check on rows held out, keep the best, and train it on all rows."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from comps.base import BusyError, Family, Model, UsageError, WorkbenchError
from pipelines.cli import tuning_tables as tables
from pipelines.cli.arguments import OUTER_SHARE
from pipelines.cli.finish import write_predictions
from pipelines.cli.options import Options, Session, parse_duration
from pipelines.cli.recording import recorded
from pipelines.cli.reporters import Output, make_output
from pipelines.cli.run import introduce
from pipelines.cli.tuning_check import Searched, checked, search_on
from pipelines.results.sealed import OUTER, check_share
from pipelines.store import Experiment
from pipelines.tuning import Search, TrialResult
from pipelines.tuning.all_rows import train_on_all_rows
from pipelines.tuning.best import Best, tuning_folder, write_best
from pipelines.tuning.plot import write_plot
from pipelines.tuning.study import made_of
from pipelines.tuning.trials import run_trials

# The rows of the table; all trials are in the study.
SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `comps tune` was asked for beside the options of all commands.

    Attributes:
        trials: of the whole study.
        tuner: name, or None for the usual one of the model's library.
        time_limit: as text.
        storage: URL of Optuna's database, or None for SQLite beside the runs.
        study: its name, or None for one of competition and model.
        prune: whether hopeless trials end early.
        outer: share of the training rows that the search never sees, to check its winner on; 0
            for no check.
        refit: how many of the best configurations are trained on all rows; 0 for none.
        output: the file for their submission.
    """

    trials: int
    tuner: str | None = None
    time_limit: str | None = None
    storage: str | None = None
    study: str | None = None
    prune: bool = True
    outer: float = OUTER_SHARE
    refit: int = 0
    output: Path = Path("submission.csv")

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise UsageError(f"--trials must be 1 or more; it is {self.trials}.")
        if self.refit < 0:
            raise UsageError(f"--refit must be 0 or more; it is {self.refit}.")
        if self.outer:
            check_share(self.outer, OUTER)
        if self.study is not None and not re.fullmatch(r"[\w.-]+", self.study):
            raise UsageError(
                "--study takes a name of letters, digits, dots, hyphens and underscores, not "
                f"{self.study!r}."
            )


def tune_model(options: Options, request: Request) -> None:
    """Search for the parameters of one model, and keep the best."""
    session = Session(options)
    if len(session.models) != 1 or options.models is None:
        raise UsageError("comps tune takes one model: --model NAME.")
    (model,) = session.models
    limit = None if request.time_limit is None else parse_duration(request.time_limit)
    deadline = None if limit is None else time.monotonic() + limit
    output = make_output(session.competition.metric, options.json)
    introduce(session, output)
    searched = search_on(session.experiment(), request.outer, output)
    study = request.study or _study_name(session, request)
    with (
        _work_folder(tuning_folder(session.store)) as work,
        _study(session, searched, model, request, study) as search,
        recorded(session, output, "tune", [], searched.experiment) as kept,
    ):
        output = kept.output
        try:
            _search(session, output, searched.experiment, model, search, request, work, deadline)
            results = search.results()
            output.pause()
            best = _best(session, model, study, results)
            best = checked(session, output, searched, model, best, work)
            write_best(session.store, best)
            kept.recording.tuned(asdict(best))
            output.table("trials", *tables.trials(session.competition.metric, results, SHOWN))
            output.result(*tables.tuned(session.competition.metric, best))
            plot = tuning_folder(session.store) / f"{study}.svg"
            output.note(f"Plot: {write_plot(session.competition.metric, results, study, plot)}")
            if request.refit:
                _refit(session, output, searched.experiment, model, results, request, work)
        finally:
            session.engine.close()


def _study_name(session: Session, request: Request) -> str:
    """Return the name of a study of these rows, which are others under another share."""
    sealed = session.options.sealed
    name = f"{session.competition.name}-{session.models[0].name}"
    name += "" if sealed is None else f"-sealed-{sealed:g}"
    return name + ("" if request.outer == OUTER_SHARE else f"-outer-{request.outer:g}")


def _search(
    session: Session,
    output: Output,
    experiment: Experiment,
    model: Model,
    search: Search,
    request: Request,
    work: Path,
    deadline: float | None,
) -> None:
    """Run the search, with a line for each trial."""
    before = search.results()
    metric = session.competition.metric
    if before:
        output.note(f"{len(before)} trials are stored; the study goes on to {request.trials}.")
    found = list(before)
    started = time.monotonic()

    def on_result(result: TrialResult) -> None:
        found.append(result)
        now = len(found) - len(before)
        left = (request.trials - len(found)) * (time.monotonic() - started) / now
        if deadline is not None:
            left = min(left, deadline - time.monotonic())
        output.trial(*tables.trial_line(metric, found, request.trials, max(0.0, left)))

    run_trials(
        experiment,
        model,
        search,
        engine=session.engine,
        folder=work / "trials",
        n_trials=request.trials,
        deadline=deadline,
        on_result=on_result,
    )


def _best(session: Session, model: Model, study: str, results: list[TrialResult]) -> Best:
    """Return the best trial of a study, not checked yet.

    Raises:
        WorkbenchError: if no trial is complete.
    """
    metric = session.competition.metric
    scores = {r.trial.number: r.score for r in results if r.score is not None}
    if not scores:
        reasons = [result.reason for result in results if result.reason]
        raise WorkbenchError(
            f"No trial is complete. {reasons[0]}"
            if reasons
            else "No trial is complete: the time limit is too short."
        )
    number = min(scores, key=lambda number: (metric.sort_key(scores[number]), number))
    params = {result.trial.number: result.trial.params for result in results}
    defaults = [
        scores[n] for n in scores if all(model.params[k] == v for k, v in params[n].items())
    ]
    return Best(
        model=model.name,
        study=study,
        params=dict(params[number]),
        number=number,
        score=scores[number],
        default_score=defaults[0] if defaults else None,
        data=session.dataset.fingerprint,
    )


def _refit(
    session: Session,
    output: Output,
    searched: Experiment,
    model: Model,
    results: list[TrialResult],
    request: Request,
    work: Path,
) -> None:
    """Train the best configurations on all rows and write their mean as a submission."""
    metric = session.competition.metric
    ranked = sorted(
        (result for result in results if result.score is not None),
        key=lambda result: metric.sort_key(result.score or 0.0),
    )
    chosen = [
        (model.with_params(result.trial.params), result.step or 1)
        for result in ranked[: request.refit]
    ]
    output.note(f"Training the best {len(chosen)} configurations on all rows.")
    predictions = train_on_all_rows(
        session.experiment(), chosen, searched.folds, session.engine, work
    )
    rows = write_predictions(session, predictions, request.output)
    but = "" if session.sealed is None else ", the sealed ones apart,"
    output.result(
        f"{request.output}: {rows} rows, checked against the sample submission. The mean of "
        f"{len(chosen)} configurations, trained on all rows{but} for longer; no row was held out "
        "of this training, so that it has no score of its own.",
        {"submission": str(request.output), "rows": rows, "configurations": len(chosen)},
    )


@contextlib.contextmanager
def _study(
    session: Session, searched: Searched, model: Model, request: Request, name: str
) -> Iterator[Search]:
    """Open the study of a model in the library that searches for its family."""
    folder = tuning_folder(session.store)
    seed = session.options.seed
    metric, made = session.competition.metric, made_of(searched.experiment, model, searched.share)
    if model.family is not Family.NETWORK:
        from pipelines.tuning.optuna_search import OptunaSearch

        storage = request.storage or f"sqlite:///{(folder / 'optuna.db').resolve()}"
        tuner = request.tuner or "tpe"
        yield OptunaSearch(
            model, metric, made, storage, name, tuner=tuner, seed=seed, prune=request.prune
        )
        return
    if request.storage is not None:
        raise UsageError("--storage is for Optuna; networks are tuned by KerasTuner, in a folder.")
    from filelock import FileLock, Timeout

    from pipelines.tuning.keras_search import KerasSearch

    project = folder / "keras" / name
    project.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(project / ".lock", timeout=0):
            yield KerasSearch(
                model,
                metric,
                made,
                project,
                tuner=request.tuner or "bayesian",
                n_trials=request.trials,
                seed=seed,
            )
    except Timeout as error:
        raise BusyError(
            f"Another search is writing to {project}. Wait until it has ended, or use --study."
        ) from error


@contextlib.contextmanager
def _work_folder(folder: Path) -> Iterator[Path]:
    """Make a folder of this process, and delete it and those of processes that are no more."""
    own = folder / f"work-{os.getpid()}"
    for other in folder.glob("work-*"):
        if other == own or not Path("/proc", other.name.removeprefix("work-")).exists():
            shutil.rmtree(other, ignore_errors=True)
    own.mkdir(parents=True, exist_ok=True)
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)
