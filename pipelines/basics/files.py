"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import secrets
import shutil
import time
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from comps.base import JSON, Array, Params, StoreError, WorkbenchError, size_of
from pipelines.basics.fingerprint import fingerprint
from pipelines.basics.processes import has_ended, here_since

_CHECKSUM = "checksum"
_A_DAY = 24 * 3600.0
# What follows the name of a file in that of its temporary file, see `_mark`.
_LEFT = re.compile(r"(\d+)\.([0-9a-f]{8})([0-9a-f]{8})[0-9a-f]{8}\.part")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, flush it to disk, then rename it.

    A reader sees the old file or the new one, never half of one. What killed processes of this
    machine left half written of the same file is removed.

    Raises:
        StoreError: if the disk is full or the folder cannot be written.
    """
    temporary = temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left(path)
        if path.exists() and not path.is_file():
            # A pipe or a device: there is nothing to put in its place.
            path.write_bytes(content)
            return
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise _explain(error, path, len(content)) from error


def temporary_name(path: Path) -> Path:
    """Return a file beside another one, for what is not whole yet; no other process has its name.

    `unfinished` finds it when the process was killed.
    """
    return path.parent / f".{path.name}.{os.getpid()}.{_mark()}.part"


def _mark() -> str:
    """Return what tells temporary files apart: the machine, its start, and a random number."""
    return "".join(here_since()) + secrets.token_hex(4)


def _remove_left(path: Path) -> None:
    """Delete the temporary files of one file that processes left which surely ended.

    Those of other machines on a shared disk stay: nobody here knows whether they are written.
    """
    begins = f".{path.name}."
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            found = entry.name.startswith(begins) and _LEFT.fullmatch(entry.name[len(begins) :])
            if found and has_ended(*found.groups()):
                with contextlib.suppress(OSError):
                    Path(entry.path).unlink()


def unfinished(folder: Path) -> list[Path]:
    """Return the temporary files that killed processes left in a folder and those below it.

    Those of other machines on a shared disk are among them after a day.
    """
    return [path for path in sorted(folder.rglob(".*.part")) if _is_left(path)]


def _is_left(path: Path) -> bool:
    found = _LEFT.fullmatch(".".join(path.name.split(".")[-3:]))
    if found is None or has_ended(*found.groups()):
        return True
    with contextlib.suppress(OSError):
        return found[2] != here_since()[0] and time.time() - path.stat().st_mtime > _A_DAY
    return False


def remove_unfinished(folder: Path) -> None:
    """Delete the temporary files that killed processes left in a folder and those below it."""
    for path in unfinished(folder):
        with contextlib.suppress(OSError):
            path.unlink()


def _explain(error: OSError, path: Path, size: int) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        try:
            free = f"{size_of(shutil.disk_usage(path.parent).free)} free"
        except OSError:
            free = "no space"
        return StoreError(
            f"The disk is full: {path} needs {size_of(size)}, {free}. What was finished "
            "before is kept: free some space, or give another folder, and run the same "
            "command again."
        )
    return StoreError(f"Cannot write {path}: {error.strerror or error}.")


def write_json(path: Path, value: object) -> None:
    """Write a JSON file as `write_bytes` does; objects get a checksum, which `read_json` checks."""
    write_bytes(path, (json.dumps(with_checksum(value), indent=2, sort_keys=True) + "\n").encode())


def with_checksum(value: object) -> object:
    """Return a JSON object with the checksum of the others as a further value; all else as it is.

    >>> without_checksum(with_checksum({"a": 1}))
    {'a': 1}
    """
    return {**value, _CHECKSUM: _checksum(value)} if isinstance(value, Mapping) else value


def _checksum(value: object) -> str:
    # As it is read: keys are texts then, and are sorted as such.
    return fingerprint(json.loads(json.dumps(value)))


def without_checksum(value: Any) -> Any:
    """Return a JSON value that was read, without its checksum; earlier versions wrote none.

    Raises:
        ValueError: if the content is not what was written.
    """
    if not isinstance(value, dict) or _CHECKSUM not in value:
        return value
    rest = {name: part for name, part in value.items() if name != _CHECKSUM}
    if _checksum(rest) != value[_CHECKSUM]:
        raise ValueError(
            f"its content is not what was written; if the change is yours, delete the entry "
            f"'{_CHECKSUM}'"
        )
    return rest


def read_json(path: Path) -> Any:
    """Return the value of a JSON file that `write_json` wrote.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is no JSON, or its content is not what was written.
    """
    return without_checksum(json.loads(path.read_text("utf-8")))


def write_arrays(path: Path, meta: Mapping[str, JSON], arrays: Mapping[str, Array]) -> None:
    """Write named arrays and a JSON value into one `.npz` file as `write_bytes` does.

    Raises:
        ValueError: if an array holds Python objects; those would have to be pickled.
    """
    buffer = io.BytesIO()
    np.savez(
        buffer,
        allow_pickle=False,
        __meta__=np.array(json.dumps({"meta": dict(meta), "digests": _digests(arrays)})),
        **arrays,
    )
    write_bytes(path, buffer.getvalue())


def _digests(arrays: Mapping[str, Array]) -> dict[str, str]:
    return {name: fingerprint(array) for name, array in arrays.items()}


def read_arrays(path: Path, only: Collection[str] | None = None) -> tuple[Params, dict[str, Array]]:
    """Return the JSON value and the arrays of a file that `write_arrays` wrote.

    Args:
        path: of the file.
        only: names of the arrays to read; None reads and checks all of them.

    Raises:
        StoreError: if the file is damaged or of another kind.
        WorkbenchError: if it cannot be read at the moment, and is whole as far as one can tell.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file["__meta__"]))
            names = file.files if only is None else only
            arrays = {name: file[name] for name in names if name != "__meta__"}
        digests = header["digests"]
        wanted = digests if only is None else {name: digests[name] for name in only}
        # The checksums of a zip do not cover its directory, and NumPy may stop reading early.
        if _digests(arrays) != wanted:
            raise ValueError("its content is not what was written")
        return header["meta"], arrays
    except FileNotFoundError:
        raise
    except (OSError, MemoryError) as error:
        if not is_whole(path):
            raise StoreError(_damaged(path, error)) from error
        raise unreadable(path, error) from error
    except Exception as error:  # zipfile, zlib, numpy and json each raise their own
        raise StoreError(_damaged(path, error)) from error


def _damaged(path: Path, error: Exception) -> str:
    return (
        f"The stored result {path} is damaged ({error}). Delete it and run the same command "
        "again: only this part is computed anew."
    )


def is_whole(path: Path) -> bool:
    """Whether a zip has what was written, as far as its checksums say, or cannot be read now.

    Little memory is used: a damaged size looks like one that there is no memory for.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except OSError as error:
        return error.errno in _NOT_NOW
    except Exception:  # zipfile, zlib and struct each raise their own
        return False


# A disk or a share that fails, too many open files, no permission: nothing is wrong with the file.
_NOT_NOW = {errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EPERM}


def unreadable(path: Path, error: Exception) -> WorkbenchError:
    """Return an error of a file that is whole, as far as one can tell, and cannot be read now."""
    why = str(error) or "memory ran out"
    return WorkbenchError(f"{path} cannot be read now ({why}). Nothing in it is lost: try again.")
