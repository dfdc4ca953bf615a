"""A tiny competition with a model of every trainer, and what several test modules share.

Everything that a job refers to is a function of this module, because jobs are pickled and
sent to worker processes.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import Ridge

from comps.base import (
    LOG1P,
    Array,
    Competition,
    DataError,
    Dataset,
    Family,
    Loss,
    Metric,
    Model,
    Task,
)
from ensembles import Blend
from pipelines.api.results import Result
from pipelines.crossval import CrossValidation, cross_validate
from pipelines.engines import Engine, Event, NextJob
from pipelines.engines.inline import InlineEngine
from pipelines.engines.jobs import Job, Run
from pipelines.engines.queue import QueueStatus
from pipelines.folds import FoldInput, Folds, FoldSpec, make_folds
from pipelines.results.fold_result import FoldResult
from pipelines.results.oof import OutOfFold
from pipelines.store import Experiment, RunStore
from pipelines.trainers import Context, FoldData, FoldModel, Stage

ROOT = Path(__file__).parent.parent
TOWNS = ("ash", "birch", "cedar", "elm")
N_TRAIN, N_TEST = 120, 30


# The competition


def rmse(target: Array, prediction: Array) -> float:
    """Root mean squared error."""
    return float(np.sqrt(np.mean((target - prediction) ** 2)))


METRIC = Metric(
    "root_mean_squared_log_error",
    "RMSLE",
    rmse,
    greater_is_better=False,
    scale=LOG1P,
    loss=Loss.SQUARED_ERROR,
)


def write_tiny(folder: Path, seed: int = 0, price: float | None = None) -> Path:
    """Write `train.csv` and `test.csv`: an area, an age with holes, a town, and a price.

    Every house has the same price if one is given.
    """
    rng = np.random.default_rng(seed)
    rows = N_TRAIN + N_TEST
    town = rng.choice(len(TOWNS), rows)
    area, age = rng.lognormal(4.5, 0.4, rows), rng.uniform(0, 90, rows)
    prices = 900 * area * np.exp(0.2 * town - age / 200 + rng.normal(0, 0.1, rows))
    table = pd.DataFrame(
        {
            "id": np.arange(1000, 1000 + rows),
            "area": area.round(2),
            "age": pd.Series(age.round(1)).mask(rng.random(rows) < 0.1),
            "town": np.array(TOWNS)[town],
            "price": prices.round(),
        }
    )
    if price is not None:
        table["price"] = price
    folder.mkdir(parents=True, exist_ok=True)
    table[:N_TRAIN].to_csv(folder / "train.csv", index=False)
    table[N_TRAIN:].drop(columns="price").to_csv(folder / "test.csv", index=False)
    return folder


def load_tiny(path: Path) -> Dataset:
    """Read what `write_tiny` wrote."""
    train, test = pd.read_csv(path / "train.csv"), pd.read_csv(path / "test.csv")
    content = (path / "train.csv").read_bytes() + (path / "test.csv").read_bytes()
    return Dataset(
        train=train[["area", "age", "town"]],
        test=test[["area", "age", "town"]],
        target=train["price"].to_numpy(dtype=np.float64),
        train_ids=train["id"].to_numpy(),
        test_ids=test["id"].to_numpy(),
        sample_submission=pd.DataFrame({"id": test["id"], "price": 0.0}),
        source=str(path),
        fingerprint=hashlib.sha256(content).hexdigest()[:16],
    )


class TinyFeatures:
    """Median, scale and levels of the rows of `fit`: float64 [rows, 2 + levels]."""

    def fit(self, rows: Any, target: Any = None) -> TinyFeatures:
        """Learn from the training rows."""
        numbers = rows[["area", "age"]]
        # Mappings, not tables of pandas: it can be kept.
        self.medians = numbers.median().to_dict()
        filled = numbers.fillna(self.medians)
        self.means, self.deviations = filled.mean().to_dict(), filled.std(ddof=0).to_dict()
        self.levels = sorted(rows["town"].unique())
        return self

    def transform(self, rows: Any) -> NDArray[np.float64]:
        """Return scaled numbers and indicators."""
        filled = rows[["area", "age"]].fillna(self.medians)
        numbers = (filled - pd.Series(self.means)) / pd.Series(self.deviations)
        levels = rows["town"].to_numpy()[:, None] == np.array(self.levels)[None, :]
        return np.hstack([numbers.to_numpy(), levels.astype(np.float64)])

    def fit_transform(self, rows: Any, target: Any = None) -> NDArray[np.float64]:
        """Learn from the training rows and return them transformed."""
        return self.fit(rows, target).transform(rows)


class TownMeans:
    """The mean target of each town: features that are learned from the target."""

    def fit(self, rows: pd.DataFrame, target: NDArray[np.float64]) -> TownMeans:
        """Learn from the training rows."""
        self.overall = target.mean()
        self.means = pd.Series(target).groupby(rows["town"].to_numpy()).mean()
        return self

    def transform(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """Return float64 [rows, 1]."""
        means = rows["town"].map(self.means).fillna(self.overall)
        return np.array(means, dtype=np.float64)[:, None]

    def fit_transform(self, rows: pd.DataFrame, target: NDArray[np.float64]) -> NDArray[np.float64]:
        """Learn from the training rows and return them transformed."""
        return self.fit(rows, target).transform(rows)


def build_mean() -> Any:
    """The mean target."""
    return DummyRegressor()


def build_ridge(alpha: float) -> Any:
    """Linear regression."""
    return Ridge(alpha=alpha)


def build_ridge_in_place(alpha: float) -> Any:
    """Linear regression that centres the rows that it is given in place."""
    return Ridge(alpha=alpha, copy_X=False)


def build_forest(n_estimators: int) -> Any:
    """A model whose seed matters."""
    return ExtraTreesRegressor(n_estimators=n_estimators)


def build_network(
    shapes: Mapping[str, tuple[int, ...]], steps: int, *, units: int, dropout: float
) -> Any:
    """One hidden layer."""
    import keras

    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    (rows,) = inputs.values()
    hidden = keras.layers.Dense(units, activation="relu")(rows)
    hidden = keras.layers.Dropout(dropout)(hidden)
    model = keras.Model(inputs, keras.layers.Dense(1)(hidden))
    model.compile(keras.optimizers.SGD(0.05), keras.losses.MeanSquaredError())
    return model


MEAN = Model("mean", Family.BASELINE, "sklearn", build=build_mean, seconds=0.1)
RIDGE = Model("ridge", Family.LINEAR, "sklearn", {"alpha": 1.0}, TinyFeatures, build_ridge)
FOREST = Model("forest", Family.FOREST, "sklearn", {"n_estimators": 5}, TinyFeatures, build_forest)
LIGHTGBM = Model(
    "lightgbm",
    Family.BOOSTING,
    "lightgbm",
    {
        "rounds": 12,
        "stride": 4,
        "learning_rate": 0.3,
        "num_leaves": 4,
        "min_data_in_leaf": 3,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
    },
    TinyFeatures,
)
XGBOOST = Model(
    "xgboost",
    Family.BOOSTING,
    "xgboost",
    {"rounds": 12, "stride": 4, "eta": 0.3, "max_depth": 2, "subsample": 0.7},
    TinyFeatures,
)
CATBOOST = Model(
    "catboost",
    Family.BOOSTING,
    "catboost",
    {"rounds": 12, "stride": 4, "learning_rate": 0.3, "depth": 2},
    TinyFeatures,
    default=False,
    extra="catboost",
)
NETWORK = Model(
    "network",
    Family.NETWORK,
    "keras-jax",
    {"epochs": 3, "batch_size": 16, "copies": 2, "units": 4, "dropout": 0.2},
    TinyFeatures,
    build_network,
)

TINY = Competition(
    name="tiny",
    title="Tiny Houses",
    task=Task.REGRESSION,
    metric=METRIC,
    load=load_tiny,
    models=(MEAN, RIDGE, FOREST, LIGHTGBM, XGBOOST, CATBOOST, NETWORK),
    sample=Path("tiny"),
    archive="tiny.zip",
    id_column="id",
    target_columns=("price",),
    n_folds=3,
)


def tiny_experiment(
    data: Path, *, n_folds: int = 3, n_repeats: int = 1, seed: int = 0
) -> Experiment:
    """Return the tiny competition on K folds."""
    dataset = load_tiny(data)
    spec = FoldSpec("kfold", n_folds, seed)
    folds = make_folds(spec, FoldInput(dataset.target, Task.REGRESSION), n_repeats)
    return Experiment(TINY, dataset, data, folds, seed)


# A trainer whose stages are written down


class StagedTrainer:
    """Predicts the mean training target plus an error that the model's parameters give.

    `errors` holds a row for each fold, or one for all, and a column for each stage. Tests enter
    the trainer in `TRAINERS`, see the fixture `staged`; it remembers what it was given and asked
    for.
    """

    together = True
    staged = True
    backend = None
    on_gpu: ClassVar[Mapping[str, str]] = {}
    seen: ClassVar[list[FoldData]] = []
    contexts: ClassVar[list[Context]] = []
    asked: ClassVar[list[int]] = []

    def prepare(self) -> None:
        """Import nothing."""

    def alike(self, model: Model, fold: FoldData) -> None:
        """Return the same for all folds."""

    def stages(self, model: Model, folds: Sequence[FoldData], context: Context) -> Iterator[Stage]:
        """Yield a stage for each column of `errors`."""
        self.seen.extend(folds)
        self.contexts.append(context)
        errors_of_folds = np.array(model.params["errors"])
        table = np.broadcast_to(errors_of_folds, (len(folds), errors_of_folds.shape[1]))
        for stage, errors in enumerate(table.T):
            step = (stage + 1) * model.params["stride"]
            self.asked.append(step)
            levels = [fold.target.mean() + error for fold, error in zip(folds, errors, strict=True)]
            pairs = list(zip(levels, folds, strict=True))
            yield Stage(
                step,
                [np.full(len(fold.valid), level) for level, fold in pairs],
                [np.full(len(fold.test), level) for level, fold in pairs],
            )

    def restored(self, model: Model, files: Mapping[str, bytes], context: Context) -> FoldModel:
        """Refuse: its stages have no models."""
        raise NotImplementedError


def staged(
    errors: Sequence[Sequence[float]], stride: int = 1, patience: int | None = None
) -> Model:
    """Return a model of the trainer "staged"; on flat data, `errors` are its curves."""
    params = {"errors": [list(fold) for fold in errors], "stride": stride}
    return Model("staged", Family.BOOSTING, "staged", params, patience=patience)


# Models that misbehave or tell on themselves


def sign(path: str) -> None:
    """Leave a file behind, with the number of this process in it."""
    temporary = Path(f"{path}.{os.getpid()}")
    temporary.write_text(str(os.getpid()))
    temporary.replace(path)


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Return once the condition holds; a test that waits too long fails.

    Raises:
        TimeoutError: if it does not come to hold.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s for {what}")
        time.sleep(0.02)


class Scripted:
    """A regressor that predicts the mean, after it did what `script` says.

    - `raise`: raises a `ValueError`;
    - `raise-while-there`: the same as long as the file `path` exists;
    - `refuse`: raises a `DataError`, which is the user's to put right;
    - `exit`: ends its process with code 3;
    - `kill-self`: kills its own process, but only while `path` is not there;
    - `sleep`: leaves `path` behind and sleeps for an hour;
    - `sleep-once`: the same, but only while `path` is not there;
    - `meet`: leaves `path` behind and waits for `other`;
    - `nan`: predicts NaN;
    - `tell`: writes what it knows of its process into the folder `path`.
    """

    def __init__(self, script: str, path: str, other: str) -> None:
        self.script = script
        self.path, self.other = path.removeprefix("file://"), other.removeprefix("file://")
        self.n_jobs = 0

    def get_params(self) -> dict[str, Any]:
        """Let the harness set the number of threads."""
        return {"n_jobs": self.n_jobs}

    def set_params(self, n_jobs: int) -> None:
        """Take the number of threads from the harness."""
        self.n_jobs = n_jobs

    def fit(self, rows: Any, target: NDArray[np.float64]) -> None:
        """Follow the script."""
        self.mean = target.mean() if self.script != "nan" else np.nan
        action = getattr(self, f"_{self.script.replace('-', '_')}", None)
        if action is not None:
            action()

    def predict(self, rows: Any) -> NDArray[np.float64]:
        """Return the mean."""
        return np.full(len(rows), self.mean)

    def _raise(self) -> None:
        raise ValueError("the model is unwell")

    def _ask_for_memory(self) -> None:
        raise MemoryError

    def _ask_a_library_for_memory(self) -> None:
        raise RuntimeError("std::bad_alloc")

    def _refuse(self) -> None:
        raise DataError("the rows are unfit")

    def _exit(self) -> None:
        os._exit(3)

    def _raise_while_there(self) -> None:
        if Path(self.path).exists():
            self._raise()

    def _kill_self(self) -> None:
        if not Path(self.path).exists():
            sign(self.path)
            os.kill(os.getpid(), signal.SIGKILL)

    def _sleep(self) -> None:
        sign(self.path)
        time.sleep(3600)

    def _sleep_once(self) -> None:
        if not Path(self.path).exists():
            self._sleep()

    def _meet(self) -> None:
        sign(self.path)
        wait_for(Path(self.other).exists, f"a job that runs at the same time ({self.other})")

    def _tell(self) -> None:
        from threadpoolctl import threadpool_info

        np.ones((8, 8)) @ np.ones((8, 8))
        threads = max([pool["num_threads"] for pool in threadpool_info()], default=0)
        cores = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        card = os.environ.get("CUDA_VISIBLE_DEVICES", "any")
        text = f"{os.getpid()} {self.n_jobs} {threads} {cores} card={card}"
        Path(self.path, f"{time.monotonic_ns()}-{os.getpid()}").write_text(text)


def scripted(name: str, script: str, path: Path | str = "", other: Path | str = "") -> Model:
    """Return a model that follows a script; see `Scripted`.

    The paths are written as addresses: files that parameters name are a part of the key, and
    these appear while a model is trained.
    """
    signals = {"path": path, "other": other}
    params = {"script": script} | {
        name: Path(signal).absolute().as_uri() if signal else "" for name, signal in signals.items()
    }
    return Model(name, Family.LINEAR, "sklearn", params, build=Scripted)


def result_of(
    competition: Competition,
    oofs: Mapping[str, OutOfFold],
    target: NDArray[np.float64],
    folds: Folds,
    chosen: Blend | None = None,
    tried: Sequence[Blend] = (),
) -> Result:
    """Return the result of members of made-up rows; the target is on the metric's scale."""
    n_rows = len(target)
    dataset = Dataset(
        train=np.zeros((n_rows, 1)),
        test=np.zeros((1, 1)),
        target=competition.metric.scale.inverse(target),
        train_ids=np.arange(n_rows),
        test_ids=np.arange(1),
        sample_submission=None,
        source="here",
        fingerprint="here",
    )
    experiment = Experiment(competition, dataset, Path("here"), folds)
    return Result(experiment, oofs, chosen, tried)


