"""Exporting a network with its preprocessing: one `.keras` file that takes raw rows."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from comps.base import (
    Competition,
    DataError,
    Dataset,
    Features,
    Model,
    Task,
    Transformer,
    UsageError,
)
from pipelines.basics.seeds import derive_seed
from pipelines.trainers import Context, FoldData
from pipelines.trainers.networks._plan import Plan
from pipelines.trainers.networks._rows import form_of

if TYPE_CHECKING:
    import keras

_SUFFIX = ".keras"


def export_network(
    competition: Competition,
    dataset: Dataset,
    model: Model,
    path: Path | str,
    *,
    epochs: int | None = None,
    seed: int = 0,
    threads: int | None = None,
) -> keras.Model:
    """Train a network on all training rows and write it with its preprocessing.

    The file takes raw rows: strings, images of any size. It returns [rows, 1], the probability
    of class 1, [rows, classes] or [rows, labels]. Its predictions are those of the harness for the
    same rows with its own features, except for the last bits.

    Training and file need Keras on TensorFlow, the only backend that knows strings; models of
    the trainer "keras-jax" are trained on it, too, with random numbers other than JAX's. Where the
    model asks for several copies, the file holds all of them and returns their mean.

    Args:
        competition: gives the task.
        dataset: the rows; its test rows are not looked at.
        model: one with a `preprocessor`.
        path: of the file, which ends with ".keras"; one that is there is replaced.
        epochs: passes over all rows; None takes the model's, which were meant for folds. What
            a cross-validation found best stands in its column "stop at".
        seed: every random choice follows from it.
        threads: to train with at most; None takes all cores.

    Returns:
        The written model: `keras.saving.load_model(path)` returns the same, once the module of the
        competition's layers was imported (`comps.kinds.text.text_layers`,
        `comps.kinds.images.image_layers`, `comps.kinds.images.movement`).

    Raises:
        UsageError: if the model cannot be exported, the file's name or folder or the number of
            epochs is not as said, or Keras has already begun on another backend.
        DataError: if the file cannot be written.

    Example:
        from comps.sentiment.competition import SENTIMENT

        reviews = SENTIMENT.load(SENTIMENT.sample)
        model = SENTIMENT.model("bag-bigrams")
        export_network(SENTIMENT, reviews, model, "sentiment.keras", epochs=3)
    """
    path = Path(path)
    make_preprocessor = _checked(competition, model, path)
    if epochs is not None:
        model = model.with_params({"epochs": epochs})
    Plan.split(model.params)
    _on_tensorflow()
    import joblib

    from pipelines.trainers.networks.keras_tensorflow import KerasTensorFlowTrainer

    trainer = KerasTensorFlowTrainer()
    trainer.prepare()
    view, fold = all_rows(dataset, model, seed)
    cores = threads or joblib.cpu_count()
    n_targets = dataset.target[0].size
    context = Context(competition.task, competition.n_classes(dataset), cores, n_targets=n_targets)
    networks = trainer.networks(model.without_view_params(), fold, context)
    preprocessor = make_preprocessor(view, form_of(fold.train).shapes(fold.train))
    exported = _joined(preprocessor, networks)
    _write(exported, path)
    return exported


def all_rows(dataset: Dataset, model: Model, seed: int) -> tuple[Transformer | None, FoldData]:
    """Return a model's fitted transformer, and all training rows as a fold without others."""
    view = model.view()
    rows: Features = dataset.train
    if view is not None:
        rows = view.fit_transform(dataset.train, dataset.target)
    own = derive_seed(seed, model.name, "export")
    return view, FoldData(rows, dataset.target, rows, rows, own, dataset.weights)


def _checked(competition: Competition, model: Model, path: Path) -> Callable[..., keras.Model]:
    """Return the function that makes the preprocessor, after checks that precede training."""
    if model.preprocessor is None or competition.task is Task.REGRESSION:
        known = [other.name for other in competition.models if other.preprocessor is not None]
        which = f"These can: {', '.join(known)}." if known else "No model of it can."
        raise UsageError(
            f"Model '{model.name}' of {competition.name} cannot be exported as one file that takes "
            f"raw rows: only networks whose preprocessing Keras can hold are. {which}"
        )
    if path.suffix != _SUFFIX:
        raise UsageError(f"The file's name must end with {_SUFFIX}, Keras' own format: {path}.")
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent} to write {path.name} to.")
    return model.preprocessor


def _on_tensorflow() -> None:
    """Check that Keras runs on TensorFlow in this process.

    Raises:
        UsageError: with what to do.
    """
    keras = sys.modules.get("keras")
    if keras is not None and keras.backend.backend() != "tensorflow":
        raise UsageError(
            "A network is exported with Keras on TensorFlow, and this process has already begun "
            f"with {keras.backend.backend()}. Export it from a new process."
        )


def _joined(preprocessor: keras.Model, networks: Sequence[keras.Model]) -> keras.Model:
    """Return one model from raw rows to the mean of the networks."""
    import keras

    inputs = preprocessor(preprocessor.input)
    # Built anew from their layers, for a file with an optimizer would be three times as large.
    plain = [keras.Model(network.input, network.output) for network in networks]
    # Keras' augmentation acts wherever it is not told that nothing is trained.
    outputs = [network(inputs, training=False) for network in plain]
    mean = outputs[0] if len(outputs) == 1 else keras.layers.Average()(outputs)
    return keras.Model(preprocessor.input, mean)


def _write(network: keras.Model, path: Path) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{_SUFFIX}")
    try:
        network.save(temporary)
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)
