"""What all scores of a study share: only then can they be compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from comps.base import JSON, Model, StoreError, UsageError
from pipelines.basics.files import read_json
from pipelines.store import Experiment

OUTER_PART = "outer part"


def made_of(experiment: Experiment, model: Model, outer: float = 0.0) -> dict[str, JSON]:
    """Return everything that the scores of a study share, as JSON values.

    Args:
        experiment: that the trials are scored on.
        model: what is tuned.
        outer: share of the rows that was held out before.
    """
    config = model.config()
    return {
        "competition": experiment.competition.name,
        "model": model.name,
        OUTER_PART: outer,
        "data": experiment.dataset.fingerprint,
        "folds": experiment.folds.fingerprint,
        "seed": experiment.seed,
        "configuration": {**config, "params": dict(model.params)},
    }


def check_same(found: object, expected: Mapping[str, JSON], name: str) -> None:
    """Check that a study is of the same rows, folds, seed and model.

    Raises:
        UsageError: naming what differs.
    """
    if not isinstance(found, Mapping):
        raise UsageError(
            f"The study '{name}' was not made by comps tune. Name another one with --study."
        )
    differing = [key for key in expected if found.get(key) != expected[key]]
    if differing:
        old = " It is of a version that searched on all rows." if OUTER_PART not in found else ""
        raise UsageError(
            f"The study '{name}' is of another {' and '.join(differing)}, so that its scores "
            f"cannot be compared.{old} Begin a new one with --study NAME."
        )


def read_made_of(path: Path) -> JSON:
    """Return the JSON values of `made_of` that were stored with a study.

    Raises:
        StoreError: if the file is damaged.
    """
    try:
        made: JSON = read_json(path)
        return made
    except ValueError as error:
        raise StoreError(f"{path} is damaged. Delete its folder, or use --study NAME.") from error
