"""Feed bytes to the readers of tables and archives that reach lines which none reached before.

    pip install atheris
    python -m tests.faults.coverage_guided table|archive -max_total_time=120

Atheris changes inputs by what they reach, which edits at random (`tests/test_fuzz.py`) do not. What
is read gives a result or a sentence; another exception ends the program and leaves the input in a
file. Options behind the name are libFuzzer's.
"""

from __future__ import annotations

import io
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["comps.reading", "zipfile", "csv", "tarfile"]):
    from comps.base import WorkbenchError
    from comps.reading.archives import open_files
    from comps.reading.delimited import read_table

TABLE = b'id,when,town,note\n1,2020-01-02,ash,"a, ""b"""\n2,2020-02-30,,x\n3,,elm,"1,5"\n'


def table(content: bytes) -> None:
    """Read a table."""
    found = read_table(content, "train.csv")
    assert len(found.frame) == len(found.lines) > 0


def archive(content: bytes) -> None:
    """Open an archive and read all that is in it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "files.zip")
        path.write_bytes(content)
        files = open_files(path)
        for name in files.names():
            files.read(name)


def zipped() -> bytes:
    """Return an archive with a table and an image."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("train.csv", TABLE)
        file.writestr("a/1.png", b"\x89PNG" + b"0" * 30)
    return packed.getvalue()


READERS: Mapping[str, tuple[Callable[[bytes], None], bytes]] = {
    "table": (table, TABLE),
    "archive": (archive, zipped()),
}


def main() -> None:
    """Try inputs until the time is over."""
    read, seed = READERS[sys.argv.pop(1)]

    def tried(content: bytes) -> None:
        try:
            read(content)
        except WorkbenchError as error:
            assert str(error).strip()

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "seed").write_bytes(seed)
        atheris.Setup([*sys.argv, folder, "-max_len=4096"], tried)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
