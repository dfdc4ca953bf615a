"""Types of what passes between the rooms: arrays, JSON values, parameters of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from numpy.typing import NDArray

# Of numbers, labels or ids, whatever their type; where a function needs one, it says so.
Array: TypeAlias = NDArray[Any]

# What a JSON file says of one thing.
JSON: TypeAlias = "str | int | float | bool | Sequence[JSON] | Mapping[str, JSON] | None"

# JSON values by name, which are handed to a function or a library as arguments. Of what type each
# of them has to be, that function alone knows.
Params: TypeAlias = Mapping[str, Any]
