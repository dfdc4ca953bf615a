"""Searches that were stored, read without changing anything: for reports."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comps.base import JSON, StoreError
from pipelines.basics.files import read_json
from pipelines.store import RunStore
from pipelines.tuning._base import State, Trial, TrialResult
from pipelines.tuning.best import Best, read_best, tuning_folder

if TYPE_CHECKING:
    import optuna

Trials = tuple[Sequence[TrialResult], Mapping[str, float]]
# Fewer complete trials say nothing of parameters.
_LEAST = 4
# A range is logarithmic from this ratio of its ends on.
_WIDE = 30.0


def stored_bests(store: RunStore) -> tuple[list[Best], list[str]]:
    """Return the outcome of the last search of each model, and a line on each that is damaged."""
    found, damaged = [], []
    for path in sorted((tuning_folder(store) / "best").glob("*.json")):
        try:
            best = read_best(store, path.stem)
        except (StoreError, OSError) as error:
            damaged.append(str(error))
        else:
            found += [] if best is None else [best]
    return found, damaged


def stored_trials(store: RunStore, best: Best) -> Trials:
    """Return the trials of a study in order, and the importance of its parameters.

    The importance is Optuna's, see `optuna.importance.get_param_importances`; none of few trials.

    Raises:
        StoreError: if they are not in this store, or cannot be read.
    """
    folder = tuning_folder(store)
    for place, read in _PLACES:
        if (folder / place.format(best.study)).exists():
            try:
                return read(folder, best.study)
            except Exception as error:  # SQLAlchemy, Optuna and json each raise their own
                raise StoreError(
                    f"The trials of the study '{best.study}' cannot be read: {error}"
                ) from error
    raise StoreError(f"The trials of the study '{best.study}' are not in {folder}.")


def _of_optuna(folder: Path, study: str) -> Trials:
    import optuna

    from pipelines.tuning.optuna_search import results_of

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    path = (folder / "optuna.db").resolve()
    storage = optuna.storages.RDBStorage(
        f"sqlite:///file:{path}?mode=ro&uri=true", skip_table_creation=True
    )
    try:
        found = optuna.load_study(study_name=study, storage=storage)
        results = results_of(found)
    finally:
        storage.engine.dispose()
    return results, importance_of(results)


def _of_keras_tuner(folder: Path, study: str) -> Trials:
    project = folder / "keras" / study
    results = []
    for path in project.glob("trial_*/trial.json"):
        told = json.loads(path.read_text("utf-8"))
        beside = path.with_name("result.json")
        kept = read_json(beside) if beside.exists() else {}
        complete = told["status"] == "COMPLETED"
        if complete or told["status"] == "FAILED":
            results.append(
                TrialResult(
                    Trial(int(told["trial_id"]), kept.get("params", {})),
                    State.COMPLETE if complete else State.FAILED,
                    float(told["score"]) if complete else None,
                    tuple(kept.get("fold_scores", ())),
                    kept.get("step"),
                    kept.get("seconds", 0.0),
                    told.get("message") or "",
                )
            )
    results.sort(key=lambda result: result.trial.number)
    return results, importance_of(results)


def importance_of(results: Sequence[TrialResult]) -> Mapping[str, float]:
    """Return shares of the scores' variance that follow from each parameter; they sum to one.

    Of the parameters that all complete trials have, and that vary; none of few trials. What was
    searched is taken to be as wide as what was tried.
    """
    import optuna

    complete = [result for result in results if result.score is not None]
    if len({result.score for result in complete}) < _LEAST:
        return {}
    names = set[str].intersection(*(set(result.trial.params) for result in complete))
    columns = {
        name: _comparable([result.trial.params[name] for result in complete])
        for name in sorted(names)
    }
    ranges = {name: _range(values) for name, values in columns.items() if len(set(values)) > 1}
    if not ranges:
        return {}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    for number, result in enumerate(complete):
        params = {name: columns[name][number] for name in ranges}
        study.add_trial(
            optuna.trial.create_trial(value=result.score, params=params, distributions=ranges)
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def _comparable(values: Sequence[JSON]) -> Sequence[Any]:
    """Return numbers as they are, and all else as texts."""
    numbers = all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in values
    )
    return values if numbers else [json.dumps(value) for value in values]


def _range(values: Sequence[Any]) -> optuna.distributions.BaseDistribution:
    """Return what such values may be drawn from."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(values[0], str):
        return CategoricalDistribution(sorted(set(values)))
    low, high = min(values), max(values)
    wide = low > 0 and high / low >= _WIDE
    if all(isinstance(value, int) for value in values):
        return IntDistribution(low, high, log=wide)
    return FloatDistribution(low, high, log=wide)


# A search by KerasTuner has a folder of its own; the rest is in one database.
_PLACES: Sequence[tuple[str, Callable[[Path, str], Trials]]] = (
    ("keras/{}", _of_keras_tuner),
    ("optuna.db", _of_optuna),
)
