"""What models bring to the blend, told from the folds that are finished."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from comps.base import Family, Model, Truth
from ensembles.greedy import greedy_weights
from ensembles.sample import Floats, Sample, stack
from pipelines.crossval.spending import preview_of
from pipelines.engines.jobs import Job
from pipelines.folds import Rows
from pipelines.results.fold_result import FoldResult
from pipelines.store import Experiment, RunStore

# So many rows tell who is of use; all of them would keep the workers waiting.
_ENOUGH = 5000
# Shares of a model in a mixture with the blend.
_SHARES = np.linspace(0.0, 1.0, 11)


class FoldWorth:
    """Keeps the predictions of the folds of the first repeat; a `Worth` of `Spending`.

    Of each fold the best stage counts: which one is used is chosen later, on all folds.

    Args:
        experiment: the rows and the folds.
        store: where results are found; what is there already is read.
        models: that may be trained.

    Attributes:
        seconds: that each fold took which was there already, by member.
    """

    def __init__(self, experiment: Experiment, store: RunStore, models: Sequence[Model]) -> None:
        self._experiment, self._store = experiment, store
        self._folds, self._guide = experiment.folds, experiment.competition.metric.guide
        self._truth = Truth.of(experiment.competition.truth(experiment.dataset))
        # Rows of a query are scored together.
        self._every = 1 if self._truth.query is not None else -(-len(self._truth) // _ENOUGH)
        self._fold_of_row = self._folds.fold_of_row()
        self._preview = preview_of(self._folds)
        self._found: dict[str, dict[int, Floats]] = {model.member: {} for model in models}
        self._baselines = {m.member for m in models if m.family is Family.BASELINE}
        self._weights: Mapping[str, float] | None = None
        self._gains: dict[str, float] = {}
        self.seconds: dict[str, list[float]] = {}
        for model in models:
            for (fold,) in self._folds.single:
                result = self._read(model, experiment.key(model), fold)
                if result is not None:
                    seconds = result.fit_seconds + result.other_seconds
                    self.seconds.setdefault(model.member, []).append(seconds)

    def finished(self) -> Collection[str]:
        """Return the members that have all folds of the first repeat. See `Worth`."""
        return [name for name, own in self._found.items() if len(own) == self._folds.n_folds]

    def gain(self, member: str) -> float | None:
        """Return what the score of the blend gains by a member on its preview. See `Worth`.

        It is the best of some mixtures of both: of the share alone is chosen on the scored rows.
        """
        (fold,) = self._preview
        if fold not in self._found[member] or not self.finished():
            return None
        if member not in self._gains:
            target, own = self._truth[self._rows(fold)], self._found[member][fold]
            parts = [self.weight(name) * self._found[name][fold] for name in self.finished()]
            blend = np.sum(parts, axis=0)
            mixtures = [(1 - share) * blend + share * own for share in _SHARES]
            keys = [self._guide.sort_key(self._guide.score(target, m)) for m in mixtures]
            # A fold of one class has no AUC.
            self._gains[member] = float(np.nan_to_num(keys[0] - min(keys)))
        return self._gains[member]

    def weight(self, member: str) -> float:
        """Return the weight of a finished member in a greedy blend of all. See `Worth`.

        The baseline has none beside others, which have to beat it.
        """
        if self._weights is None:
            names = [name for name in self.finished() if name not in self._baselines]
            names = names or list(self.finished())
            folds = [fold for (fold,) in self._folds.single]
            rows = np.concatenate([self._rows(fold) for fold in folds])
            columns = [np.concatenate([self._found[name][f] for f in folds]) for name in names]
            sample = Sample(stack(columns, len(names)), self._truth[rows])
            weights = greedy_weights(sample, self._guide).tolist()
            self._weights = dict(zip(names, weights, strict=True))
        return self._weights.get(member, 0.0)

    def learn(self, job: Job) -> None:
        """Read the results of a finished job. See `Worth`."""
        if job.repeat == 0 and job.kind == "folds":
            for (fold,) in job.held:
                self._read(job.model, job.key, fold)

    def _read(self, model: Model, key: str, fold: int) -> FoldResult | None:
        result = self._store.find_fold(model.name, key, 0, (fold,))
        if result is not None:
            stage = -1 if np.isnan(result.curve).all() else self._guide.best(result.curve)
            values = result.valid[stage][:: self._every].astype(np.float64)
            self._found[model.member][fold] = values
            self._weights, self._gains = None, {}
        return result

    def _rows(self, fold: int) -> Rows:
        return np.asarray(self._folds.rows(0, (fold,))[1][:: self._every])
