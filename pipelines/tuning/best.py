"""The best configurations found, kept for `comps run --tuned`.

runs/house-prices/tuning/
    optuna.db             studies of everything but networks
    keras/<study>/        KerasTuner's project folder of a network
    <study>.svg           plot of the search
    best/<model>.json     the best configuration of the last search of a model
    work-<process>/       folds of trials under way
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from comps.base import Metric, Model, StoreError, UsageError
from pipelines.files import write_json
from pipelines.store import RunStore


@dataclass(frozen=True)
class Best:
    """The outcome of a search.

    Attributes:
        model: its name.
        study: where the trials are.
        params: changed parameters of the best trial.
        number: of that trial.
        score: of that trial, on the folds of the search.
        default_score: of the model as it is declared, on the same folds; None if it failed.
        honest: of that trial on folds that the search never saw; None if they were not fitted.
        default_honest: of the model as it is declared, on those folds.
        data: fingerprint of the rows.
    """

    model: str
    study: str
    params: Mapping[str, Any]
    number: int
    score: float
    default_score: float | None
    honest: float | None
    default_honest: float | None
    data: str

    def gains(self, metric: Metric) -> bool:
        """Whether the configuration is better where the search has not been."""
        if self.honest is None or self.default_honest is None:
            return True
        return metric.better(self.honest, than=self.default_honest)


def tuning_folder(store: RunStore) -> Path:
    """Return where the searches of a competition are kept."""
    return store.root / "tuning"


def write_best(store: RunStore, best: Best) -> Path:
    """Keep the outcome of a search, in place of an earlier one's."""
    path = _path(store, best.model)
    write_json(path, asdict(best))
    return path


def read_best(store: RunStore, model: str) -> Best | None:
    """Return the outcome of a model's last search, or None where there was none.

    Raises:
        StoreError: if the file is damaged.
    """
    path = _path(store, model)
    try:
        return Best(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise StoreError(f"{path} is damaged. Delete it, and run comps tune again.") from error


def tuned(
    store: RunStore,
    models: list[Model],
    metric: Metric,
    given: Mapping[str, Mapping[str, Any]],
    data: str | None = None,
) -> tuple[list[Model], list[str]]:
    """Return models with the best configurations found, and what the user should know of them.

    A configuration that was no better on folds that its search never saw is not used, nor one
    that was found on other rows than those of the fingerprint `data`, if it is given. What the
    user has `given` of a model stays.

    Raises:
        UsageError: if none of the models was tuned.
    """
    changed, notes, found = [], [], False
    for model in models:
        best = read_best(store, model.name)
        if best is None:
            changed.append(model)
        elif data not in (None, best.data):
            changed.append(model)
            notes.append(
                f"{model.name}: its parameters stay, for those found are of a search on other rows."
            )
        elif not best.gains(metric):
            found = True
            changed.append(model)
            notes.append(
                f"{model.name}: its parameters stay, for those found were no better on other folds."
            )
        else:
            found = True
            kept = {**model.changed, **given.get(model.name, {})}
            own = {name: value for name, value in best.params.items() if name not in kept}
            changed.append(model.with_params(own))
            notes.append(f"{model.name}: the parameters of trial {best.number} of '{best.study}'.")
    if not found:
        names = ", ".join(model.name for model in models)
        where, how = ("", "") if data is None else (" on these rows", " with the same --sealed")
        raise UsageError(
            f"--tuned uses what comps tune found, and none of these was tuned{where}: {names}. "
            f"Run: comps tune {store.root.name} --model {models[-1].name}{how}"
        )
    return changed, notes


def _path(store: RunStore, model: str) -> Path:
    return tuning_folder(store) / "best" / f"{model}.json"
