"""What four scores say of the winner of a search, and what is gained by using it.

    python -m tests.benchmarks.tuning_choice [--studies 100] [--rows 300] [--trials 20]

Each study draws fresh rows, holds out a quarter of them, searches on five folds of the rest, and
scores the best configuration and the declared one on: the folds of the search; the rows of the
search in other folds (the check of earlier versions); the outer part; and 5,000 fresh rows, which
say what is true. Shown are the mean gains with the standard error of the mean, how often a rule
uses the winner, and what is gained on fresh rows by what the rule uses; where the declared
parameters won, nothing is gained. On pure noise nothing
can be gained; with ridge and RMSE something can even there, for a larger penalty is better. A study
of all four kinds takes six seconds of one core.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Any

import lightgbm  # noqa: F401  (its threads are limited, too, once it is there)
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

from comps.base import Competition, Dataset, Family, Metric, Model, Task, spaces
from comps.metrics import RMSLE, ROC_AUC
from ensembles.paired import PairedGain, paired_gain
from pipelines.basics.fingerprint import fingerprint
from pipelines.crossval import CrossValidation, cross_validate
from pipelines.engines.inline import InlineEngine
from pipelines.folds import FoldInput, Folds, FoldSpec, make_folds
from pipelines.store import Experiment, RunStore
from pipelines.tuning.best import Best, Check
from pipelines.tuning.optuna_search import OptunaSearch
from pipelines.tuning.outer import hold_out
from pipelines.tuning.study import made_of
from pipelines.tuning.trials import run_trials

Floats = NDArray[np.float64]
FRESH, FEATURES, FOLDS = 5_000, 20, 5


class Silent:
    """A reporter that says nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *values: None


def build_ridge(alpha: float) -> Ridge:
    """Return a linear regression."""
    return Ridge(alpha=alpha)


def load(path: Path) -> Dataset:
    """Read what `draw` wrote; the test rows are the fresh ones."""
    with np.load(path) as arrays:
        rows, target = arrays["rows"], arrays["target"]
    n_rows = len(rows) - FRESH
    return Dataset(
        train=rows[:n_rows],
        test=rows[n_rows:],
        target=target[:n_rows],
        train_ids=np.arange(n_rows),
        test_ids=np.arange(n_rows, len(rows)),
        sample_submission=pd.DataFrame(),
        source="drawn",
        fingerprint=fingerprint(rows, target),
    )


