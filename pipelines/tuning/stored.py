"""Searches that were stored, read without changing anything: for reports."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from comps.base import StoreError
from pipelines.store import RunStore
from pipelines.tuning._base import State, Trial, TrialResult
from pipelines.tuning.best import Best, read_best, tuning_folder

Trials = tuple[Sequence[TrialResult], Mapping[str, float]]
# Fewer complete trials say nothing of parameters.
_LEAST = 4


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

    The importance is Optuna's, of its own studies alone; see
    `optuna.importance.get_param_importances`.

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
        scores = {result.score for result in results if result.score is not None}
        enough = len(scores) >= _LEAST
        importance = optuna.importance.get_param_importances(found) if enough else {}
    finally:
        storage.engine.dispose()
    return results, importance


def _of_keras_tuner(folder: Path, study: str) -> Trials:
    project = folder / "keras" / study
    results = []
    for path in project.glob("trial_*/trial.json"):
        told = json.loads(path.read_text("utf-8"))
        beside = path.with_name("result.json")
        kept = json.loads(beside.read_text("utf-8")) if beside.exists() else {}
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
    return sorted(results, key=lambda result: result.trial.number), {}


# A search by KerasTuner has a folder of its own; the rest is in one database.
_PLACES: Sequence[tuple[str, Callable[[Path, str], Trials]]] = (
    ("keras/{}", _of_keras_tuner),
    ("optuna.db", _of_optuna),
)
