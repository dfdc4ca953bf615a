"""Five folds by the harness against five plain calls of `fit`, on the same features and folds.

    python -m tests.benchmarks.fold_parallel [WORK ...] [--repeats 2] [--data FILE] [--plain NAME]

The plain side is what a notebook does: a loop over folds with Keras (on TensorFlow, unless another
backend is named) or with LightGBM's own interface, on all cores and the first GPU. The harness is
`cross_validate` with its engine and its
store. Both sides make features, build, compile, train, and predict validation and test rows
within the time that is shown; imports and the start of processes are not in it. Each side is a
process of its own, and the lowest of its repeats counts. The last columns are the out-of-fold
scores; networks begin with other random numbers on each side.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Family, Metric, Model
from pipelines.api.choices import Options
from pipelines.api.progress import Teller
from pipelines.api.session import Session
from pipelines.crossval import cross_validate
from pipelines.engines import Engine, make_engine
from pipelines.fitting.preparation import Preparation
from pipelines.fitting.residual import Residual
from pipelines.fitting.views import ViewCache
from pipelines.store import Experiment
from pipelines.trainers import Context, FoldData
from pipelines.trainers._boosting import split_params
from pipelines.trainers.networks._plan import Plan
from pipelines.trainers.networks._rows import count_rows, form_of
from pipelines.trainers.networks._targets import goal_of

Fit = Callable[[Model, FoldData, Context], tuple[Array, Array]]


@dataclass(frozen=True)
class Work:
    """What both sides do.

    Attributes:
        competition: whose bundled sample, unless `--data` names a file.
        model: of its zoo.
        settings: changed parameters.
        to_reach: times as fast as the plain side.
        plain: the plain side's fit of one fold; returns validation and test predictions.
    """

    competition: str
    model: str
    to_reach: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    plain: str = "fit_network"

    def session(self, data: Path | None, runs: Path, seed: int = 0) -> Session:
        """Return the competition with its model, which predicts after the last epoch alone."""
        changes = {**self.settings}
        if "epochs" in changes:
            changes["stride"] = changes["epochs"]
        settings = [f"{self.model}.{name}={json.dumps(value)}" for name, value in changes.items()]
        return Session(
            Options(
                competition=self.competition,
                models=self.model,
                settings=settings,
                data=data,
                runs=runs,
                seed=seed,
            )
        )


_DENSE = {"epochs": 50, "batch_size": 32, "units": [128, 64]}

WORKS: Mapping[str, Work] = {
    "mlp": Work("house-prices", "dense", 12.0, _DENSE),
    "mlp-4-seeds": Work("house-prices", "dense", 25.0, {**_DENSE, "copies": 4}),
    "lstm": Work("temperature", "lstm", 3.0, {"epochs": 10}),
    "gru-stacked": Work("temperature", "gru-stacked", 2.0, {"epochs": 5}),
    "bag": Work("sentiment", "bag-unigrams", 4.0, {"epochs": 10}, "fit_multi_hot"),
    "convnet": Work("digits", "convnet", 1.0, {"epochs": 5}),
    "lightgbm": Work("house-prices", "lightgbm", 1.3, plain="fit_lightgbm"),
}


def fit_network(model: Model, fold: FoldData, context: Context) -> tuple[Array, Array]:
    """Fit as many networks as the model has copies with `fit`; return their means."""
    form = form_of(fold.train)
    parts = [
        form.features(rows, np.arange(count_rows(rows)))
        for rows in (fold.train, fold.valid, fold.test)
    ]
    return _fit_copies(model, fold, context, parts, form.shapes(fold.train), model.build)


def fit_multi_hot(model: Model, fold: FoldData, context: Context) -> tuple[Array, Array]:
    """Fit the book's network of a bag of words, whose input is a vector of zeros and ones."""
    width = model.params["max_tokens"]

    def build(shapes: Any, steps: int, **params: Any) -> Any:
        import keras

        del shapes, steps
        rows = keras.Input((width,), name="rows")
        hidden = keras.layers.Dense(params["units"], activation="relu")(rows)
        hidden = keras.layers.Dropout(params["dropout"])(hidden)
        network = keras.Model(rows, keras.layers.Dense(1, activation="sigmoid")(hidden))
        network.compile(keras.optimizers.RMSprop(params["learning_rate"]), "binary_crossentropy")
        return network

    def multi_hot(rows: Any) -> dict[str, Array]:
        tokens = rows["tokens"]
        found = np.zeros((len(tokens), width + 1), dtype=np.float32)
        found[np.arange(len(tokens))[:, None], tokens] = 1.0
        return {"rows": found[:, 1:]}

    parts = [multi_hot(rows) for rows in (fold.train, fold.valid, fold.test)]
    return _fit_copies(model, fold, context, parts, {}, build)


def _fit_copies(
    model: Model, fold: FoldData, context: Context, parts: Any, shapes: Any, build: Any
) -> tuple[Array, Array]:
    import keras

    plan, params = Plan.split(model.params)
    goal = goal_of(context.task, fold.target)
    train, valid, test = parts
    steps = plan.steps(len(fold.target))
    outputs: list[tuple[Array, Array]] = []
    for copy in range(plan.copies):
        keras.utils.set_random_seed(fold.seed % 2**31 + copy)
        network = build(shapes, steps, **params)
        network.fit(
            train,
            goal.encode(fold.target),
            epochs=plan.epochs,
            batch_size=plan.batch_size,
            verbose=0,
        )
        outputs.append(tuple(network.predict(rows, verbose=0) for rows in (valid, test)))
    means = [goal.decode(np.stack(part)) for part in zip(*outputs, strict=True)]
    return means[0], means[1]


