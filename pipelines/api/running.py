"""`run` and `cross_validate`: train, blend, submit."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from comps.base import Competition, Model, UsageError, base_name, counted
from ensembles import Blend
from pipelines.api.checking import tell_findings
from pipelines.api.choices import (
    Options,
    TrainingChoices,
    checked_choice,
    parse_duration,
    plain,
    store_of,
)
from pipelines.api.failures import check_submittable, check_trained, reasons
from pipelines.api.limited import Blended, further_models, train_within
from pipelines.api.progress import Progress, Teller
from pipelines.api.recorded import LoggedTeller, recorded
from pipelines.api.results import Result, blend_members
from pipelines.api.run_like import EarlierRun, submission_fingerprint
from pipelines.api.sealed import look_at_sealed
from pipelines.api.session import Session, introduced
from pipelines.api.written import forget_others, keep, write_submission
from pipelines.crossval import CrossValidation
from pipelines.crossval import cross_validate as train_on_folds
from pipelines.crossval.tensorboard import write_curves
from pipelines.crossval.timebudget import TimeBudget
from pipelines.engines import Engine, warm_up
from pipelines.engines.kept import KeptEngine
from pipelines.engines.queue import Policy
from pipelines.results.oof import OutOfFold
from pipelines.results.stopping import MOST_ROWS_NESTED
from pipelines.store import Experiment
from pipelines.store.decided import Decided


def run(
    competition: str | Competition,
    *,
    time_limit: str | float | None = None,
    like: str | Path | None = None,
    output: str | Path | None = None,
    progress: Progress | None = None,
    **choices: Unpack[TrainingChoices],
) -> Result:
    """Train the models, blend them, and make a checked submission. Nothing is printed.

    What is finished is kept in the store (`runs/<competition>/`): the same call goes on from there.

    Args:
        competition: a name, see `comps list`, or your own, such as `comps.table_competition`
            returns.
        time_limit: such as "10m" or a number of seconds, spent on what raises the score most a
            second; see `pipelines.crossval.spending`. What is finished by then counts.
        like: a run that is done again without a clock, whatever its time limit decided: the same
            members, repeats and pairs of folds, and the same submission. The name of its record
            or the beginning of it, "last", the file of a record, or a run folder. The run says
            what is trained: of the choices, only where and how many jobs at once are left. Models
            of your own are given as `models`.
        output: where the submission is written, beside the store.
        progress: is called with each `Update`, such as `show_progress`.
        **choices: see `TrainingChoices`.

    Returns:
        Leaderboard, out-of-fold predictions, blend with its honest score, and submission.

    Raises:
        WorkbenchError: if a choice is wrong, the data cannot be read, no model but the
            baseline could be trained, or the run to do again cannot be repeated here.

    >>> import tempfile
    >>> runs = tempfile.mkdtemp()
    >>> result = run("house-prices", models="median,ridge", runs=runs)
    >>> list(result.leaderboard["model"]), result.submission.shape
    (['ridge', 'median'], (1465, 2))
    >>> again = run("house-prices", like=runs, runs=tempfile.mkdtemp())
    >>> again.submission.equals(result.submission)
    True
    """
    options, limit = Options.of(competition, choices), seconds_of(time_limit)
    output = checked_choice("output", output, "Path")
    earlier = None if like is None else EarlierRun.found(options, like, time_limit)
    options = options if earlier is None else earlier.options
    # Reading the rows takes time, too.
    budget, call = TimeBudget(limit), Call(options, progress)
    session = call.session
    if earlier is not None:
        session.models, session.tuned = earlier.models(session), earlier.tuned
    further = [] if limit is None else further_models(session)
    own = {
        "time_limit": time_limit,
        "like": None if earlier is None else earlier.name,
        "output": output,
    }
    with (
        session.store.writing(),
        recorded(session, call.teller, "run", session.models, options=_given(own)) as told,
    ):
        call.teller = told
        if options.checks:
            tell_findings(session, told)
        if earlier is not None:
            oofs, chosen, tried = _repeated(call, told, earlier)
        elif limit is None:
            oofs = call.train(session.models, None, budget, nested=_nested(session), submitted=True)
            told.recording.finished(oofs.values())
            chosen, tried = call.blend(oofs)
        else:
            with call.workers_kept():
                found = train_within(call, budget, nested=_nested(session), further=further)
            oofs, chosen, tried = found
            told.recording.joined(
                [model for model in further if model.member in oofs],
                session.experiment(n_repeats=1),
                {model.name: model for model in session.competition.models},
            )
            told.recording.finished(oofs.values())
        if session.dataset.sample_submission is None and output is not None:
            told.note(f"{session.competition.name} has no test rows: no submission is written.")
        result = call.result(oofs, chosen, tried)
        if earlier is not None:
            told.note(earlier.compared(result.submission, told.recording.record.hardware))
            # With this note.
            result = call.result(oofs, chosen, tried)
        told.recording.blended(keep(session.store, result))
        told.recording.decided(_decided(call, result, limit, earlier))
        if options.keep_models == "blend":
            forget_others(session.store, oofs, chosen)
        if result.submission is not None:
            write_submission(session.store, result, output)
        told.write(f"leaderboard\n{result.leaderboard.to_string(index=False)}")
        path = output or session.store.root / "submission.csv"
        written = "No submission." if result.submission is None else f"{path}: checked."
        told.write(f"{written} {result.headline}")
        sealed = look_at_sealed(session, chosen)
        # A new object would work out its tables once more.
        return result if sealed is None else replace(result, sealed=sealed)


def _repeated(call: Call, told: LoggedTeller, earlier: EarlierRun) -> Blended:
    """Train and blend what an earlier run did."""
    for note in earlier.notes():
        told.note(note)
    with call.workers_kept():
        oofs = earlier.train(call)
    told.recording.finished(oofs.values())
    return oofs, *call.blend(oofs)


def _decided(
    call: Call, result: Result, limit: float | None, earlier: EarlierRun | None
) -> Decided:
    """Return what a run decided; one that does another again decides what that one did."""
    before = None if earlier is None else earlier.decided
    trained = {base_name(name) for name in result.oof}
    decided = Decided.of(
        result.oof,
        call.session.models,
        call.failures,
        time_limit=limit if before is None else before.time_limit,
        tuned=[use.values() for use in call.session.tuned if use.model in trained],
        submission=submission_fingerprint(result.submission),
    )
    return decided if before is None else replace(decided, left_out=before.left_out)


def cross_validate(
    competition: str | Competition,
    *,
    time_limit: str | float | None = None,
    progress: Progress | None = None,
    **choices: Unpack[TrainingChoices],
) -> Result:
    """Train models on folds and keep their out-of-fold predictions. Nothing is printed.

    Args:
        competition: a name, see `comps list`, or your own.
        time_limit: such as "10m" or a number of seconds: what is finished by then counts.
        progress: is called with each `Update`, such as `show_progress`.
        **choices: see `TrainingChoices`.

    Returns:
        Leaderboard and out-of-fold predictions; no blend.

    Raises:
        WorkbenchError: if a choice is wrong, the data cannot be read, or no model could be trained.

    >>> import tempfile
    >>> from sklearn.linear_model import LinearRegression
    >>> import pandas as pd
    >>> from comps import table_competition
    >>> rows = pd.DataFrame({"size": range(40), "price": [2.0 * size for size in range(40)]})
    >>> flats = table_competition(rows, target="price", metric="rmse", name="flats")
    >>> result = cross_validate(flats, models=[LinearRegression()], runs=tempfile.mkdtemp())
    >>> result.oof["linear-regression"].valid.shape
    (40,)
    """
    options, limit = Options.of(competition, choices), seconds_of(time_limit)
    # Reading the rows takes time, too.
    budget, call = TimeBudget(limit), Call(options, progress)
    session = call.session
    own = _given({"time_limit": time_limit})
    with (
        session.store.writing(),
        recorded(session, call.teller, "cv", session.models, options=own) as told,
    ):
        call.teller = told
        oofs = call.train(
            session.models,
            None,
            budget,
            nested=session.options.nested is not None and _nested(session),
        )
        told.recording.finished(oofs.values())
        result = call.result(oofs)
        told.write(f"leaderboard\n{result.leaderboard.to_string(index=False)}")
        return result


def seconds_of(limit: str | float | None) -> float | None:
    """Return a time limit in seconds; None where there is none.

    Raises:
        UsageError: if it cannot be read, or is not more than zero.
    """
    if limit is None or isinstance(limit, str):
        return None if limit is None else parse_duration(limit)
    seconds = checked_choice("time_limit", limit, "float")
    if not 0 < seconds < math.inf:
        raise UsageError(f"The time limit must be more than zero seconds; it is {seconds:g}.")
    return float(seconds)


def _given(choices: Mapping[str, object]) -> dict[str, object]:
    return {name: plain(value) for name, value in choices.items() if value is not None}


class Call:
    """A call that trains: its session, and what tells what happens.

    Args:
        options: of the call.
        progress: is called with each `Update`.
        imported: whether names of imported members may be among those of models.

    Raises:
        WorkbenchError: if an option is wrong or the data cannot be read.
    """

    def __init__(
        self, options: Options, progress: Progress | None, *, imported: bool = False
    ) -> None:
        if options.engine == "local" and not (store_of(options).root / "models").exists():
            # There will be work: workers start while the data are read.
            warm_up(options.jobs)
        self.session = Session(options, imported=imported)
        # An engine that cannot be is refused before there is a record, or where nothing is to fit.
        _ = self.session.engine
        self.teller = introduced(self.session, progress)
        self.failures: dict[str, str] = {}
        self.keeps_workers = False

    @contextmanager
    def workers_kept(self) -> Iterator[None]:
        """Keep the workers from one training to the next: what they import takes seconds."""
        self.keeps_workers = True
        try:
            yield
        finally:
            self.keeps_workers = False
            self.session.engine.close()

    def _engine(self) -> Engine:
        engine = self.session.engine
        return KeptEngine(engine) if self.keeps_workers else engine

    def train(
        self,
        models: Sequence[Model],
        n_repeats: int | None,
        budget: TimeBudget,
        *,
        nested: bool = False,
        submitted: bool = False,
        policy: Policy | None = None,
        last: bool = True,
    ) -> dict[str, OutOfFold]:
        """Cross-validate models; say which failed or were left out.

        Args:
            models: to train.
            n_repeats: of the folds; None takes the option's.
            budget: the time for it.
            nested: whether pairs of folds are trained.
            submitted: whether the outcome is to be submitted.
            policy: what decides the order under a time limit; None takes that of the models.
            last: whether nothing is trained after this; what was left out is told then.

        Raises:
            WorkbenchError: if no model has out-of-fold predictions; where they are to be
                `submitted`, also if every model but the baseline failed.
        """
        session, teller = self.session, self.teller
        experiment = session.experiment(n_repeats)
        budget.open(session.store, [experiment.key(model) for model in session.models])
        try:
            outcome = train_on_folds(
                experiment,
                models,
                store=session.store,
                engine=self._engine,
                reporter=teller,
                nested=nested,
                deadline=budget.deadline,
                policy=policy,
                on_stored=budget.save,
                keep=session.options.keep_models,
            )
        finally:
            budget.save()
        self.failures |= outcome.failures
        asked = {model.member for model in session.models} if last else set()
        _explain(teller, outcome, budget, asked)
        if nested:
            _explain_nesting(teller, outcome, experiment)
        if session.options.tensorboard and outcome.oofs:
            label = session.competition.metric.guide.label
            folder = write_curves(session.store, outcome.oofs.values(), label)
            teller.note(f"Learning curves: tensorboard --logdir {folder}")
        check_trained(outcome)
        warning = check_submittable(session.competition, models, outcome) if submitted else None
        if warning is not None:
            teller.note(warning)
        return outcome.oofs

    def blend(self, oofs: Mapping[str, OutOfFold]) -> tuple[Blend, list[Blend]]:
        """Blend members, and say what the blend is worth."""
        started = time.perf_counter()
        chosen, tried = blend_members(self.session.experiment(n_repeats=1), oofs)
        metric = self.session.competition.metric
        self.teller.note(
            f"Blend of {len(chosen.members)} models: {chosen.estimate} {metric.label} "
            f"{chosen.honest_score:.{metric.digits}f} ({time.perf_counter() - started:.1f} s)"
        )
        return chosen, tried

    def result(
        self,
        oofs: Mapping[str, OutOfFold],
        chosen: Blend | None = None,
        tried: Sequence[Blend] = (),
    ) -> Result:
        """Return the outcome of the call."""
        session = self.session
        return Result(
            session.experiment(n_repeats=1),
            oofs,
            chosen,
            tried,
            self.failures,
            tuple(self.teller.notes),
            tuple(session.tuned),
            runs=session.store.place.parent,
        )


def _nested(session: Session) -> bool:
    """Return whether the pairs of folds that the nested score needs are trained.

    They cost most of a cross-validation more. Of many rows a choice flatters less: stopping where
    it was scored made the log loss of LightGBM 0.5 % too good at 2,000 rows, 2.4 % at 200.
    """
    if session.options.nested is not None:
        folds = session.experiment(n_repeats=1).folds
        if session.options.nested and not folds.neighbours and not folds.growing:
            raise UsageError("--nested needs at least 3 folds; use --folds 3 or more.")
        return session.options.nested
    return len(session.target) <= MOST_ROWS_NESTED


def _explain_nesting(teller: Teller, outcome: CrossValidation, experiment: Experiment) -> None:
    """Say which members keep the score from being nested."""
    lacking = [name for name, oof in outcome.oofs.items() if oof.nested is None]
    if lacking and not experiment.folds.growing:
        teller.note(
            f"The honest score is cross-fitted, not nested: there are no models without pairs of "
            f"folds of {', '.join(lacking)}."
        )


def _explain(
    teller: Teller, outcome: CrossValidation, budget: TimeBudget, asked: Collection[str]
) -> None:
    for name, why in reasons(outcome):
        oof = outcome.oofs.get(name)
        how = "is left out" if oof is None else f"counts with {counted(oof.n_repeats, 'repeat')}"
        teller.note(f"{name} failed and {how}: {why}")
    for name, reason in outcome.not_nested.items():
        teller.note(f"{name} has no nested score: {reason} (log: {outcome.logs[name]})")
    for name, reason in outcome.not_kept.items():
        teller.note(f"{name} is not kept, and predicts no new rows later: {reason}.")
    if outcome.seconds["pairs"] >= 1:
        teller.note(
            f"Seconds of all jobs, which run side by side: {outcome.seconds['folds']:.0f} for the "
            f"folds, {outcome.seconds['pairs']:.0f} for the nested score."
        )
    lacking = [name for name in outcome.left_out if name in asked and name not in outcome.oofs]
    if lacking:
        teller.note(
            f"Left out for lack of time ({budget.describe()}): {', '.join(lacking)}. "
            "Their finished folds are kept."
        )
