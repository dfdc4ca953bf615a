"""The last part of the road: blend, leaderboard, submission."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from comps.base import Array, Competition
from ensembles import Blend, best_blend
from ensembles.diversity import error_correlations, marginal_values
from ensembles.sample import sample_of
from pipelines.cli import tables
from pipelines.cli.options import Session
from pipelines.cli.reporters import Output
from pipelines.crossval import Experiment
from pipelines.files import write_bytes
from pipelines.oof import OutOfFold
from submissions import build_submission, check_submission


def candidates(competition: Competition, oofs: Mapping[str, OutOfFold]) -> list[OutOfFold]:
    """Return the members worth blending: those that beat the baseline, or the baseline."""
    baseline = oofs.get(competition.baseline.name)
    if baseline is None:
        return list(oofs.values())
    better = [
        oof for oof in oofs.values() if competition.metric.better(oof.score, than=baseline.score)
    ]
    return better or [baseline]


def blend_members(
    experiment: Experiment, oofs: Mapping[str, OutOfFold], method: str = "auto"
) -> tuple[Blend, list[Blend]]:
    """Return the chosen blend and all that were tried.

    Raises:
        UsageError: if the method is unknown or the members do not go together.
    """
    competition = experiment.competition
    return best_blend(
        candidates(competition, oofs),
        competition.scaled_target(experiment.dataset),
        experiment.folds,
        competition.metric,
        None if method == "auto" else [method],
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
        "honest_score": chosen.honest_score,
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


def write_submission(session: Session, output: Output, chosen: Blend, path: Path) -> None:
    """Build, check and write the submission, to `path` and into the store.

    Raises:
        DataError: if it does not pass the check; nothing is written then.
        StoreError: if it cannot be written.
    """
    metric = session.competition.metric
    written = write_predictions(session, chosen.test, path)
    output.result(
        f"{path}: {written} rows, checked against the sample submission. "
        f"Blend '{chosen.method}', honest {metric.label} "
        f"{chosen.honest_score:.{metric.digits}f}.",
        {
            "submission": str(path),
            "rows": written,
            "method": chosen.method,
            "metric": metric.name,
            "honest_score": chosen.honest_score,
            "fitted_score": chosen.fitted_score,
        },
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
