"""What travels: rows and folds once, with a job its model, and the files that this names."""

from __future__ import annotations

import io
import pickle
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import numpy as np
from numpy.typing import NDArray

from comps.base import JSON, Dataset, Model, data_root
from pipelines.basics.files import write_bytes
from pipelines.basics.fingerprint import fingerprint, with_contents
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


@dataclass(frozen=True)
class Named:
    """A file that a parameter of a job's model names, and that travels with it.

    Attributes:
        text: the parameter.
        name: its path in the folder that the text names; of a single file, its name.
        alone: whether the text names this file, and not its folder.
    """

    text: str
    name: str
    alone: bool


def files_of(model: Model) -> list[tuple[Named, Path]]:
    """Return the files that parameters of a model name, each with where it is here."""
    found = []
    for text in dict.fromkeys(_texts(dict(model.params))):
        told = with_contents(text)
        if not isinstance(told, Mapping):
            continue
        path = next(path for path in (Path(text), data_root() / text) if path.exists())
        if "file" in told:
            found.append((Named(text, path.name, alone=True), path))
        else:
            names = sorted(part for part in path.rglob("*") if part.is_file())
            found += [(Named(text, str(n.relative_to(path)), alone=False), n) for n in names]
    return found


def _texts(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)


def with_files(model: Model, named: Sequence[Named], contents: Sequence[bytes]) -> Model:
    """Return a model whose parameters name files of this machine, which are written if need be.

    Args:
        model: as it was declared.
        named: the files.
        contents: of each.
    """
    by_text: dict[str, dict[str, bytes]] = {}
    for part, content in zip(named, contents, strict=True):
        by_text.setdefault(part.text, {})[part.name] = content
    places = {}
    for part in named:
        own = by_text[part.text]
        folder = _sent_root() / fingerprint(*(value for pair in own.items() for value in pair))
        path = folder / part.name
        if not path.exists():
            write_bytes(path, own[part.name])
        places[part.text] = str(path if part.alone else folder)
    return replace(model, params=_replaced(dict(model.params), places)) if places else model


def _sent_root() -> Path:
    """Return the folder of this machine for files that were sent; its content can be deleted."""
    return Path(tempfile.gettempdir()) / "comps-sent"


def _replaced(value: Any, places: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return places.get(value, value)
    if isinstance(value, Mapping):
        return {name: _replaced(part, places) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_replaced(part, places) for part in value]
    return value