def draw(path: Path, task: Task, signal: float, n_rows: int, seed: int) -> Floats:
    """Write a data set, and return the targets of its fresh rows."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n_rows + FRESH, FEATURES))
    effects = rng.normal(size=FEATURES) * (np.arange(FEATURES) < 5) / np.sqrt(5)
    target = signal * (rows @ effects + np.abs(rows[:, 0]) - 0.8) + rng.normal(size=len(rows))
    if task is Task.BINARY:
        target = (target > 0).astype(np.float64)
    np.savez(path, rows=rows, target=target)
    fresh: Floats = target[n_rows:]
    return fresh


LIGHTGBM = Model(
    "lightgbm",
    Family.BOOSTING,
    "lightgbm",
    {
        "rounds": 40,
        "stride": 10,
        "learning_rate": 0.1,
        "num_leaves": 8,
        "feature_fraction": 0.5,
        "min_data_in_leaf": 10,
        "lambda_l2": 1.0,
    },
    space=spaces.boosting,
)
RIDGE = Model(
    "ridge", Family.LINEAR, "sklearn", {"alpha": 30.0}, build=build_ridge, space=spaces.scales
)
RMSE = replace(RMSLE, name="root_mean_squared_error", label="RMSE", scale=ROC_AUC.scale)


@dataclass(frozen=True)
class Kind:
    """A kind of studies."""

    task: Task
    metric: Metric
    model: Model
    baseline: Callable[[], Any]
    signal: float

    def competition(self) -> Competition:
        """Return what the harness has to know."""
        baseline = Model("mean", Family.BASELINE, "sklearn", build=self.baseline)
        return Competition(
            name="drawn",
            title="Drawn",
            task=self.task,
            metric=self.metric,
            load=load,
            models=(baseline, self.model),
            sample=Path("drawn"),
            archive="drawn.npz",
            id_column="id",
            target_columns=("target",),
            n_folds=FOLDS,
        )


KINDS: Mapping[str, Kind] = {
    "noise, LightGBM, AUC": Kind(Task.BINARY, ROC_AUC, LIGHTGBM, DummyClassifier, 0.0),
    "weak signal, LightGBM, AUC": Kind(Task.BINARY, ROC_AUC, LIGHTGBM, DummyClassifier, 0.4),
    "noise, ridge, RMSE": Kind(Task.REGRESSION, RMSE, RIDGE, DummyRegressor, 0.0),
    "weak signal, ridge, RMSE": Kind(Task.REGRESSION, RMSE, RIDGE, DummyRegressor, 0.4),
}


@dataclass(frozen=True)
class Gains:
    """The gains of a winner over the declared parameters, as four scores tell them."""

    search: float
    other_folds: float
    outer: float
    fresh: float


def validated(experiment: Experiment, model: Model, folder: Path) -> CrossValidation:
    """Cross-validate one configuration in this process, on one core."""
    engine = InlineEngine(threads=1)
    return cross_validate(
        experiment, [model], store=RunStore(folder), engine=lambda: engine, reporter=Silent()
    )


def study(
    kind: Kind, n_rows: int, n_trials: int, seed: int, folder: Path
) -> tuple[Gains, Best] | None:
    """Run a search; return what the scores say of its winner, None if the declared one won."""
    path, competition = folder / "drawn.npz", kind.competition()
    fresh_target = draw(path, kind.task, kind.signal, n_rows, seed)
    dataset, spec = load(path), FoldSpec("stratified", FOLDS, seed)
    whole = Experiment(
        competition, dataset, path, make_folds(spec, FoldInput.of(competition, dataset)), seed
    )
    inner, part = hold_out(whole, 0.25)
    made, url = made_of(inner, kind.model, part.share), "sqlite:///:memory:"
    search = OptunaSearch(kind.model, kind.metric, made, url, "drawn", seed=seed)
    engine, work = InlineEngine(threads=1), folder / "work"
    run_trials(inner, kind.model, search, engine=engine, folder=work, n_trials=n_trials)
    scored = [result for result in search.results() if result.score is not None]
    best = min(scored, key=lambda result: kind.metric.sort_key(result.score or 0.0))
    if best is scored[0]:
        return None
    models = (kind.model, kind.model.with_params(best.trial.params))
    others = replace(inner, folds=reshuffled(inner))
    seen, again = (
        [
            next(iter(validated(rows, model, folder / f"{name}-{number}").oofs.values()))
            for number, model in enumerate(models)
        ]
        for name, rows in (("seen", inner), ("again", others))
    )

    def gain(scores: list[float]) -> float:
        return kind.metric.sort_key(scores[0]) - kind.metric.sort_key(scores[1])

    def paired(target: Floats, first: int, last: int) -> PairedGain:
        one, other = (oof.test[first:last] for oof in seen)
        return paired_gain(kind.metric, target, one, other)

    checked = paired(part.target, FRESH, FRESH + len(part.target))
    gains = Gains(
        gain([oof.score for oof in seen]),
        gain([oof.score for oof in again]),
        checked.gain,
        paired(fresh_target, 0, FRESH).gain,
    )
    check = Check(
        len(part.target),
        part.share,
        checked.after,
        checked.before,
        checked.gain,
        checked.error,
    )
    score, default = (oof.score for oof in reversed(seen))
    number, params = best.trial.number, best.trial.params
    data = dataset.fingerprint
    return gains, Best(kind.model.name, "drawn", params, number, score, default, data, check)


def reshuffled(experiment: Experiment) -> Folds:
    """Return the folds of the next seed."""
    spec = replace(experiment.folds.spec, seed=experiment.folds.spec.seed + 1)
    return make_folds(spec, FoldInput.of(experiment.competition, experiment.dataset))


def studies(kind: Kind, count: int, n_rows: int, n_trials: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the gains [studies, 4], and whether each winner was used by the old and new rule."""
    gains, used = np.zeros((count, 4)), np.zeros((count, 2), dtype=bool)
    for seed in range(count):
        # Threads that wait for each other take most of the time of such small fits.
        with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
            found = study(kind, n_rows, n_trials, seed, Path(folder))
        if found is not None:
            gains[seed] = astuple(found[0])
            used[seed] = found[0].other_folds > 0, found[1].gains()
    return gains, used


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--trials", type=int, default=20)
    options = parser.parse_args()
    print(f"{options.studies} studies of {options.rows} rows and {options.trials} trials")
    titles = ("search", "other folds", "outer part", "fresh rows")
    rules = ("always", "other folds", "outer part")
    print(f"{'mean gain of the winner':<28}" + "".join(f"{title:>18}" for title in titles))
    ends = []
    for name, kind in KINDS.items():
        gains, used = studies(kind, options.studies, options.rows, options.trials)
        errors = gains.std(axis=0) / np.sqrt(len(gains))
        means = zip(gains.mean(axis=0), errors, strict=True)
        cells = [f"{mean:+.4f} ±{error:.4f}" for mean, error in means]
        print(f"{name:<28}" + "".join(f"{cell:>18}" for cell in cells), flush=True)
        won = gains[:, 0] > 0
        ends.append((name, np.column_stack([won, used]), gains[:, 3]))
    print(f"\n{'used, and then gained':<28}" + "".join(f"{rule:>18}" for rule in rules))
    for name, chosen, fresh in ends:
        cells = [f"{rule.mean():.0%} {(fresh * rule).mean():+.4f}" for rule in chosen.T]
        print(f"{name:<28}" + "".join(f"{cell:>18}" for cell in cells))


if __name__ == "__main__":
    main()
