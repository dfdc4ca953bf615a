"""Memory stays flat: a worker trains one network after the other."""

from __future__ import annotations

import pytest

from tests.support import python

FITS, WARM_UP = 30, 6
# What a program grows by at most between the first fits and the last.
GROWTH = 1.05


@pytest.mark.parametrize(
    ("trainer", "family"),
    [
        pytest.param("keras-jax", "dense", marks=pytest.mark.slow),
        pytest.param("keras-tensorflow", "convolutional", marks=pytest.mark.long),
    ],
)
def test_memory_does_not_grow_with_the_number_of_fits(trainer: str, family: str) -> None:
    told = python(
        f"""
import psutil
from tests.test_families import last_stage, model_of

for _ in range({FITS}):
    last_stage(model_of({family!r}, {trainer!r}, epochs=2, stride=2))
    print(psutil.Process().memory_info().rss)
"""
    )
    used = [int(line) for line in told.split()]
    assert len(used) == FITS
    assert max(used[-3:]) < GROWTH * max(used[:WARM_UP]), used
