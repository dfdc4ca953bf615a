"""Results as rows for tables and files: leaderboard, blends, contributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Competition, Family, Metric, Truth, base_name
from ensembles.cuts import cut_score, needs_cuts
from ensembles.diversity import error_correlations, marginal_values
from ensembles.sample import sample_of
from pipelines.results.oof import OutOfFold

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.api.results import Result

# Members, times members, times numbers of each, whose marginal values take about a minute.
_MOST_WORK = 2e9

Row = dict[str, Any]
Floats = NDArray[np.float64]


def records_of(table: pd.DataFrame) -> list[Row]:
    """Return the rows of a table by the names of its columns."""
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def leaderboard_rows(result: Result) -> list[Row]:
    """Return the members from best to worst; marks those that do not beat the baseline."""
    competition, metric, blend = result.competition, result.metric, result.blend
    weights = dict(zip(blend.members, blend.weights, strict=True)) if blend else {}
    baseline = result.oof.get(competition.baseline.name)
    rows: list[Row] = [
        {
            "model": oof.model,
            "family": str(family_of(competition, oof)),
            "score": oof.score,
            "nested_score": _nested_score(metric, result.truth, oof),
            **_cut_score(result, oof),
            **_further(competition, result.truth, oof.valid),
            "fold_mean": float(oof.fold_scores.mean()),
            "fold_std": float(oof.fold_scores.std(ddof=1)),
            "repeats": oof.n_repeats,
            "step": oof.step,
            "fit_seconds": oof.fit_seconds,
            "weight": float(weights.get(oof.model, 0.0)),
            "note": _note(result, oof, baseline),
        }
        for oof in result.oof.values()
    ]

    def key(row: Row) -> float:
        return metric.sort_key(row["cut_score"] if "cut_score" in row else row["score"])

    return sorted(rows, key=key)


def blend_rows(result: Result) -> list[Row]:
    """Return the ways to blend that were tried.

    What was chosen among them has an honest score of its own, which counts the choice.
    """
    competition, chosen = result.competition, result.blend
    if chosen is None:
        return []
    rows = []
    for blend in result.tried:
        further = _further(competition, result.truth, blend.honest)
        row = {
            "method": blend.method,
            "honest_score": blend.honest_score,
            "pooled_score": blend.pooled_score,
            "estimate": str(blend.estimate),
            **{f"honest_{name}": score for name, score in further.items()},
            "fitted_score": blend.fitted_score,
            "gap": blend.gap,
            "cuts": None if blend.cuts is None else blend.cuts.as_json(),
            "chosen": blend.method == chosen.method,
        }
        if row["chosen"]:
            row["honest_score_of_choice"] = chosen.honest_score
        rows.append(row)
    return rows


def blend_values(result: Result) -> dict[str, Any]:
    """Return the chosen blend and all that were tried as JSON values, without predictions."""
    chosen = result.blend
    assert chosen is not None
    return {
        "method": chosen.method,
        "weights": dict(zip(chosen.members, map(float, chosen.weights), strict=True)),
        "estimate": str(chosen.estimate),
        "honest_score": chosen.honest_score,
        "pooled_score": chosen.pooled_score,
        "fitted_score": chosen.fitted_score,
        "gap": chosen.gap,
        "cuts": None if chosen.cuts is None else chosen.cuts.as_json(),
        "tried": blend_rows(result),
    }


def takes_too_long(result: Result) -> bool:
    """Whether what each member brings takes minutes: members x members x numbers of a member."""
    names = () if result.blend is None else result.blend.members
    numbers = sum(result.oof[name].valid.size for name in names)
    return len(names) * numbers > _MOST_WORK


def contribution_rows(result: Result) -> list[Row]:
    """Return what each member brings to the blend: see `ensembles.diversity`."""
    chosen = result.blend
    if chosen is None or len(chosen.members) == 1:
        return []
    members = [result.oof[name] for name in chosen.members]
    errors = error_correlations(sample_of(members, result.truth), result.metric)
    gains = marginal_values(members, result.truth, result.folds, result.metric)
    rows = []
    for number, oof in enumerate(members):
        others = [index for index in range(len(members)) if index != number]
        nearest = others[int(np.argmax(errors[number, others]))]
        rows.append(
            {
                "model": oof.model,
                "score": oof.score,
                "weight": float(chosen.weights[number]),
                "mean_error_correlation": float(errors[number, others].mean()),
                "nearest": members[nearest].model,
                "error_correlations": {
                    members[index].model: float(errors[number, index]) for index in others
                },
                "gain": float(gains[number]),
            }
        )
    return rows


def family_of(competition: Competition, oof: OutOfFold) -> Family:
    """Return the family of a member, which may come from another tool or an older zoo."""
    if oof.imported:
        return Family.IMPORTED
    name = base_name(oof.model)
    return next((m.family for m in competition.models if m.name == name), Family.OTHER)


def _nested_score(metric: Metric, truth: Truth, oof: OutOfFold) -> float | None:
    """Return the score with the stopping point chosen without the scored fold and its targets."""
    if oof.nested is None:
        return None
    # Rows that the user numbered below zero are in no fold.
    scored = oof.covered
    return metric.score(truth[scored], oof.nested.outer[scored])


def _further(competition: Competition, truth: Truth, predictions: Floats) -> dict[str, float]:
    """Return the competition's further metrics by name, on the rows that are predicted."""
    covered = np.flatnonzero(np.isfinite(predictions.reshape(len(truth), -1)).all(axis=1))
    return {
        other.name: other.score(truth[covered], predictions[covered]) for other in competition.also
    }


def _cut_score(result: Result, oof: OutOfFold) -> dict[str, float]:
    """Return the score with cut points of the other folds, where labels have no guide without."""
    metric, rows = result.metric, np.flatnonzero(oof.covered)
    if not needs_cuts(metric):
        return {}
    truth = result.competition.truth(result.dataset)
    folds = result.folds.fold_of_row()[rows]
    return {"cut_score": cut_score(metric, truth[rows], oof.valid[rows], folds)}


def _beats(result: Result, oof: OutOfFold, baseline: OutOfFold) -> bool:
    """Whether a member is better than the baseline, by the metric or its guide, as in blends."""
    metric, guide = result.metric, result.metric.guide
    if metric.better(oof.score, than=baseline.score) or guide is metric:
        return metric.better(oof.score, than=baseline.score)
    truth = result.competition.truth(result.dataset)
    own, least = (
        guide.score(truth[rows], one.valid[rows])
        for one in (oof, baseline)
        for rows in [np.flatnonzero(one.covered)]
    )
    return guide.better(own, than=least)


def _note(result: Result, oof: OutOfFold, baseline: OutOfFold | None) -> str:
    origin = "imported" if oof.imported else ""
    if baseline is None:
        return origin
    if oof.model == baseline.model:
        return "baseline"
    return origin if _beats(result, oof, baseline) else "does not beat the baseline"
