"""Search by KerasTuner: networks.

KerasTuner's oracles propose configurations and remember scores. Its tuners, which build and fit,
are not used: the harness trains the folds. The project folder is KerasTuner's own, and a search
that was killed continues from it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from comps.base import JSON, Metric, Model, StoreError, UsageError, unknown_name
from pipelines.basics.files import read_json, write_json
from pipelines.tuning._base import Search, State, Trial, TrialResult
from pipelines.tuning.study import check_same, read_made_of

if TYPE_CHECKING:
    import keras_tuner

_SCORE = "score"


class KerasSearch:
    """A study of one network in a project folder of KerasTuner.

    Args:
        model: with its `space`, a function of `hp` and the model's parameters that returns
            changed parameters.
        metric: gives the direction.
        made_of: what all scores of a study must share; see `study`.
        folder: the project folder, which one process uses at a time.
        tuner: one of `ORACLES`.
        n_trials: the most that there will be; some searches plan with this number.
        seed: of the search.

    Raises:
        StoreError: if the project folder is damaged.
        UsageError: if there is no such tuner, the model has nothing to tune, or the folder is of
            something else.
    """

    prunes = False

    def __init__(
        self,
        model: Model,
        metric: Metric,
        made_of: Mapping[str, JSON],
        folder: Path,
        *,
        tuner: str = "bayesian",
        n_trials: int = 20,
        seed: int = 0,
    ) -> None:
        if tuner not in ORACLES:
            raise unknown_name(f"tuner of models like '{model.name}' called", tuner, ORACLES)
        if model.space is None:
            raise UsageError(f"Model '{model.name}' has no parameter that can be tuned.")
        self.model, self._open, self._workers = (
            model,
            dict[int, "keras_tuner.engine.trial.Trial"](),
            count(),
        )
        import_keras_tuner()
        import keras_tuner

        hp = keras_tuner.HyperParameters()
        params = model.space(hp, model.params)
        if not params or not hp.space:
            raise UsageError(f"Model '{model.name}' has no parameter that can be tuned.")
        model.with_params(params)  # refuses an unknown name
        objective = keras_tuner.Objective(_SCORE, "max" if metric.greater_is_better else "min")
        self.oracle = ORACLES[tuner](objective, hp, n_trials, seed, model)
        self.oracle.verbose = 0
        folder.mkdir(parents=True, exist_ok=True)
        self.oracle._set_project_dir(str(folder.parent), folder.name)
        marker = folder / "study.json"
        if marker.exists():
            check_same(read_made_of(marker), made_of, folder.name)
        if (folder / "oracle.json").exists():
            self._reload(folder)
        write_json(marker, dict(made_of))

    def _reload(self, folder: Path) -> None:
        try:
            self.oracle.reload()
        except (ValueError, KeyError, TypeError, RuntimeError, AttributeError) as error:
            raise StoreError(
                f"The study in {folder} is damaged. Delete the folder, or name another study with "
                "--study."
            ) from error

    def ask(self) -> Trial | None:
        """Return a new trial. See `Search`."""
        # An oracle gives a worker its open trial again: each trial is a worker of its own.
        with warnings.catch_warnings():
            # Its Gaussian process says how its own fit went, which is no news for whoever tunes.
            warnings.simplefilter("ignore")
            asked = self.oracle.create_trial(f"worker-{next(self._workers)}")
        if asked.status != "RUNNING":
            return None
        trial = Trial(int(asked.trial_id), self._params(asked))
        self._open[trial.number] = asked
        return trial

    def _params(self, asked: keras_tuner.engine.trial.Trial) -> dict[str, JSON]:
        assert self.model.space is not None
        params = dict(self.model.space(asked.hyperparameters, self.model.params))
        # Hyperband decides on the epochs, too. Networks begin anew in each of its rounds.
        epochs = asked.hyperparameters.values.get("tuner/epochs")
        return params | ({"epochs": int(epochs)} if epochs else {})

    def hopeless(self, trial: Trial, fold: int, score: float) -> bool:
        """Return False: an oracle of KerasTuner does not prune. See `Search`."""
        del trial, fold, score
        return False

    def tell(self, result: TrialResult) -> None:
        """Store the outcome of a trial. See `Search`."""
        asked = self._open.pop(result.trial.number)
        if result.score is not None:
            self.oracle.update_trial(asked.trial_id, {_SCORE: result.score}, step=result.step or 0)
        asked.status = "COMPLETED" if result.state is State.COMPLETE else "FAILED"
        asked.message = result.reason or None
        path = Path(self.oracle._get_trial_dir(asked.trial_id)) / "result.json"
        kept = {"params": dict(result.trial.params), "fold_scores": list(result.fold_scores)}
        write_json(path, kept | {"step": result.step, "seconds": result.seconds})
        self.oracle.end_trial(asked)

    def forget(self, trial: Trial) -> None:
        """Leave a trial open: the next search of this folder begins with it. See `Search`."""
        self._open.pop(trial.number)

    def results(self) -> list[TrialResult]:
        """Return every trial that has ended. See `Search`."""
        found = []
        for name in sorted(self.oracle.end_order, key=int):
            trial = self.oracle.trials[name]
            path = Path(self.oracle._get_trial_dir(name)) / "result.json"
            kept = read_json(path) if path.exists() else {}
            complete = trial.status == "COMPLETED"
            found.append(
                TrialResult(
                    Trial(int(name), kept.get("params", {})),
                    State.COMPLETE if complete else State.FAILED,
                    float(trial.score) if complete else None,
                    tuple(kept.get("fold_scores", ())),
                    kept.get("step"),
                    kept.get("seconds", 0.0),
                    trial.message or "",
                )
            )
        return found

    def open_trials(self) -> int:
        """Return the number of trials that are running. See `Search`."""
        return len(self._open)


def import_keras_tuner() -> None:
    """Import KerasTuner, and with it Keras, on a backend that leaves accelerators alone.

    This process trains nothing; the workers need the memory of the cards.
    """
    import sys

    if "keras_tuner" in sys.modules:
        return
    from pipelines.basics.hardware import WITHOUT
    from pipelines.trainers.networks._keras_backend import import_keras

    before = {name: os.environ.get(name) for name in (*WITHOUT, "KERAS_BACKEND")}
    os.environ.update(WITHOUT)
    try:
        if "keras" not in sys.modules:
            import_keras("jax")
        import keras_tuner  # noqa: F401
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _default_first(oracle: type[keras_tuner.Oracle]) -> type[keras_tuner.Oracle]:
    """Return a subclass of an oracle whose first trial has the model's own parameters."""

    class DefaultFirst(oracle):  # type: ignore[misc]
        def populate_space(self, trial_id: str) -> dict[str, object]:
            if self.trials:
                found: dict[str, object] = super().populate_space(trial_id)
                return found
            space = self.hyperparameters.space
            return {"status": "RUNNING", "values": {hp.name: hp.default for hp in space}}

    return DefaultFirst


