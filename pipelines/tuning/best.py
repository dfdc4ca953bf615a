"""The best configurations that searches found, stored for `comps run --tuned`.

runs/house-prices/tuning/
    optuna.db             studies of everything but networks
    keras/<study>/        KerasTuner's project folder of a network
    <study>.svg           plot of the search
    best/<model>.json     the best configuration of the last search of a model
    work-<process>/       folds of running trials
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from comps.base import JSON, Metric, Model, Params, StoreError, UsageError
from pipelines.basics.files import read_json, write_json
from pipelines.store import RunStore


@dataclass(frozen=True)
class Check:
    """Scores of the best configuration and the declared one on rows that the search never saw.

    Attributes:
        rows: how many.
        share: of the training rows that was requested for this.
        score: of the best configuration.
        default_score: of the model as it is declared.
        gain: how much better the first is; negative if it is worse.
        error: standard error of the gain; None where it cannot be told.
    """

    rows: int
    share: float
    score: float
    default_score: float
    gain: float
    error: float | None


@dataclass(frozen=True)
class Best:
    """The outcome of a search.

    Attributes:
        model: its name.
        study: where the trials are.
        params: changed parameters of the best trial.
        number: of that trial.
        score: of that trial, on the folds of the search; too good, because it is the best of many.
        default_score: of the model as it is declared, on the same folds; None if it failed.
        data: fingerprint of the rows of the run, before some were held out of the search.
        check: on rows that the search never saw; None if there was none.
        unchecked: why there was none.
    """

    model: str
    study: str
    params: Params
    number: int
    score: float
    default_score: float | None
    data: str
    check: Check | None = None
    unchecked: str = ""

    def gains(self) -> bool:
        """Whether the gain over the declared parameters is more than one standard error.

        Only rows that the search never saw can show this.
        """
        check = self.check
        return check is not None and check.error is not None and check.gain > check.error

    def found(self, metric: Metric) -> str:
        """Return the result of the check in words, or why there was none, without a full stop."""
        if self.check is None:
            return self.unchecked
        error = self.check.error
        told = "unknown" if error is None else f"{error:.{metric.digits}f}"
        return (
            f"a gain of {self.check.gain:+.{metric.digits}f} on {self.check.rows:,} rows that the "
            f"search never saw, with a standard error of {told}"
        )


@dataclass(frozen=True)
class Use:
    """Whether `--tuned` uses the best configuration of a search, and why.

    Attributes:
        model: its name.
        used: whether the configuration found takes the place of the declared one. A search
            chose it by scores on the rows that it is now scored on.
        study: of the search.
        trial: number of the best one.
        text: the same in words, with the reason.
    """

    model: str
    used: bool
    study: str
    trial: int
    text: str

    def values(self) -> dict[str, JSON]:
        """Return the fields as JSON values."""
        return {**asdict(self), "score_looked_at": self.used}


def tuning_folder(store: RunStore) -> Path:
    """Return the folder of a competition's searches."""
    return store.root / "tuning"


def write_best(store: RunStore, best: Best) -> Path:
    """Store the outcome of a search, replacing that of an earlier one."""
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
        found = read_json(path)
        check = found["check"]
        return Best(**{**found, "check": None if check is None else Check(**check)})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise StoreError(f"{path} is damaged. Delete it, and run comps tune again.") from error


def tuned(
    store: RunStore,
    models: list[Model],
    metric: Metric,
    given: Mapping[str, Params],
    data: str,
) -> tuple[list[Model], list[Use]]:
    """Return models with the best configurations found, and for each search whether it is used.

    A configuration is used if its gain over the declared one was more than one standard error on
    rows that its search never saw, and if it was found on the rows of the fingerprint `data`.
    Parameters that the user has `given` stay. Models without a search have no `Use`.

    Raises:
        UsageError: if none of the models was tuned on these rows.
    """
    changed, uses, found = [], [], False
    for model in models:
        best = read_best(store, model.name)
        if best is None:
            changed.append(model)
            continue
        here = best.data == data
        found = found or here
        used = here and best.gains()
        kept = {**model.changed, **given.get(model.name, {})}
        own = {name: value for name, value in best.params.items() if name not in kept}
        changed.append(model.with_params(own) if used else model)
        why = best.found(metric) if here else "those found are of a search on other rows"
        text = (
            f"{model.name}: the parameters of trial {best.number} of '{best.study}', for {why}. "
            "They were chosen by a search that saw these rows' folds: its out-of-fold score may "
            "be a little too good."
            if used
            else f"{model.name}: its parameters stay: {why}."
        )
        uses.append(Use(model.name, used, best.study, best.number, text))
    if not found:
        names = ", ".join(model.name for model in models)
        where = " on these rows" if uses else ""
        how = ", with the same --data and --sealed" if uses else ""
        raise UsageError(
            f"--tuned uses what comps tune found, and none of these was tuned{where}: {names}. "
            f"Run: comps tune {store.root.name} --model {models[-1].name}{how}"
        )
    return changed, uses


def _path(store: RunStore, model: str) -> Path:
    return tuning_folder(store) / "best" / f"{model}.json"
