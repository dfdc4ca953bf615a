"""Commands that train: `comps run`, `comps cv` and `comps compare`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from comps.base import Family, Model, UsageError, WorkbenchError
from comps.sources import runs_root
from ensembles import Blend
from ensembles.compare import compare, dependent_rows
from pipelines.cli import comparison_tables, tables
from pipelines.cli.failures import check_submittable, check_trained, reasons
from pipelines.cli.finish import blend_members, show_results, write_submission
from pipelines.cli.options import Options, Session, parse_duration
from pipelines.cli.recording import recorded
from pipelines.cli.reporters import Output, make_output
from pipelines.cli.sealed import look_at_sealed
from pipelines.cli.stored import imported_members
from pipelines.crossval import CrossValidation, cross_validate
from pipelines.crossval.tensorboard import write_curves
from pipelines.crossval.timebudget import TimeBudget
from pipelines.engines import warm_up
from pipelines.results.oof import OutOfFold
from pipelines.results.stopping import MOST_ROWS_NESTED
from pipelines.store import Experiment

# With time to spare, members are trained on the folds shuffled anew. Each repeat halves
# less of the noise than the one before; after five there is little left to gain.
MOST_REPEATS = 5
# A member with less weight changes the blend by less than its seed does.
LEAST_WEIGHT = 0.01


def run_competition(options: Options, time_limit: str | None, path: Path) -> None:
    """Train the models, blend them, and write a checked submission."""
    session, output = _open(options)
    budget = TimeBudget(None if time_limit is None else parse_duration(time_limit))
    with session.store.writing(), recorded(session, output, "run", session.models) as kept:
        output = kept.output
        oofs = _train(
            session,
            output,
            session.models,
            None,
            budget,
            nested=_nested(session),
            submitted=True,
        )
        kept.recording.finished(oofs.values())
        chosen, tried = _blend(session, output, oofs)
        if time_limit is not None and options.repeats is None:
            oofs, chosen, tried = _repeat(session, output, oofs, chosen, tried, budget)
            kept.recording.finished(oofs.values())
        output.pause()
        kept.recording.blended(show_results(session, output, oofs, chosen, tried))
        write_submission(session, output, oofs, chosen, path)
        look_at_sealed(session, output, chosen)


def cross_validate_models(options: Options, time_limit: str | None) -> None:
    """Cross-validate models and show the leaderboard."""
    session, output = _open(options)
    budget = TimeBudget(None if time_limit is None else parse_duration(time_limit))
    with session.store.writing(), recorded(session, output, "cv", session.models) as kept:
        output = kept.output
        oofs = _train(session, output, session.models, None, budget)
        kept.recording.finished(oofs.values())
        output.pause()
        table, rows = tables.leaderboard(session.competition, oofs, None, session.target)
        output.table("leaderboard", table, rows)


def compare_models(options: Options) -> None:
    """Show members fold by fold, and whether the best is better than the others.

    Raises:
        UsageError: if less than two members were named.
        WorkbenchError: if less than two could be trained.
    """
    session, output = _open(options, imported=True)
    models = [
        model
        for model in session.models
        if options.models is not None or model.family in (Family.NETWORK, Family.BOOSTING)
    ]
    experiment = session.experiment()
    imported = imported_members(session, experiment)
    names = [*(model.member for model in models), *imported]
    if len(names) < 2:
        raise UsageError(
            "A comparison needs at least two different members; it got: "
            f"{', '.join(names) or 'none'}. Name them with --members."
        )
    oofs: dict[str, OutOfFold] = {}
    with session.store.writing(), recorded(session, output, "compare", models) as kept:
        if models:
            oofs = _train(session, kept.output, models, None, TimeBudget(None))
            kept.recording.finished(oofs.values())
    output.pause()
    members = [*oofs.values(), *imported.values()]
    if len(members) < 2:
        raise WorkbenchError(f"Only {', '.join(oofs)} was trained: there is nothing to compare.")
    competition, dataset = session.competition, session.dataset
    output.table("comparison", *comparison_tables.comparison(competition, members))
    output.table("members", *comparison_tables.costs(competition, members))
    pairs = compare(
        members,
        session.target,
        experiment.folds,
        competition.metric,
        dependent_rows(len(session.target), dataset.groups, dataset.times),
        seed=options.seed,
    )
    output.table("differences", *comparison_tables.differences(competition.metric, pairs))
    families = {oof.model: tables.family_of(competition, oof) for oof in members}
    for text, values in comparison_tables.verdicts(competition.metric, families, pairs):
        output.result(text, values)


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


def _open(options: Options, *, imported: bool = False) -> tuple[Session, Output]:
    root = (options.runs or runs_root()) / options.competition
    if options.engine == "local" and not (root / "models").exists():
        # There will be work: workers start while the data are read.
        warm_up(options.jobs)
    session = Session(options, imported=imported)
    output = make_output(session.competition.metric, options.json)
    introduce(session, output)
    return session, output


def introduce(session: Session, output: Output) -> None:
    """Say which rows are used, and what the user should know of them."""
    for note in session.introduction():
        output.note(note)
    for use in session.tuned:
        output.told("tuned", use.values())


def _train(
    session: Session,
    output: Output,
    models: Sequence[Model],
    n_repeats: int | None,
    budget: TimeBudget,
    *,
    nested: bool = False,
    submitted: bool = False,
) -> dict[str, OutOfFold]:
    """Cross-validate models; say which failed or were left out.

    Raises:
        WorkbenchError: if no model has out-of-fold predictions; where they are to be
            `submitted`, also if every model but the baseline failed.
    """
    experiment = session.experiment(n_repeats)
    # An engine that does not exist is refused even where there is nothing to fit.
    _ = session.engine
    budget.open(session.store, [experiment.key(model) for model in session.models])
    try:
        outcome = cross_validate(
            experiment,
            models,
            store=session.store,
            engine=lambda: session.engine,
            reporter=output,
            nested=nested,
            deadline=budget.deadline,
            on_stored=budget.save,
        )
    except BaseException:
        output.pause()
        raise
    finally:
        budget.save()
    _explain(output, outcome, budget)
    if nested:
        _explain_nesting(output, outcome, experiment)
    if session.options.tensorboard and outcome.oofs:
        label = session.competition.metric.label
        folder = write_curves(session.store, outcome.oofs.values(), label)
        output.note(f"Learning curves: tensorboard --logdir {folder}")
    check_trained(outcome)
    warning = check_submittable(session.competition, models, outcome) if submitted else None
    if warning is not None:
        output.note(warning)
    return outcome.oofs


def _explain_nesting(output: Output, outcome: CrossValidation, experiment: Experiment) -> None:
    """Say which members keep the score from being nested."""
    lacking = [name for name, oof in outcome.oofs.items() if oof.nested is None]
    if lacking and not experiment.folds.growing:
        output.note(
            f"The honest score is cross-fitted, not nested: there are no models without pairs of "
            f"folds of {', '.join(lacking)}."
        )


def _explain(output: Output, outcome: CrossValidation, budget: TimeBudget) -> None:
    for name, why in reasons(outcome):
        output.note(f"{name} failed and is left out: {why}")
    for name, reason in outcome.not_nested.items():
        output.note(f"{name} has no nested score: {reason} (log: {outcome.logs[name]})")
    if outcome.seconds["pairs"] >= 1:
        output.note(
            f"Seconds of all jobs, which run side by side: {outcome.seconds['folds']:.0f} for the "
            f"folds, {outcome.seconds['pairs']:.0f} for the nested score."
        )
    lacking = [name for name in outcome.left_out if name not in outcome.oofs]
    if lacking:
        output.note(
            f"Left out for lack of time ({budget.describe()}): {', '.join(lacking)}. "
            "Their finished folds are kept."
        )


def _blend(
    session: Session, output: Output, oofs: Mapping[str, OutOfFold]
) -> tuple[Blend, list[Blend]]:
    started = time.perf_counter()
    chosen, tried = blend_members(session.experiment(n_repeats=1), oofs)
    metric = session.competition.metric
    output.note(
        f"Blend of {len(chosen.members)} models: {chosen.estimate} {metric.label} "
        f"{chosen.honest_score:.{metric.digits}f} ({time.perf_counter() - started:.1f} s)"
    )
    return chosen, tried


def _repeat(
    session: Session,
    output: Output,
    oofs: dict[str, OutOfFold],
    chosen: Blend,
    tried: list[Blend],
    budget: TimeBudget,
) -> tuple[dict[str, OutOfFold], Blend, list[Blend]]:
    """Use the time left: train the members of the blend on the folds shuffled anew."""
    wanted = {
        name
        for name, weight in zip(chosen.members, chosen.weights, strict=True)
        if weight >= LEAST_WEIGHT
    }
    models = [model for model in session.models if model.member in wanted]
    more = _train(session, output, models, MOST_REPEATS, budget, nested=_nested(session))
    if all(more[name].n_repeats == oofs[name].n_repeats for name in more):
        return oofs, chosen, tried
    oofs = {**oofs, **more}
    return oofs, *_blend(session, output, oofs)
