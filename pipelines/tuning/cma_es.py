"""Optuna's CMA-ES, which runs nothing that a database says.

Optuna keeps the state of CMA-ES as a pickle among the trials. A database may be shared, or come
with a folder of somebody else's, and a pickle runs whatever its writer wanted: here it makes
numbers, arrays and the optimizer, and no other object.
"""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING, Any

from optuna.samplers import CmaEsSampler

from comps.base import StoreError

if TYPE_CHECKING:
    import optuna

_KNOWN = frozenset(
    {
        ("cmaes._cma", "CMA"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
    }
)


class _Unpickler(pickle.Unpickler):
    """Makes the known types alone."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"it holds {module}.{name}, which is not known")
        return super().find_class(module, name)


def read_state(content: bytes) -> Any:
    """Return an optimizer from its pickle.

    Raises:
        StoreError: if it is damaged, or would make an object of another type.
    """
    try:
        return _Unpickler(io.BytesIO(content)).load()
    except Exception as error:  # damaged pickles raise whatever their parts do
        raise StoreError(
            f"The state of CMA-ES in the study is not read: {error}. Begin a new study (--study), "
            "or take another tuner (--tuner tpe)."
        ) from error


class KeptCmaEs(CmaEsSampler):
    """CMA-ES that goes on from the state that its trials carry."""

    def _restore_optimizer(self, completed_trials: list[optuna.trial.FrozenTrial]) -> Any:
        for trial in reversed(completed_trials):
            attributes = _ours(trial.system_attrs, self._attr_key_optimizer)
            if attributes:
                return read_state(bytes.fromhex(self._concat_optimizer_attrs(attributes)))
        return None


def _ours(attributes: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name.startswith(key)}
