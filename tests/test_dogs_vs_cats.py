"""Dogs vs. Cats: files however they are packed, the cache, duplicates, features, networks."""

from __future__ import annotations

import io
import itertools
import os
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from comps.base import DataError, Dataset, Images, UsageError
from comps.dogs_vs_cats import loader
from comps.dogs_vs_cats.competition import DOGS_VS_CATS
from comps.dogs_vs_cats.files import source_key
from comps.kinds.images import decoded, duplicates
from comps.kinds.images.decoding import decode, shorter_side
from comps.kinds.images.features import gradients_and_colours, tree_features
from comps.kinds.images.image_cache import cached
from comps.kinds.images.pixel_features import colour_features
from pipelines.api.selection import select_models
from pipelines.folds import FoldInput, FoldSpec, make_folds
from tests.commands import comps
from tests.support import ROOT

N_TRAIN, N_TEST = 20, 6


def picture(number: int, side: int = 32) -> Image.Image:
    """Return a photograph of nothing: soft blobs, other ones for each number."""
    rng = np.random.default_rng(number)
    blobs = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    return blobs.resize((side + side // 4, side), Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    return content.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return content.getvalue()


def competition_files(
    side: int = 32, test: str = "test", sample: str = "sample_submission.csv"
) -> dict[str, bytes]:
    """Return all files of a small competition, by path, unpacked."""
    files = {
        f"train/{'dog' if number % 2 else 'cat'}.{number // 2}.jpg": jpeg(picture(number, side))
        for number in range(N_TRAIN)
    }
    ids = range(1, N_TEST + 1)
    files |= {f"{test}/{number}.jpg": jpeg(picture(1000 + number, side)) for number in ids}
    rows = "".join(f"{number},0.5\n" for number in ids)
    return files | {sample: f"id,label\n{rows}".encode()}


def packed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return train.zip, test.zip and the sample submission."""
    parts: dict[str, dict[str, bytes]] = {}
    for path, data in files.items():
        parts.setdefault(path.partition("/")[0], {})[path] = data
    return {
        name if name.endswith(".csv") else f"{name}.zip": (
            inner[name] if name.endswith(".csv") else zipped(inner)
        )
        for name, inner in parts.items()
    }


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def zip_of_zips(path: Path, files: Mapping[str, bytes]) -> Path:
    (path / "all.zip").write_bytes(zipped(packed(files)))
    return path / "all.zip"


def folder_with_the_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    return zip_of_zips(path, files).parent


def folder_of_zips(path: Path, files: Mapping[str, bytes]) -> Path:
    return write(path, packed(files))


def unpacked(path: Path, files: Mapping[str, bytes]) -> Path:
    return write(path, files)


def unpacked_beside_the_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    zip_of_zips(path, files)
    return write(path, files)


def partly_unpacked(path: Path, files: Mapping[str, bytes]) -> Path:
    zips = packed(files)
    write(path, {name: data for name, data in files.items() if name.startswith("train/")})
    return write(path, {name: data for name, data in zips.items() if name != "train.zip"})


def zipped_folder(path: Path, files: Mapping[str, bytes]) -> Path:
    (path / "mine.zip").write_bytes(zipped({f"mine/{name}": v for name, v in files.items()}))
    return path / "mine.zip"


def zipped_on_a_mac(path: Path, files: Mapping[str, bytes]) -> Path:
    litter = {f"__MACOSX/{name}": b"litter" for name in files} | {"train/.DS_Store": b"litter"}
    litter |= {"train/._cat.0.jpg": b"litter"}
    (path / "mac.zip").write_bytes(zipped({**litter, **files}))
    return path / "mac.zip"


FORMS = [
    zip_of_zips,
    folder_with_the_zip,
    folder_of_zips,
    unpacked,
    unpacked_beside_the_zip,
    partly_unpacked,
    zipped_folder,
    zipped_on_a_mac,
]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of its own."""
    monkeypatch.setenv("COMPS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "dogs-vs-cats"


@pytest.fixture
def source(tmp_path: Path, cache: Path) -> Path:
    """A small competition as Kaggle packs it."""
    (tmp_path / "data").mkdir()
    return zip_of_zips(tmp_path / "data", competition_files())


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return loader.load(DOGS_VS_CATS.sample)


# The loader


def test_the_sample_has_photographs_labels_and_ids_that_fit_together(dataset: Dataset) -> None:
    assert len(dataset.train) == len(dataset.target) == len(np.unique(dataset.train_ids)) == 2000
    assert dataset.train.pixels is dataset.test.pixels
    assert sorted([*dataset.train.index, *dataset.test.index]) == list(range(2500))
    assert dataset.sample_submission["id"].tolist() == dataset.test_ids.tolist()
    assert dataset.classes == ("cat", "dog")
    dogs = [name.startswith("dog") for name in dataset.train_ids]
    assert (dataset.target == dogs).all() and sum(dogs) == 1000


@pytest.mark.parametrize("form", FORMS)
def test_the_same_photographs_come_however_they_are_packed(
    form: Callable[[Path, Mapping[str, bytes]], Path], source: Path, tmp_path: Path
) -> None:
    (tmp_path / "form").mkdir()
    expected = loader.load(source)
    found = loader.load(form(tmp_path / "form", competition_files()))
    assert found.fingerprint == expected.fingerprint
    assert found.train_ids.tolist() == expected.train_ids.tolist()
    np.testing.assert_array_equal(found.train.pixels, expected.train.pixels)


def test_the_files_of_the_original_competition_are_read(tmp_path: Path, cache: Path) -> None:
    files = competition_files(test="test1", sample="sampleSubmission.csv")
    found = loader.load(zip_of_zips(tmp_path, files))
    assert found.test_ids.tolist() == [1, 2, 3, 4, 5, 6]


def test_a_row_holds_the_photograph_of_its_id(source: Path) -> None:
    files = competition_files()
    found = loader.load(source)
    order = [f"{kind}.{number}" for kind in ("cat", "dog") for number in range(10)]
    assert found.train_ids.tolist() == order
    for part, folder in ((found.train, "train"), (found.test, "test")):
        names = found.train_ids if folder == "train" else found.test_ids
        for name, pixels in zip(names, part.gathered(), strict=True):
            expected = decode(files[f"{folder}/{name}.jpg"], "", 32)
            np.testing.assert_array_equal(pixels, expected)


def test_photographs_are_in_order_of_their_numbers_not_of_their_names(
    tmp_path: Path, cache: Path
) -> None:
    files = competition_files()
    files["train/cat.100.jpg"] = jpeg(picture(77))
    ids = loader.load(zip_of_zips(tmp_path, files)).train_ids.tolist()
    assert ids[9:12] == ["cat.9", "cat.100", "dog.0"]


def test_the_fingerprint_changes_with_one_photograph_and_with_the_sample(
    source: Path, tmp_path: Path
) -> None:
    prints = {loader.load(source).fingerprint}
    for name in ("train/cat.3.jpg", "test/2.jpg", "sample_submission.csv"):
        files = competition_files()
        files[name] = files[name] + b"\n"
        prints.add(loader.load(zip_of_zips(tmp_path, files)).fingerprint)
    assert len(prints) == 4


def test_the_key_of_a_zip_stays_when_it_is_copied_and_changes_when_it_does(
    source: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.zip"
    copy.write_bytes(source.read_bytes())
    assert source_key(copy) == source_key(source)
    files = competition_files()
    files["train/cat.3.jpg"] = jpeg(picture(5))
    assert source_key(zip_of_zips(tmp_path, files)) != source_key(source)


def test_the_key_of_loose_files_changes_when_one_is_written_again(tmp_path: Path) -> None:
    folder = unpacked(tmp_path, competition_files())
    before = source_key(folder)
    status = (folder / "train/cat.3.jpg").stat()
    os.utime(folder / "train/cat.3.jpg", ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))
    assert source_key(folder) != before


# Sizes and forms of images


@pytest.mark.parametrize(
    ("sides", "expected"),
    [([32] * 3, 32), ([75, 75, 400], 72), ([375, 400, 500], 96), ([20, 20], 16), ([8], 16)],
)
def test_the_side_is_the_median_of_the_shorter_sides_within_limits(
    sides: list[int], expected: int
) -> None:
    contents = [jpeg(picture(number, side)) for number, side in enumerate(sides)]
    photographs = [
        decoded.ImageFile(f"cat.{number}", "", partial(bytes, content))
        for number, content in enumerate(contents)
    ]
    assert decoded.side_of(photographs) == expected


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_an_image_of_any_mode_becomes_red_green_and_blue(mode: str) -> None:
    grey = Image.new("L", (40, 30), 200).convert(mode)
    pixels = decode(jpeg(grey), "x", 16)
    assert pixels.shape == (16, 16, 3) and pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - 200).max() < 6


def test_a_big_jpeg_is_decoded_to_what_the_whole_decoding_gives() -> None:
    content = jpeg(picture(3, 800))
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (1000, 800)
        whole = np.asarray(image.convert("RGB").resize((64, 64), Image.Resampling.BOX))
    assert np.abs(decode(content, "x", 64).astype(int) - whole).mean() < 2


def test_the_shorter_side_is_read_from_the_header_alone() -> None:
    content = jpeg(picture(3, 200))
    assert shorter_side(content[:700], "x") == 200


def png(image: Image.Image, form: str = "PNG") -> bytes:
    content = io.BytesIO()
    image.save(content, form)
    return content.getvalue()


@pytest.mark.parametrize("most", [65535, 1000, 200])
def test_sixteen_bits_a_channel_become_eight(most: int) -> None:
    values = np.linspace(0, most, 64, dtype=np.uint16).reshape(8, 8)
    pixels = decode(png(Image.fromarray(values)), "x", 8)
    np.testing.assert_array_equal(pixels[..., 0], np.round(values / 257))
    assert (pixels == pixels[..., :1]).all()


def test_a_palette_and_what_is_transparent_look_as_people_see_them() -> None:
    red = Image.new("P", (8, 8), 3)
    red.putpalette([9, 9, 9] * 3 + [250, 1, 2])
    assert decode(png(red, "GIF"), "x", 8)[0, 0].tolist() == [250, 1, 2]
    hidden = Image.new("RGBA", (8, 8), (250, 0, 0, 0))
    assert decode(png(hidden), "x", 8)[0, 0].tolist() == [255, 255, 255]
    half = Image.new("RGBA", (8, 8), (250, 0, 0, 255))
    assert decode(png(half, "WEBP"), "x", 8)[0, 0, 0] > 240


def test_an_image_is_turned_as_its_camera_says() -> None:
    upright = picture(3, 64)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its right side
    content = io.BytesIO()
    upright.rotate(90, expand=True).save(content, "JPEG", exif=exif, quality=95)
    turned = decode(content.getvalue(), "x", 32).astype(int)
    expected = decode(jpeg(upright, quality=95), "x", 32).astype(int)
    assert np.abs(turned - expected).mean() < 3


def test_an_absurdly_large_image_is_refused_by_its_header() -> None:
    content = png(Image.new("1", (20_000, 20_000)))
    for look in (partial(decode, side=32), shorter_side):
        with pytest.raises(DataError, match=r"x is an image of more than 100,000,000 pixels"):
            look(content, "x")


def test_what_an_image_is_follows_from_its_content_and_other_files_are_named(
    tmp_path: Path, cache: Path
) -> None:
    files = competition_files()
    files["train/cat.3.png"] = files.pop("train/cat.3.jpg")
    files["test/2.jpg"] = png(picture(1002))
    files |= {"train/cat.77": b"?", "test/readme.txt": b"words"}
    for form in (zip_of_zips, unpacked):
        (tmp_path / form.__name__).mkdir()
        found = loader.load(form(tmp_path / form.__name__, files))
        assert len(found.train) == N_TRAIN and len(found.test) == N_TEST
        (note,) = [note for note in found.notes if "left out" in note]
        assert note.startswith("2 files among the images are no images, and left out: ")
        assert "train/cat.77, test/readme.txt" in note


def test_numbers_of_any_size_are_ids_as_the_sample_writes_them(tmp_path: Path, cache: Path) -> None:
    files = competition_files()
    huge = str(2**70)
    files[f"test/{huge}.jpg"] = files.pop("test/6.jpg")
    files["test/0005.jpg"] = files.pop("test/5.jpg")
    sample = files["sample_submission.csv"].replace(b"\n6,", f"\n{huge},".encode())
    found = loader.load(zip_of_zips(tmp_path, files | {"sample_submission.csv": sample}))
    assert found.test_ids.tolist() == ["1", "2", "3", "4", "5", huge]
    assert found.sample_submission["id"].tolist() == found.test_ids.tolist()


# What is refused


def without(name: str) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda files: {k: v for k, v in files.items() if not k.startswith(name)}


def with_(name: str, content: bytes) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    return lambda files: {**files, name: content}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("train"), r"all\.zip does not hold .* Missing: train\.zip .*Found: sample_sub"),
        (without("test"), r"Missing: test\.zip or test1\.zip .*\. Found: .*train\.zip"),
        (without("sample"), r"Missing: sample_submission\.csv or sampleSubmission\.csv"),
        (with_("train/bird.1.jpg", b""), r"1 photographs are not called cat\.N\.jpg or dog\.N\.jpg"
         r"\. The first: .*all\.zip/train\.zip/train/bird\.1\.jpg"),
        (with_("test/first.jpg", b""), r"are not called N\.jpg with .*test/first\.jpg"),
        (with_("train/again/dog.3.jpg", b""), r"There are two of 'dog\.3'"),
        (with_("train/cat.2.jpg", jpeg(picture(1))[:500]), r"train/cat\.2\.jpg is not a readable "
         r"image \(.*(?i:truncated).*\)\. Download the files again, or leave it out"),
        (with_("test/4.jpg", b"not at all"), r"test/4\.jpg is not .* image \(it begins with"),
        (with_("test/7.jpg", jpeg(picture(1))), r"1 of the test images is not in .* \(7\)"),
        (without("test/5"), r"1 of the sample submission is not in the test images \(5\)"),
        (with_("sample_submission.csv", b"id,share\n1,0.5\n"), r"lacks the column 'label'"),
        (with_("sample_submission.csv", b""), r"The sample submission is not a readable CSV"),
        (without("train/dog"), r"no photograph of a dog \(dog\.N\.jpg\)"),
        (with_("train/cat.2.jpg", b""), r"cat\.2\.jpg is not .* \(the file is empty\)"),
        (with_("train/cat.2.jpg", b"<html>"), r"cat\.2\.jpg is not .* \(it begins with b'<html>'"),
        (with_("test/4.png", jpeg(picture(1))), r"There are two of '4': .*test/4\.png"),
        (with_("train/../../cat.1.jpg", b""), r"is refused: its entry .* points outside"),
    ],
)  # fmt: skip
def test_files_that_are_not_as_they_should_be_are_named(
    change: Callable[[dict[str, bytes]], dict[str, bytes]],
    message: str,
    tmp_path: Path,
    cache: Path,
) -> None:
    path = zip_of_zips(tmp_path, change(competition_files()))
    with pytest.raises(DataError, match=message):
        loader.load(path)
    assert not list(cache.glob("*.npy")) and not list(cache.glob("*.part"))


