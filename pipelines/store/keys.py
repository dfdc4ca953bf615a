"""Keys of results: equal if nothing that decides the results has changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from comps.base import JSON, Competition, Dataset, Metric, Model
from pipelines.basics.fingerprint import fingerprint, with_contents
from pipelines.code import code_fingerprint
from pipelines.folds import Folds


def result_key(
    competition: Competition, dataset: Dataset, folds: Folds, model: Model, seed: int
) -> str:
    """Return the key of a model's results: equal if nothing that decides them has changed.

    A file that a parameter names counts by its content. Rows, targets, weights, queries and a
    column of folds count by the fingerprint of the data.

    Raises:
        CodeError: if the code that results depend on cannot be found or read.
        DataError: if a file that a parameter names cannot be read.
    """
    metric, config = competition.metric, model.config()
    return fingerprint(
        dataset.fingerprint,
        folds.fingerprint,
        # Their functions count as code does.
        [_told(metric), _told(metric.guide), competition.task],
        {**config, "params": with_contents(config["params"])},
        seed,
        code_fingerprint(competition, model),
    )


def _told(metric: Metric) -> JSON:
    """Return what a metric says of itself that decides scores, beside its function."""
    return [
        metric.name,
        metric.greater_is_better,
        str(metric.needs),
        metric.scale.name,
        metric.weighted,
        metric.by_query,
        metric.together,
    ]


@dataclass(frozen=True)
class Experiment:
    """The rows, folds and seed of a cross-validation.

    Attributes:
        competition: its definition.
        dataset: its rows.
        data: the path that the rows were loaded from.
        folds: the rows of each fold; all repeats are wanted.
        seed: the run's seed.
    """

    competition: Competition
    dataset: Dataset
    data: Path
    folds: Folds
    seed: int = 0

    def key(self, model: Model) -> str:
        """Return the key of a model's results in the store."""
        return result_key(self.competition, self.dataset, self.folds, model, self.seed)
