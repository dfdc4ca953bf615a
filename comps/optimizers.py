"""Optimizers that networks of several competitions share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


def one_cycle(
    steps: int,
    learning_rate: float,
    weight_decay: float,
    *,
    begin: float,
    rise: float,
    end: float = 0.0,
) -> keras.optimizers.AdamW:
    """Return AdamW whose rate rises in a line and falls along half a cosine.

    Smith and Topin, "Super-convergence" (2019), for few epochs at a high rate; decay that is apart
    from the gradient is of Loshchilov and Hutter, "Decoupled weight decay regularization" (2019).

    Args:
        steps: of the whole training.
        learning_rate: at its highest.
        weight_decay: a step, as a share of the rate; biases and normalisations are spared.
        begin: the first rate, as a share of the highest.
        rise: the share of the steps that go up; at least one step does.
        end: the last rate, as a share of the highest.
    """
    import keras

    up = max(int(rise * steps), 1)
    rate = keras.optimizers.schedules.CosineDecay(
        begin * learning_rate,
        decay_steps=max(steps - up, 1),
        alpha=end,
        warmup_target=learning_rate,
        warmup_steps=up,
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    return optimizer


# The cosines of `restarted`, each twice as long as the one before it.
_CYCLES = 4


def restarted(
    steps: int,
    learning_rate: float,
    weight_decay: float,
    *,
    beta_2: float,
    spared: Sequence[str] = ("bias",),
) -> keras.optimizers.AdamW:
    """Return AdamW whose rate falls to zero four times, each time over twice as many steps.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017), after a
    fifteenth, three, seven fifteenths and all of the steps. The end of each cycle is a network
    that has settled: early stopping can choose among networks trained for a short and a long time.

    Args:
        steps: of the whole training.
        learning_rate: at the beginning of each cycle.
        weight_decay: a step, as a share of the rate.
        beta_2: how slowly the mean of the squared gradients changes.
        spared: names of weights without decay.
    """
    import keras

    rate = keras.optimizers.schedules.CosineDecayRestarts(
        learning_rate, first_decay_steps=max(steps / (2**_CYCLES - 1), 1.0)
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=weight_decay, beta_2=beta_2)
    optimizer.exclude_from_weight_decay(var_names=list(spared))
    return optimizer
