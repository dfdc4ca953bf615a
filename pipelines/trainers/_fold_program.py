"""Every fold (times several copies) of one Keras model, trained as one JAX program.

K calls of ``fit`` pay K times for tracing, compiling and dispatching batches of a few rows. Here
the weights of all networks lie on two leading axes, [folds, copies, ...]; one step is
``stateless_call``, a gradient and ``optimizer.stateless_apply`` under two ``jax.vmap``; an epoch is
a ``lax.scan`` over its batches, compiled once. Batches are gathered by index from arrays that stay
on the device. The validation targets play no part: the caller scores what is yielded.

Keras must run on the JAX backend, and this module imports both: import it lazily.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeAlias

import jax
import keras
import numpy as np
from jax import numpy as jnp
from numpy.typing import NDArray

from pipelines.trainers._devices import Devices, bytes_of, free_bytes
from pipelines.trainers._fold_tables import EpochReport, FoldTables, Recipe
from pipelines.trainers._network_plan import derived_seed
from pipelines.trainers._portions import Axes, mapped

State: TypeAlias = Any  # (trainable, non-trainable, optimizer) variables, each [folds, copies, ...]


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
        ValueError: if `build_model` returns different architectures, or a model that is not
            compiled.
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
        sizes = [len(rows) for rows in tables.train_rows]
        # A batch is filled up to its size: one of more rows than there are would be mostly filling.
        self._batch = min(recipe.batch_size, max(sizes))
        self._steps = -(-max(sizes) // self._batch)
        # Only folds with fewer batches than others need the (costly) skipping of whole steps.
        self._skips = self._steps != -(-min(sizes) // self._batch)
        self.model, weights = _new_networks(build_model, len(sizes), recipe)
        self._loss = _loss_of_each_row(self.model)
        self.optimizer = self.model.optimizer
        self.optimizer.build(self.model.trainable_variables)
        zero = [
            jnp.broadcast_to(v.value, (len(sizes), recipe.copies, *v.shape))
            for v in self.optimizer.variables
        ]
        self.devices = Devices(self._batch)
        self.state: State = self.devices.copied((*weights, zero))

    def run(self) -> Iterator[EpochReport]:
        """Train, and yield a report after each epoch that ``recipe.report`` names."""
        tables, recipe = self.tables, self.recipe
        weight = np.ones(len(tables)) if tables.weight is None else tables.weight
        # Test rows behind the others: one program, which takes a second to compile, predicts both.
        rows_axis = 1 if tables.per_fold else 0
        inputs = jax.tree.map(
            lambda rows, test: np.concatenate([rows, test], axis=rows_axis),
            tables.inputs,
            tables.test_inputs,
        )
        data = self.devices.copied((inputs, tables.target, weight.astype(np.float32)))
        shared = self.devices.copied(tables.shared)
        self._compile(data, shared)
        for epoch in range(1, recipe.epochs + 1):
            rows, real = self._batches(epoch)
            self.state, loss = self._train(self.state, rows, real, *data, shared)
            if epoch in recipe.report:
                yield self._report(epoch, loss, data[0], shared)

    def _compile(self, data: Any, shared: Any) -> None:
        """Compile the training of all networks at once, or of as many as memory has room for."""
        fold = 0 if self.tables.per_fold else None
        own = fold if self.tables.shared_per_fold else None
        rows, real = self._batches(1)
        room = free_bytes() if self.recipe.memory is None else self.recipe.memory
        self.at_once = len(self.tables.train_rows) * self.recipe.copies
        while True:
            train = self._over_networks(
                self._train_epoch,
                (0, 0, None, None, None, None, None),
                (0, 0, 0, fold, fold, None, own),
            )
            # The state comes out where it went in: the next epoch begins with it.
            program = jax.jit(train, donate_argnums=0, out_shardings=self.devices.everywhere)
            self._train = program.lower(self.state, rows, real, *data, shared).compile()
            if self.at_once == 1 or bytes_of(self._train) <= room:
                break
            self.at_once = -(-self.at_once // 2)
        self._predict = jax.jit(
            self._over_networks(self._predict_chunks, (0, None, None, None), (0, 0, fold, own))
        )

    def _over_networks(
        self, function: Callable[..., Any], copies: Axes, folds: Axes
    ) -> Callable[..., Any]:
        """Apply what is said of one network to all, so many at once as there is room for.

        Args:
            function: of one network.
            copies: the axis of the copies in each of its arguments, 0 or None; copies share
                their fold's data.
            folds: likewise of the folds.
        """
        n_folds, n_copies = len(self.tables.train_rows), self.recipe.copies
        of_fold = mapped(function, copies, n_copies, self.at_once)
        return mapped(of_fold, folds, n_folds, max(1, self.at_once // n_copies))

    def network(self, fold: int, copy: int = 0) -> keras.Model:
        """Return the model holding the present weights of one network (one object for all)."""
        trainable, fixed, slots = jax.tree.map(lambda value: value[fold, copy], self.state)
        values = [*self._averaged(trainable, slots), *fixed]
        variables = [*self.model.trainable_variables, *self.model.non_trainable_variables]
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return self.model

    def _train_epoch(
        self,
        state: State,
        rows: Any,
        real: Any,
        inputs: Any,
        target: Any,
        weight: Any,
        shared: Any,
    ) -> tuple[State, Any]:
        """Train one network for an epoch; ``rows`` and ``real`` are [steps, batch]."""

        def step(state: State, batch: tuple[Any, Any]) -> tuple[State, Any]:
            rows, real = batch
            features = self._features(shared, inputs, rows)
            new, total = self._step(state, features, target[rows], real * weight[rows], real.sum())
            if self._skips:
                new = jax.tree.map(partial(jnp.where, real.sum() > 0), new, state)
            return new, total

        state, totals = jax.lax.scan(step, state, (rows, real))
        return state, totals.sum() / real.sum()

    def _step(
        self, state: State, features: Any, target: Any, weight: Any, count: Any
    ) -> tuple[State, Any]:
        """Take one optimizer step; return the new state and the summed loss of the rows."""
        trainable, fixed, slots = state

        def objective(trainable: Any) -> tuple[Any, Any]:
            prediction, new_fixed, penalties = self.model.stateless_call(
                trainable, fixed, features, training=True, return_losses=True
            )
            each = self._loss(target, prediction)
            total = (each.reshape(each.shape[0], -1).mean(axis=1) * weight).sum()
            # Divided by the real rows and not by the weights, as ``fit`` does.
            loss = total / jnp.maximum(count, 1.0) + sum(penalties)
            return self._scaled(loss, slots), (new_fixed, total)

        gradient, (new_fixed, total) = jax.grad(objective, has_aux=True)(trainable)
        trainable, slots = self.optimizer.stateless_apply(slots, gradient, trainable)
        return (trainable, new_fixed, slots), total

    def _scaled(self, loss: Any, slots: Any) -> Any:
        """Return the loss as the optimizer wants it: in float16 small gradients would vanish."""
        mapping = list(zip(self.optimizer.variables, slots, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            return self.optimizer.scale_loss(loss)

    def _features(self, shared: Any, inputs: Any, rows: Any) -> Any:
        """Return what the model takes of some rows of one fold."""
        return self.tables.gather(shared, jax.tree.map(lambda table: table[rows], inputs))

    def _predict_chunks(self, state: State, chunks: Any, inputs: Any, shared: Any) -> Any:
        """Predict the rows in ``chunks`` [chunks, batch], one chunk at a time to bound memory."""
        trainable, fixed, slots = state
        trainable = self._averaged(trainable, slots)

        def predict(rows: Any) -> Any:
            features = self._features(shared, inputs, rows)
            return self.model.stateless_call(trainable, fixed, features, training=False)[0]

        found = jax.lax.map(predict, chunks)
        return found.reshape(-1, *found.shape[2:])

    def _averaged(self, trainable: Any, slots: Any) -> list[Any]:
        """Return the weights to predict with: the moving averages if the optimizer keeps them."""
        mapping = [
            *zip(self.model.trainable_variables, trainable, strict=True),
            *zip(self.optimizer.variables, slots, strict=True),
        ]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            self.optimizer.finalize_variable_values(self.model.trainable_variables)
            return [scope.get_current_value(v) for v in self.model.trainable_variables]

    def _batches(self, epoch: int) -> tuple[jax.Array, jax.Array]:
        """Return the rows [folds, copies, steps, batch] of every batch, and which are real.

        A fold is filled up with its own rows at weight zero, never with foreign rows: batch
        normalisation sees them too.
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

    def _report(self, epoch: int, loss: Any, inputs: Any, shared: Any) -> EpochReport:
        """Predict the validation rows of each fold, and the test rows."""
        own = self.tables.valid_rows
        longest = max(map(len, own))
        first = len(self.tables)
        count = jax.tree.leaves(inputs)[0].shape[1 if self.tables.per_fold else 0] - first
        wanted = np.zeros((len(own), longest + count), dtype=np.int32)
        wanted[:, longest:] = np.arange(first, first + count)
        for rows, valid in zip(wanted, own, strict=True):
            rows[: len(valid)] = valid
        chunks = self.devices.divided(np.stack([self._chunks(rows) for rows in wanted]))
        found = np.asarray(self._predict(self.state, chunks, inputs, shared))
        return EpochReport(
            epoch,
            np.asarray(loss, dtype=np.float64),
            tuple(found[fold][:, : len(valid)] for fold, valid in enumerate(own)),
            found[:, :, longest : longest + count],
        )

    def _chunks(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        """Cut rows, filled up with row 0, into chunks: int32 [chunks, batch]."""
        size = min(max(len(rows), 1), self.recipe.predict_batch_size)
        padded = np.zeros(-(-len(rows) // size) * size, dtype=np.int32)
        padded[: len(rows)] = rows
        return padded.reshape(-1, size)


def _new_networks(
    build_model: Callable[[], keras.Model], folds: int, recipe: Recipe
) -> tuple[keras.Model, tuple[list[Any], list[Any]]]:
    """Build a network for every fold and seed; return one of them and the weights of all.

    The seed generators of dropout are among the non-trainable variables, so that they are
    stacked with the values that they got from each network's own seed. Keras takes the seeds of
    initializers and layers from ``random``; ``keras.utils.set_random_seed`` would do no more than
    seed it too, and imports TensorFlow where it is installed (6 s).
    """
    trainable, fixed, shapes = [], [], set()
    before = random.getstate()
    for fold in range(folds):
        for copy in range(recipe.copies):
            random.seed(derived_seed(recipe.fold_seeds[fold], copy))
            model = build_model()
            trainable.append([np.asarray(v.value) for v in model.trainable_variables])
            fixed.append([np.asarray(v.value) for v in model.non_trainable_variables])
            shapes.add(tuple(v.shape for v in model.variables))
    random.setstate(before)
    if len(shapes) != 1:
        raise ValueError(
            "build_model must return the same architecture for every fold and seed. "
            f"Received: {len(shapes)} different sets of variable shapes."
        )

    def stack(*values: NDArray[Any]) -> jax.Array:
        return jnp.asarray(np.stack(values).reshape(folds, recipe.copies, *values[0].shape))

    return model, (jax.tree.map(stack, *trainable), jax.tree.map(stack, *fixed))


def _loss_of_each_row(model: keras.Model) -> Callable[[Any, Any], Any]:
    """Return the loss that a model was compiled with, without its mean over the rows."""
    if getattr(model, "optimizer", None) is None or not model.loss:
        raise ValueError("build_model must return a compiled model, with an optimizer and a loss.")
    loss = keras.losses.get(model.loss)
    if not isinstance(loss, keras.losses.Loss):
        return loss  # type: ignore[no-any-return]
    # Not a copy with another reduction: some losses leave their parameters out of the
    # configuration that a copy is made from.
    return loss.call  # type: ignore[no-any-return]
