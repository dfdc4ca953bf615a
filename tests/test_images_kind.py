"""Images of the user's own: in a folder for each class, or named by a table."""

from __future__ import annotations

import io
import runpy
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from comps import image_competition
from comps.base import AmbiguousError, Competition, DataError, Dataset, Task, UsageError
from comps.kinds.images import duplicates, image_models, networks
from comps.kinds.outputs import loss_of
from pipelines import Found, infer, init, predict, run
from pipelines.folds import FoldInput, FoldSpec, make_folds
from tests.commands import comps

KINDS = ("ash", "birch", "cedar")
# What a class looks like: red, green or blue is stronger.
TINT = 90


def picture(kind: int, number: int) -> Image.Image:
    """Return soft blobs of a colour; size and mode differ from number to number."""
    rng = np.random.default_rng(1000 * kind + number)
    pixels = rng.integers(0, 160, (6, 6, 3), dtype=np.uint8)
    pixels[..., kind] += TINT
    image = Image.fromarray(pixels).resize((20 + number % 41, 24), Image.Resampling.BICUBIC)
    return image.convert("RGBA") if number % 5 == 0 else image


def content(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def in_folders(per_class: int = 8, classes: int = 3, tests: int = 5) -> dict[str, bytes]:
    """Return files of a competition whose folders are classes, by path."""
    files = {
        f"train/{KINDS[kind]}/{number:02}.png": content(picture(kind, number))
        for kind in range(classes)
        for number in range(per_class)
    }
    return files | {
        f"test/{number}.jpg": content(
            picture(number % classes, 500 + number).convert("RGB"), "JPEG"
        )
        for number in range(tests)
    }


def in_a_table(
    name: str = "{:02}.png", form: str = "{:02}.png", n: int = 24, **columns: Any
) -> dict[str, bytes]:
    """Return files of a competition whose table names the images, and a column for each kind."""
    files = {
        f"train/{name.format(number)}": content(picture(number % 3, number)) for number in range(n)
    }
    files |= {
        f"test/{name.format(number)}": content(picture(number % 3, 500 + number))
        for number in range(5)
    }
    known = columns or {"kind": [KINDS[number % 3] for number in range(n)]}
    table = pd.DataFrame({"photo": [form.format(number) for number in range(n)], **known})
    return files | {"labels.csv": table.to_csv(index=False).encode()}


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def found_in(folder: Path, files: Mapping[str, bytes], **choices: Any) -> Found:
    """Infer a competition of files that are written into a folder."""
    place = write(folder / "trees", files)
    return infer(place, **{"images": "train", "metric": "log_loss", **choices})


def load(found: Found) -> Dataset:
    return found.competition.load(found.path)


def said(found: Found, what: str) -> tuple[str, str]:
    """Return value and reason of something that was inferred."""
    (row,) = [row for row in found.rows if row["what"] == what]
    return row["value"], row["reason"]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPS_CACHE", str(tmp_path / "cache"))


# Labels


def test_a_folder_for_each_class_says_the_labels(tmp_path: Path) -> None:
    found = found_in(tmp_path, in_folders())
    data = load(found)
    assert said(found, "labels") == (
        "ash, birch, cedar",
        "the folders in train/, one for each class",
    )
    assert said(found, "images")[0] == "24 images in train/"
    assert found.competition.task is Task.MULTICLASS and data.classes == KINDS
    assert data.train_ids.tolist() == sorted(data.train_ids)
    kinds = [str(name).partition("/")[0] for name in data.train_ids]
    assert [KINDS[int(code)] for code in data.target] == kinds


def test_the_colour_of_a_row_is_that_of_its_label(tmp_path: Path) -> None:
    data = load(found_in(tmp_path, in_folders()))
    strongest = data.train.gathered().astype(float).mean(axis=(1, 2)).argmax(axis=1)
    assert strongest.tolist() == data.target.tolist()
    tests = data.test.gathered().astype(float).mean(axis=(1, 2)).argmax(axis=1)
    assert tests.tolist() == [0, 1, 2, 0, 1]


@pytest.mark.parametrize("form", ["folder", "zip", "zip of zips", "zip with a folder around"])
def test_the_same_images_come_however_they_are_packed(form: str, tmp_path: Path) -> None:
    files = in_folders()
    expected = load(found_in(tmp_path, files))
    place = tmp_path / "packed.zip"
    if form == "folder":
        place = write(tmp_path / "packed", files)
    elif form == "zip":
        zipped(place, files)
    elif form == "zip with a folder around":
        zipped(place, {f"trees/{name}": data for name, data in files.items()})
    else:
        parts = {
            f"{part}.zip": zipped(
                tmp_path / part, {n: d for n, d in files.items() if n.startswith(part)}
            ).read_bytes()
            for part in ("train", "test")
        }
        zipped(place, parts)
    found = infer(place, images="train/", metric="log_loss")
    data = load(found)
    assert data.train_ids.tolist() == expected.train_ids.tolist()
    assert data.test_ids.tolist() == expected.test_ids.tolist()
    np.testing.assert_array_equal(data.train.gathered(), expected.train.gathered())
    assert data.fingerprint == expected.fingerprint


@pytest.mark.parametrize("wanted", ["train", "./train/", "{place}/train", "deep/train"])
def test_the_folder_is_named_from_within_or_as_it_lies_on_the_disk(
    wanted: str, tmp_path: Path
) -> None:
    above = "very/deep/" if "deep" in wanted else ""
    files = {f"{above}{name}": data for name, data in in_folders().items()}
    found = found_in(tmp_path, files, images=wanted.format(place=tmp_path / "trees"))
    assert said(found, "images")[0] == f"24 images in {above}train/"
    assert said(found, "test images")[0] == f"5 images in {above}test/"


def test_classes_may_lie_in_the_folder_itself(tmp_path: Path) -> None:
    files = {name.removeprefix("train/"): data for name, data in in_folders().items()}
    data = load(found_in(tmp_path, files, images="."))
    assert data.classes == KINDS and len(data.train) == 24 and len(data.test) == 5


@pytest.mark.parametrize(
    ("name", "cell", "form"),
    [
        ("{:02}.png", "{:02}.png", "path"),
        ("{:02}.png", "{:02}", "file name without ending"),
        ("{:02}.png", "train/{:02}.png", "whole path"),
        ("deep/{:02}.png", "{:02}.png", "file name"),
        ("deep/{:02}.png", "deep/{:02}", "path without ending"),
    ],
)
def test_a_table_names_images_in_many_forms(
    name: str, cell: str, form: str, tmp_path: Path
) -> None:
    found = found_in(tmp_path, in_a_table(name, cell), metric="accuracy")
    value, reason = said(found, "image")
    assert value == "column 'photo' of labels.csv" and f"the {form} of" in reason
    data = load(found)
    assert data.train_ids[3] == cell.format(3)
    strongest = data.train.gathered().astype(float).mean(axis=(1, 2)).argmax(axis=1)
    assert strongest.tolist() == data.target.tolist()


def renamed(files: Mapping[str, bytes], change: Mapping[str, str]) -> dict[str, bytes]:
    """Return files under names in which some texts are others."""
    for old, new in change.items():
        files = {name.replace(old, new): data for name, data in files.items()}
    return dict(files)


def test_names_that_differ_in_case_alone_are_matched_with_a_note(tmp_path: Path) -> None:
    files = in_a_table("img_{:02}.jpg", "IMG_{:02}.JPG")
    files["sample_submission.csv"] = b"photo,kind\nImg_01.jpg,ash\nimg_00.JPG,ash\n"
    found = found_in(tmp_path, files, metric="accuracy")
    assert said(found, "image")[0] == "column 'photo' of labels.csv"
    data = load(found)
    assert data.train_ids[3] == "IMG_03.JPG" and len(data.train) == 24
    assert data.test_ids.tolist() == ["Img_01.jpg", "img_00.JPG"]
    strongest = data.train.gathered().astype(float).mean(axis=(1, 2)).argmax(axis=1)
    assert strongest.tolist() == data.target.tolist()
    tests = data.test.gathered().astype(float).mean(axis=(1, 2)).argmax(axis=1)
    assert tests.tolist() == [1, 0]
    for table, count in (("labels.csv", 24), ("sample_submission.csv", 2)):
        note = f"{table} names {count} images in other upper and lower case than the files"
        assert any(note in one for one in data.notes)


def test_one_name_of_another_case_is_matched_beside_equal_ones(tmp_path: Path) -> None:
    files = renamed(in_a_table(), {"train/07.png": "train/07.PNG"})
    data = load(found_in(tmp_path, files, metric="accuracy"))
    assert len(data.train) == 24
    assert any("(07.png for 07.PNG)" in note and "names 1 image " in note for note in data.notes)


@pytest.mark.parametrize("target", [None, "kind"])
def test_names_that_are_several_but_for_case_are_not_guessed(
    target: str | None, tmp_path: Path
) -> None:
    files = in_a_table("img_{:02}.png", "Img_{:02}.png")
    capital = {n.replace("img", "IMG"): d for n, d in files.items() if n.startswith("train/")}
    files |= capital
    with pytest.raises(DataError, match=r"'photo' of labels\.csv names them but for upper and lo"):
        found_in(tmp_path, files, metric="accuracy", target=target)


def test_a_missing_name_that_is_several_but_for_case_says_so(tmp_path: Path) -> None:
    files = in_a_table("a{:02}.png", "a{:02}.png")
    files["train/A07.png"] = files["train/A07.PNG"] = files.pop("train/a07.png")
    message = r"not in train/: a07\.png \(line 9\).*but for upper and lower case.*write both"
    with pytest.raises(DataError, match=message):
        found_in(tmp_path, files, metric="accuracy")


def test_a_training_image_is_not_taken_for_a_test_image_of_another_case(tmp_path: Path) -> None:
    files = {n: d for n, d in in_a_table("a{:02}.png", "a{:02}.png").items() if "test/" not in n}
    files["train/b.png"] = content(picture(0, 99))
    files["sample_submission.csv"] = b"photo,kind\nA01.png,ash\nB.png,ash\n"
    with pytest.raises(DataError, match=r"sample_submission\.csv names 1 image that is not in"):
        found_in(tmp_path, files, metric="accuracy")


def test_of_several_columns_the_user_names_the_target(tmp_path: Path) -> None:
    kinds = [KINDS[number % 3] for number in range(24)]
    files = in_a_table(kind=kinds, camera=["a", "b"] * 12, site=["x", "y", "z", "w"] * 6)
    with pytest.raises(AmbiguousError, match=r"Which column is to be predicted.*--target"):
        found_in(tmp_path, files, metric="accuracy")
    found = found_in(tmp_path, files, metric="accuracy", target="kind", group="camera")
    assert found.competition.target_columns == ("kind",)
    assert found.competition.scheme == "grouped"
    groups = load(found).groups
    assert groups is not None and groups.tolist() == [0, 1] * 12


def test_weights_and_folds_of_the_table_count(tmp_path: Path) -> None:
    kinds = [KINDS[number % 3] for number in range(24)]
    files = in_a_table(kind=kinds, part=np.arange(24) // 3 % 2, worth=np.arange(1, 25))
    found = found_in(
        tmp_path, files, metric="accuracy", target="kind", folds_column="part", weight="worth"
    )
    data = load(found)
    assert found.competition.scheme == "column" and found.competition.n_folds == 2
    assert data.folds is not None and data.folds.tolist() == (np.arange(24) // 3 % 2).tolist()
    assert data.weights is not None and data.weights[-1] == 24


def test_labels_with_blanks_between_them_are_several(tmp_path: Path) -> None:
    tags = ["sea", "sun sea", "sun", "sea sand sun"] * 6
    found = found_in(tmp_path, in_a_table(tags=tags), metric="roc_auc")
    data = load(found)
    assert found.competition.task is Task.MULTILABEL
    assert found.competition.target_columns == ("sand", "sea", "sun")
    assert "several in a cell" in said(found, "target")[1]
    assert data.target[:4].tolist() == [[0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 1, 1]]
    submitted = data.template
    assert submitted.columns.tolist() == ["photo", "sand", "sea", "sun"]


def test_names_of_two_words_are_classes_and_not_several_labels(tmp_path: Path) -> None:
    breeds = ["golden retriever", "german shepherd", "old terrier"] * 8
    found = found_in(tmp_path, in_a_table(breed=breeds), metric="accuracy")
    assert found.competition.task is Task.MULTICLASS and len(load(found).classes) == 3
    cars = ["red car", "blue car", "red bus", "blue bus", "blue", "red"] * 4
    found = found_in(tmp_path / "b", in_a_table(car=cars), metric="accuracy", labels=["red car"])
    assert found.competition.task is Task.MULTICLASS and len(load(found).classes) == 6
    marks = ["bad", "very bad", "good", "very good"] * 6
    found = found_in(tmp_path / "c", in_a_table(mark=marks), metric="accuracy")
    assert found.competition.task is Task.MULTICLASS and len(load(found).classes) == 4


def test_the_task_is_as_the_user_says_in_python(tmp_path: Path) -> None:
    tags = ["sea", "sun sea", "sun", "sea sand sun"] * 6
    place = write(tmp_path, in_a_table(tags=tags))
    options: dict[str, Any] = {"images": "train", "metric": "accuracy"}
    one = image_competition(place, task="multiclass", **options)
    assert one.task is Task.MULTICLASS
    with pytest.raises(UsageError, match=r"'binary' as you say, and multiclass by"):
        image_competition(place, task="binary", **options)
    with pytest.raises(UsageError, match=r"no task 'several'"):
        image_competition(place, task="several", **options)


def test_columns_of_zeros_and_ones_are_several_labels(tmp_path: Path) -> None:
    files = in_a_table(sea=[0, 1] * 12, sun=[1, 1, 0] * 8)
    files["sample_submission.csv"] = b"photo,sun,sea\n" + b"".join(
        f"{number:02}.png,0,0\n".encode() for number in range(5)
    )
    found = found_in(tmp_path, files, metric="log_loss")
    assert found.competition.task is Task.MULTILABEL
    assert found.competition.target_columns == ("sun", "sea")
    assert load(found).target[:3].tolist() == [[1, 0], [1, 1], [0, 0]]


def test_two_classes_that_nobody_ranks_get_a_column_each(tmp_path: Path) -> None:
    found = found_in(tmp_path, in_folders(classes=2))
    assert found.competition.task is Task.BINARY
    assert found.competition.target_columns == ("ash", "birch")
    one = found_in(tmp_path, in_folders(classes=2), positive="ash")
    assert one.competition.target_columns == ("label",) and load(one).classes == ("birch", "ash")


# Test images and the submission


def test_the_submission_is_made_up_where_there_is_none(tmp_path: Path) -> None:
    found = found_in(tmp_path, in_folders(), metric="accuracy")
    assert said(found, "test images") == (
        "5 images in test/",
        "its name, beside the training images",
    )
    sample = load(found).template
    assert sample.columns.tolist() == ["id", "label"]
    assert sample["id"].tolist() == [f"{number}.jpg" for number in range(5)]
    shares = found_in(tmp_path, in_folders(), metric="log_loss")
    assert load(shares).template.columns.tolist() == ["id", *KINDS]


@pytest.mark.parametrize("cell", ["{}", "{}.jpg", "test/{}.jpg"])
def test_the_sample_submission_says_how_images_are_named_and_their_order(
    cell: str, tmp_path: Path
) -> None:
    order = [3, 0, 4, 1, 2]
    lines = "".join(f"{cell.format(number)},ash\n" for number in order)
    files = in_folders() | {"sample_submission.csv": f"file,species\n{lines}".encode()}
    found = found_in(tmp_path, files, metric="accuracy")
    assert found.competition.target_columns == ("species",)
    assert found.competition.id_column == "file"
    data = load(found)
    assert list(map(str, data.test_ids)) == [cell.format(number) for number in order]
    strongest = data.test.gathered().astype(float).mean(axis=(1, 2)).argmax(axis=1)
    assert strongest.tolist() == [number % 3 for number in order]


def test_images_beside_that_the_sample_names_are_the_test_images(tmp_path: Path) -> None:
    files = {name.replace("test/", "new/"): data for name, data in in_folders().items()}
    files["sample_submission.csv"] = b"id,label\n2,ash\n0,ash\n"
    found = found_in(tmp_path, files, metric="accuracy")
    assert said(found, "test images") == ("2 images", "sample_submission.csv names them")
    assert load(found).test_ids.tolist() == [2, 0]
    named = found_in(
        tmp_path / "b",
        {name: data for name, data in files.items() if not name.startswith("sample")},
        metric="accuracy",
        test_images="new",
    )
    assert len(load(named).test) == 5


def test_listed_test_images_may_be_called_as_training_images(tmp_path: Path) -> None:
    files = {
        f"train/{KINDS[kind]}/{number}.png": content(picture(kind, number))
        for kind in range(3)
        for number in range(8)
    }
    files |= {f"holdout/{number}.png": content(picture(number, 500)) for number in range(3)}
    files["sample_submission.csv"] = b"id,label\n2.png,ash\n0.png,ash\n1.png,ash\n"
    found = found_in(tmp_path, files, metric="accuracy")
    data = load(found)
    assert len(data.train) == 24 and data.test_ids.tolist() == ["2.png", "0.png", "1.png"]
    strongest = data.test.gathered().astype(float).mean(axis=(1, 2)).argmax(axis=1)
    assert strongest.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ("folder", "is_test"),
    [
        ("test", True),
        ("testing", True),
        ("Test1", True),
        ("test_images", True),
        ("testSet", True),
        ("testdata", True),
        ("testis", False),
        ("testudo", False),
        ("latest", False),
    ],
)
def test_the_folder_of_test_images_begins_with_the_word(
    folder: str, is_test: bool, tmp_path: Path
) -> None:
    files = {
        f"{folder if name.startswith('test/') else 'oak'}/{number}.jpg": data
        for number, (name, data) in enumerate(in_folders(tests=6).items())
    }
    files |= {name.replace("train/", ""): data for name, data in in_folders(tests=0).items()}
    data = load(found_in(tmp_path, files, images="."))
    assert data.classes == tuple(sorted({*KINDS, "oak", *([] if is_test else [folder])}))
    assert (data.sample_submission is not None) == is_test


def test_training_and_test_images_may_lie_in_one_folder(tmp_path: Path) -> None:
    files = {
        name.replace("train/", "all/old").replace("test/", "all/new"): data
        for name, data in in_a_table(form="old{:02}").items()
    }
    names = [f"new{number:02}" for number in (4, 2, 0)]
    files["test.csv"] = ("photo\n" + "\n".join(names)).encode()
    found = found_in(tmp_path, files, images="all", metric="accuracy")
    data = load(found)
    assert len(data.train) == 24 and data.test_ids.tolist() == names
    assert any("2 images of all/ are not in labels.csv: left out" in note for note in data.notes)


def test_without_test_images_there_is_nothing_to_submit(tmp_path: Path) -> None:
    found = found_in(tmp_path, in_folders(tests=0))
    assert said(found, "test images")[0] == "none"
    data = load(found)
    assert data.sample_submission is None and len(data.train) == 24


# What an image may be


def test_images_of_any_form_are_decoded_and_turned(tmp_path: Path) -> None:
    files = in_folders()
    upright = Image.new("RGB", (40, 40), "white")
    upright.paste((0, 0, 0), (0, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    files["train/ash/90.jpg"] = content(upright.rotate(90), "JPEG", exif=exif, quality=95)
    deep = np.full((30, 50), 30_000, dtype=np.uint16)
    files["train/ash/91.png"] = content(Image.fromarray(deep))
    files["train/ash/92.png"] = content(Image.new("L", (50, 30), 200))
    files["train/ash/93.png"] = content(Image.new("RGBA", (50, 30), (0, 0, 0, 0)))
    data = load(found_in(tmp_path, files))
    side = data.train.pixels.shape[1]
    assert data.train.pixels.shape[1:] == (side, side, 3) and side % 8 == 0
    rows = {str(name): row for row, name in enumerate(data.train_ids)}
    pixels = data.train.gathered()
    turned = pixels[rows["ash/90.jpg"]]
    assert turned[: side // 2 - 2].max() < 60 and turned[side // 2 + 2 :].min() > 200
    for name, value in (("91.png", round(30_000 / 257)), ("92.png", 200), ("93.png", 255)):
        assert (pixels[rows[f"ash/{name}"]] == value).all()


def test_copies_are_one_group_and_drawings_that_are_alike_are_not(tmp_path: Path) -> None:
    files = in_folders(per_class=12)
    files["train/birch/90.jpg"] = content(picture(1, 3).convert("RGB"), "JPEG", quality=70)
    data = load(found_in(tmp_path, files))
    assert data.groups is not None
    pairs = {str(name): group for name, group in zip(data.train_ids, data.groups, strict=True)}
    assert pairs["birch/90.jpg"] == pairs["birch/03.png"]
    assert len(set(data.groups.tolist())) == len(data.groups) - 1
    assert any("2 of 37 training images are duplicates, in 1 group;" in n for n in data.notes)
    strokes = np.full((30, 16, 16, 3), 255, dtype=np.uint8)
    for row in range(28):
        strokes[row, 4:12, 7, row % 3] = row
    strokes[28:] = strokes[0]
    assert duplicates.same_images(strokes).tolist() == [[0, 28], [0, 29]]


def test_other_files_and_images_without_a_label_are_named(tmp_path: Path) -> None:
    files = in_folders() | {"train/readme.md": b"words", "train/loose.png": content(picture(0, 1))}
    notes = load(found_in(tmp_path, files)).notes
    assert "1 file among the images is no image, and left out: train/readme.md." in notes
    assert "1 image of train/ lie in no folder of a class: left out. loose.png." in notes


def test_images_are_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from comps.kinds.images import decoded

    found = found_in(tmp_path, in_folders())
    first = load(found)

    def refuse(*arguments: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(decoded, "decode", refuse)
    again = load(found)
    np.testing.assert_array_equal(first.train.gathered(), again.train.gathered())
    assert again.fingerprint == first.fingerprint


def test_the_fingerprint_follows_images_labels_and_roles(tmp_path: Path) -> None:
    files = in_a_table()
    changed = files | {"train/03.png": content(picture(0, 999))}
    relabelled = files | {"labels.csv": files["labels.csv"].replace(b"00.png,ash", b"00.png,cedar")}
    prints = {
        load(found_in(tmp_path / str(number), some, metric=metric)).fingerprint
        for number, (some, metric) in enumerate(
            [(files, "accuracy"), (changed, "accuracy"), (relabelled, "accuracy")]
        )
    }
    assert len(prints) == 3


# What is refused


SEVERAL = ["sea", "sun sea", "sun", "sea sand sun"] * 6


def without(name: str) -> dict[str, bytes]:
    return {key: data for key, data in in_a_table().items() if key != name}


def test_a_table_of_something_else_is_no_table_of_labels(tmp_path: Path) -> None:
    files = {
        f"train/{KINDS[number % 3]}/{number}.png": content(picture(number % 3, number))
        for number in range(24)
    }
    files["meanings.csv"] = b"id,meaning\n0,a tree\n1,another\n2,more\n"
    assert load(found_in(tmp_path, files)).classes == KINDS


@pytest.mark.parametrize(
    ("files", "choices", "error", "message"),
    [
        ({"a.txt": b"words"}, {}, DataError, r"trees holds no images"),
        (in_folders(), {"images": "trian"}, UsageError, r"called 'trian'. Did you mean 'train'"),
        (
            in_folders(),
            {"images": None, "test_images": "test"},
            UsageError,
            r"--test-images is not for tables. Leave it out, or say that these are images: --im",
        ),
        (in_folders(), {"time": "when"}, UsageError, r"--time is not for images. Leave it out"),
        (
            in_folders(),
            {"text": "title", "columns": ["a=text"], "horizon": 3},
            UsageError,
            r"--text, --column, --horizon are not for images. Leave them out",
        ),
        (in_folders(classes=1), {}, DataError, r"Nothing says what the images of train/ show"),
        (in_folders(), {"target": "kind"}, DataError, r"No table that names the images of train/"),
        (in_a_table(), {"target": "kid"}, UsageError, r"no column of labels.csv called 'kid'. Did"),
        (in_a_table(), {"id": "foto"}, UsageError, r"no column of labels.csv called 'foto'. Did"),
        (in_folders(), {"metric": "rmse"}, DataError, r"(?i)rmse needs numbers"),
        (in_folders(), {"metric": None}, AmbiguousError, r"By which metric.*accuracy"),
        (
            in_folders() | {"train/ash/03.png": b"not at all"},
            {},
            DataError,
            r"train/ash/03\.png is not a readable image .*or leave it out\.$",
        ),
        (
            in_folders()
            | {"train/ash/00.png": b"", "test/1.jpg": b"no", "train/cedar/05.png": b""},
            {},
            DataError,
            r"ash/00\.png is not .* 2 further images cannot be read: .*cedar/05\.png.*1\.jpg\.",
        ),
        (
            in_folders() | {"sample_submission.csv": b"id,label\n0,ash\n"},
            {"metric": "accuracy"},
            None,
            "",
        ),
        (
            in_folders() | {"sample_submission.csv": b"id,label\n0,ash\n77,ash\n"},
            {"metric": "accuracy"},
            DataError,
            r"sample_submission\.csv names 1 image that is not in test/: 77",
        ),
        (
            without("train/07.png"),
            {"metric": "accuracy"},
            DataError,
            r"labels\.csv names 1 image that is not in train/: 07\.png \(line 9\)",
        ),
        (
            in_a_table() | {"labels.csv": in_a_table()["labels.csv"] + b"07.png,ash\n"},
            {"metric": "accuracy"},
            DataError,
            r"labels\.csv has 1 duplicate id: 07\.png",
        ),
        (
            in_a_table(kind=[None, *(KINDS * 8)[1:]]),
            {"metric": "accuracy"},
            DataError,
            r"1 row of labels\.csv has no target \(lines 2\)\. Leave .* --leave-out missing-target",
        ),
        (
            in_a_table(tags=SEVERAL)
            | {"sample_submission.csv": b"photo,tags\n00.png,sea\n01.png,sun\n"},
            {"metric": "roc_auc"},
            DataError,
            r"a submission has a column for each \(sand, sea, sun\), as AUC is of probabilities",
        ),
        (
            in_a_table(tags=SEVERAL)
            | {"sample_submission.csv": b"photo,sea,sun\n00.png,0,1\n01.png,0,1\n"},
            {"metric": "accuracy"},
            DataError,
            r"or one column, in which they stand .* The sample submission has 'sea', 'sun'",
        ),
        (
            in_a_table(tags=SEVERAL, sea=list(range(24))),
            {"metric": "accuracy", "target": "tags"},
            DataError,
            r"'sea' of labels\.csv are columns, and labels in 'tags', too",
        ),
        (
            in_folders() | {"more/test/1.png": content(picture(0, 1)), "tests/1.png": b""},
            {},
            None,
            "",
        ),
        (
            {
                key.replace("test/", f"test{number}/"): data
                for number in (1, 2)
                for key, data in in_folders().items()
            },
            {},
            AmbiguousError,
            r"Which folder holds the test images\?.*--test-images",
        ),
    ],
)
def test_files_that_are_not_as_they_should_be_are_named(
    files: dict[str, bytes],
    choices: dict[str, Any],
    error: type[Exception] | None,
    message: str,
    tmp_path: Path,
) -> None:
    if error is None:
        load(found_in(tmp_path, files, **choices))
        return
    with pytest.raises(error, match=message):
        load(found_in(tmp_path, files, **choices))


def nested(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return files whose folders of classes lie one deeper."""
    return {name.replace("train/", "train/all/"): data for name, data in files.items()}


@pytest.mark.parametrize(
    ("files", "choices"),
    [
        (in_folders(), {}),
        (in_folders(classes=2), {}),
        (in_folders(classes=2), {"positive": "ash"}),
        (nested(in_folders()), {"folds": 3, "scheme": "kfold"}),
        ({name.removeprefix("train/"): data for name, data in in_folders(tests=0).items()}, {}),
        (in_folders(), {"images": ".", "test_images": "test"}),
        (in_a_table(), {"metric": "accuracy"}),
        (in_a_table(form="train/{:02}.png", size=list(range(24))), {"metric": "rmse"}),
        (in_a_table(tags=SEVERAL), {}),
        (in_a_table(tags=SEVERAL), {"metric": "f1_macro"}),
        (
            in_a_table(tags=SEVERAL) | {"sample.csv": b"id,words\n01,\n00,sun sea\n"},
            {"metric": "f1_macro"},
        ),
        (
            in_a_table(tags=SEVERAL) | {"sample.csv": b"id,sun,sand,sea\n01,0,0,1\n"},
            {"metric": "f1_macro"},
        ),
        (in_a_table(tags=SEVERAL), {"labels": SEVERAL[:4], "metric": "accuracy"}),
        (in_a_table(a=[0, 1] * 12, b=[1, 1, 0] * 8), {"target": ["b", "a"]}),
        (
            in_a_table(kind=[*KINDS, "yew"] * 6, tree=list(range(12)) * 2, count=[1.0, 2.0] * 12)
            | {"other/labels.csv": b"photo,kind\n00.png,ash\n"},
            {"target": "kind", "group": "tree", "weight": "count", "metric": "accuracy"},
        ),
        (
            in_a_table(kind=[None, *(KINDS * 8)[1:]])
            | {"sample.csv": b"id,cedar,ash,birch\n01,0,0,1\n00,0,0,1\n"},
            {"leave_out": ["missing-target"]},
        ),
    ],
)
def test_the_file_that_init_writes_is_the_competition_that_was_inferred(
    files: dict[str, bytes],
    choices: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COMPS_COMPETITIONS", str(tmp_path / "own"))
    folder = "." if not any(name.startswith("train") for name in files) else "train"
    said: dict[str, Any] = {"images": folder, "metric": "log_loss", **choices}
    place = write(tmp_path / "trees", files)
    written = init("woods", place, **said)
    assert written.refusal == ""
    found = infer(place, "woods", **said)
    own = runpy.run_path(str(written.file))["COMPETITION"]
    expected = found.competition
    for name in ("task", "metric", "target_columns", "id_column", "scheme", "n_folds", "models"):
        assert getattr(own, name) == getattr(expected, name)
    one, other = load(found), own.load(own.data)
    assert one.fingerprint == other.fingerprint
    np.testing.assert_array_equal(one.target, other.target)
    assert one.classes == other.classes
    spec = FoldSpec(own.scheme, own.n_folds)
    divisions = [make_folds(spec, FoldInput.of(own, data)).pairs[0] for data in (one, other)]
    for first, second in zip(*divisions, strict=True):
        np.testing.assert_array_equal(first[1], second[1])


def test_calls_that_cannot_be_meant_are_refused(tmp_path: Path) -> None:
    place = write(tmp_path / "trees", in_folders(classes=2))
    options: dict[str, Any] = {"images": "train", "metric": "log_loss"}
    for given, error, message in (
        ({"classes": "ash"}, UsageError, r"classes takes a list of names, such as \['ash'\]"),
        (
            {"outputs": ["a"]},
            UsageError,
            r"outputs names 1 column \(a\), .* needs 2 \(ash, birch\)",
        ),
        ({"files": {"tests": "a.csv"}}, UsageError, r"no part of .* called 'tests'. Did you mean"),
        ({"path": pd.DataFrame()}, UsageError, r"the path of an archive or a folder; a DataFrame"),
        ({"path": place / "test" / "1.jpg"}, DataError, r"1\.jpg is an image. Name the folder"),
    ):
        said = {"path": place, **options, **given}
        with pytest.raises(error, match=message):
            image_competition(said.pop("path"), **said)
    own = image_competition(place, **options, outputs=["A", "B"], classes=["birch", "ash"])
    assert own.target_columns == ("A", "B")
    assert own.load(place).classes == ("birch", "ash")


def test_every_decision_in_the_file_can_be_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPS_COMPETITIONS", str(tmp_path))
    files = in_folders() | {"spare/1.png": content(picture(0, 700))}
    file = init("trees", write(tmp_path / "data", files), images="train", metric="log_loss")
    text = file.file.read_text()
    for before, after in (
        ('test_images="test",', 'test_images="spare",'),
        ('classes=["ash", "birch", "cedar"],', 'classes=["cedar", "birch", "ash"],'),
        ('outputs=["ash", "birch", "cedar"],', 'outputs=["cedar", "ash", "birch"],'),
        ("n_folds=5,", "n_folds=2,"),
    ):
        assert text.count(before) == 1
        text = text.replace(before, after)
    file.file.write_text(text)
    own = runpy.run_path(str(file.file))["COMPETITION"]
    data = own.load(own.data)
    assert own.n_folds == 2 and own.target_columns == ("cedar", "ash", "birch")
    assert data.classes == ("cedar", "birch", "ash")
    assert data.test_ids.tolist() == ["1.png"] and len(data.train) == 24


# Models


@pytest.mark.parametrize("task", list(Task))
def test_every_task_has_the_same_models(task: Task) -> None:
    models = image_models(task, 3, 2)
    assert [model.name for model in models if model.default] == [
        "kernel",
        "lightgbm",
        "xgboost",
        "convnet-whitened",
    ]
    outputs = {m.params["outputs"] for m in models if "outputs" in m.params}
    assert outputs == {3 if task is Task.MULTICLASS else 2}


@pytest.mark.parametrize(
    ("task", "outputs"),
    [("binary", 1), ("multiclass", 4), ("multilabel", 3), ("regression", 2)],
)
@pytest.mark.parametrize("build", [networks.whitened, networks.convnet])
@pytest.mark.slow
def test_a_network_answers_what_the_task_asks(build: Any, task: str, outputs: int) -> None:
    small: dict[str, Any] = {"filters": [4]}
    network = build({"image": (16, 16, 3)}, 10, task=task, outputs=outputs, **small)
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)
    found = np.asarray(network.predict_on_batch({"image": images}))
    assert found.shape == (6, outputs)
    if task == "multiclass":
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
        target: Any = np.arange(6) % outputs
    else:
        target = (np.arange(6 * outputs).reshape(6, outputs) % 2).astype(np.float32)
        assert task == "regression" or ((found >= 0) & (found <= 1)).all()
    assert np.isfinite(network.train_on_batch({"image": images}, target))


def test_smoothed_labels_are_those_of_one_column_a_class(tmp_path: Path) -> None:
    import keras

    shares = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]], dtype=np.float32)
    plain = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)(np.eye(3)[[0, 1]], shares)
    for codes in (np.array([0, 1]), np.array([[0], [1]])):
        found = loss_of("multiclass", 0.1)(codes, shares)
        np.testing.assert_allclose(float(found), float(plain), rtol=1e-5)


@pytest.mark.slow
def test_a_network_of_classes_comes_back_from_its_file(tmp_path: Path) -> None:
    import keras

    network = networks.whitened(
        {"image": (16, 16, 3)}, 10, filters=[4, 8], task="multiclass", outputs=4
    )
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    rows = {"image": np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)}
    np.testing.assert_allclose(
        np.asarray(again.predict_on_batch(rows)), np.asarray(network.predict_on_batch(rows))
    )
    assert again.loss.smoothing == network.loss.smoothing > 0
    # Whoever reads it has imported what the documentation says, and nothing else.
    script = "import keras, comps.kinds.images.image_layers as _; keras.saving.load_model('{}')"
    read = [sys.executable, "-c", script.format(tmp_path / "network.keras")]
    subprocess.run(read, check=True, capture_output=True)


# The whole road


def score_of(result: Any, model: str) -> float:
    board = result.leaderboard.set_index("model")["score"]
    (score,) = [score for name, score in board.items() if str(name).partition("[")[0] == model]
    return float(score)


def competition(folder: Path, files: Mapping[str, bytes], **choices: Any) -> Competition:
    return image_competition(write(folder, files), images="train", name="trees", **choices)


@pytest.mark.parametrize("kind", ["values", "labels", "together"])
@pytest.mark.slow
def test_values_and_several_labels_end_in_a_submission(kind: str, tmp_path: Path) -> None:
    n = 60
    if kind == "values":
        files = in_a_table(n=n, reddish=[2.5 * (number % 3 == 0) for number in range(n)])
        trees = competition(tmp_path / "data", files, metric="rmse")
    else:
        tags = [["red", "green wide", "blue wide"][number % 3] for number in range(n)]
        tags[0] = "red wide"
        metric = "log_loss" if kind == "labels" else "f1_macro"
        trees = competition(
            tmp_path / "data", in_a_table(n=n, tags=tags), metric=metric, task="multilabel"
        )
    models = [trees.baseline.name, "kernel", "lightgbm"]
    result = run(
        trees,
        models=",".join(models),
        settings=["lightgbm.rounds=40", "lightgbm.min_data_in_leaf=5", "kernel.components=40"],
        folds=3,
        runs=tmp_path / "runs",
        engine="inline",
        nested=False,
        checks=False,
    )
    for name in models[1:] if kind != "together" else []:
        assert score_of(result, name) < score_of(result, models[0])
    assert result.submission is not None
    assert result.submission.iloc[:, 0].tolist() == [f"{number:02}.png" for number in range(5)]
    assert tuple(result.submission.columns[1:]) == trees.submitted
    if kind == "together":
        words = [set(row.split()) for row in result.submission["tags"]]
        truth = [[{"red"}, {"green", "wide"}, {"blue", "wide"}][number % 3] for number in range(5)]
        assert words == truth


@pytest.mark.slow
def test_a_folder_of_images_is_run_from_the_command_line(tmp_path: Path) -> None:
    zipped(tmp_path / "trees.zip", in_folders(per_class=20, tests=6))
    done = comps(
        *("run", "trees.zip", "--images", "train/", "--metric", "log-loss", "--json"),
        *("--models", "class-share,lightgbm,convnet-whitened", "--folds", "3", "--no-nested"),
        *("--set", "lightgbm.rounds=40", "--set", "lightgbm.min_data_in_leaf=5"),
        *("--set", "convnet-whitened.epochs=2", "--set", "convnet-whitened.filters=[4,8]"),
        cwd=tmp_path,
    )
    rows = {row["what"]: row["value"] for row in done.event("inferred")["rows"]}
    assert rows["labels"] == "ash, birch, cedar"
    written = pd.read_csv(tmp_path / "submission.csv")
    assert written.columns.tolist() == ["id", *KINDS]
    shares = written[list(KINDS)].to_numpy()
    assert shares.argmax(axis=1).tolist() == [number % 3 for number in range(6)]


@pytest.mark.slow
def test_a_pretrained_network_of_a_weights_file_trains_for_own_images(tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(0)
    weights = tmp_path / "small.weights.h5"
    keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    ).save_weights(weights)
    trees = competition(tmp_path / "data", in_folders(per_class=10), metric="log_loss")
    result = run(
        trees,
        models="class-share,vgg16-boosting",
        settings=["vgg16-boosting.application=MobileNetV2", "vgg16-boosting.n_estimators=3"],
        weights=weights,
        folds=2,
        runs=tmp_path / "runs",
        engine="inline",
        nested=False,
        checks=False,
    )
    assert np.isfinite(score_of(result, "vgg16-boosting"))
    assert result.submission is not None and len(result.submission) == 5


def test_a_folder_of_new_images_is_predicted(tmp_path: Path) -> None:
    place = write(tmp_path / "trees", in_folders())
    trees = image_competition(place, images="train", metric="log_loss", name="trees")
    result = run(trees, models="lightgbm", engine="inline", runs=tmp_path, nested=False)
    assert result.submission is not None
    own = predict(trees, place / "test", runs=tmp_path)
    pd.testing.assert_frame_equal(own, result.submission, rtol=1e-6)
    new = write(
        tmp_path / "new",
        {f"walk/{n}.png": content(picture(n % 3, 900 + n)) for n in range(4)} | {"a.txt": b"-"},
    )
    found = predict(trees, new, runs=tmp_path)
    assert found["id"].tolist() == [f"walk/{n}.png" for n in range(4)]
    one = predict(trees, new / "walk" / "2.png", runs=tmp_path)
    assert one["id"].tolist() == ["2.png"]
    np.testing.assert_allclose(one[[*KINDS]], found.loc[[2], [*KINDS]], rtol=1e-6)
    # Laid out as the competition, it is read as the competition is.
    whole = predict(trees, place, runs=tmp_path)
    pd.testing.assert_frame_equal(whole, result.submission, rtol=1e-6)


def test_what_holds_no_images_to_predict_is_refused(tmp_path: Path) -> None:
    place = write(tmp_path / "trees", in_folders())
    trees = image_competition(place, images="train", metric="log_loss", name="trees")
    run(trees, models="lightgbm", engine="inline", runs=tmp_path, nested=False)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no images to predict"):
        predict(trees, tmp_path / "empty", runs=tmp_path)
    with pytest.raises(UsageError, match="Images are predicted: give a folder"):
        predict(trees, pd.DataFrame({"id": [1]}), runs=tmp_path)
    broken = write(tmp_path / "broken", {"a.png": b"no image"})
    with pytest.raises(DataError, match=r"a\.png"):
        predict(trees, broken, runs=tmp_path)
