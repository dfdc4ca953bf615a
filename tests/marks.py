"""Marks of tests that need something of the machine they run on."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from pipelines.basics.hardware import accelerators

# These divide the cores of a CPU into devices.
ON_A_CPU = pytest.mark.skipif(bool(accelerators()), reason="there is a GPU")
WITH_TENSORFLOW = pytest.mark.skipif(
    find_spec("tensorflow") is None, reason="TensorFlow is not installed"
)
