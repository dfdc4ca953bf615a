"""Files that are written whole or not at all, on real disks that are full or broken."""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from comps.base import StoreError
from pipelines.basics.files import (
    read_arrays,
    read_json,
    unfinished,
    write_arrays,
    write_bytes,
    write_json,
)
from pipelines.basics.processes import here_since
from tests.support import ROOT, wait_for

META = {"fold": 3, "name": "ridge", "nested": {"alpha": 1.5, "on": None}}
ARRAYS = {
    "valid": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "steps": np.array([25, 50], dtype=np.int64),
    "ids": np.array(["a1", "b22"]),
    "covered": np.array([True, False]),
}


def names_in(folder: Path) -> list[str]:
    """Return the names of everything in a folder, hidden files too."""
    return sorted(entry.name for entry in folder.iterdir())


# Writing


def test_a_file_holds_exactly_what_was_written(tmp_path: Path) -> None:
    write_bytes(tmp_path / "new" / "folder" / "file", b"\0content\n")
    assert (tmp_path / "new" / "folder" / "file").read_bytes() == b"\0content\n"
    assert names_in(tmp_path / "new" / "folder") == ["file"]


def test_a_file_that_is_there_is_replaced(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"old, and longer than the new content")
    write_bytes(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_json_file_reads_back_and_its_keys_are_sorted(tmp_path: Path) -> None:
    write_json(tmp_path / "file.json", {"b": 1, "a": [1.5, None]})
    assert read_json(tmp_path / "file.json") == {"b": 1, "a": [1.5, None]}
    assert (tmp_path / "file.json").read_text().index('"a"') < 8


@pytest.mark.parametrize(
    "value", [{"b": 1.1, "a": {"12": "é", "3": [None, True]}}, {"a": math.nan}, {}]
)
def test_a_flipped_bit_of_a_json_object_is_noticed_or_changes_nothing(
    value: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "file.json"
    write_json(path, value)
    whole, told = path.read_bytes(), repr(value)
    noticed = 0
    for bit in range(8 * len(whole)):
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        path.write_bytes(content)
        try:
            found = read_json(path)
        except ValueError:
            noticed += 1
            continue
        # A blank between two values, or the name of the checksum.
        assert repr({name: found.get(name) for name in value}) == told
    assert noticed > 4 * len(whole)


def test_json_without_a_checksum_is_read_as_it_is(tmp_path: Path) -> None:
    for value in ({"a": 1}, [1, 2], "text"):
        (tmp_path / "file.json").write_text(json.dumps(value))
        assert read_json(tmp_path / "file.json") == value
    write_json(tmp_path / "file.json", [1, 2])
    assert json.loads((tmp_path / "file.json").read_text()) == [1, 2]


def test_a_value_that_was_changed_by_hand_is_told_how_to_keep_it(tmp_path: Path) -> None:
    write_json(tmp_path / "file.json", {"a": 1})
    changed = (tmp_path / "file.json").read_text().replace("1,", "2,")
    (tmp_path / "file.json").write_text(changed)
    with pytest.raises(ValueError, match="not what was written; if the change is yours, delete"):
        read_json(tmp_path / "file.json")


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path, seen = tmp_path / "file", set()
    contents = [bytes([value]) * 300_000 for value in range(4)]
    write_bytes(path, contents[0])
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(60):
        write_bytes(path, contents[number % 4])
    done.set()
    reader.join()
    assert seen
    assert seen <= set(contents)


def test_a_writer_that_is_killed_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old" * 100_000)
    code = (
        "from pathlib import Path\nfrom pipelines.basics.files import write_bytes\n"
        f"path = Path({str(path)!r})\n"
        "while True: write_bytes(path, b'new' * 3_000_000)"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as writer:
        wait_for(lambda: any(tmp_path.glob(".file.*.part")), "the writer to begin")
        writer.send_signal(signal.SIGKILL)
    assert path.read_bytes() in (b"old" * 100_000, b"new" * 3_000_000)


def test_what_a_killed_writer_left_goes_with_the_next_write_of_the_same_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "file"
    code = (
        "from pathlib import Path\nfrom pipelines.basics.files import write_bytes\n"
        f"path = Path({str(path)!r})\n"
        "while True: write_bytes(path, b'new' * 3_000_000)"
    )
    while not list(tmp_path.glob(".file.*.part")):
        with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as writer:
            wait_for(lambda: any(tmp_path.glob(".file.*.part")), "the writer to begin")
            writer.send_signal(signal.SIGKILL)
    write_bytes(tmp_path / "other", b"1")
    assert len(names_in(tmp_path)) >= 2
    write_bytes(path, b"1")
    assert names_in(tmp_path) == ["file", "other"]


# A number beyond those that Linux gives.
GONE, RUNNING = 2**30, os.getppid()
HERE, SINCE = here_since()


@pytest.mark.parametrize(
    ("name", "stays"),
    [
        (f".file.{GONE}.{HERE}{SINCE}01234567.part", False),
        # The number is that of another process by now.
        (f".file.{RUNNING}.{HERE}{'f' * 8}01234567.part", False),
        (f".file.{RUNNING}.{HERE}{SINCE}01234567.part", True),
        (f".file.{GONE}.{'f' * 8}{SINCE}01234567.part", True),
        (f".file.{GONE}.01234567.part", True),
        (f".file.2.{GONE}.{HERE}{SINCE}01234567.part", True),
        (f".other.{GONE}.{HERE}{SINCE}01234567.part", True),
        (f"file.{GONE}.{HERE}{SINCE}01234567.part", True),
        (f".file.{GONE}.{HERE}{SINCE}01234567.part.csv", True),
        (f".file.{GONE}.{HERE}{SINCE}0123456x.part", True),
        (".file.part", True),
    ],
    ids=[
        *("of one that is gone", "before the last start", "of one that runs"),
        *("of another machine", "of an earlier version", "of a longer name", "of another file"),
        *("not hidden", "another ending", "no such mark", "no mark"),
    ],
)
def test_only_files_of_processes_that_surely_ended_are_removed(
    name: str, stays: bool, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(b"half")
    write_bytes(tmp_path / "file", b"1")
    assert names_in(tmp_path) == sorted(["file", *[name] * stays])


@pytest.mark.parametrize(
    ("process", "marks", "days", "left"),
    [
        (GONE, f"{HERE}{SINCE}", 0, True),
        (RUNNING, f"{HERE}{SINCE}", 2, False),
        (RUNNING, f"{HERE}{'f' * 8}", 0, True),
        (GONE, f"{'f' * 8}{SINCE}", 0.5, False),
        (GONE, f"{'f' * 8}{SINCE}", 2, True),
    ],
    ids=["gone", "running", "before the last start", "another machine's", "long since"],
)
def test_what_another_machine_writes_on_a_shared_disk_stays_a_day(
    process: int, marks: str, days: float, left: bool, tmp_path: Path
) -> None:
    path = tmp_path / "folder" / f".file.npz.{process}.{marks}01234567.part"
    path.parent.mkdir()
    path.write_bytes(b"half")
    then = time.time() - days * 24 * 3600
    os.utime(path, (then, then))
    assert unfinished(tmp_path) == [path] * left


# A disk that is full


def test_a_full_disk_is_explained(small_disk: Path) -> None:
    with pytest.raises(StoreError, match=r"disk is full: .*file needs 400\.0 kB, [\d.]+ kB free"):
        write_bytes(small_disk / "file", bytes(400_000))


def test_a_full_disk_keeps_the_old_file_and_nothing_else(small_disk: Path) -> None:
    write_bytes(small_disk / "file", b"old")
    with pytest.raises(StoreError, match="What was finished before is kept"):
        write_bytes(small_disk / "file", bytes(400_000))
    assert names_in(small_disk) == ["file"]
    assert (small_disk / "file").read_bytes() == b"old"


def test_writing_goes_on_once_there_is_space_again(small_disk: Path) -> None:
    (small_disk / "other").write_bytes(bytes(200_000))
    with pytest.raises(StoreError, match="disk is full"):
        write_arrays(small_disk / "file.npz", {}, {"values": np.zeros(20_000)})
    (small_disk / "other").unlink()
    write_arrays(small_disk / "file.npz", {}, {"values": np.zeros(20_000)})
    assert len(read_arrays(small_disk / "file.npz")[1]["values"]) == 20_000


def test_a_file_over_the_limit_of_the_process_is_explained_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    code = (
        "import resource; from pathlib import Path; from comps.base import StoreError\n"
        "from pipelines.basics.files import write_bytes\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        f"try: write_bytes(Path({str(tmp_path)!r}) / 'file', bytes(5000))\n"
        "except StoreError as error: raise SystemExit(str(error))"
    )
    pytest.importorskip("resource", reason="this platform has no limits of processes")
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert f"Cannot write {tmp_path / 'file'}: File too large." in done.stderr
    assert names_in(tmp_path) == []


# A folder that cannot be written


def test_a_file_where_a_folder_should_be_is_explained(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("not a folder")
    with pytest.raises(StoreError, match=r"Cannot write .*runs/models/file: "):
        write_bytes(tmp_path / "runs" / "models" / "file", b"content")


def test_a_folder_in_the_place_of_the_file_is_explained_and_nothing_is_left(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(StoreError, match=r"Cannot write .*file: "):
        write_bytes(tmp_path / "file", b"content")
    assert names_in(tmp_path) == ["file"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_explained(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="Cannot write .*: Permission denied"):
        write_bytes(tmp_path / "file", b"content")


# Arrays


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    meta=st.dictionaries(st.text(), st.integers() | st.text() | st.none(), max_size=4),
    values=st.dictionaries(
        st.from_regex(r"[a-z][a-z_0-9]{0,8}", fullmatch=True).filter(
            lambda name: name not in ("file", "allow_pickle")
        ),
        arrays.arrays(
            st.sampled_from(["<f4", "<f8", "<i8", "|b1", "<U5"]),
            arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
        ),
        max_size=4,
    ),
)
def test_arrays_come_back_with_value_dtype_and_shape(
    tmp_path: Path, meta: dict[str, Any], values: dict[str, np.ndarray]
) -> None:
    write_arrays(tmp_path / "file.npz", meta, values)
    found_meta, found = read_arrays(tmp_path / "file.npz")
    assert found_meta == meta
    assert set(found) == set(values)
    for name, value in values.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value, strict=True)


def test_python_objects_are_refused_and_no_file_appears(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="numbers or text"):
        write_arrays(tmp_path / "file.npz", {}, {"ids": np.array(["a", None], dtype=object)})
    assert names_in(tmp_path) == []


def test_a_file_that_is_not_there_is_no_damaged_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.npz"):
        read_arrays(tmp_path / "absent.npz")


def written(path: Path) -> bytes:
    """Write the arrays and return the file's content."""
    write_arrays(path, META, ARRAYS)
    return path.read_bytes()


def test_a_file_cut_at_any_byte_is_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "r0-f3.npz"
    content = written(path)
    for size in range(0, len(content), 7):
        path.write_bytes(content[:size])
        with pytest.raises(StoreError, match=r"r0-f3\.npz is damaged .* Delete it and run"):
            read_arrays(path)


def assert_flips_are_noticed(path: Path, start: int, stop: int) -> None:
    """Flip a bit in each byte, one after the other, and read the file."""
    content = path.read_bytes()
    for position in range(start, stop):
        damaged = bytearray(content)
        damaged[position] ^= 0x02
        path.write_bytes(bytes(damaged))
        assert_damaged_or_unharmed(path)


@pytest.mark.slow
def test_a_flipped_bit_is_never_taken_for_other_numbers(tmp_path: Path) -> None:
    path = tmp_path / "r0-f3.npz"
    content = written(path)
    assert_flips_are_noticed(path, 0, content.index(b"PK\x01\x02"))


def test_a_flipped_bit_in_the_directory_never_hides_an_array(tmp_path: Path) -> None:
    path = tmp_path / "r0-f3.npz"
    content = written(path)
    assert_flips_are_noticed(path, content.index(b"PK\x01\x02"), len(content))


def test_a_flipped_bit_in_the_shape_is_never_taken_for_fewer_numbers(tmp_path: Path) -> None:
    path = tmp_path / "r0-f3.npz"
    write_arrays(path, META, {"valid": np.zeros((3, 4000))})
    content = path.read_bytes()
    assert content.count(b"(3, 4000)") == 1
    path.write_bytes(content.replace(b"(3, 4000)", b"(1, 4000)"))
    with pytest.raises(StoreError, match="is damaged"):
        read_arrays(path)


def assert_damaged_or_unharmed(path: Path) -> None:
    """Read the file; where that works, everything must be as it was written."""
    try:
        meta, found = read_arrays(path)
    except StoreError as error:
        assert "is damaged" in str(error)
        return
    assert meta == META
    assert set(found) == set(ARRAYS)
    for name, value in ARRAYS.items():
        np.testing.assert_array_equal(found[name], value, strict=True)


def as_npy() -> bytes:
    """Return the content of a single array's file."""
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


def as_npz(**values: np.ndarray) -> bytes:
    """Return the content of a file that `write_arrays` did not write."""
    buffer = io.BytesIO()
    np.savez(buffer, **values)
    return buffer.getvalue()


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an archive",
        b"PK\x03\x04 not an archive",
        as_npy(),
        as_npz(values=np.zeros(3)),
        as_npz(__meta__=np.array("not json")),
    ],
    ids=["empty", "text", "almost a zip", "one array", "no meta", "meta is no JSON"],
)
def test_files_of_other_kinds_are_called_damaged(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.npz").write_bytes(content)
    with pytest.raises(StoreError, match=r"file\.npz is damaged"):
        read_arrays(tmp_path / "file.npz")


@pytest.mark.skipif(sys.platform != "linux", reason="limits its memory as Linux does")
def test_what_cannot_be_read_now_is_not_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_arrays(path, {}, {"x": np.zeros(20_000_000)})
    program = (
        "import resource, sys; from pathlib import Path; "
        "from pipelines.basics.files import read_arrays; from comps.base import StoreError; "
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize(); "
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, -1))\n"
        "try: read_arrays(Path(sys.argv[1]))\n"
        "except Exception as error: print(isinstance(error, StoreError), error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("False") and "cannot be read now" in done.stdout


def test_a_pickled_file_is_refused_without_being_executed(tmp_path: Path) -> None:
    (tmp_path / "file.npz").write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    with pytest.raises(StoreError, match=r"file\.npz is damaged .*allow_pickle"):
        read_arrays(tmp_path / "file.npz")
    assert names_in(tmp_path) == ["file.npz"]


def test_a_pickled_array_is_refused_without_being_executed(tmp_path: Path) -> None:
    bomb = np.array([Bomb(tmp_path / "exploded")], dtype=object)
    content = as_npz(__meta__=np.array("{}"), values=bomb)
    assert b"exploded" in content
    (tmp_path / "file.npz").write_bytes(content)
    with pytest.raises(StoreError, match=r"file\.npz is damaged .*allow_pickle"):
        read_arrays(tmp_path / "file.npz")
    assert names_in(tmp_path) == ["file.npz"]


def test_some_arrays_are_read_and_checked_without_the_others(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    arrays = {"small": np.arange(3), "large": np.arange(1000)}
    write_arrays(path, {"a": 1}, arrays)
    meta, found = read_arrays(path, only=["small"])
    assert meta == {"a": 1} and list(found) == ["small"]
    np.testing.assert_array_equal(found["small"], arrays["small"])
    content = path.read_bytes()
    # A bit of the large array, which nobody asks for; then one of the small array.
    where = content.index(np.arange(500, 510).tobytes())
    path.write_bytes(content[:where] + b"\xff" + content[where + 1 :])
    assert list(read_arrays(path, only=["small"])[1]) == ["small"]
    with pytest.raises(StoreError, match="damaged"):
        read_arrays(path)
    where = content.index(np.arange(3).tobytes())
    path.write_bytes(content[:where] + b"\xff" + content[where + 1 :])
    with pytest.raises(StoreError, match="damaged"):
        read_arrays(path, only=["small"])
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        read_arrays(path, only=["other"])