def fit_lightgbm(model: Model, fold: FoldData, context: Context) -> tuple[Array, Array]:
    """Fit boosted trees with LightGBM's own interface, with as many threads as it takes.

    The options that make trees independent of the number of threads are the harness's, so that
    the trees can be compared.
    """
    import lightgbm

    del context
    params, rounds, _ = split_params(model.params)
    params |= {"seed": fold.seed, "deterministic": True, "force_row_wise": True, "verbosity": -1}
    booster = lightgbm.train(
        {"objective": "regression", **params},
        lightgbm.Dataset(fold.train, fold.target),
        rounds,
    )
    valid, test = (np.asarray(booster.predict(rows)) for rows in (fold.valid, fold.test))
    return valid, test


def plain_side(work: Work, experiment: Experiment, model: Model) -> tuple[float, float]:
    """Return the seconds and the out-of-fold score of a plain loop over the folds."""
    competition, dataset, folds = experiment.competition, experiment.dataset, experiment.folds
    fit: Fit = globals()[work.plain]
    if model.family is Family.NETWORK:
        _fit_something()
    context = Context(competition.task, competition.n_classes(dataset), os.cpu_count() or 1)
    started = time.perf_counter()
    residual, own = Residual.split(competition, dataset, model)
    prepared = Preparation(competition, dataset, own, folds, 0, 0, ViewCache(0), residual)
    target = prepared.target
    found: NDArray[np.float64] | None = None
    for fold, (_, valid) in enumerate(folds.pairs[0]):
        predicted, _ = fit(
            own.without_view_params(), prepared.data((fold,), prepared.view((fold,))), context
        )
        if found is None:
            found = np.full((len(target), *predicted.shape[1:]), np.nan)
        found[valid] = predicted
    seconds = time.perf_counter() - started
    assert found is not None
    covered = ~np.isnan(found).reshape(len(target), -1).any(axis=1)
    return seconds, competition.metric.score(target[covered], found[covered])


def _fit_something() -> None:
    """Import Keras, and begin with what it does once."""
    import keras

    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    network.compile("sgd", "mse")
    network.fit(np.zeros((8, 3)), np.zeros(8), verbose=0)


def harness_side(work: Work, data: Path | None, folder: Path) -> tuple[float, float]:
    """Return the seconds and the out-of-fold score of the harness, whose workers have begun.

    They begin with one step on folds of another seed, so that no features are at hand.
    """
    before = work.session(data, folder, seed=1)
    session = work.session(data, folder)
    experiment, (model,) = session.experiment(1), session.models
    engine = _Kept(make_engine("local", None))
    try:
        _cross_validate(before, before.experiment(1), _shortened(model), engine)
        started = time.perf_counter()
        found = _cross_validate(session, experiment, model, engine)
        return time.perf_counter() - started, found
    finally:
        engine.engine.close()


def _cross_validate(
    session: Session, experiment: Experiment, model: Model, engine: Engine
) -> float:
    metric: Metric = session.competition.metric
    with session.store.writing():
        outcome = cross_validate(
            experiment,
            [model],
            store=session.store,
            engine=lambda: engine,
            reporter=Teller(metric, None),
        )
    if model.member not in outcome.oofs:
        raise SystemExit(f"{model.member} failed: {outcome.failures}")
    return outcome.oofs[model.member].score


class _Kept:
    """An engine whose workers stay for the next cross-validation."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.slots, self.threads, self.run = engine.slots, engine.threads, engine.run
        self.accelerators = engine.accelerators

    def close(self) -> None:
        """Leave them."""


def _shortened(model: Model) -> Model:
    """Return the model with one step of training, under which nothing of it is stored."""
    if model.family is Family.NETWORK:
        return model.with_params({"epochs": 1, "stride": 1, "batch_size": 10**6})
    return model.with_params({"rounds": 1})


def run_side(side: str, name: str, data: Path | None) -> None:
    """Print seconds and score of one side as JSON."""
    work = WORKS[name]
    with tempfile.TemporaryDirectory() as folder:
        if side == "plain":
            session = work.session(data, Path(folder))
            seconds, score = plain_side(work, session.experiment(1), session.models[0])
        else:
            seconds, score = harness_side(work, data, Path(folder))
    print(json.dumps({"seconds": seconds, "score": score}))


def in_a_process(side: str, name: str, data: Path | None, backend: str) -> dict[str, float]:
    """Run one side in a new process."""
    command = [sys.executable, "-m", "tests.benchmarks.fold_parallel", name, "--side", side]
    if data is not None:
        command += ["--data", str(data)]
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    if ended.returncode:
        raise SystemExit(f"{' '.join(command)}\n{ended.stderr[-2000:]}")
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("works", nargs="*", metavar="WORK", help=", ".join(WORKS))
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--data", type=Path, help="of the one competition that is named")
    parser.add_argument("--plain", default="tensorflow", help="backend of the plain side")
    parser.add_argument("--side", choices=["plain", "harness"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        run_side(options.side, options.works[0], options.data)
        return
    titles = ("plain s", "harness s", "times", "to reach", "plain", "harness")
    print(f"{'work':<14}" + "".join(f"{title:>10}" for title in titles), flush=True)
    for name in options.works or WORKS:
        best: dict[str, dict[str, float]] = {}
        for _ in range(options.repeats):
            for side in ("plain", "harness"):
                found = in_a_process(side, name, options.data, options.plain)
                if side not in best or found["seconds"] < best[side]["seconds"]:
                    best[side] = found
        plain, harness = best["plain"], best["harness"]
        times = plain["seconds"] / harness["seconds"]
        print(
            f"{name:<14}{plain['seconds']:>10.1f}{harness['seconds']:>10.1f}{times:>10.1f}"
            f"{WORKS[name].to_reach:>10}{plain['score']:>10.5f}{harness['score']:>10.5f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
