"""A function of one network applied to many: side by side, or in portions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

import jax

Axes: TypeAlias = tuple[int | None, ...]
T = TypeVar("T")


def mapped(function: Callable[..., T], axes: Axes, size: int, at_once: int) -> Callable[..., T]:
    """Return a function that is applied along an axis, to `at_once` places of it at a time.

    Args:
        function: of one place of the axis.
        axes: of each argument, 0 or None.
        size: of the axis.
        at_once: places that are computed side by side; the rest waits.

    >>> from jax import numpy as jnp
    >>> mapped(lambda row, factor: row * factor, (0, None), 3, 2)(jnp.arange(3), 10).tolist()
    [0, 10, 20]
    """
    if size == 1:
        return _alone(function, axes)
    if at_once >= size:
        return jax.vmap(function, in_axes=axes)

    def portions(*arguments: object) -> T:
        moving = [value for value, axis in zip(arguments, axes, strict=True) if axis == 0]

        def one(places: list[object]) -> T:
            own = iter(places)
            return function(
                *(
                    next(own) if axis == 0 else value
                    for value, axis in zip(arguments, axes, strict=True)
                )
            )

        found: T = jax.lax.map(one, moving, batch_size=at_once)
        return found

    return portions


def _alone(function: Callable[..., T], axes: Axes) -> Callable[..., T]:
    """Return a function that is applied to the one place of an axis.

    An axis of length one in every product keeps XLA from its fast loops on a processor: TabM took
    four times as long.
    """

    def alone(*arguments: object) -> T:
        own = (
            jax.tree.map(lambda leaf: leaf[0], value) if axis == 0 else value
            for value, axis in zip(arguments, axes, strict=True)
        )
        found: T = jax.tree.map(lambda leaf: leaf[None], function(*own))
        return found

    return alone
