"""Folds that are alike (times several copies) of one Keras model, trained as one JAX program.

K calls of ``fit`` pay K times for tracing, compiling and dispatching batches of a few rows. Here
the weights of all networks lie on two leading axes, [folds, copies, ...]; one step is
``stateless_call``, a gradient and ``optimizer.stateless_apply`` under two ``jax.vmap``; an epoch is
a ``lax.scan`` over its batches, compiled once. Batches are gathered by index from arrays that stay
on the device. The validation targets are not used: the caller scores the predictions.

A fold's result does not depend on the others: they have the same number of batches of the same
size, and rows are predicted in chunks of one size. Bytes depend on how many folds there are, for
XLA adds up in another order then: for the same bytes a caller passes the same number each time.

Keras must run on the JAX backend, and this module imports both: import it lazily.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import jax
import keras
import numpy as np
from jax import numpy as jnp
from numpy.typing import NDArray

from comps.base import Array
from pipelines.trainers.networks._devices import Devices, bytes_of, free_bytes
from pipelines.trainers.networks._fold_tables import EpochReport, FoldTables, Recipe
from pipelines.trainers.networks._new_networks import new_networks
from pipelines.trainers.networks._plan import batches_of
from pipelines.trainers.networks._portions import Axes, mapped
from pipelines.trainers.networks._rows import Tensors
from pipelines.trainers.networks._step import NetworkStep, State

T = TypeVar("T")
# Inputs, targets and weights of the rows.
Data = tuple[Tensors, jax.Array, jax.Array]


class FoldProgram:
    """All folds and copies of one model, as one compiled training loop.

    Args:
        build_model: takes nothing and returns a new, compiled functional model with one
            output. It is called once a network, each time after seeding `random`, where Keras
            takes the seeds of initializers and dropout from, so that these differ from network
            to network. The optimizer and the loss are those that it was compiled with.
            Schedules, clipping, weight decay and `use_ema` work as in `fit`; with `use_ema`
            the predictions come from the averaged weights.
        tables: the rows.
        recipe: how to train.

    Raises:
        RuntimeError: if the backend is not JAX.
        ValueError: if the folds differ in their number of batches or the size of these;
            if `build_model` returns different architectures, or a model that is not compiled.
    """

    def __init__(
        self,
        build_model: Callable[[], keras.Model],
        tables: FoldTables,
        recipe: Recipe,
    ) -> None:
        if keras.backend.backend() != "jax":
            raise RuntimeError(
                "FoldProgram needs Keras on JAX: set KERAS_BACKEND=jax before Keras is imported. "
                f"Received: {keras.backend.backend()!r}."
            )
        self.tables, self.recipe = tables, recipe
        batches = {batches_of(len(rows), recipe.batch_size) for rows in tables.train_rows}
        if len(batches) > 1:
            raise ValueError(
                "The folds of a program must have as many batches of the same size each. "
                f"Received: {sorted(batches)} (batches, rows)."
            )
        ((self._steps, self._batch),) = batches
        folds = len(tables.train_rows)
        self.model, weights = new_networks(build_model, folds, recipe)
        self._network = NetworkStep(self.model, tables.gather)
        zero = [
            jnp.broadcast_to(v.value, (folds, recipe.copies, *v.shape))
            for v in self.model.optimizer.variables
        ]
        self.devices = Devices(self._batch)
        self.state: State = self.devices.copied((*weights, zero))

    def run(self) -> Iterator[EpochReport]:
        """Train, and yield a report after each epoch that ``recipe.report`` names."""
        tables, recipe = self.tables, self.recipe
        # Test rows behind the others: one program, which takes a second to compile, predicts both.
        rows_axis = 1 if tables.per_fold else 0
        inputs = jax.tree.map(
            lambda rows, test: np.concatenate([rows, test], axis=rows_axis),
            tables.inputs,
            tables.test_inputs,
        )
        data: Data = self.devices.copied((inputs, tables.target, tables.weights()))
        shared: Tensors = self.devices.copied(tables.shared)
        self._compile(data, shared)
        for epoch in range(1, recipe.epochs + 1):
            rows, real = self._batches(epoch)
            self.state, loss = self._train(self.state, rows, real, *data, shared)
            if epoch in recipe.report:
                yield self._report(epoch, loss, data[0], shared)

    def network(self, fold: int, copy: int = 0) -> keras.Model:
        """Return the model holding the present weights of one network (one object for all)."""
        trainable, fixed, slots = jax.tree.map(lambda value: value[fold, copy], self.state)
        values = [*self._network.averaged(trainable, slots), *fixed]
        variables = [*self.model.trainable_variables, *self.model.non_trainable_variables]
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return self.model

    def weights(self, variables: Sequence[keras.Variable]) -> list[list[list[Array]]]:
        """Return the present weights to predict with, of each fold and copy.

        Args:
            variables: of the model, in the order in which their values are wanted.
        """
        own = [*self.model.trainable_variables, *self.model.non_trainable_variables]
        places = {id(variable): place for place, variable in enumerate(own)}
        order = [places[id(variable)] for variable in variables]
        state = jax.tree.map(np.asarray, self.state)

        def of(fold: int, copy: int) -> list[Array]:
            trainable, fixed, slots = jax.tree.map(lambda value: value[fold, copy], state)
            if getattr(self.model.optimizer, "use_ema", False):
                trainable = map(np.asarray, self._network.averaged(trainable, slots))
            values = [*trainable, *fixed]
            return [values[place] for place in order]

        folds, copies = len(self.tables.train_rows), self.recipe.copies
        return [[of(fold, copy) for copy in range(copies)] for fold in range(folds)]

    def _compile(self, data: Data, shared: Tensors) -> None:
        """Compile the training of all networks at once, or of as many as fit in memory."""
        fold = 0 if self.tables.per_fold else None
        own = fold if self.tables.shared_per_fold else None
        rows, real = self._batches(1)
        room = free_bytes() if self.recipe.memory is None else self.recipe.memory
        self.at_once = len(self.tables.train_rows) * self.recipe.copies
        while True:
            train = self._over_networks(
                self._network.train_epoch,
                (0, 0, None, None, None, None, None),
                (0, 0, 0, fold, fold, fold, own),
            )
            # The state comes out where it went in: the next epoch begins with it.
            program = jax.jit(train, donate_argnums=0, out_shardings=self.devices.everywhere)
            self._train = program.lower(self.state, rows, real, *data, shared).compile()
            if self.at_once == 1 or bytes_of(self._train) <= room:
                break
            self.at_once = -(-self.at_once // 2)
        self._predict = jax.jit(
            self._over_networks(self._network.predict, (0, None, None, None), (0, 0, fold, own))
        )

    def _over_networks(
        self, function: Callable[..., T], copies: Axes, folds: Axes
    ) -> Callable[..., T]:
        """Return a function of one network applied to all, as many at once as fit in memory.

        Args:
            function: of one network.
            copies: the axis of the copies in each of its arguments, 0 or None; copies share
                their fold's data.
            folds: likewise of the folds.
        """
        n_folds, n_copies = len(self.tables.train_rows), self.recipe.copies
        of_fold = mapped(function, copies, n_copies, self.at_once)
        return mapped(of_fold, folds, n_folds, max(1, self.at_once // n_copies))

    def _batches(self, epoch: int) -> tuple[jax.Array, jax.Array]:
        """Return the rows [folds, copies, steps, batch] of every batch, and which are not filling.

        The last batch is filled up with the fold's own rows at weight zero, never with foreign
        ones: batch normalisation sees them too.
        """
        size = self._steps * self._batch
        folds, copies = len(self.tables.train_rows), self.recipe.copies
        rows = np.empty((folds, copies, size), dtype=np.int32)
        real = np.zeros((folds, size), dtype=np.float32)
        for fold, own in enumerate(self.tables.train_rows):
            real[fold, : len(own)] = 1.0
            for copy in range(copies):
                rng = np.random.default_rng([self.recipe.fold_seeds[fold], copy, epoch])
                rows[fold, copy] = np.resize(rng.permutation(own), size)
        batches = (self._steps, self._batch)
        return (
            self.devices.divided(rows.reshape(folds, copies, *batches)),
            self.devices.divided(real.reshape(folds, *batches)),
        )

    def _report(self, epoch: int, loss: jax.Array, inputs: Tensors, shared: Tensors) -> EpochReport:
        """Predict the test rows, and the validation rows of each fold."""
        own = self.tables.valid_rows
        first = len(self.tables)
        last = jax.tree.leaves(inputs)[0].shape[1 if self.tables.per_fold else 0]
        count = last - first
        # Test rows come first, so that no row's place depends on the other folds.
        wanted = [np.concatenate([np.arange(first, last), valid]) for valid in own]
        # One chunk a call, whatever their number: a loop over them would be compiled for it.
        parts = [
            self._predict(self.state, self.devices.divided(chunk), inputs, shared)
            for chunk in self._chunks(wanted)
        ]
        found = np.concatenate([np.asarray(part) for part in parts], axis=2)
        return EpochReport(
            epoch,
            np.asarray(loss, dtype=np.float64),
            tuple(found[fold, :, count : count + len(valid)] for fold, valid in enumerate(own)),
            found[:, :, :count],
        )

    def _chunks(self, wanted: list[Array]) -> Iterator[NDArray[np.int32]]:
        """Yield chunks [folds, batch] of rows, filled up with row 0. They are of one size."""
        size = self.recipe.predict_batch_size
        longest = max(1, *map(len, wanted))
        rows = np.zeros((len(wanted), -(-longest // size) * size), dtype=np.int32)
        for line, own in zip(rows, wanted, strict=True):
            line[: len(own)] = own
        for start in range(0, rows.shape[1], size):
            yield rows[:, start : start + size]