def test_a_truncated_zip_within_the_zip_is_named(tmp_path: Path, cache: Path) -> None:
    files = packed(competition_files())
    files["train.zip"] = files["train.zip"][:3000]
    (tmp_path / "all.zip").write_bytes(zipped(files))
    with pytest.raises(DataError, match=r"all\.zip/train\.zip is not a readable zip file"):
        loader.load(tmp_path / "all.zip")


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file or folder .*nowhere"):
        loader.load(tmp_path / "nowhere")


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Missing: train\.zip.*Found: nothing"):
        loader.load(tmp_path)


def test_a_cache_that_cannot_be_written_says_what_to_do(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("COMPS_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"cannot be kept in .*file.*set COMPS_CACHE"):
        loader.load(source)


def test_a_full_disk_says_what_to_do_and_leaves_nothing(
    source: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (small_disk / "filler").write_bytes(bytes(200 * 1024))
    monkeypatch.setenv("COMPS_CACHE", str(small_disk))
    with pytest.raises(DataError, match=r"cannot be kept in .*: No space left.* Make room"):
        loader.load(source)
    assert not list(small_disk.rglob("*.npy*"))


# The cache


def refuse_to_decode(*arguments: object) -> Any:
    raise AssertionError("decoded again")


def test_images_are_decoded_once(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = loader.load(source)
    monkeypatch.setattr(decoded, "decode", refuse_to_decode)
    again = loader.load(source)
    np.testing.assert_array_equal(first.train.pixels, again.train.pixels)
    assert again.fingerprint == first.fingerprint
    assert again.groups is not None and again.groups.tolist() == first.groups.tolist()
    assert isinstance(again.train.pixels, np.memmap) and not again.train.pixels.flags.writeable


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [flip_a_byte, cut, empty, Path.unlink])
@pytest.mark.parametrize("ending", ["npy", "json"])
def test_a_damaged_entry_is_made_anew(
    damage: Callable[[Path], object], ending: str, source: Path, cache: Path
) -> None:
    before = loader.load(source)
    pixels, ids = before.train.pixels.copy(), before.train_ids.tolist()
    (path,) = cache.glob(f"*.{ending}")
    damage(path)
    after = loader.load(source)
    np.testing.assert_array_equal(after.train.pixels, pixels)
    assert after.train_ids.tolist() == ids


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "key.npy.part").write_bytes(b"half")

    def fill(allocate: Any) -> dict[str, Any]:
        allocate((1, 2, 2, 3))[:] = 7
        return {"of": "it"}

    pixels, known = cached(tmp_path, "key", fill)
    assert (pixels == 7).all() and known == {"of": "it"}
    assert not list(tmp_path.glob("*.part"))


def test_a_filling_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fill(allocate: Any) -> dict[str, Any]:
        allocate((1, 2, 2, 3))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached(tmp_path, "key", fill)
    assert {path.suffix for path in tmp_path.iterdir()} <= {".lock"}


@pytest.mark.slow
def test_processes_that_load_at_once_agree(source: Path, cache: Path) -> None:
    code = (
        "import sys, zlib; from pathlib import Path; from comps.dogs_vs_cats.loader import load;"
        "data = load(Path(sys.argv[1]));"
        "print(data.fingerprint, zlib.crc32(data.train.pixels.tobytes()))"
    )
    command = [sys.executable, "-c", code, str(source)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) for _ in range(3)
    ]
    answers = {process.communicate()[0] for process in processes}
    assert len(answers) == 1 and all(process.returncode == 0 for process in processes)
    assert len(list(cache.glob("*.npy"))) == 1 and not list(cache.glob("*.part"))


# Duplicates


@given(
    hashes=st.lists(st.integers(0, 2**64 - 1), max_size=30),
    flips=st.lists(st.integers(0, 63), max_size=8),
    bits=st.integers(0, 12),
)
@settings(max_examples=50)
def test_close_pairs_are_those_that_a_plain_loop_finds(
    hashes: list[int], flips: list[int], bits: int
) -> None:
    hashes = hashes + [hash_ ^ sum({1 << flip for flip in flips}) for hash_ in hashes]
    expected = [
        [one, other]
        for one, other in itertools.combinations(range(len(hashes)), 2)
        if (hashes[one] ^ hashes[other]).bit_count() <= bits
    ]
    found = duplicates.close_pairs(np.array(hashes, dtype=np.uint64), bits, rows=7)
    assert [pair for pairs in found for pair in pairs.tolist()] == expected


def test_hashes_are_those_of_the_definition() -> None:
    from scipy.fft import dct

    grey = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    for image, hash_ in zip(grey, duplicates.perceptual_hashes(grey), strict=True):
        slow = dct(dct(image.astype(float), axis=0), axis=1)[:8, :8].ravel()
        bits = (slow > np.median(slow)).tolist()
        assert hash_.tobytes() == np.packbits(bits).tobytes()


def test_copies_recompressed_brightened_or_of_other_size_are_duplicates() -> None:
    original = picture(1, 64)
    changed = [
        original,
        Image.open(io.BytesIO(jpeg(original, quality=40))),
        ImageEnhance.Brightness(original).enhance(0.9),
        original.resize((200, 160)),
        picture(2, 64),
        picture(3, 64),
    ]
    pixels = np.stack([decode(jpeg(image), "", 48) for image in changed])
    pairs = duplicates.duplicates(pixels, rows=4)
    assert pairs.tolist() == [[0, 1], [0, 2], [0, 3]]


def noisy(image: NDArray[np.uint8], n: int) -> NDArray[np.uint8]:
    """Return so many images that look as one does; no two are equal."""
    noise = np.random.default_rng(n).integers(-5, 6, (n, *image.shape))
    return np.clip(image + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("at_once", [2, 8192])
def test_images_that_others_connect_are_one_photograph_as_a_plain_loop_finds(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "_COMPARED", at_once)
    rng = np.random.default_rng(2)
    one, two = rng.integers(0, 256, (2, 8, 8, 3)).repeat(4, 1).repeat(4, 2)
    steps = [one + (two - one) * share for share in (0, 0.1, 0.2, 0.3, 0.8, 0.9, 1)]
    pixels = np.concatenate([steps, noisy(two, 3), [one, one]]).astype(np.uint8)
    pixels = pixels[rng.permutation(len(pixels))]
    grey = duplicates.thumbnails(pixels)
    hashes = [int(hash_) for hash_ in duplicates.perceptual_hashes(grey)]
    alike = np.array(
        [
            (a, b)
            for a, b in itertools.combinations(range(len(pixels)), 2)
            if (hashes[a] ^ hashes[b]).bit_count() <= duplicates.BITS
            and np.abs(grey[a].astype(float) - grey[b]).mean() <= duplicates.DIFFERENCE
        ]
    )
    expected = duplicates.groups(alike, len(pixels))
    found = duplicates.duplicates(pixels)
    assert 1 < len(set(expected.tolist())) < len(alike) and len(found) < len(alike)
    assert duplicates.groups(found, len(pixels)).tolist() == expected.tolist()


@pytest.mark.parametrize("kind", ["equal", "alike"])
def test_many_that_are_alike_neither_fill_the_memory_nor_the_cache(kind: str) -> None:
    many = 600
    blank = np.full((16, 16, 3), 200, dtype=np.uint8)
    blank[4:9, 3:7] = 90
    pixels = np.tile(blank, (many, 1, 1, 1)) if kind == "equal" else noisy(blank, many)
    # Their 180,000 pairs have thumbnails of 350 MB.
    tracemalloc.start()
    try:
        found = duplicates.duplicates(pixels)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.tolist() == [[0, row] for row in range(1, many)]
    assert peak < 100e6


def test_pairs_that_share_a_row_are_one_group() -> None:
    groups = duplicates.groups(np.array([[0, 5], [5, 2], [3, 4]]), 7)
    assert groups[0] == groups[5] == groups[2] and groups[3] == groups[4]
    assert len(set(groups.tolist())) == 4


def test_duplicates_are_counted_and_stay_on_one_side_of_every_fold(
    tmp_path: Path, cache: Path
) -> None:
    files = competition_files()
    files["train/dog.50.jpg"] = jpeg(picture(1), quality=60)
    files["train/dog.51.jpg"] = jpeg(picture(1), quality=70)
    files["train/cat.50.jpg"] = jpeg(picture(3), quality=60)
    data = loader.load(zip_of_zips(tmp_path, files))
    assert data.notes[1:] == (
        "5 of 23 training images are duplicates, in 2 groups; a group is never "
        "divided between folds.",
        "1 of these groups holds images of different labels.",
    )
    rows = FoldInput(data.target, DOGS_VS_CATS.task, data.groups)
    for seed in range(5):
        folds = make_folds(FoldSpec(DOGS_VS_CATS.scheme, 3, seed), rows, 1)
        assert data.groups is not None
        for train, valid in folds.pairs[0]:
            assert not set(data.groups[train]) & set(data.groups[valid])


# Features


def test_colours_are_those_of_a_plain_loop() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 12, 3), dtype=np.uint8)
    for image, found in zip(pixels, colour_features(pixels, grid=2, bins=4), strict=True):
        expected: list[float] = []
        for channel in range(3):
            levels = image[..., channel].ravel() // 64
            expected += [float(np.mean(levels == level)) for level in range(4)]
        for top, left in itertools.product((0, 4), (0, 6)):
            field = image[top : top + 4, left : left + 6] / 255
            expected += [*field.mean(axis=(0, 1)), *field.std(axis=(0, 1))]
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("side", [16, 32, 72, 96])
def test_features_are_finite_and_nearly_as_many_for_every_side(side: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), dtype=np.uint8)
    found = gradients_and_colours(pixels)
    assert np.isfinite(found).all() and found.dtype == np.float32
    assert 2000 < found.shape[1] < 4000


