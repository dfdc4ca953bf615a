"""Optimizers that networks of several competitions share."""

from __future__ import annotations

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
