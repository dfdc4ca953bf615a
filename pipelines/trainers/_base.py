"""The seam between the harness and the libraries that fit models.

A trainer never sees the validation targets. It yields stages, the predictions after some number of
boosting rounds or epochs; the harness scores them and decides when to stop.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from comps.base import Array, Features, Model, Task


@dataclass(frozen=True, eq=False)
class FoldData:
    """The rows of one fit, as transformed features; the transformer saw its training rows alone.

    Attributes:
        train: [k, ...] training features, as the model's transformer returned them.
        target: [k] float64 training targets on the metric's scale, or class codes; [k, targets]
            where there are several.
        valid: [v, ...] features of the rows to predict.
        test: [m, ...] features of the test rows.
        seed: for every random choice in this fold.
        weight: [k] float64, what each training row counts for; None where all count alike.
    """

    train: Features
    target: NDArray[np.float64]
    valid: Features
    test: Features
    seed: int
    weight: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Context:
    """Settings that are the same for all folds of a run.

    Attributes:
        task: what is predicted.
        n_classes: number of classes, from the whole training target; 0 for regression, 2 of labels.
        threads: how many threads a trainer may use.
        growing: whether the folds grow with time, so that they differ in size.
        n_targets: number of targets, or of labels.
    """

    task: Task
    n_classes: int
    threads: int
    growing: bool = False
    n_targets: int = 1


class FoldModel(Protocol):
    """The trained model of one fold: it predicts any rows, and can be kept in files."""

    def retain(self, steps: Collection[int], last: int) -> None:
        """Forget what predicts at other stages than those; a booster has all of them anyway.

        Args:
            steps: of the stages to keep.
            last: the last step of the fit: those that are trained beside it may go on.
        """
        ...

    def holds(self, step: int) -> bool:
        """Return whether what predicts after a step is there, or was forgotten."""
        ...

    def at(self, step: int) -> FoldModel:
        """Return the model after a step that it holds, or at its last stage if it ended before."""
        ...

    def predict(self, rows: Features) -> Array:
        """Return the predictions of rows at the last step, as `Stage.valid` has them."""
        ...

    def files(self) -> dict[str, bytes]:
        """Return the content of the files by name, in the format of the library.

        Raises:
            NotKeptError: if there is none that can be read without a pickle.
        """
        ...


@dataclass(frozen=True, eq=False)
class Stage:
    """Predictions of every fold in training after `step` rounds or epochs.

    Attributes:
        step: rounds or epochs so far; 1 for a model that has no steps.
        valid: for each fold [v] values, or [v, classes] probabilities; of several targets
            [v, targets], of labels their probabilities.
        test: likewise for each fold [m, ...].
        loss: for each fold the mean training loss of the last epoch, as the network was compiled
            with it; empty where the library does not compute one.
        size: for each fold the bytes of its model at this stage, as its library saves it, without
            what makes the features; empty where that is not known.
        models: for each fold its model, the same object at each stage; empty where none is kept.
    """

    step: int
    valid: Sequence[Array]
    test: Sequence[Array]
    loss: Sequence[float] = ()
    size: Sequence[float] = ()
    models: Sequence[FoldModel] = ()


class Trainer(Protocol):
    """Fits the models of one library.

    Attributes:
        together: whether it trains folds that are alike as one program; it is a
            `TogetherTrainer` then. Where False, `stages` is called with one fold at a time.
        backend: the backend that Keras must have in the process; None for other libraries.
        staged: whether there is more than one stage.
        on_gpu: the library's own parameters that move training to a GPU; empty where it has none,
            and for networks, which are trained where their backend finds an accelerator.
    """

    together: bool
    staged: bool
    on_gpu: ClassVar[Mapping[str, str]]

    @property
    def backend(self) -> str | None: ...

    def prepare(self) -> None:
        """Import the library, so that the seconds this takes do not count as training.

        Raises:
            MissingPackageError: if it is an extra that is not installed.
        """
        ...

    def stages(self, model: Model, folds: Sequence[FoldData], context: Context) -> Iterator[Stage]:
        """Train a new estimator for each fold and yield its predictions stage by stage.

        The harness may stop asking at any stage.

        Raises:
            UsageError: if a parameter is not one of the library's.
        """
        ...

    def restored(self, model: Model, files: Mapping[str, bytes], context: Context) -> FoldModel:
        """Return the model of a fold from its files. No pickle is read.

        Raises:
            StoreError: if they are damaged.
        """
        ...


@runtime_checkable
class SelectiveTrainer(Trainer, Protocol):
    """A trainer of models some of which cannot take weights of rows, and are trained without."""

    def takes_weights(self, model: Model) -> bool:
        """Return whether a model takes weights of rows."""
        ...


@runtime_checkable
class TogetherTrainer(Trainer, Protocol):
    """A trainer of several folds at a time; `stages` raises ValueError if they are not alike.

    The predictions of a fold must not depend on the other folds of the call, not by one bit.
    """

    def alike(self, model: Model, fold: FoldData) -> Hashable:
        """Return a value that is equal for folds that may be given to one call of `stages`."""
        ...