def test_features_of_a_row_do_not_depend_on_other_rows(dataset: Dataset) -> None:
    rows = dataset.train[np.arange(0, 2000, 97)]
    alone = Images(rows.gathered()[3:4], np.arange(1))
    view = tree_features()
    np.testing.assert_array_equal(
        view.fit_transform(alone, None)[0], gradients_and_colours(rows.gathered())[3]
    )


# The command line's --weights


def test_weights_are_set_where_a_model_takes_them(tmp_path: Path) -> None:
    path = tmp_path / "file.h5"
    models = select_models(DOGS_VS_CATS, "vgg16,lightgbm", [], path)
    params = {model.name: dict(model.params) for model in models}
    assert params["vgg16"]["weights"] == str(path) and "weights" not in params["lightgbm"]
    with pytest.raises(UsageError, match=r"no model of this run takes pretrained weights"):
        select_models(DOGS_VS_CATS, "lightgbm", [], path)


# The whole road


@pytest.mark.slow
def test_the_quick_models_end_with_a_valid_submission(source: Path, tmp_path: Path) -> None:
    comps("run", "dogs-vs-cats", "--quick", "--folds", "2", "--data", source, cwd=tmp_path)
    written = pd.read_csv(tmp_path / "submission.csv")
    assert written.columns.tolist() == ["id", "label"]
    assert written["id"].tolist() == [1, 2, 3, 4, 5, 6]
    assert written["label"].between(0, 1).all()
