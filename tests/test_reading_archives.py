"""Reading a competition's files: every way they may come, and every way they may be broken."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comps.base import DataError, Dataset
from comps.house_prices.competition import HOUSE_PRICES
from comps.house_prices.loader import FILES, load
from comps.reading.archives import files_fingerprint, find_tables, open_files, read_files
from comps.reading.columns import check_columns, numeric_target

NAMES = ("a.csv", "b.csv")
CONTENT = {"a.csv": b"x,y\n1,2\n" * 40, "b.csv": b"z\n3\n"}

Rows = list[dict[str, str]]
Edit = Callable[[dict[str, Rows]], None]


def zipped(content: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip whose entries are named as given, even if no zip should be like that."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in content.items():
            entry = zipfile.ZipInfo("placeholder", (2026, 1, 1, 0, 0, 0))
            entry.filename = name  # past the constructor, which tidies names
            entry.compress_type = method
            archive.writestr(entry, data)
    return buffer.getvalue()


def as_zip(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    path = folder / "files.zip"
    path.write_bytes(zipped(content))
    return path


def as_folder(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return folder


def as_folder_with_zip(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    as_zip(folder, content)
    (folder / "notes.txt").write_text("mine")
    return folder


def as_zipped_folder(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    return as_zip(folder, {f"house-prices/{name}": data for name, data in content.items()})


def as_zip_from_macos(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    inside = {"files/": b""} | {f"files/{name}": data for name, data in content.items()}
    shadows = {f"__MACOSX/files/._{name}": b"\0\5\x16\7" for name in content}
    return as_zip(folder, inside | shadows)


def each_zipped(content: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return each file in a zip of its own, as in some of Kaggle's archives."""
    return {f"{name}.zip": zipped({name: data}) for name, data in content.items()}


