"""Operations on one network of a fold program: an epoch of steps, a prediction.

Keras must run on the JAX backend, and this module imports both: import it lazily.
"""

from __future__ import annotations

from typing import TypeAlias

import jax
import keras

from pipelines.trainers.networks._new_networks import loss_of_each_row
from pipelines.trainers.networks._rows import Gather, Tensors

Leaves: TypeAlias = list[jax.Array]
State: TypeAlias = tuple[Leaves, Leaves, Leaves]  # trainable, non-trainable, the optimizer's


class NetworkStep:
    """Pure functions of the state of one network, which a program maps over all of them.

    Args:
        model: compiled, with the optimizer and the loss to train with. Its own weights are not
            used.
        gather: makes the model's inputs from the rows of a batch; see `FoldTables`.

    Raises:
        ValueError: if the model is not compiled.
    """

    def __init__(self, model: keras.Model, gather: Gather) -> None:
        self.model, self.gather = model, gather
        self._loss = loss_of_each_row(model)
        self.optimizer = model.optimizer
        self.optimizer.build(model.trainable_variables)

    def train_epoch(
        self,
        state: State,
        rows: jax.Array,
        real: jax.Array,
        inputs: Tensors,
        target: jax.Array,
        weight: jax.Array,
        shared: Tensors,
    ) -> tuple[State, jax.Array]:
        """Train for an epoch; ``rows`` and ``real`` are [steps, batch]. The loss is its mean."""

        def step(state: State, batch: tuple[jax.Array, jax.Array]) -> tuple[State, jax.Array]:
            rows, real = batch
            features = self._features(shared, inputs, rows)
            return self._step(state, features, target[rows], real * weight[rows], real.sum())

        state, totals = jax.lax.scan(step, state, (rows, real))
        return state, totals.sum() / real.sum()

    def predict(self, state: State, rows: jax.Array, inputs: Tensors, shared: Tensors) -> jax.Array:
        """Return the outputs of some rows, [batch, ...model output]."""
        trainable, fixed, slots = state
        features = self._features(shared, inputs, rows)
        weights = self.averaged(trainable, slots)
        outputs: jax.Array
        outputs, _ = self.model.stateless_call(weights, fixed, features, training=False)
        return outputs

    def averaged(self, trainable: Leaves, slots: Leaves) -> Leaves:
        """Return the weights to predict with: the moving averages if the optimizer keeps them."""
        mapping = [
            *zip(self.model.trainable_variables, trainable, strict=True),
            *zip(self.optimizer.variables, slots, strict=True),
        ]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            self.optimizer.finalize_variable_values(self.model.trainable_variables)
            return [scope.get_current_value(v) for v in self.model.trainable_variables]

    def _step(
        self,
        state: State,
        features: Tensors,
        target: jax.Array,
        weight: jax.Array,
        count: jax.Array,
    ) -> tuple[State, jax.Array]:
        """Take one optimizer step; return the new state and the summed loss of the rows."""
        trainable, fixed, slots = state

        def objective(trainable: Leaves) -> tuple[jax.Array, tuple[Leaves, jax.Array]]:
            prediction, new_fixed, penalties = self.model.stateless_call(
                trainable, fixed, features, training=True, return_losses=True
            )
            each = self._loss(target, prediction)
            total = (each.reshape(each.shape[0], -1).mean(axis=1) * weight).sum()
            # Divided by the real rows and not by the weights, as ``fit`` does.
            loss = total / count + sum(penalties)
            return self._scaled(loss, slots), (new_fixed, total)

        gradient, (new_fixed, total) = jax.grad(objective, has_aux=True)(trainable)
        trainable, slots = self.optimizer.stateless_apply(slots, gradient, trainable)
        return (trainable, new_fixed, slots), total

    def _scaled(self, loss: jax.Array, slots: Leaves) -> jax.Array:
        """Return the loss as the optimizer scales it: in float16 small gradients would vanish."""
        mapping = list(zip(self.optimizer.variables, slots, strict=True))
        with keras.StatelessScope(state_mapping=mapping):
            scaled: jax.Array = self.optimizer.scale_loss(loss)
            return scaled

    def _features(self, shared: Tensors, inputs: Tensors, rows: jax.Array) -> Tensors:
        """Return the model's inputs for some rows of one fold."""
        return self.gather(shared, jax.tree.map(lambda table: table[rows], inputs))
