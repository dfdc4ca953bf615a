"""The last part of the road: blend, leaderboard, submission."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from comps.base import Array, Metric
from ensembles import Blend, best_blend
from ensembles.diversity import error_correlations, marginal_values
from ensembles.outer import comparable
from ensembles.paired import paired_gain
from ensembles.sample import sample_of
from pipelines.basics.files import write_bytes
from pipelines.cli import tables
from pipelines.cli.options import Session
from pipelines.cli.reporters import Output
from pipelines.results.inner import Estimate
from pipelines.results.oof import OutOfFold
from pipelines.store import Experiment
from submissions import build_submission, check_submission


def blend_members(
    experiment: Experiment, oofs: Mapping[str, OutOfFold], method: str = "auto"
) -> tuple[Blend, list[Blend]]:
    """Return the chosen blend and all that were tried; members have to beat the baseline.

    Raises:
        UsageError: if the method is unknown or the members do not go together.
    """
    competition = experiment.competition
    return best_blend(
        list(oofs.values()),
        competition.scaled_target(experiment.dataset),
        experiment.folds,
        competition.metric,
        None if method == "auto" else [method],
        competition.baseline.name,
    )


def show_results(
    session: Session,
    output: Output,
    oofs: Mapping[str, OutOfFold],
    chosen: Blend,
    tried: list[Blend],
) -> dict[str, Any]:
    """Show and store the leaderboard and the blend; return the latter as JSON values."""
    table, rows = tables.leaderboard(session.competition, oofs, chosen, session.target)
    output.table("leaderboard", table, rows)
    session.store.write_record("leaderboard.json", rows)
    table, blend_rows = tables.blends(session.competition, tried, chosen, session.target)
    output.table("blends", table, blend_rows)
    record = {
        "method": chosen.method,
        "weights": dict(zip(chosen.members, map(float, chosen.weights), strict=True)),
        "estimate": str(chosen.estimate),
        "honest_score": chosen.honest_score,
        "pooled_score": chosen.pooled_score,
        "fitted_score": chosen.fitted_score,
        "gap": chosen.gap,
        "tried": blend_rows,
    }
    session.store.write_record("blend.json", record)
    return record


def show_contributions(
    experiment: Experiment, output: Output, oofs: Mapping[str, OutOfFold], chosen: Blend
) -> None:
    """Show what each member brings to a blend."""
    metric = experiment.competition.metric
    members = [oofs[name] for name in chosen.members]
    if len(members) == 1:
        return
    target = experiment.competition.scaled_target(experiment.dataset)
    errors = error_correlations(sample_of(members, target), metric)
    gains = marginal_values(members, target, experiment.folds, metric)
    output.table("members", *tables.contributions(metric, members, chosen, errors, gains))


def write_submission(
    session: Session,
    output: Output,
    oofs: Mapping[str, OutOfFold],
    chosen: Blend,
    path: Path,
) -> None:
    """Build, check and write the submission, to `path` and into the store; say what it is worth.

    Raises:
        DataError: if it does not pass the check; nothing is written then.
        StoreError: if it cannot be written.
    """
    written = write_predictions(session, chosen.test, path)
    text, values = headline(session, oofs, chosen)
    output.result(
        f"{path}: {written} rows, checked against the sample submission. {text}",
        {"submission": str(path), "rows": written, **values},
    )


def headline(
    session: Session, oofs: Mapping[str, OutOfFold], chosen: Blend
) -> tuple[str, dict[str, Any]]:
    """Return what is submitted, its honest score, and how far it is from the best single model.

    The best single model is chosen as the blend is, without the rows that are scored, and both
    are scored on the same rows.
    """
    metric, target = session.competition.metric, session.target
    experiment = session.experiment(n_repeats=1)
    single = blend_members(experiment, oofs, "best")[0]
    scored = np.isfinite(chosen.honest.reshape(len(target), -1)).all(axis=1)
    gain = metric.sort_key(single.honest_score) - metric.sort_key(chosen.honest_score)
    groups, times = (
        None if labels is None else labels[scored]
        for labels in (session.dataset.groups, session.dataset.times)
    )
    fold_of_row = experiment.folds.fold_of_row()[scored]
    one, other = (
        comparable(metric, blend.honest[scored], fold_of_row) for blend in (single, chosen)
    )
    error = paired_gain(metric, target[scored], one, other, groups, times).error
    name = single.members[int(single.weights.argmax())]
    values = {
        "method": chosen.method,
        "metric": metric.name,
        "estimate": str(chosen.estimate),
        "honest_score": chosen.honest_score,
        "pooled_score": chosen.pooled_score,
        "fitted_score": chosen.fitted_score,
        "best_single": name,
        "best_single_score": single.honest_score,
        "gain": gain,
        "gain_standard_error": error,
        "tuned": [use.model for use in session.tuned if use.used],
    }
    return _headline_text(metric, chosen, values), values


_MEANINGS = {
    Estimate.NESTED: "everything was chosen without the scored rows and models that saw them",
    Estimate.CROSS_FITTED: "choices were made on the other folds, whose models saw the scored rows",
    Estimate.TIME_ORDERED: "everything was chosen on earlier blocks, and the first block, which "
    "has none, is not scored",
}


def _headline_text(metric: Metric, chosen: Blend, values: Mapping[str, Any]) -> str:
    def shown(score: float) -> str:
        return f"{score:.{metric.digits}f}"

    models = ", ".join(values["tuned"])
    tuned = f", but for the parameters of {models}, which a search chose on these rows"
    tuned = tuned if models else ""
    within = f" (mean within folds; {shown(chosen.pooled_score)} pooled)"
    score = (
        f"{chosen.estimate} {metric.label} {shown(chosen.honest_score)}"
        f"{within if metric.order_alone else ''}: {_MEANINGS[chosen.estimate]}"
        + (
            f", but the parameters of {', '.join(values['tuned'])} by a search"
            * bool(values["tuned"])
        )
        + "."
    )
    if len(chosen.members) == 1:
        return f"Submitted: {chosen.members[0]} alone, {score}"
    gain, error = values["gain"], values["gain_standard_error"]
    verdict = f"{'better' if gain > 0 else 'worse'} by {shown(abs(gain))}"
    meaning = "how far chance explains it is not known"
    if error is not None:
        verdict += f" with a standard error of {shown(error)}"
        meaning = "more than chance explains" if abs(gain) > 2 * error else "chance may explain it"
    return (
        f"Submitted: blend '{chosen.method}' of {len(chosen.members)} models, {score} The best "
        f"single model, chosen in the same way, has {shown(values['best_single_score'])} "
        f"({values['best_single']}); the blend is {verdict}: {meaning}."
    )


def write_predictions(session: Session, test: Array, path: Path) -> int:
    """Build and check a submission, write it to `path` and into the store; return its rows.

    Args:
        session: of the competition.
        test: [m] values or [m, classes] probabilities, on the metric's scale.
        path: the file.

    Raises:
        DataError: if it does not pass the check; nothing is written then.
        StoreError: if it cannot be written.
    """
    competition = session.competition
    submission = build_submission(competition, session.dataset, test)
    check_submission(competition, session.dataset, submission)
    content = submission.to_csv(index=False).encode()
    write_bytes(session.store.root / "submission.csv", content)
    write_bytes(path, content)
    return len(submission)