# Running


@dataclass
class Recorder:
    """A reporter that remembers what it is told."""

    plans: list[tuple[int, int]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    statuses: list[QueueStatus] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def planned(self, to_fit: int, stored: int) -> None:
        """Remember the plan."""
        self.plans.append((to_fit, stored))

    def event(self, event: Event, status: QueueStatus) -> None:
        """Remember the event."""
        self.events.append(event)
        self.statuses.append(status)

    def finished(self, oof: OutOfFold) -> None:
        """Remember the model."""
        self.models.append(oof.model)

    def note(self, text: str) -> None:
        """Remember the note."""
        self.notes.append(text)


def no_engine() -> Engine:
    """Stand for an engine where nothing may be fitted.

    Raises:
        AssertionError: always.
    """
    raise AssertionError("an engine was started although everything is stored")


def inline_engine() -> Engine:
    """Return an engine in this process."""
    return InlineEngine(threads=1)


def validate(
    experiment: Experiment,
    models: Sequence[Model],
    store: RunStore,
    *,
    engine: Callable[[], Engine] = inline_engine,
    reporter: Recorder | None = None,
    nested: bool = False,
    deadline: float | None = None,
    keep: str = "none",
) -> CrossValidation:
    """Cross-validate in this process."""
    with store.writing():
        return cross_validate(
            experiment,
            models,
            store=store,
            engine=engine,
            reporter=reporter or Recorder(),
            nested=nested,
            deadline=deadline,
            keep=keep,
        )


def make_jobs(
    experiment: Experiment,
    store: RunStore,
    models: Iterable[Model],
    *,
    repeats: Iterable[int] = (0,),
    folds: Iterable[tuple[int, ...]] = ((0,),),
    threads: int = 1,
) -> list[Job]:
    """Return jobs, one for each model, repeat and batch of folds."""
    run = Run.of(experiment, store, threads)
    batches = list(folds)
    return [
        Job(run, model, experiment.key(model), repeat, tuple((fold,) for fold in batch))
        for model in models
        for repeat in repeats
        for batch in batches
    ]


def giving(jobs: Sequence[Job]) -> NextJob:
    """Return a function that hands out jobs one by one, whatever the slot, then None."""
    left = iter(jobs)
    return lambda slot: next(left, None)


# Values


def fold_result(
    curve: Sequence[float] = (0.5, 0.4),
    *,
    repeat: int = 0,
    fold: int = 0,
    valid: Array | None = None,
    test: Array | None = None,
    steps: Sequence[int] | None = None,
) -> FoldResult:
    """Return a result with a given curve; its predictions are zero unless given."""
    stages = len(curve)
    return FoldResult(
        repeat=repeat,
        held=(fold,),
        steps=np.array(steps or range(1, stages + 1), dtype=np.int64),
        curves=np.array([curve], dtype=np.float64),
        loss=np.full(stages, np.nan),
        valid=np.zeros((stages, 4), dtype=np.float32) if valid is None else valid,
        test=np.zeros((stages, 3), dtype=np.float32) if test is None else test,
        fit_seconds=1.5,
        other_seconds=0.25,
        size=np.full(stages, np.nan),
        test_steps=np.array(steps or range(1, stages + 1), dtype=np.int64),
    )


def with_dataset(experiment: Experiment, **changes: Any) -> Experiment:
    """Return the experiment with some attributes of its dataset replaced."""
    return replace(experiment, dataset=replace(experiment.dataset, **changes))


def kfold(n_rows: int, n_folds: int = 3, n_repeats: int = 1, seed: int = 0) -> Folds:
    """Return K folds of so many rows."""
    rows = FoldInput(np.arange(float(n_rows)), Task.REGRESSION)
    return make_folds(FoldSpec("kfold", n_folds, seed), rows, n_repeats)


def digest(*arrays: Array) -> str:
    """Return a text that is equal for equal bytes."""
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def python(code: str, **environment: str) -> str:
    """Run code in a new Python process at the root of the project; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
