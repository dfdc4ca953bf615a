"""Members as labels, for a comparison by a metric that needs cut points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from comps.base import base_name
from ensembles.cuts import decided_by_others
from pipelines.results.inner import join
from pipelines.results.oof import OutOfFold
from pipelines.store import Experiment, RunStore

Floats = NDArray[np.float64]


def decided_member(experiment: Experiment, store: RunStore, oof: OutOfFold) -> OutOfFold:
    """Return a member whose predictions are labels, each by cut points of the other folds.

    No label was decided on by cut points that its row had a part in. In each repeat they are
    fitted on the predictions of that repeat, for its fold scores.

    Args:
        experiment: competition, rows and folds.
        store: with the results of single repeats.
        oof: the member, of probabilities.
    """
    competition, folds = experiment.competition, experiment.folds
    metric, truth = competition.metric, competition.truth(experiment.dataset)

    def decided(predictions: Floats, repeat: int) -> Floats:
        rows = np.flatnonzero(oof.covered)
        found = np.full(predictions.shape, np.nan)
        found[rows] = decided_by_others(
            metric, truth[rows], predictions[rows], folds.fold_of_row(repeat)[rows]
        )
        return found

    scores = [
        [metric.score(truth[valid], labels[valid]) for _, valid in folds.pairs[repeat]]
        for repeat, predictions in enumerate(_repeats(experiment, store, oof))
        for labels in [decided(predictions, repeat)]
    ]
    labels = decided(oof.valid, 0)
    score = metric.score(truth[oof.covered], labels[oof.covered])
    return replace(oof, valid=labels, score=score, fold_scores=np.array(scores))


def _repeats(experiment: Experiment, store: RunStore, oof: OutOfFold) -> Iterator[Floats]:
    """Yield the predictions of each repeat; those of several are the mean in a member."""
    if oof.n_repeats == 1:
        yield oof.valid
        return
    folds = experiment.folds
    for repeat, pairs in enumerate(folds.pairs[: oof.n_repeats]):
        results = store.find_folds(base_name(oof.model), oof.key, repeat, folds.single)
        yield join(replace(folds, pairs=[pairs]), [results], oof.step)
