"""What a blend is worth, beside the best single model: the sentence that a run ends with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from comps.base import Metric
from ensembles import Blend
from ensembles.outer import comparable
from ensembles.paired import paired_gain
from pipelines.results.inner import Estimate
from pipelines.store import Experiment


@dataclass(frozen=True)
class Headline:
    """What is submitted, or was chosen; its honest score, and its lead over a single model.

    Attributes:
        text: in words.
        values: the same as JSON values.
    """

    text: str
    values: Mapping[str, Any]

    def __str__(self) -> str:
        return self.text


def headline(experiment: Experiment, chosen: Blend, single: Blend, tuned: list[str]) -> Headline:
    """Compare a blend with the best single model, which is chosen as the blend is.

    Both are chosen without the rows that are scored, and scored on the same rows.

    Args:
        experiment: rows and folds.
        chosen: what is submitted.
        single: by the method "best".
        tuned: models whose parameters a search chose on these rows.
    """
    competition, dataset = experiment.competition, experiment.dataset
    metric, target = competition.metric, competition.truth(dataset)
    scored = np.flatnonzero(np.isfinite(chosen.honest.reshape(len(target), -1)).all(axis=1))
    gain = metric.sort_key(single.honest_score) - metric.sort_key(chosen.honest_score)
    groups, times = (
        None if labels is None else labels[scored] for labels in (dataset.groups, dataset.times)
    )
    fold_of_row = experiment.folds.fold_of_row()[scored]
    one, other = (
        comparable(metric, blend.judged[scored], fold_of_row) for blend in (single, chosen)
    )
    error = paired_gain(metric, target[scored], one, other, groups, times).error
    values = {
        "method": chosen.method,
        "metric": metric.name,
        "estimate": str(chosen.estimate),
        "honest_score": chosen.honest_score,
        "pooled_score": chosen.pooled_score,
        "fitted_score": chosen.fitted_score,
        "cuts": None if chosen.cuts is None else chosen.cuts.as_json(),
        "best_single": single.members[int(single.weights.argmax())],
        "best_single_score": single.honest_score,
        "gain": gain,
        "gain_standard_error": error,
        "tuned": tuned,
    }
    submits = dataset.sample_submission is not None
    text = _headline_text(metric, chosen, values)
    return Headline(f"{'Submitted' if submits else 'Chosen'}: {text}", values)


_MEANINGS = {
    Estimate.NESTED: "everything was chosen without the scored rows and models that saw them",
    Estimate.CROSS_FITTED: "choices were made on the other folds, whose models saw the scored rows",
    Estimate.TIME_ORDERED: "everything was chosen on earlier blocks, and the first block, which "
    "has none, is not scored",
}


def _headline_text(metric: Metric, chosen: Blend, values: Mapping[str, Any]) -> str:
    def shown(score: float) -> str:
        return f"{score:.{metric.digits}f}"

    searched = ", ".join(values["tuned"])
    but = f", but the parameters of {searched} by a search" if searched else ""
    cut = f" with cut points ({chosen.cuts})" if chosen.cuts is not None else ""
    within = f" (mean within folds; {shown(chosen.pooled_score)} pooled)"
    score = (
        f"{chosen.estimate} {metric.label} {shown(chosen.honest_score)}"
        f"{cut}{within if metric.order_alone else ''}: {_MEANINGS[chosen.estimate]}"
        f"{but}."
    )
    if len(chosen.members) == 1:
        return f"{chosen.members[0]} alone, {score}"
    gain, error = values["gain"], values["gain_standard_error"]
    verdict = f"{'better' if gain > 0 else 'worse'} by {shown(abs(gain))}"
    meaning = "how far chance explains it is not known"
    if error is not None:
        verdict += f" with a standard error of {shown(error)}"
        meaning = "more than chance explains" if abs(gain) > 2 * error else "chance may explain it"
    return (
        f"blend '{chosen.method}' of {len(chosen.members)} models, {score} The best "
        f"single model, chosen in the same way, has {shown(values['best_single_score'])} "
        f"({values['best_single']}); the blend is {verdict}: {meaning}."
    )
