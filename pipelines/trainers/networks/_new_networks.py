"""Builds the networks of a fold program, each from seeds of its own.

Keras must run on the JAX backend, and this module imports both: import it lazily.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import jax
import keras
import numpy as np
from jax import numpy as jnp

from comps.base import Array
from pipelines.trainers.networks._fold_tables import Recipe
from pipelines.trainers.networks._plan import copy_seed


def new_networks(
    build_model: Callable[[], keras.Model], folds: int, recipe: Recipe
) -> tuple[keras.Model, tuple[list[jax.Array], list[jax.Array]]]:
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
            random.seed(copy_seed(recipe.fold_seeds[fold], copy))
            model = _without_cudnn(build_model())
            trainable.append([np.asarray(v.value) for v in model.trainable_variables])
            fixed.append([np.asarray(v.value) for v in model.non_trainable_variables])
            shapes.add(tuple(v.shape for v in model.variables))
    random.setstate(before)
    if len(shapes) != 1:
        raise ValueError(
            "build_model must return the same architecture for every fold and seed. "
            f"Received: {len(shapes)} different sets of variable shapes."
        )

    def stack(*values: Array) -> jax.Array:
        return jnp.asarray(np.stack(values).reshape(folds, recipe.copies, *values[0].shape))

    return model, (jax.tree.map(stack, *trainable), jax.tree.map(stack, *fixed))


def _without_cudnn(model: keras.Model) -> keras.Model:
    """Return the model with recurrent layers that take steps of their own on a GPU, too.

    Keras calls cuDNN for them there, which JAX cannot lay out for several networks ("Batching rule
    for 'rnn_fwd' not implemented").
    """
    for layer in model._flatten_layers():
        if hasattr(layer, "use_cudnn"):
            layer.use_cudnn = False
    return model


def loss_of_each_row(model: keras.Model) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Return the loss that a model was compiled with, without its mean over the rows."""
    if getattr(model, "optimizer", None) is None or not model.loss:
        raise ValueError("build_model must return a compiled model, with an optimizer and a loss.")
    loss = keras.losses.get(model.loss)
    if not isinstance(loss, keras.losses.Loss):
        return loss  # type: ignore[no-any-return]
    # Not a copy with another reduction: some losses leave their parameters out of the
    # configuration that a copy is made from.
    return loss.call  # type: ignore[no-any-return]
