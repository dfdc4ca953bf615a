"""How far the honest score of a blend is from the truth, on noise and on signals.

    python -m tests.benchmarks.honest_score [--draws 200] [--rows 300 1500] [--network]

Every draw is a new data set: ten features, of which five tell something of the target (nothing
on noise), five folds, and models that are really trained: linear, extra trees, LightGBM that is
stopped early, the common-sense baseline, and with `--network` a small network. They are blended
by `auto`, as a run blends them. Shown is the mean of the honest score minus the score of the
submitted blend on 4,000 fresh rows, in the metric's unit (on noise also minus chance, which is
known exactly), with a 95 % interval of the mean; nested, and cross-fitted from the same folds.
Positive is a score that is too good, whatever the metric's direction.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from comps.base import (
    Competition,
    Dataset,
    Family,
    Loss,
    Metric,
    Model,
    Task,
    root_mean_squared_error,
    take,
)
from comps.metrics import LOG_LOSS, ROC_AUC
from ensembles import best_blend
from pipelines.fitting.training import train_folds
from pipelines.folds import FoldInput, FoldSpec, make_folds
from pipelines.results.oof import assemble

Floats = NDArray[np.float64]
FEATURES, TELLING, FRESH = 10, 5, 4000
# The share of the (latent) target's standard deviation that the features explain.
SIGNALS = {"noise": 0.0, "weak": 0.3, "strong": 1.0}


RMSE = Metric(
    "root_mean_squared_error",
    "RMSE",
    root_mean_squared_error,
    greater_is_better=False,
    loss=Loss.SQUARED_ERROR,
)
METRICS = {"AUC": ROC_AUC, "log loss": LOG_LOSS, "RMSE": RMSE}
# The score of the true constant on noise: classes are balanced, the target has variance one.
CHANCE = {"AUC": 0.5, "log loss": float(np.log(2)), "RMSE": 1.0}


def mean_classifier() -> Any:
    """The shares of the classes."""
    return DummyClassifier()


def mean_regressor() -> Any:
    """The mean target."""
    return DummyRegressor()


def trees_classifier() -> Any:
    """Extremely randomised trees."""
    return ExtraTreesClassifier(30, min_samples_leaf=3, random_state=0, n_jobs=1)


def trees_regressor() -> Any:
    """Extremely randomised trees."""
    return ExtraTreesRegressor(30, min_samples_leaf=3, random_state=0, n_jobs=1)


def logistic() -> Any:
    """Logistic regression."""
    return LogisticRegression()


def ridge() -> Any:
    """Linear regression with a penalty."""
    return Ridge(1.0)


def small_network(shapes: Any, steps: int, *, classes: bool) -> Any:
    """One hidden layer of 16."""
    import keras

    del steps
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    (rows,) = inputs.values()
    hidden = keras.layers.Dense(16, activation="relu")(rows)
    output = keras.layers.Dense(1, activation="sigmoid" if classes else None)(hidden)
    model = keras.Model(inputs, output)
    loss = keras.losses.BinaryCrossentropy() if classes else keras.losses.MeanSquaredError()
    model.compile(keras.optimizers.Adam(0.01), loss)
    return model


def competition_of(metric: Metric, network: bool) -> Competition:
    """Return a competition of the metric with its models."""
    classes = metric is not RMSE
    boosting = {"rounds": 200, "stride": 20, "learning_rate": 0.05, "num_leaves": 8}
    models = [
        Model(
            "mean",
            Family.BASELINE,
            "sklearn",
            build=mean_classifier if classes else mean_regressor,
        ),
        Model("linear", Family.LINEAR, "sklearn", build=logistic if classes else ridge),
        Model(
            "trees",
            Family.FOREST,
            "sklearn",
            build=trees_classifier if classes else trees_regressor,
        ),
        Model("lightgbm", Family.BOOSTING, "lightgbm", boosting, patience=60),
    ]
    if network:
        recipe = {"epochs": 20, "batch_size": 32, "classes": classes}
        models.append(
            Model("network", Family.NETWORK, "keras-jax", recipe, build=small_network, patience=10)
        )
    return Competition(
        name="drawn",
        title="Drawn",
        task=Task.BINARY if classes else Task.REGRESSION,
        metric=metric,
        load=_nowhere,
        models=tuple(models),
        sample=Path("nowhere"),
        archive="none",
        id_column="id",
        target_columns=("target",),
        scheme="stratified" if classes else "kfold",
    )


def _nowhere(path: Path) -> Dataset:
    raise FileNotFoundError(path)


def drawn(
    competition: Competition, rows: int, signal: float, seed: int
) -> tuple[Dataset, Floats, Floats]:
    """Return a data set whose test rows are fresh ones, and both targets."""
    rng = np.random.default_rng(seed)
    n = rows + FRESH
    features = rng.normal(size=(n, FEATURES))
    told = np.tanh(features[:, 0]) + features[:, 1] * features[:, 2] + features[:, 3:5].sum(axis=1)
    latent = signal * told / np.sqrt(TELLING) + rng.normal(size=n)
    if competition.task is Task.BINARY:
        target = (latent > 0).astype(np.float64)
    else:
        target = latent / np.sqrt(1 + signal**2)
    ids = np.arange(n)
    data = Dataset(
        features[:rows].astype(np.float32),
        features[rows:].astype(np.float32),
        target[:rows],
        ids[:rows],
        ids[rows:],
        pd.DataFrame({"id": ids[rows:], "target": 0.0}),
        "drawn",
        f"drawn-{seed}-{rows}-{signal}",
    )
    return data, target[:rows], target[rows:]


@dataclass(frozen=True)
class Draw:
    """Scores of one data set: nested, cross-fitted, and on fresh rows; larger is better."""

    nested: float
    cross_fitted: float
    fresh: float


def one_draw(metric: Metric, rows: int, signal: float, network: bool, seed: int) -> Draw:
    """Train, blend by `auto`, and score."""
    competition = competition_of(metric, network)
    dataset, target, fresh = drawn(competition, rows, signal, seed)
    without_test = replace(
        dataset, test=take(dataset.test, np.arange(1)), test_ids=dataset.test_ids[:1]
    )
    spec = FoldSpec(competition.scheme, 5, seed)
    folds = make_folds(spec, FoldInput(target, competition.task))
    members = []
    for model in competition.models:
        results, pairs = (
            {
                result.held: result
                for result in train_folds(competition, rows_of, model, folds, 0, held, seed=seed)
            }
            for rows_of, held in ((dataset, folds.single), (without_test, folds.neighbours))
        )
        members.append(assemble(competition, dataset, model, "", folds, [results], pairs))
    sign = 1 if metric.greater_is_better else -1
    scores = []
    for some in (members, [replace(member, nested=None) for member in members]):
        chosen, _ = best_blend(some, target, folds, metric, baseline="mean")
        scores.append(sign * chosen.honest_score)
    return Draw(scores[0], scores[1], sign * metric.score(fresh, chosen.test))


def interval(values: Floats) -> str:
    """Return a mean with its 95 % interval."""
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():+.4f} ± {half:.4f}"


def main() -> None:
    """Print a line for each setting as soon as it is done."""
    from joblib import Parallel, delayed

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--rows", type=int, nargs="+", default=[300, 1500])
    parser.add_argument("--metrics", nargs="+", choices=METRICS, default=list(METRICS))
    parser.add_argument("--signals", nargs="+", choices=SIGNALS, default=list(SIGNALS))
    parser.add_argument("--network", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    print("| metric | signal | rows | draws | nested | cross-fitted | nested against chance | s |")
    print("|---|---|---|---|---|---|---|---|")
    for rows in given.rows:
        for name in given.metrics:
            for signal in given.signals:
                started = time.perf_counter()
                draws = Parallel(given.jobs)(
                    delayed(one_draw)(METRICS[name], rows, SIGNALS[signal], given.network, seed)
                    for seed in range(given.draws)
                )
                table = np.array([(d.nested, d.cross_fitted, d.fresh) for d in draws])
                sign = 1 if METRICS[name].greater_is_better else -1
                chance = interval(table[:, 0] - sign * CHANCE[name]) if signal == "noise" else ""
                cells = [
                    name,
                    signal,
                    rows,
                    given.draws,
                    interval(table[:, 0] - table[:, 2]),
                    interval(table[:, 1] - table[:, 2]),
                    chance,
                    f"{time.perf_counter() - started:.0f}",
                ]
                print("| " + " | ".join(map(str, cells)) + " |", flush=True)


if __name__ == "__main__":
    main()
