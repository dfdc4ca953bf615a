"""Values in files whose arrays other processes of this machine map, and need not copy."""

from __future__ import annotations

import mmap
import os
import pickle
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

import numpy as np

# Arrays in a file begin where a cache line does.
_ALIGNED = 64


def write_mapped(value: object, file: Path) -> None:
    """Write a value, such as a `Dataset`, for the processes that this one starts.

    It is a pickle, whose arrays lie beside it: for live processes of one's own alone.

    Args:
        value: whose arrays are mapped by `read_mapped`.
        file: its path; a second file ends in ".npy".

    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "rows.pickle"
    >>> write_mapped({"area": np.arange(3)}, place)
    >>> read_mapped(place)["area"].tolist()
    [0, 1, 2]
    """
    buffers: list[pickle.PickleBuffer] = []
    content = pickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    with file.open("wb") as opened:
        for buffer in buffers:
            opened.write(buffer.raw())
            opened.write(b"\0" * (-opened.tell() % _ALIGNED))
        opened.write(content)
    sizes = [len(content), *(len(buffer.raw()) for buffer in buffers)]
    np.save(file.with_suffix(".npy"), np.array(sizes, dtype=np.int64))


def read_mapped(file: Path) -> Any:
    """Return the value that `write_mapped` wrote; its arrays are those of the file, and read-only.

    The file may be removed meanwhile: what is mapped stays.
    """
    with file.open("rb") as opened:
        whole = memoryview(mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ))
    length, *sizes = np.load(file.with_suffix(".npy"))
    starts = np.cumsum([0, *(size + -size % _ALIGNED for size in sizes)]).tolist()
    buffers = [whole[start : start + size] for start, size in zip(starts, sizes, strict=False)]
    return pickle.loads(whole[starts[-1] : starts[-1] + length], buffers=buffers)


def write_for(owner: object, value: object) -> Path:
    """Write a value into a private temporary folder that is removed with its owner.

    It is also removed when this process ends.

    Args:
        owner: as long as it lives, other processes may read the file.
        value: see `write_mapped`.

    Returns:
        The file.

    Raises:
        OSError: if it cannot be written; nothing is left then.
    """
    folder = Path(tempfile.mkdtemp(prefix="comps-rows-"))
    remove = weakref.finalize(owner, _remove, folder, os.getpid())
    try:
        write_mapped(value, folder / "rows.pickle")
    except OSError:
        remove()
        raise
    return folder / "rows.pickle"


def _remove(folder: Path, process: int) -> None:
    """Remove a folder of this process; a process that was forked from it leaves it alone."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