def _bayesian(
    objective: keras_tuner.Objective,
    hp: keras_tuner.HyperParameters,
    n_trials: int,
    seed: int,
    model: Model,
) -> keras_tuner.Oracle:
    from keras_tuner.oracles import BayesianOptimizationOracle

    del model
    made = _default_first(BayesianOptimizationOracle)
    return made(objective, n_trials, hyperparameters=hp, **_common(seed))


def _random(
    objective: keras_tuner.Objective,
    hp: keras_tuner.HyperParameters,
    n_trials: int,
    seed: int,
    model: Model,
) -> keras_tuner.Oracle:
    from keras_tuner.oracles import RandomSearchOracle

    del model
    made = _default_first(RandomSearchOracle)
    return made(objective, n_trials, hyperparameters=hp, **_common(seed))


def _hyperband(
    objective: keras_tuner.Objective,
    hp: keras_tuner.HyperParameters,
    n_trials: int,
    seed: int,
    model: Model,
) -> keras_tuner.Oracle:
    from keras_tuner.oracles import HyperbandOracle

    del n_trials
    return HyperbandOracle(
        objective, max_epochs=model.params["epochs"], hyperparameters=hp, **_common(seed)
    )


def _common(seed: int) -> dict[str, int]:
    # Zero would be taken for no seed. The harness decides what many failures mean.
    return {"seed": seed + 1, "max_consecutive_failed_trials": 10**9}


ORACLES: Mapping[str, Callable[..., keras_tuner.Oracle]] = {
    "bayesian": _bayesian,
    "random": _random,
    "hyperband": _hyperband,
}


if TYPE_CHECKING:
    _: type[Search] = KerasSearch
