"""Inputs and outputs of a fold program: the rows of all folds, a recipe, reports."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import jax
import numpy as np
from numpy.typing import NDArray

from comps.base import Array
from pipelines.trainers.networks._rows import Gather, Tensors

Inputs: TypeAlias = Array | dict[str, Array]


def rows_alone(shared: Tensors, rows: Tensors) -> Tensors:
    """Return the rows as they are, without anything that they share."""
    del shared
    return rows


@dataclass(frozen=True)
class FoldTables:
    """The rows of a fold program: shared by the folds, or each fold's own version of them.

    Attributes:
        inputs: array or dict of arrays, [rows, ...]; with `per_fold` [folds, rows, ...]. What
            the model takes, unless `gather` makes that. One array for all folds is held once.
        target: [rows] or [rows, outputs]; with `per_fold` a leading [folds]. It is read at
            `train_rows` alone.
        train_rows: for each fold int positions in `inputs`. Folds may differ in size, but not in
            the number and the size of their batches.
        valid_rows: for each fold int positions; may be empty (a refit).
        test_inputs: like `inputs`, with its own number of rows.
        weight: [rows] sample weights of the loss, as in `fit(sample_weight=)`, with `per_fold`
            [folds, rows]; None where all are one.
        per_fold: whether `inputs`, `target`, `weight` and `test_inputs` have a leading axis of
            folds, because something was fitted in each fold.
        shared: array or dict of arrays that rows refer to (a series that they are windows of),
            for training, validation and test rows alike.
        shared_per_fold: whether `shared` has a leading axis of folds, too; with `per_fold`.
        gather: `(shared, rows) -> features` makes what the model takes of a batch of `inputs`.

    Raises:
        ValueError: where sizes contradict each other or a fold trains on nothing.
    """

    inputs: Inputs
    target: Array
    train_rows: Sequence[NDArray[np.int64]]
    valid_rows: Sequence[NDArray[np.int64]]
    test_inputs: Inputs
    weight: Array | None = None
    per_fold: bool = False
    shared: Inputs = field(default_factory=dict)
    shared_per_fold: bool = True
    gather: Gather = rows_alone

    def __post_init__(self) -> None:
        if not self.train_rows or len(self.train_rows) != len(self.valid_rows):
            raise ValueError(
                "train_rows and valid_rows must hold one array a fold. "
                f"Received: {len(self.train_rows)} and {len(self.valid_rows)} arrays."
            )
        lead = (len(self.train_rows), len(self)) if self.per_fold else (len(self),)
        parts = {"inputs": self.inputs, "target": self.target, "weight": self.weights()}
        for name, tree in parts.items():
            for leaf in jax.tree.leaves(tree):
                if leaf.shape[: len(lead)] != lead:
                    raise ValueError(
                        f"Every array of {name} must begin with the axes {lead} "
                        f"(per_fold={self.per_fold}). Received: shape {leaf.shape}."
                    )
        for fold, rows in enumerate(self.train_rows):
            used = np.concatenate([rows, self.valid_rows[fold]])
            if not len(rows) or used.min() < 0 or used.max() >= len(self):
                raise ValueError(
                    f"Fold {fold} must train on at least one row, and its rows must lie in "
                    f"0..{len(self) - 1}. Received: {len(rows)} training rows."
                )

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(np.shape(self.target)[1 if self.per_fold else 0])

    def weights(self) -> NDArray[np.float32]:
        """Return the sample weights, ones where there are none."""
        lead = np.shape(self.target)[: 2 if self.per_fold else 1]
        weight = np.ones(lead) if self.weight is None else self.weight
        return weight.astype(np.float32)


@dataclass(frozen=True)
class Recipe:
    """How long and in which portions to train.

    Attributes:
        epochs: passes over the training rows.
        batch_size: rows of a step.
        fold_seeds: one seed a fold, from which all of its random choices are derived, so that
            a fold does not depend on which others are trained beside it.
        copies: networks a fold.
        report: the epochs, counted from 1, after which rows are predicted.
        predict_batch_size: rows of a prediction step, which is filled up to it.
        memory: bytes that training may use beside the rows and the weights; None uses all that is
            free on the device. Networks that do not fit are trained in portions.
    """

    epochs: int
    batch_size: int
    fold_seeds: Sequence[int]
    copies: int = 1
    report: Collection[int] = ()
    predict_batch_size: int = 1024
    memory: float | None = None


@dataclass(frozen=True)
class EpochReport:
    """Losses and predictions after an epoch.

    Attributes:
        epoch: counted from 1.
        loss: [folds, copies] float64, mean training loss of the epoch.
        valid: for each fold float32 [copies, validation rows, ...model output].
        test: float32 [folds, copies, test rows, ...model output].
    """

    epoch: int
    loss: NDArray[np.float64]
    valid: tuple[NDArray[np.float32], ...]
    test: NDArray[np.float32]
