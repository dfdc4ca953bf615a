"""What travels: rows and folds once, and a job with its model."""

from __future__ import annotations

import io
import pickle
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import numpy as np
from numpy.typing import NDArray

from comps.base import Dataset
from pipelines.code import reached
from pipelines.engines._packed import packed_job
from pipelines.engines.jobs import Job

# The packages of this project, which every worker has.
_OWN = {"comps", "ensembles", "pipelines", "submissions"}


@dataclass(frozen=True, eq=False)
class Packed:
    """A value as bytes, with its arrays apart: the processes of a node share these, read-only.

    Attributes:
        content: of the value.
        buffers: of its arrays, [bytes] uint8 each.
    """

    content: bytes
    buffers: Sequence[NDArray[np.uint8]]

    @classmethod
    def of(cls, value: object) -> Packed:
        """Pack a value.

        >>> unpacked = Packed.of({"area": np.arange(3)}).unpacked()
        >>> unpacked["area"].tolist()
        [0, 1, 2]
        """
        buffers: list[pickle.PickleBuffer] = []
        written = io.BytesIO()
        _Pickler(written, protocol=5, buffer_callback=buffers.append).dump(value)
        arrays = [np.frombuffer(buffer.raw(), dtype=np.uint8) for buffer in buffers]
        return cls(written.getvalue(), arrays)

    @classmethod
    def whole(cls, value: object) -> Packed:
        """Pack a value with its arrays among the rest, which many small ones take less time in."""
        return cls(pickle.dumps(value, protocol=5), ())

    def unpacked(self) -> Any:
        """Return the value; its arrays are those of this object."""
        return pickle.loads(self.content, buffers=[array.data for array in self.buffers])


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def reducer_override(self, value: Any) -> Any:
        # An array that is mapped from a file would be copied into the content.
        if isinstance(value, np.memmap):
            return np.asarray(value).__reduce_ex__(5)
        return super().reducer_override(value)


def not_here(path: Path) -> Dataset:
    """Stand for the loader of a competition where its rows were sent.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError(f"The rows of {path} were sent; nothing is loaded here.")


def packed_for_elsewhere(job: Job) -> bytes:
    """Return a job as bytes that another machine can read.

    What only the process that started it has stays here: paths, and the loader. Modules of the
    user's go along by value.

    Raises:
        UsageError: if a value that its functions hold cannot leave this process.
    """
    nowhere = Path("sent")
    run = replace(
        job.run,
        competition=replace(job.run.competition, load=not_here, sample=None, data=None),
        data=nowhere,
        store=nowhere,
        folds=nowhere,
        experiment=None,
    )
    model = replace(job.model, preprocessor=None, space=None, sized=None)
    with _by_value(_modules_of_the_user(job)):
        return packed_job(replace(job, run=run, model=model))


def _modules_of_the_user(job: Job) -> list[ModuleType]:
    """Return the loaded modules that a job needs and that no package of a worker has."""
    names = {module.partition(".")[0] for module, _ in reached(job.run.competition, job.model)}
    return [sys.modules[name] for name in sorted(names - _OWN) if name in sys.modules]


@contextmanager
def _by_value(modules: Sequence[ModuleType]) -> Iterator[None]:
    known = cloudpickle.list_registry_pickle_by_value()
    new = [module for module in modules if module.__name__ not in known | {"__main__"}]
    for module in new:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in new:
            cloudpickle.unregister_pickle_by_value(module)
