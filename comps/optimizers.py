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


def restarted(
    steps: int,
    learning_rate: float,
    weight_decay: float,
    *,
    cycles: int,
    beta_2: float,
    spared: Sequence[str] = ("bias",),
) -> keras.optimizers.AdamW:
    """Return AdamW whose rate falls to zero several times, each time over twice as many steps.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017). Four
    cycles end after one, three, seven and all fifteen fifteenths of the steps. The end of each is
    a network that has settled: early stopping can choose among those of short and of long training.

    Args:
        steps: of the whole training.
        learning_rate: at the beginning of each cycle.
        weight_decay: a step, as a share of the rate.
        cycles: how often the rate falls.
        beta_2: how slowly the mean of the squared gradients changes.
        spared: names of weights without decay.
    """
    import keras

    rate = keras.optimizers.schedules.CosineDecayRestarts(
        learning_rate, first_decay_steps=max(steps / (2**cycles - 1), 1.0)
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=weight_decay, beta_2=beta_2)
    optimizer.exclude_from_weight_decay(var_names=list(spared))
    return optimizer
