"""Decoded images on disk: filled once, mapped into memory by every process.

An entry is two files, `KEY.npy` with the pixels and `KEY.json` with facts about them and a digest
of the first. Both are written under another name and then renamed, the second one last,
so that an entry is there whole or not at all. Entries can be deleted at any time.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError

if TYPE_CHECKING:
    from filelock import BaseFileLock

Pixels = NDArray[np.uint8]
Shape = tuple[int, int, int, int]


#: What a loader needs to know of the images beside their pixels, as JSON has it.
Known = dict[str, Any]
Fill = Callable[[Callable[[Shape], Pixels]], Known]


def cached(folder: Path, key: str, fill: Fill) -> tuple[Pixels, Known]:
    """Return the pixels of a key, [n, height, width, channels] uint8, and the facts about them.

    A missing or damaged entry is filled anew; of several processes that want it, one does the
    work and the others wait for it.

    Args:
        folder: of the cache; it is made if need be.
        key: must change with everything that decides the pixels.
        fill: `(allocate) -> known`; it calls `allocate(shape)` once, writes into the array that
            it gets, and returns what is known.

    Returns:
        The pixels, read-only, mapped from the file; and what `fill` returned.

    Raises:
        DataError: if the folder cannot be written to, or the disk is full.
    """
    entry = _read(folder, key)
    if entry is not None:
        return entry
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(folder / f"{key}.lock"):
            # Another process may have filled it while this one waited.
            entry = _read(folder, key)
            if entry is None:
                _write(folder, key, fill)
                entry = _read(folder, key)
    except OSError as error:
        raise DataError(
            f"Decoded images cannot be kept in {folder}: {error.strerror or error}. Make room "
            "there, or set COMPS_CACHE to another folder."
        ) from error
    if entry is None:
        raise DataError(f"What was written to {folder} does not read back the same.")
    return entry


def _lock(path: Path) -> BaseFileLock:
    from filelock import FileLock

    return FileLock(path)


def _read(folder: Path, key: str) -> tuple[Pixels, Known] | None:
    """Return an entry, or None if it is missing or damaged."""
    try:
        entry = json.loads((folder / f"{key}.json").read_text())
        pixels = np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False)
        known = entry["known"]
        whole = pixels.dtype == np.uint8 and _digest(pixels, known) == entry["crc32"]
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    return (pixels, known) if whole else None


def _write(folder: Path, key: str, fill: Fill) -> None:
    # A process that was killed here left these; the lock says that nobody else is at it.
    for left_over in folder.glob(f"{key}.*.part"):
        left_over.unlink()
    parts = {ending: folder / f"{key}.{ending}.part" for ending in ("npy", "json")}
    try:
        allocated: list[Pixels] = []

        def allocate(shape: Shape) -> Pixels:
            allocated.append(_allocate(parts["npy"], shape))
            return allocated[0]

        known = fill(allocate)
        (pixels,) = allocated
        entry = {"crc32": _digest(pixels, known), "known": known}
        _flush(pixels)
        allocated.clear()
        del pixels
        parts["json"].write_text(json.dumps(entry))
        for ending, part in parts.items():
            part.replace(folder / f"{key}.{ending}")
    except BaseException:
        for part in parts.values():
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        raise


def _allocate(path: Path, shape: Shape) -> Pixels:
    pixels: Pixels = np.lib.format.open_memmap(path, "w+", dtype=np.uint8, shape=shape)
    # Writing to a mapped page that the disk has no room for ends the process without a word.
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return pixels


def _flush(pixels: Pixels) -> None:
    assert isinstance(pixels, np.memmap)
    pixels.flush()


def _digest(pixels: Pixels, known: Known, rows: int = 1024) -> int:
    digest = zlib.crc32(json.dumps(known).encode())
    for start in range(0, len(pixels), rows):
        digest = zlib.crc32(pixels[start : start + rows].tobytes(), digest)
    return digest