def as_zip_of_zips(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    first, *others = content
    own = {name: content[name] for name in others}
    return as_zip(folder, each_zipped({first: content[first]}) | own)


def as_zipped_folder_of_zips(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    inner = each_zipped({f"inner/{name}": data for name, data in content.items()})
    return as_zip(folder, {f"outer/{name.split('/')[1]}": data for name, data in inner.items()})


def as_folder_of_zips(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    return as_folder(folder, each_zipped(content))


def tarred(content: Mapping[str, bytes], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def as_tar(folder: Path, content: Mapping[str, bytes] = CONTENT, how: str = "") -> Path:
    path = folder / f"files.tar.{how}".rstrip(".")
    path.write_bytes(tarred(content, f"w:{how}"))
    return path


def as_tar_gz(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    return as_tar(folder, content, "gz")


def as_tar_bz2(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    return as_tar(folder, content, "bz2")


def as_7z(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    py7zr = pytest.importorskip("py7zr")
    path = folder / "files.7z"
    with py7zr.SevenZipFile(path, "w") as archive:
        archive.writestr(b"", "data/.DS_Store")
        for name, data in content.items():
            archive.writestr(data, f"data/{name}")
    return path


def deflated64(content: Mapping[str, bytes]) -> bytes:
    """Return a zip packed by deflate64, which Python cannot write: stored, with other headers.

    Without repeated strings, deflate's own bytes are deflate64's. inflate64 packs, too, but may end
    the process when it does.
    """
    pytest.importorskip("inflate64")
    packed = {}
    for name, data in content.items():
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15, strategy=zlib.Z_HUFFMAN_ONLY)
        packed[name] = deflater.compress(data) + deflater.flush()
    zipped_ = bytearray(zipped(packed, zipfile.ZIP_STORED))
    for name, data in content.items():
        sizes = struct.pack("<III", zlib.crc32(data), len(packed[name]), len(data))
        for signature, method, place, at in ((b"PK\3\4", 8, 14, 30), (b"PK\1\2", 10, 16, 46)):
            start = zipped_.find(name.encode())
            while zipped_[start - at : start - at + 4] != signature:
                start = zipped_.find(name.encode(), start + 1)
            zipped_[start - at + method : start - at + method + 2] = struct.pack("<H", 9)
            zipped_[start - at + place : start - at + place + 12] = sizes
    return bytes(zipped_)


def as_deflate64(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    (folder / "files.zip").write_bytes(deflated64(content))
    return folder / "files.zip"


def as_packed_by_itself(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    pack = [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
    for number, (name, data) in enumerate(content.items()):
        ending, compress = pack[number % 3]
        (folder / f"{name}{ending}").write_bytes(compress(data))
    return folder


def as_folder_in_folder(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    (folder / "data" / ".git").mkdir(parents=True)
    as_folder(folder / "data" / ".git", dict.fromkeys(content, b"hidden"))
    as_folder(folder / "data", content)
    return folder


def as_disguised(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    """Files called .csv that are a zip or gzip."""
    wrap: list[Callable[[bytes], bytes]] = [lambda data: zipped({"x": data}), gzip.compress]
    return as_folder(
        folder, {name: wrap[n % 2](data) for n, (name, data) in enumerate(content.items())}
    )


def as_archive_of_other_name(folder: Path, content: Mapping[str, bytes] = CONTENT) -> Path:
    (folder / "data.csv").write_bytes(zipped(content))
    return folder / "data.csv"


FORMS = [
    as_zip,
    as_tar,
    as_tar_gz,
    as_tar_bz2,
    as_7z,
    as_deflate64,
    as_packed_by_itself,
    as_folder_in_folder,
    as_disguised,
    as_archive_of_other_name,
    as_folder,
    as_folder_with_zip,
    as_zipped_folder,
    as_zip_from_macos,
    as_zip_of_zips,
    as_zipped_folder_of_zips,
    as_folder_of_zips,
]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_bytes_and_fingerprint(
    form: Callable[[Path], Path], tmp_path: Path
) -> None:
    files = read_files(form(tmp_path), NAMES)
    assert files == CONTENT
    assert files_fingerprint(files) == files_fingerprint(CONTENT)


def test_files_of_no_interest_are_not_returned(tmp_path: Path) -> None:
    path = as_zip(tmp_path, {**CONTENT, "data_description.txt": b"words"})
    assert set(read_files(path, NAMES)) == set(NAMES)


def test_files_in_a_folder_win_over_a_zip_beside_them(tmp_path: Path) -> None:
    as_zip(tmp_path, dict.fromkeys(NAMES, b"zipped"))
    as_folder(tmp_path)
    assert read_files(tmp_path, NAMES) == CONTENT


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=3), st.binary(max_size=20), min_size=1),
    st.data(),
)
def test_a_fingerprint_changes_with_any_byte_and_any_name(
    files: dict[str, bytes], data: st.DataObject
) -> None:
    backwards = dict(reversed(list(files.items())))
    assert files_fingerprint(files) == files_fingerprint(backwards)
    name = data.draw(st.sampled_from(sorted(files)))
    other = data.draw(st.binary(max_size=20).filter(lambda content: content != files[name]))
    assert files_fingerprint({**files, name: other}) != files_fingerprint(files)
    renamed = {("z" + key if key == name else key): value for key, value in files.items()}
    assert files_fingerprint(renamed) != files_fingerprint(files)


# What is refused


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file or folder .*nowhere\.zip"):
        read_files(tmp_path / "nowhere.zip", NAMES)


@pytest.mark.parametrize("form", FORMS)
def test_a_lacking_file_is_told_by_what_was_expected_and_what_is_there(
    form: Callable[..., Path], tmp_path: Path
) -> None:
    path = form(tmp_path, {"a.csv": b"x\n1\n", "cats.csv": b"x\n1\n"})
    with pytest.raises(DataError, match=r"Expected: a\.csv, b\.csv\. Found: .*cats\.csv"):
        read_files(path, NAMES)


def test_an_empty_folder_and_an_empty_zip_hold_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Expected: a\.csv, b\.csv\. Found: nothing\."):
        read_files(tmp_path, NAMES)
    with pytest.raises(DataError, match=r"Expected: a\.csv, b\.csv\. Found: nothing\."):
        read_files(as_zip(tmp_path, {}), NAMES)


def test_a_folder_with_two_zips_that_differ_is_not_guessed_from(tmp_path: Path) -> None:
    as_zip(tmp_path)
    (tmp_path / "other.zip").write_bytes(zipped(CONTENT))
    assert read_files(tmp_path, NAMES) == CONTENT
    (tmp_path / "other.zip").write_bytes(zipped({**CONTENT, "a.csv": b"another"}))
    message = r"several files called a\.csv that differ: files\.zip/a\.csv, other\.zip/a\.csv"
    with pytest.raises(DataError, match=message):
        read_files(tmp_path, NAMES)


def test_a_zip_with_many_wrong_files_is_not_listed_in_full(tmp_path: Path) -> None:
    path = as_zip(tmp_path, {f"image-{number}.jpg": b"" for number in range(500)})
    with pytest.raises(DataError, match=r"image-7\.jpg and 492 more\.$"):
        read_files(path, NAMES)


@pytest.mark.parametrize("content", [b"", b"<html>Sign in</html>", b"PK\x03\x04 and nothing"])
def test_a_file_that_is_no_zip_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "files.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"files\.zip is not a readable zip file"):
        read_files(path, NAMES)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_zip_is_refused_with_the_advice_to_download_it_again(
    share: float, tmp_path: Path
) -> None:
    path = as_zip(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match="not a readable zip file .* download it again"):
        read_files(path, NAMES)


OUTSIDE = [
    "../x",
    "../a.csv",
    "deep/../../a.csv",
    "/etc/passwd",
    "/a.csv",
    "C:\\x",
    "c:a.csv",
    "..\\x",
    "deep\\..\\..\\a.csv",
    "\\\\server\\share\\a.csv",
]


@pytest.mark.parametrize("entry", OUTSIDE)
def test_a_zip_with_an_entry_that_points_outside_is_refused(entry: str, tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    path = as_zip(inside, {**CONTENT, entry: b"harm"})
    with pytest.raises(DataError, match="points outside the archive"):
        read_files(path, NAMES)
    assert sorted(tmp_path.rglob("*")) == [inside, path]


@pytest.mark.parametrize("form", [as_zip_of_zips, as_folder_of_zips])
def test_a_file_by_itself_wins_over_its_zip(form: Callable[..., Path], tmp_path: Path) -> None:
    other = {f"{name}.zip": zipped({name: b"zipped"}) for name in NAMES}
    path = form(tmp_path)
    if path.is_dir():
        as_folder(path, CONTENT | other)
    else:
        as_zip(tmp_path, CONTENT | other)
    assert read_files(path, NAMES) == CONTENT


INNER_FAULTS = [
    (zipped({"a.csv": b"x"})[:-5], r"a\.csv\.zip is not a readable zip file .* download it again"),
    (b"", r"a\.csv\.zip is not a readable zip file"),
    (zipped({"b.csv": b"x"}), r"a\.csv\.zip does not hold .* Expected: a\.csv\. Found: b\.csv\."),
    (
        zipped({"a.csv": b"x", "../a": b"harm"}),
        r"a\.csv\.zip is refused: its entry '\.\./a' points",
    ),
    # A zip may hold a copy of itself: one zip in a zip is followed, and no more.
    (zipped({"a.csv.zip": zipped({"a.csv": b"x"})}), r"a\.csv\.zip does not hold"),
]


@pytest.mark.parametrize("outer", [as_zip, as_folder])
@pytest.mark.parametrize(("inner", "message"), INNER_FAULTS)
def test_what_is_wrong_with_a_zip_in_a_zip_is_told_by_its_name(
    inner: bytes, message: str, outer: Callable[..., Path], tmp_path: Path
) -> None:
    path = outer(tmp_path, {"a.csv.zip": inner, "b.csv": b"x"})
    with pytest.raises(DataError, match=message):
        read_files(path, NAMES)


def test_harmless_dots_in_names_are_not_refused(tmp_path: Path) -> None:
    path = as_zip(tmp_path, {**CONTENT, "..notes": b"", "a..b/c": b"", "./d": b""})
    assert read_files(path, NAMES) == CONTENT


@pytest.mark.parametrize("entry", ["", ".", "./"])
def test_an_entry_without_a_name_is_no_file(entry: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "files.zip", "w") as archive:
        for name in (entry, "train.csv"):
            archive.writestr(zipfile.ZipInfo(name), b"x")
    assert open_files(tmp_path / "files.zip").names() == ["train.csv"]


def test_an_encrypted_zip_is_refused_without_asking_for_a_password(tmp_path: Path) -> None:
    path = as_zip(tmp_path)
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.find(signature)
        while start >= 0:
            content[start + offset] |= 1  # the flag "encrypted"
            start = content.find(signature, start + 1)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot be unpacked: .*password"):
        read_files(path, NAMES)


def test_a_zip_with_a_damaged_byte_fails_its_checksum(tmp_path: Path) -> None:
    content = bytearray(zipped(CONTENT, zipfile.ZIP_STORED))
    content[content.find(b"x,y\n1,2")] ^= 1
    path = tmp_path / "files.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"not a readable zip file \(Bad CRC-32"):
        read_files(path, NAMES)


METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@given(method=st.sampled_from(METHODS), data=st.data())
def test_a_damaged_zip_gives_the_right_bytes_or_a_data_error(
    method: int, data: st.DataObject, scratch: Path
) -> None:
    content = bytearray(zipped(CONTENT, method))
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path = scratch / "damaged.zip"
    path.write_bytes(content)
    try:
        files = read_files(path, NAMES)
    except DataError as error:
        assert "damaged.zip" in str(error)
    else:
        assert files == CONTENT


def test_damage_inside_an_lzma_zip_is_a_data_error(tmp_path: Path) -> None:
    content = bytearray(zipped(CONTENT, zipfile.ZIP_LZMA))
    start = content.find(b"a.csv") + len("a.csv")
    content[start + 4] = 0xFF  # the properties of the compressor
    path = tmp_path / "files.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match="not a readable zip file"):
        read_files(path, NAMES)


def test_a_zip_whose_names_are_no_text_is_a_data_error(tmp_path: Path) -> None:
    content = zipped({**CONTENT, "ö.txt": b""}).replace("ö.txt".encode(), b"\xc3\x28.txt")
    path = tmp_path / "files.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match="not a readable zip file"):
        read_files(path, NAMES)


def test_a_folder_in_a_zip_that_is_named_like_a_file_is_not_taken_for_it(tmp_path: Path) -> None:
    inside = {"a.csv/": b"", "a.csv/a.csv": CONTENT["a.csv"], "b.csv": CONTENT["b.csv"]}
    assert read_files(as_zip(tmp_path, inside), NAMES) == CONTENT


# Python leaves its traceback to the caller, so the child prints what kind of error came.
READ = """
import sys
from pathlib import Path
from comps.reading.archives import read_files
from comps.base import DataError
try:
    read_files(Path(sys.argv[1]), ("a.csv", "b.csv"))
except DataError as error:
    print(error)
"""


def without_privileges() -> list[str]:
    """Return a command in front of which root, too, may read only what it is allowed to."""
    if os.name == "nt":
        pytest.skip("permissions are of another kind on Windows")
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root may read everything, and there is no setpriv to change that")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


@pytest.mark.parametrize("unreadable", ["files.zip", "folder/a.csv", "folder"])
def test_files_that_may_not_be_read_are_a_data_error(unreadable: str, tmp_path: Path) -> None:
    prefix = without_privileges()
    (tmp_path / "folder").mkdir()
    as_zip(tmp_path)
    as_folder(tmp_path / "folder")
    (tmp_path / unreadable).chmod(0)
    done = subprocess.run(
        [*prefix, sys.executable, "-c", READ, str(tmp_path / unreadable.partition("/")[0])],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (tmp_path / unreadable).chmod(0o700)
    assert "Permission denied" in done.stdout, done.stderr


# What else archives may be


def test_names_are_in_the_order_of_the_archive_with_folders(tmp_path: Path) -> None:
    inside = {"d/b.csv": b"x", "__MACOSX/d/._b.csv": b"", "a.csv": b"x", "d/.DS_Store": b""}
    assert open_files(as_zip(tmp_path, inside)).names() == ["d/b.csv", "a.csv"]


def test_files_are_a_mapping_of_names_to_content(tmp_path: Path) -> None:
    files = open_files(as_zip_of_zips(tmp_path))
    assert dict(files) == CONTENT and "c.csv" not in files
    with pytest.raises(KeyError):
        files["c.csv"]
    with pytest.raises(DataError, match=r"Expected: c\.csv\. Found: a\.csv, b\.csv\."):
        files.read("c.csv")


def test_the_only_file_of_an_archive_lies_where_the_archive_does(tmp_path: Path) -> None:
    path = as_zip(tmp_path, {"train.zip": zipped({"x/rows.csv": b"a"}), "sample.csv": b"b"})
    assert dict(open_files(path)) == {"sample.csv": b"b", "rows.csv": b"a"}


def test_files_of_an_archive_with_several_lie_below_its_name(tmp_path: Path) -> None:
    path = as_zip(tmp_path, {"images.zip": zipped({"1.png": b"1", "2.png": b"2"}), "a.csv": b""})
    assert open_files(path).names() == ["a.csv", "images.zip/1.png", "images.zip/2.png"]


def test_a_broken_archive_among_the_files_hides_no_other_file(tmp_path: Path) -> None:
    as_folder(tmp_path, {"images.zip": b"PK\3\4 broken", **CONTENT})
    assert read_files(tmp_path, NAMES) == CONTENT
    with pytest.raises(DataError, match=r"images\.zip is not a readable zip file"):
        read_files(tmp_path, ["c.csv"])


def test_tables_are_found_among_other_files(tmp_path: Path) -> None:
    other = {
        "data_description.txt": b"MSSubClass: the class\n\n 20, one story\nanother line\n",
        "rows.txt": b"a\tb\n1\t2\n",
        "shop.tsv.gz": gzip.compress(b"a\tb\n"),
        "rows.parquet": b"PAR1",
        "README.md": b"a,b\n1,2\n",
    }
    tables = find_tables(open_files(as_zip(tmp_path, {**CONTENT, **other})))
    assert tables == ["a.csv", "b.csv", "rows.txt", "shop.tsv", "rows.parquet"]


def test_a_single_table_is_the_only_file(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"a,b")
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(b"c,d"))
    assert dict(open_files(tmp_path / "rows.csv")) == {"rows.csv": b"a,b"}
    assert dict(open_files(tmp_path / "rows.csv.gz")) == {"rows.csv": b"c,d"}


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    as_folder(tmp_path / "real")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "inside").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "round").symlink_to(tmp_path / "data")
    assert read_files(tmp_path / "data", NAMES) == CONTENT


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"Rar!\x1a\x07", "a RAR archive"),
        (b"SQLite format 3\0", "an SQLite database"),
        (zipped({"[Content_Types].xml": b"", "xl/workbook.xml": b""}), "a document of Excel"),
        (b"\x28\xb5\x2f\xfd...", "packed by Zstandard"),
    ],
)
def test_files_of_other_kinds_are_told(content: bytes, what: str, tmp_path: Path) -> None:
    (tmp_path / "train.xyz").write_bytes(content)
    with pytest.raises(DataError, match=f"train.xyz is {what}.*, which is not read here"):
        open_files(tmp_path / "train.xyz")


def test_a_web_page_instead_of_an_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "files.zip").write_bytes(b"<!DOCTYPE html><title>Sign in</title>")
    with pytest.raises(DataError, match=r"files\.zip is not .*it is a web page"):
        open_files(tmp_path / "files.zip")


@pytest.mark.parametrize("entry", OUTSIDE)
def test_a_tar_with_an_entry_that_points_outside_is_refused(entry: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="points outside the archive"):
        open_files(as_tar_gz(tmp_path, {entry: b"harm"}))


def test_links_in_a_tar_are_no_files(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "files.tar", "w") as archive:
        link = tarfile.TarInfo("a.csv")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert open_files(tmp_path / "files.tar").names() == []


BOMB = 300 * 1024 * 1024


@pytest.mark.slow
def test_what_is_absurdly_larger_unpacked_is_refused(tmp_path: Path) -> None:
    bombs = {"a.csv.gz": gzip.compress(bytes(BOMB)), "b.csv.zip": zipped({"b.csv": bytes(BOMB)})}
    files = open_files(as_folder(tmp_path, bombs))
    for name in NAMES:
        with pytest.raises(DataError, match=rf"{name}.* is refused: .* bytes would be unpacked"):
            files.read(name)


@pytest.mark.parametrize("form", [as_tar_gz, as_7z, as_deflate64])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_other_archives_that_are_cut_are_refused(
    form: Callable[..., Path], share: float, tmp_path: Path
) -> None:
    path = form(tmp_path, {name: os.urandom(2000) for name in NAMES})
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match=r"is not a readable \w+ file .* download it again"):
        read_files(path, NAMES)


@pytest.mark.slow
@given(
    form=st.sampled_from([as_tar_gz, as_7z, as_deflate64]),
    share=st.floats(0, 1, exclude_max=True),
    bits=st.integers(1, 255),
)
def test_damaged_archives_of_other_kinds_give_the_right_bytes_or_a_data_error(
    form: Callable[..., Path], share: float, bits: int, scratch: Path
) -> None:
    path = form(scratch)
    content = bytearray(path.read_bytes())
    content[int(len(content) * share)] ^= bits
    path.write_bytes(content)
    try:
        files = read_files(path, NAMES)
    except DataError as error:
        assert "files." in str(error)
    else:
        # gzip and 7z have checksums of content, not of names.
        assert set(files) == set(NAMES)


def test_a_7z_with_a_password_is_refused(tmp_path: Path) -> None:
    py7zr = pytest.importorskip("py7zr")
    with py7zr.SevenZipFile(tmp_path / "files.7z", "w", password="secret") as archive:
        archive.writestr(b"x", "a.csv")
    with pytest.raises(DataError, match="needs a password"):
        open_files(tmp_path / "files.7z")


@pytest.mark.parametrize(
    ("form", "package", "kind"),
    [(as_7z, "py7zr", "a 7z archive"), (as_deflate64, "inflate64", "deflate64")],
)
def test_a_missing_library_is_named_with_its_extra(
    form: Callable[..., Path], package: str, kind: str, tmp_path: Path, monkeypatch: Any
) -> None:
    path = form(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DataError, match=rf"{kind}\. Unpack it.*competition-workbench\[archives\]"):
        read_files(path, NAMES)


def test_a_method_of_packing_that_is_not_read_is_named(tmp_path: Path) -> None:
    content = deflated64({"a.csv": b"x"}).replace(struct.pack("<H", 9), struct.pack("<H", 93))
    (tmp_path / "files.zip").write_bytes(content)
    with pytest.raises(DataError, match="'a.csv' by the method Zstandard, which is not read here"):
        read_files(tmp_path / "files.zip", ["a.csv"])


# Columns


@given(
    st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1),
    st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1),
)
def test_columns_pass_exactly_if_none_is_missing(expected: list[str], found: list[str]) -> None:
    frame = pd.DataFrame([range(len(found))], columns=found)
    missing = [name for name in expected if name not in found]
    more = [name for name in found if name not in expected]
    if not missing:
        check_columns(frame, expected, "train.csv")
        return
    with pytest.raises(DataError, match=r"^train\.csv lacks the column") as caught:
        check_columns(frame, expected, "train.csv")
    lacks, _, has = str(caught.value).partition(" It has ")
    assert [name for name in "abcdefgh" if repr(name) in lacks] == sorted(missing)
    assert [name for name in "abcdefgh" if repr(name) in has] == sorted(more)


def test_many_missing_columns_are_counted_not_listed() -> None:
    expected = [f"column-{number}" for number in range(79)]
    with pytest.raises(DataError, match=r"'column-9' and 69 more\. It has the column 'pixel0'"):
        check_columns(pd.DataFrame({"pixel0": [0]}), expected, "train.csv")


# Targets


def is_positive(value: float) -> bool:
    return 0 < value < float("inf")


@given(st.lists(st.floats(min_value=1e-3, max_value=1e12), min_size=1))
def test_good_targets_come_back_as_they_are(values: list[float]) -> None:
    checked = numeric_target(pd.Series(values), "SalePrice", is_positive, "positive")
    np.testing.assert_array_equal(checked, values)
    assert checked.dtype == np.float64


@given(st.lists(st.sampled_from(["1", "2.5", "NA", "", "cheap", "-1", "0", "inf", "nan", "1e999"])))
def test_bad_targets_are_counted_and_the_first_is_named_by_its_line(values: list[str]) -> None:
    bad = [row for row, value in enumerate(values) if value not in ("1", "2.5")]
    series = pd.Series(values, dtype=object)
    if not bad:
        numeric_target(series, "SalePrice", is_positive, "positive")
        return
    rows = "1 row is" if len(bad) == 1 else f"{len(bad)} rows are"
    line = rf"{rows} not\. line {bad[0] + 2}: '{values[bad[0]]}'"
    with pytest.raises(DataError, match=rf"^SalePrice must be positive; {line}"):
        numeric_target(series, "SalePrice", is_positive, "positive")


# The loader of a competition, on files of which one thing is wrong


def read_rows(content: bytes) -> Rows:
    return list(csv.DictReader(io.StringIO(content.decode())))


def write_rows(rows: Rows) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@pytest.fixture(scope="module")
def few() -> dict[str, Rows]:
    """The first rows of the bundled sample, as text."""
    files = read_files(HOUSE_PRICES.sample, FILES)
    return {name: read_rows(content)[:12] for name, content in files.items()}


def load_edited(few: Mapping[str, Rows], edit: Edit, folder: Path) -> Dataset:
    tables = {name: [dict(row) for row in rows] for name, rows in few.items()}
    edit(tables)
    return load(as_zip(folder, {name: write_rows(rows) for name, rows in tables.items()}))


def set_cell(file: str, row: int, column: str, value: str) -> Edit:
    def edit(tables: dict[str, Rows]) -> None:
        tables[file][row][column] = value

    return edit


def drop_column(file: str, column: str) -> Edit:
    def edit(tables: dict[str, Rows]) -> None:
        for row in tables[file]:
            del row[column]

    return edit


def rename_column(file: str, column: str, name: str) -> Edit:
    def edit(tables: dict[str, Rows]) -> None:
        tables[file] = [
            {(name if key == column else key): value for key, value in row.items()}
            for row in tables[file]
        ]

    return edit


def test_unchanged_rows_load(few: Mapping[str, Rows], tmp_path: Path) -> None:
    dataset = load_edited(few, lambda tables: None, tmp_path)
    assert len(dataset.train) == len(dataset.test) == 12
    assert dataset.target.tolist() == [float(row["SalePrice"]) for row in few["train.csv"]]


def test_a_column_that_the_competition_does_not_know_is_ignored(
    few: Mapping[str, Rows], tmp_path: Path
) -> None:
    def edit(tables: dict[str, Rows]) -> None:
        for row in tables["train.csv"]:
            row["Mine"] = "1"

    assert "Mine" not in load_edited(few, edit, tmp_path).train.columns


@pytest.mark.parametrize("price", ["NA", "", "cheap", "-1", "0", "inf", "nan"])
def test_a_price_that_is_no_positive_number_is_named_by_its_line(
    price: str, few: Mapping[str, Rows], tmp_path: Path
) -> None:
    rule = "SalePrice in train.csv must be a positive number of dollars; 1 row is not"
    with pytest.raises(DataError, match=rf"^{rule}\. line 5: "):
        load_edited(few, set_cell("train.csv", 3, "SalePrice", price), tmp_path)


@pytest.mark.parametrize("file", ["train.csv", "test.csv"])
@pytest.mark.parametrize("column", ["Id", "LotArea", "1stFlrSF", "MSSubClass"])
def test_a_missing_column_is_named_with_its_file(
    file: str, column: str, few: Mapping[str, Rows], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=rf"^{file} lacks the column '{column}'\."):
        load_edited(few, drop_column(file, column), tmp_path)


def test_a_renamed_column_is_shown_with_the_missing_one(
    few: Mapping[str, Rows], tmp_path: Path
) -> None:
    message = r"^test\.csv lacks the column 'LotArea'\. It has the column 'Lot Area' that"
    with pytest.raises(DataError, match=message):
        load_edited(few, rename_column("test.csv", "LotArea", "Lot Area"), tmp_path)


def test_a_training_file_without_prices_is_refused(few: Mapping[str, Rows], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^train\.csv lacks the column 'SalePrice'"):
        load_edited(few, drop_column("train.csv", "SalePrice"), tmp_path)


def test_a_sample_submission_with_another_column_is_refused(
    few: Mapping[str, Rows], tmp_path: Path
) -> None:
    message = r"^sample_submission\.csv lacks the column 'SalePrice'\. It has the column 'Price'"
    with pytest.raises(DataError, match=message):
        load_edited(few, rename_column("sample_submission.csv", "SalePrice", "Price"), tmp_path)


@pytest.mark.parametrize("file", ["train.csv", "test.csv"])
def test_an_id_that_is_there_twice_is_named(
    file: str, few: Mapping[str, Rows], tmp_path: Path
) -> None:
    first = few[file][0]["Id"]
    with pytest.raises(DataError, match=rf"^{file} has 1 duplicate id: {first}\."):
        load_edited(few, set_cell(file, 4, "Id", first), tmp_path)


@pytest.mark.parametrize("file", ["train.csv", "test.csv"])
def test_a_missing_id_is_refused(file: str, few: Mapping[str, Rows], tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"^{file} has 1 row without an id"):
        load_edited(few, set_cell(file, 4, "Id", ""), tmp_path)


def test_a_changed_cell_changes_the_fingerprint_of_the_dataset(
    few: Mapping[str, Rows], tmp_path: Path
) -> None:
    before = load_edited(few, lambda tables: None, tmp_path)
    after = load_edited(few, set_cell("test.csv", 0, "LotArea", "1"), tmp_path)
    assert before.fingerprint != after.fingerprint


@pytest.mark.parametrize("form", [as_folder, as_zipped_folder])
def test_the_bundled_sample_loads_from_every_form_with_one_fingerprint(
    form: Callable[..., Path], tmp_path: Path
) -> None:
    files = read_files(HOUSE_PRICES.sample, FILES)
    bundled, other = load(HOUSE_PRICES.sample), load(form(tmp_path, files))
    assert other.fingerprint == bundled.fingerprint
    pd.testing.assert_frame_equal(other.train, bundled.train)
