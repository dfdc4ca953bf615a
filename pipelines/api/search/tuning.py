"""`tune`: search, check on rows held out, keep the best, and train it on all rows."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from comps.base import (
    BusyError,
    Competition,
    Family,
    Metric,
    Model,
    UsageError,
    WorkbenchError,
    counted,
)
from ensembles.cuts import needs_cuts
from pipelines.api.choices import (
    REQUIRED,
    Options,
    TrainingChoices,
    checked_choice,
    competition_of,
    plain,
    with_members,
)
from pipelines.api.defaults import OUTER_SHARE
from pipelines.api.progress import Progress, SearchPlanned, Teller
from pipelines.api.recorded import recorded
from pipelines.api.results import checked_submission
from pipelines.api.running import seconds_of
from pipelines.api.search.check import Searched, checked, search_on
from pipelines.api.search.progress import SearchProgress
from pipelines.api.search.trials import outcome, ranked, trial_row
from pipelines.api.session import Session, introduced
from pipelines.api.written import write_files
from pipelines.basics.addresses import without_password
from pipelines.basics.processes import has_ended, here_since
from pipelines.results.sealed import OUTER, check_share
from pipelines.store import Experiment
from pipelines.tuning import Search, TrialResult
from pipelines.tuning.all_rows import train_on_all_rows
from pipelines.tuning.best import Best, tuning_folder, write_best
from pipelines.tuning.plot import write_plot
from pipelines.tuning.study import made_of
from pipelines.tuning.trials import run_trials

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """What a search was asked for beside the choices of all calls.

    Attributes:
        trials: of the whole study.
        tuner: name, or None for the usual one of the model's library.
        time_limit: such as "10m", or seconds.
        storage: URL of Optuna's database, or None for SQLite beside the runs.
        study: its name, or None for one of competition and model.
        prune: whether hopeless trials end early.
        outer: share of the training rows that the search never sees, to check its winner on; 0
            for no check.
        refit: how many of the best configurations are trained on all rows; 0 for none.
        output: the file for their submission; None writes it into the store alone.
    """

    trials: int = 20
    tuner: str | None = None
    time_limit: str | float | None = None
    storage: str | None = None
    study: str | None = None
    prune: bool = True
    outer: float = OUTER_SHARE
    refit: int = 0
    output: str | Path | None = None

    def __post_init__(self) -> None:
        for name, kind in (("trials", "int"), ("refit", "int"), ("outer", "float")):
            value = checked_choice(name, getattr(self, name), kind, REQUIRED)
            object.__setattr__(self, name, value)
        for name in ("tuner", "storage", "study"):
            checked_choice(name, getattr(self, name), "str")
        object.__setattr__(self, "output", checked_choice("output", self.output, "Path"))
        if self.trials < 1:
            raise UsageError(f"--trials must be 1 or more; it is {self.trials}.")
        if self.refit < 0:
            raise UsageError(f"--refit must be 0 or more; it is {self.refit}.")
        if self.outer:
            check_share(self.outer, OUTER)
        if self.study is not None and not re.fullmatch(r"\w[\w.-]*", self.study):
            raise UsageError(
                "--study takes a name of letters, digits, dots, hyphens and underscores, which "
                f"begins with no dot and no hyphen, not {self.study!r}."
            )


@dataclass(frozen=True, eq=False)
class TuneResult:
    """Outcome of a search.

    Attributes:
        metric: of the competition, or its guide; see `Metric`.
        best: the best trial, beside the declared parameters, and the check of both.
        results: all trials of the study.
        plot: the file with the plot of the search.
        submission: of the best configurations trained on all rows; None where that was not wanted.
        refitted: how many configurations those are.
        notes: what the user should know.
    """

    metric: Metric
    best: Best
    results: Sequence[TrialResult]
    plot: Path
    submission: pd.DataFrame | None
    refitted: int
    notes: Sequence[str]

    @property
    def params(self) -> Mapping[str, Any]:
        """The changed parameters of the best trial."""
        return self.best.params

    @property
    def trials(self) -> pd.DataFrame:
        """The trials, best first: score, stopping point, seconds, parameters."""
        import pandas as pd

        return pd.DataFrame([trial_row(result) for result in ranked(self.metric, self.results)])

    @property
    def text(self) -> str:
        """What came out, in words."""
        return outcome(self.metric, self.best)[0]

    def __repr__(self) -> str:
        best = self.best
        score = f"{self.metric.label} {best.score:.{self.metric.digits}f}"
        return f"TuneResult({best.model}: {score}, {len(self.results)} trials, {dict(best.params)})"

    @property
    def summary(self) -> dict[str, Any]:
        """The same as JSON values."""
        return outcome(self.metric, self.best)[1]


def tune(
    competition: str | Competition,
    model: str | object,
    *,
    trials: int = 20,
    time_limit: str | float | None = None,
    tuner: str | None = None,
    prune: bool = True,
    outer: float = OUTER_SHARE,
    storage: str | None = None,
    study: str | None = None,
    refit: int = 0,
    output: str | Path | None = None,
    progress: Progress | None = None,
    **choices: Unpack[TrainingChoices],
) -> TuneResult:
    """Search for better parameters of a model, and check them on rows that it never saw.

    The study is kept: the same call goes on from there. `run(..., tuned=True)` uses the winner, if
    it gained more than one standard error.

    Args:
        competition: a name, or your own.
        model: a name, or a model as `run` takes it, with a `space`.
        trials: of the whole study.
        time_limit: such as "10m" or a number of seconds.
        tuner: "tpe", "random" or "cmaes" of Optuna; for networks "bayesian", "hyperband" or
            "random" of KerasTuner.
        prune: whether hopeless trials end early.
        outer: share of the training rows that the search never sees; 0 for no check.
        storage: URL of Optuna's database; None for SQLite in the store.
        study: its name; None for one of competition and model.
        refit: how many of the best configurations are trained on all rows for a submission.
        output: the file for that submission, beside the store.
        progress: is called with each `Update`.
        **choices: see `TrainingChoices`.

    Raises:
        WorkbenchError: if a choice is wrong, or no trial is complete.
    """
    request = SearchRequest(
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
    models = model if isinstance(model, str) else [model]
    return run_search(
        Options.of(competition, with_members(choices, models, "model")), request, progress
    )


def run_search(
    options: Options, request: SearchRequest, progress: Progress | None = None
) -> TuneResult:
    """Search for the parameters of one model, and keep the best; see `tune`."""
    limit = seconds_of(request.time_limit)
    deadline = None if limit is None else time.monotonic() + limit
    _announce(options, request, progress)
    session = Session(options)
    if len(session.models) != 1 or options.models is None:
        raise UsageError("A search takes one model: --model NAME, or tune(competition, model).")
    if request.refit:
        # Found after the search, it would be found late.
        _ = session.dataset.template
    # As of `Call`: what cannot be is refused before there is a record.
    _ = session.engine
    (model,) = session.models
    teller = introduced(session, progress)
    searched = search_on(session.experiment(), request.outer, teller)
    study = request.study or _study_name(session, request)
    with (
        _work_folder(tuning_folder(session.store)) as work,
        _study(session, searched, model, request, study) as search,
        recorded(
            session, teller, "tune", [], searched.experiment, recorded_options(request)
        ) as told,
    ):
        try:
            _search(session, told, searched.experiment, model, search, request, work, deadline)
            results = search.results()
            best = _best(session, model, study, results)
            best = checked(session, told, searched, model, best, work)
            write_best(session.store, best)
            told.recording.tuned(asdict(best))
            metric = session.competition.metric.guide
            plot = tuning_folder(session.store) / f"{study}.svg"
            plot = write_plot(metric, results, study, plot)
            told.write(outcome(metric, best)[0])
            submission, refitted = None, 0
            if request.refit:
                submission, refitted = _refit(
                    session, told, searched.experiment, model, results, request, work
                )
        finally:
            session.engine.close()
    # Others may search meanwhile: nobody holds the store.
    session.store.send()
    return TuneResult(metric, best, results, plot, submission, refitted, tuple(teller.notes))


def _announce(options: Options, request: SearchRequest, progress: Progress | None) -> None:
    """Tell what begins before the rows are read and libraries are imported: that takes seconds."""
    competition, named = competition_of(options), plain(options.models)
    model = named if isinstance(named, str) else ", ".join(map(str, named or ()))
    text = f"Tuning {model} of {competition.name}: {counted(request.trials, 'trial')}."
    Teller(competition.metric, progress).tell(SearchPlanned(text, model, request.trials))


def recorded_options(request: SearchRequest) -> dict[str, Any]:
    """Return what was asked for and is not as usual, as JSON values, without passwords."""
    usual = asdict(SearchRequest())
    if request.storage is not None:
        # What is recorded is read by others, and may be sent to them.
        request = replace(request, storage=without_password(request.storage))
    return {name: plain(value) for name, value in asdict(request).items() if value != usual[name]}


def _study_name(session: Session, request: SearchRequest) -> str:
    """Return the name of a study of these rows, which are others under another share."""
    sealed = session.options.sealed
    name = f"{session.competition.name}-{session.models[0].name}"
    name += "" if sealed is None else f"-sealed-{sealed:g}"
    return name + ("" if request.outer == OUTER_SHARE else f"-outer-{request.outer:g}")


def _search(
    session: Session,
    teller: Teller,
    experiment: Experiment,
    model: Model,
    search: Search,
    request: SearchRequest,
    work: Path,
    deadline: float | None,
) -> None:
    """Run the search, and tell how it goes on."""
    before = search.results()
    if before:
        teller.note(f"{len(before)} trials are stored; the study goes on to {request.trials}.")
    metric = session.competition.metric.guide
    told = SearchProgress(teller, metric, before, request.trials, deadline)
    run_trials(
        experiment,
        model,
        search,
        engine=session.engine,
        folder=work / "trials",
        n_trials=request.trials,
        deadline=deadline,
        on_result=told.end,
        on_running=told.go_on,
    )


def _best(session: Session, model: Model, study: str, results: list[TrialResult]) -> Best:
    """Return the best trial of a study, not checked yet.

    Raises:
        WorkbenchError: if no trial is complete.
    """
    metric = session.competition.metric.guide
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
    teller: Teller,
    searched: Experiment,
    model: Model,
    results: list[TrialResult],
    request: SearchRequest,
    work: Path,
) -> tuple[pd.DataFrame, int]:
    """Train the best configurations on all rows; write the submission of their mean.

    Returns:
        The submission, and how many configurations it is of.
    """
    metric = session.competition.metric.guide
    complete = [result for result in ranked(metric, results) if result.score is not None]
    chosen = [
        (model.with_params(result.trial.params), result.step or 1)
        for result in complete[: request.refit]
    ]
    teller.note(f"Training the best {len(chosen)} configurations on all rows.")
    if needs_cuts(session.competition.metric):
        teller.note(
            "Warning: its labels are the most probable ones, without cut points for "
            f"{session.competition.metric.label}: what is trained on all rows has no out-of-fold "
            "predictions to fit them on. "
            f"'comps run {session.competition.name} --models {model.name} --tuned' fits them."
        )
    predictions = train_on_all_rows(
        session.experiment(), chosen, searched.folds, session.engine, work
    )
    submission = checked_submission(session.experiment(), predictions)
    write_files(session.store, submission, request.output)
    return submission, len(chosen)


@contextlib.contextmanager
def _study(
    session: Session, searched: Searched, model: Model, request: SearchRequest, name: str
) -> Iterator[Search]:
    """Open the study of a model in the library that searches for its family."""
    folder = tuning_folder(session.store)
    seed = session.seed
    metric, made = (
        session.competition.metric.guide,
        made_of(searched.experiment, model, searched.share),
    )
    if model.family is not Family.NETWORK:
        from pipelines.tuning.optuna_search import OptunaSearch, explained

        storage = request.storage or f"sqlite:///{(folder / 'optuna.db').resolve()}"
        tuner = request.tuner or "tpe"
        with explained(storage):
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
    own = folder / "-".join(("work", str(os.getpid()), *here_since()))
    for other in folder.glob("work-*"):
        marks = other.name.split("-")[1:]
        if other == own or len(marks) != 3 or has_ended(*marks):
            shutil.rmtree(other, ignore_errors=True)
    own.mkdir(parents=True, exist_ok=True)
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)
