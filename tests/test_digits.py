"""Digits: files as Kaggle has them and broken ones, equal images, features, networks, a run."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from comps.base import DataError, Dataset, Images, Model
from comps.digits.competition import DIGITS
from comps.digits.features import kernel_features, pixel_features, stroke_features
from comps.digits.loader import FILES, first_equal, load
from comps.digits.strokes import deskewed, stroke_table
from comps.kinds.images import drawings as networks
from comps.kinds.images.pixel_features import hog_features
from pipelines.fitting.training import train_folds
from pipelines.folds import FoldInput, Folds, FoldSpec, make_folds
from pipelines.results.fold_result import FoldResult
from submissions import build_submission, check_submission
from tests.commands import comps
from tests.support import python

PIXELS = [f"pixel{number}" for number in range(784)]
FIXED = [stroke_features, pixel_features]
Tables = dict[str, pd.DataFrame]


def drawings(n_images: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return [n, 28, 28] bars whose direction and place tell the digit, and the digits."""
    rng = np.random.default_rng(seed)
    digits = np.arange(n_images) % 10
    images = rng.integers(0, 40, size=(n_images, 28, 28), dtype=np.uint8)
    for image, digit in zip(images, digits, strict=True):
        place = 4 + digit % 5 * 4 + rng.integers(0, 2)
        bar = (slice(place, place + 3), slice(4, 24))
        image[bar if digit < 5 else bar[::-1]] = 220
    return images, digits


def tables(n_train: int = 180, n_test: int = 20) -> Tables:
    """Return the competition's files as tables."""
    train, digits = drawings(n_train)
    test, _ = drawings(n_test, seed=1)
    found = pd.DataFrame(train.reshape(n_train, -1), columns=PIXELS)
    found.insert(0, "label", digits)
    return {
        "train.csv": found,
        "test.csv": pd.DataFrame(test.reshape(n_test, -1), columns=PIXELS),
        "sample_submission.csv": pd.DataFrame(
            {"ImageId": np.arange(1, n_test + 1), "Label": np.zeros(n_test, dtype=int)}
        ),
    }


def written(content: Tables, folder: Path) -> Path:
    """Write the files into a folder."""
    folder.mkdir(exist_ok=True)
    for name, table in content.items():
        table.to_csv(folder / name, index=False)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of 180 + 20 drawings."""
    return written(tables(), tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Dataset:
    """What the folder holds."""
    return load(folder)


# The loader


def test_the_sample_has_3000_and_1000_digits_of_every_class() -> None:
    sample = load(DIGITS.sample)
    assert len(sample.train) == 3000 and len(sample.test) == 1000
    assert np.bincount(sample.target.astype(int)).min() > 200
    assert sample.classes == tuple(range(10))
    assert sample.sample_submission["ImageId"].tolist() == sample.test_ids.tolist()
    assert sample.train.pixels is sample.test.pixels
    # Ink is bright and lies in the middle.
    mean = sample.train.gathered().mean(axis=(0, 3))
    assert mean[10:18, 10:18].mean() > 60 > 1 > mean[0].mean()


def test_images_labels_and_ids_are_those_of_the_rows(dataset: Dataset) -> None:
    train, digits = drawings(180)
    test, _ = drawings(20, seed=1)
    np.testing.assert_array_equal(dataset.train.gathered()[..., 0], train)
    np.testing.assert_array_equal(dataset.test.gathered()[..., 0], test)
    np.testing.assert_array_equal(dataset.target, digits)
    assert dataset.test_ids.tolist() == list(range(1, 21))
    assert dataset.train.pixels.dtype == np.uint8 and not dataset.train.pixels.flags.writeable
    assert dataset.groups is None and dataset.notes == ()


@pytest.mark.parametrize("how", ["zip", "folder in zip", "zip in folder"])
def test_every_way_the_files_may_come(
    folder: Path, dataset: Dataset, tmp_path: Path, how: str
) -> None:
    path = tmp_path / "digit-recognizer.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in FILES:
            archive.write(folder / name, f"digits/{name}" if how == "folder in zip" else name)
    found = load(tmp_path if how == "zip in folder" else path)
    assert found.fingerprint == dataset.fingerprint
    np.testing.assert_array_equal(found.train.pixels, dataset.train.pixels)


def test_columns_in_another_order_and_further_ones_do_not_matter(
    dataset: Dataset, tmp_path: Path
) -> None:
    content = tables()
    train = content["train.csv"]
    content["train.csv"] = train[train.columns[::-1]].assign(writer="someone")
    found = load(written(content, tmp_path))
    np.testing.assert_array_equal(found.train.gathered(), dataset.train.gathered())
    np.testing.assert_array_equal(found.target, dataset.target)
    assert found.fingerprint != dataset.fingerprint


def with_cell(name: str, column: str, value: object) -> Callable[[Tables], None]:
    """Return what writes a value into the third row of a file."""

    def spoil(content: Tables) -> None:
        content[name] = content[name].astype(object)
        content[name].loc[2, column] = value

    return spoil


def without(name: str, column: str) -> Callable[[Tables], None]:
    """Return what takes a column out of a file."""

    def spoil(content: Tables) -> None:
        content[name] = content[name].drop(columns=column)

    return spoil


def fewer(name: str, rows: slice) -> Callable[[Tables], None]:
    """Return what keeps some rows of a file alone."""

    def spoil(content: Tables) -> None:
        content[name] = content[name][rows]

    return spoil


def without_sevens(content: Tables) -> None:
    """Take the images of one digit away."""
    train = content["train.csv"]
    content["train.csv"] = train[train["label"] != 7]


BYTES = r"must hold whole numbers from 0 to 255 alone\. The first that are none: line 4, "
BROKEN: Mapping[str, tuple[Callable[[Tables], None], str]] = {
    "a pixel too bright": (with_cell("test.csv", "pixel9", 256), f"test.csv {BYTES}pixel9: '256'"),
    "a pixel below zero": (with_cell("train.csv", "pixel0", -1), f"train.csv {BYTES}pixel0: '-1'"),
    "half a pixel": (with_cell("train.csv", "pixel5", 0.5), f"train.csv {BYTES}pixel5: '0.5'"),
    "text": (with_cell("train.csv", "pixel783", "x"), f"train.csv {BYTES}pixel783: 'x'"),
    "no pixel": (with_cell("train.csv", "pixel7", None), f"train.csv {BYTES}pixel7: ''"),
    "no label": (with_cell("train.csv", "label", None), f"train.csv {BYTES}label: ''"),
    "a label of text": (with_cell("train.csv", "label", "two"), f"train.csv {BYTES}label: 'two'"),
    "a label too high": (
        with_cell("train.csv", "label", 10),
        r"'label' in train.csv must be a digit from 0 to 9; 1 row is not. line 4: .*10",
    ),
    "a digit without images": (without_sevens, "each digit from 0 to 9 at least once; it lacks 7"),
    "no label column": (without("train.csv", "label"), "train.csv lacks the column 'label'"),
    "a pixel column less": (without("test.csv", "pixel8"), "test.csv lacks the column 'pixel8'"),
    "no rows": (fewer("test.csv", slice(0, 0)), "test.csv has no rows"),
    "a truncated test part": (
        fewer("test.csv", slice(0, 15)),
        r"\(20\) and the images of test.csv \(15\) differ: 5 of sample_sub.*16, 17, 18, 19, 20\)",
    ),
    "a truncated sample": (
        fewer("sample_submission.csv", slice(0, 4)),
        r"\(4\) and the images of test.csv \(20\) differ: 16 of the images .* may be truncated",
    ),
    "an id in words": (
        with_cell("sample_submission.csv", "ImageId", "three"),
        r"\(20\) .* differ: .* 1 of sample_submission.csv is not .* \(three\)",
    ),
    "ids twice": (with_cell("sample_submission.csv", "ImageId", 1), "1 duplicate id: 1"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_say_what_is_wrong(tmp_path: Path, name: str) -> None:
    spoil, message = BROKEN[name]
    content = tables()
    spoil(content)
    with pytest.raises(DataError, match=message):
        load(written(content, tmp_path))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (slice(4, 5), "1 of 20 rows has another number of fields than the 784 .* line 5 has 785"),
        (slice(1, None), "names 784 columns, and each row has 785 fields"),
    ],
)
def test_rows_that_are_too_long_are_no_index(
    folder: Path, tmp_path: Path, rows: slice, message: str
) -> None:
    written(tables(), tmp_path)
    lines = (tmp_path / "test.csv").read_text().splitlines()
    lines[rows] = [f"{line},7" for line in lines[rows]]
    (tmp_path / "test.csv").write_text("\n".join(lines))
    with pytest.raises(DataError, match=f"test.csv is not .* {message}"):
        load(tmp_path)


def test_a_file_cut_in_the_middle_of_a_row_names_the_row(tmp_path: Path) -> None:
    written(tables(), tmp_path)
    text = (tmp_path / "train.csv").read_text()
    (tmp_path / "train.csv").write_text(text[: text.rindex(",", 0, -400)])
    with pytest.raises(
        DataError, match="1 of 180 rows has another number of fields .* line 181 has"
    ):
        load(tmp_path)


def test_whole_numbers_with_a_point_and_other_delimiters_are_read(tmp_path: Path) -> None:
    expected = load(written(tables(), tmp_path))
    content = tables()
    content["train.csv"] = content["train.csv"].astype(float)
    written(content, tmp_path)
    text = (tmp_path / "test.csv").read_text().replace(",", ";")
    (tmp_path / "test.csv").write_text(text)
    found = load(tmp_path)
    np.testing.assert_array_equal(found.train.pixels, expected.train.pixels)
    np.testing.assert_array_equal(found.target, expected.target)


def test_a_pixel_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    written(tables(), tmp_path)
    text = (tmp_path / "test.csv").read_text().replace("pixel7,", "pixel6,", 1)
    (tmp_path / "test.csv").write_text(text.replace("pixel8,", "pixel7,pixel7,", 1))
    with pytest.raises(DataError, match=r"test\.csv lacks|more than one of|another number"):
        load(tmp_path)


def test_many_bad_cells_are_named_in_part(tmp_path: Path) -> None:
    content = tables()
    content["test.csv"] = content["test.csv"].astype(int) + 256
    with pytest.raises(DataError, match=r"line 2, pixel0: '\d+', .*pixel4: '\d+'\.$"):
        load(written(content, tmp_path))


# Equal images


@pytest.fixture(scope="module")
def doubled(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Thirty of the images are there twice, one pair with two labels; one is a test image, too."""
    content = tables()
    train = content["train.csv"]
    again = pd.concat([train, train[:30]], ignore_index=True)
    again.loc[180, "label"] = 5
    content["train.csv"] = again
    content["test.csv"].loc[3] = train.loc[0, PIXELS]
    return load(written(content, tmp_path_factory.mktemp("doubled")))


def test_equal_images_are_counted_and_named(doubled: Dataset) -> None:
    first, second, third = doubled.notes
    assert first.startswith("30 training images are equal to an earlier one")
    assert second == "1 equal training images have different labels: rows 1 and 181."
    assert third == "1 test images are equal to a training image."


@pytest.mark.parametrize("scheme", ["stratified", "kfold"])
def test_equal_images_lie_on_one_side_of_every_fold(doubled: Dataset, scheme: str) -> None:
    rows = FoldInput(doubled.target, DIGITS.task, doubled.groups)
    folds = make_folds(FoldSpec(scheme, 3), rows)
    for train, valid in folds.pairs[0]:
        seen = {image.tobytes() for image in doubled.train[train].gathered()}
        assert not any(image.tobytes() in seen for image in doubled.train[valid].gathered())
    assert folds.covered().all()


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_the_first_equal_image_is_found(kinds: list[int]) -> None:
    pixels = np.zeros((len(kinds), 2, 2, 1), dtype=np.uint8)
    pixels[:, 1, 1, 0] = kinds
    assert first_equal(pixels).tolist() == [kinds.index(kind) for kind in kinds]


def test_one_pixel_makes_another_image() -> None:
    pixels = np.zeros((2, 28, 28, 1), dtype=np.uint8)
    pixels[1, 27, 27] = 1
    assert first_equal(pixels).tolist() == [0, 1]


# Features


def hog_by_hand(
    image: NDArray[np.uint8], cell: int, block: int, orientations: int, signed: bool
) -> list[float]:
    """Return the histograms of one image [height, width, channels], vote by vote."""
    height, width, channels = image.shape
    rows, columns = height // cell, width // cell
    votes = np.zeros((rows, columns, orientations))
    turn = 2 * np.pi if signed else np.pi
    for row in range(rows * cell):
        for column in range(columns * cell):
            best = (0.0, 0.0)
            for channel in range(channels):
                values = image[..., channel].astype(float) / 255
                inside = 0 < row < height - 1, 0 < column < width - 1
                down = values[row + 1, column] - values[row - 1, column] if inside[0] else 0.0
                right = values[row, column + 1] - values[row, column - 1] if inside[1] else 0.0
                if np.hypot(down, right) > np.hypot(*best):
                    best = (down, right)
            place = np.arctan2(*best) % turn / turn * orientations
            share = place - int(place)
            here = votes[row // cell, column // cell]
            here[int(place) % orientations] += np.hypot(*best) * (1 - share)
            here[(int(place) + 1) % orientations] += np.hypot(*best) * share
    found: list[float] = []
    for row in range(rows - block + 1):
        for column in range(columns - block + 1):
            part = votes[row : row + block, column : column + block].ravel()
            part = np.minimum(part / np.sqrt(np.sum(part**2) + 1e-10), 0.2)
            found += list(part / np.sqrt(np.sum(part**2) + 1e-10))
    return found


@pytest.mark.parametrize(
    ("shape", "cell", "block", "orientations", "signed"),
    [
        ((12, 8, 1), 4, 2, 9, False),
        ((9, 11, 3), 4, 1, 4, True),
        ((8, 8, 1), 2, 2, 6, False),
        ((7, 7, 3), 3, 2, 8, True),
    ],
)
def test_histograms_are_those_counted_by_hand(
    shape: tuple[int, int, int], cell: int, block: int, orientations: int, signed: bool
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, size=(5, *shape), dtype=np.uint8)
    found = hog_features(pixels, cell=cell, block=block, orientations=orientations, signed=signed)
    assert found.dtype == np.float32
    for image, features in zip(pixels, found, strict=True):
        by_hand = hog_by_hand(image, cell, block, orientations, signed)
        np.testing.assert_allclose(features, by_hand, atol=2e-4)


def test_histograms_need_an_image_as_large_as_a_block() -> None:
    with pytest.raises(ValueError, match="at least 14 pixels wide .* Received: 8 x 20"):
        hog_features(np.zeros((1, 8, 20, 1), dtype=np.uint8), cell=7)


def slanted(slant: float) -> NDArray[np.uint8]:
    """Return an image [1, 28, 28, 1] of a bar that leans."""
    pixels = np.zeros((1, 28, 28, 1), dtype=np.uint8)
    for row in range(5, 23):
        column = round(13.5 + slant * (row - 13.5))
        pixels[0, row, column : column + 2] = 200
    return pixels


def slant_of(image: NDArray[np.uint8]) -> float:
    """Return the columns by which the ink moves a row."""
    rows, columns = np.nonzero(image)
    weight = image[rows, columns].astype(float)
    covariance = np.cov(rows, columns, aweights=weight)
    return float(covariance[0, 1] / covariance[0, 0])


@pytest.mark.parametrize("slant", [-0.5, -0.2, 0.0, 0.3, 0.6])
def test_a_leaning_digit_is_set_upright_where_it_is(slant: float) -> None:
    before = slanted(slant)
    after = deskewed(before)
    assert abs(slant_of(before[0, ..., 0]) - slant) < 0.05
    assert abs(slant_of(after[0, ..., 0])) < 0.02
    assert after.sum() == pytest.approx(before.sum(), rel=0.01)
    ink = [np.argwhere(image[0, ..., 0]).mean(axis=0) for image in (before, after)]
    np.testing.assert_allclose(*ink, atol=0.6)


@pytest.mark.parametrize("value", [0, 90])
def test_what_has_no_slant_stays_as_it_is(value: int) -> None:
    pixels = np.full((2, 28, 28, 1), value, dtype=np.uint8)
    pixels[1, :10] = 0
    np.testing.assert_array_equal(deskewed(pixels), pixels)
    line = np.zeros((1, 28, 28, 1), dtype=np.uint8)
    line[0, 5, 3:20] = value
    np.testing.assert_array_equal(deskewed(line), line)


@pytest.mark.parametrize("view", FIXED)
@given(rows=st.lists(st.integers(0, 179), min_size=1, max_size=9))
@settings(max_examples=10, deadline=None)
def test_a_row_is_transformed_alike_whatever_other_rows_come_with_it(
    dataset: Dataset, view: Any, rows: list[int]
) -> None:
    whole = view().fit_transform(dataset.train, dataset.target)
    index = np.array(rows)
    np.testing.assert_array_equal(
        view().fit(dataset.test).transform(dataset.train[index]), whole[index]
    )
    alone = Images(dataset.train[index].gathered(), np.arange(len(index)))
    np.testing.assert_allclose(view().fit_transform(alone), whole[index], atol=1e-5)


def test_features_are_finite_for_whatever_image() -> None:
    odd = np.zeros((4, 28, 28, 1), dtype=np.uint8)
    odd[1] = 255
    odd[2, 5, 5] = 1
    odd[3] = np.random.default_rng(0).integers(0, 256, odd.shape[1:])
    found = stroke_table(odd)
    assert found.shape == (4, 1008) and found.dtype == np.uint8
    assert not found[0].any()


def test_main_directions_are_learned_from_the_training_rows(dataset: Dataset) -> None:
    many = replace(dataset.train, index=np.tile(dataset.train.index, 2))
    one = kernel_features().fit(many).transform(dataset.test)
    two = kernel_features().fit(many[np.arange(100)]).transform(dataset.test)
    assert one.shape == (20, 80) and one.dtype == np.float32
    assert not np.allclose(one, two)


# Models


def small(model: Model) -> Model:
    """Return a model of the zoo with less to do."""
    changes = {
        "rounds": 6, "stride": 3, "epochs": 1, "copies": 1, "landmarks": 20, "batch_size": 16,
        "units": [8], "min_data_in_leaf": 1,
    }  # fmt: skip
    if model.build is networks.residual:
        changes |= {"filters": [2, 4, 4, 4], "units": 8}
    return model.with_params({k: v for k, v in changes.items() if k in model.params})


def three_folds(dataset: Dataset) -> Folds:
    """Return stratified folds."""
    return make_folds(FoldSpec("stratified", 3), FoldInput(dataset.target, DIGITS.task))


def trained(dataset: Dataset, model: Model, altered: bool = False) -> FoldResult:
    """Train a small model on one fold, if told so with other targets where it predicts."""
    folds = three_folds(dataset)
    if altered:
        _, valid = folds.pairs[0][1]
        target = dataset.target.copy()
        target[valid] = target[valid][::-1]
        dataset = replace(dataset, target=target)
    return train_folds(DIGITS, dataset, small(model), folds, 0, [(1,)])[0]


HERE = [model for model in DIGITS.models if model.trainer != "keras-tensorflow"]
ON_TENSORFLOW = [model.name for model in DIGITS.models if model.trainer == "keras-tensorflow"]


@pytest.mark.slow
@pytest.mark.parametrize("model", HERE, ids=lambda model: model.name)
def test_altered_validation_targets_change_no_prediction(dataset: Dataset, model: Model) -> None:
    before, after = trained(dataset, model), trained(dataset, model, altered=True)
    np.testing.assert_array_equal(before.valid, after.valid)
    np.testing.assert_array_equal(before.test, after.test)
    assert before.test.shape[1:] == (20, 10)
    np.testing.assert_allclose(before.test.sum(axis=2), 1, atol=1e-5)


@pytest.fixture(scope="module")
def on_tensorflow(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Train the convolutional networks in a process of their own."""
    path = tmp_path_factory.mktemp("tensorflow") / "found.npz"
    python(f"""
import numpy as np
from pathlib import Path
from comps.digits.competition import DIGITS
from comps.digits.loader import load
from tests.test_digits import ON_TENSORFLOW, trained

dataset = load(Path({str(folder)!r}))
found = {{name: trained(dataset, DIGITS.model(name)).test for name in ON_TENSORFLOW}}
found["altered"] = trained(dataset, DIGITS.model("residual"), altered=True).test

import keras
from comps.kinds.images import drawings as networks

for shift in (0, 1):
    network = networks.residual({{"image": (28, 28, 1)}}, 9, filters=(2, 2, 2, 2), mean_over=shift)
    images = dataset.test.gathered()
    found[f"mean-{{shift}}"] = network.predict(images, verbose=0)
    network.save({str(path.with_suffix(".keras"))!r})
    saved = keras.saving.load_model({str(path.with_suffix(".keras"))!r})
    found[f"saved-{{shift}}"] = saved.predict(images, verbose=0)
    if not shift:
        ways = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]
        rolled = [np.roll(images, way, axis=(1, 2)) for way in ways]
        means = np.mean([network.predict(part, verbose=0) for part in rolled], axis=0)
        weights = network.get_weights()
    else:
        network.set_weights(weights)
        found["mean-of-rolled"], found["mean-by-layer"] = means, network.predict(images, verbose=0)
np.savez({str(path)!r}, **found)
""")
    with np.load(path) as file:
        return dict(file)


@pytest.mark.parametrize("name", ON_TENSORFLOW)
def test_convolutional_networks_predict_probabilities(
    name: str, on_tensorflow: Mapping[str, Any]
) -> None:
    found = on_tensorflow[name]
    assert found.shape == (1, 20, 10)
    np.testing.assert_allclose(found.sum(axis=2), 1, atol=1e-5)


def test_a_network_of_movements_sees_no_validation_target(
    on_tensorflow: Mapping[str, Any],
) -> None:
    np.testing.assert_array_equal(on_tensorflow["residual"], on_tensorflow["altered"])


def test_predictions_are_means_over_shifts_by_a_pixel(on_tensorflow: Mapping[str, Any]) -> None:
    np.testing.assert_allclose(
        on_tensorflow["mean-by-layer"], on_tensorflow["mean-of-rolled"], atol=1e-6
    )


@pytest.mark.parametrize("shift", [0, 1])
def test_a_saved_network_predicts_the_same(shift: int, on_tensorflow: Mapping[str, Any]) -> None:
    np.testing.assert_array_equal(on_tensorflow[f"mean-{shift}"], on_tensorflow[f"saved-{shift}"])


SHAPES = {"image": (28, 28, 1)}


def built(name: str) -> Any:
    """Return the network of a model at its full size."""
    model = DIGITS.model(name)
    plan = {"epochs", "batch_size", "copies", "stride"}
    assert model.build is not None
    return model.build(SHAPES, 100, **{k: v for k, v in model.params.items() if k not in plan})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameters"), [("dense", 407_050), ("dense-dropout", 407_050), ("convnet", 104_202)]
)
def test_the_networks_of_the_book_have_its_parameters(name: str, parameters: int) -> None:
    assert built(name).count_params() == parameters


# Movements


def moved(images: NDArray[np.float32], **changes: float) -> NDArray[np.float32]:
    """Return images as training sees them."""
    from comps.kinds.images.movement import RandomMovement

    still = {"turn": 0.0, "zoom": 0.0, "slant": 0.0, "shift": 0.0, "bend": 0.0}
    layer = RandomMovement(**{**still, **changes}, seed=1)  # type: ignore[arg-type]
    return np.asarray(layer(images, training=True))


def bars() -> NDArray[np.float32]:
    """Return eight images [28, 28, 1] of a bar, 0 to 1."""
    return np.repeat(slanted(0.0), 8, axis=0).astype(np.float32) / 255


@pytest.mark.slow
def test_a_movement_of_nothing_moves_nothing() -> None:
    np.testing.assert_allclose(moved(bars()), bars(), atol=1e-5)


def test_movements_are_small_and_each_image_has_its_own() -> None:
    found = moved(bars(), shift=3.0)
    places = [np.argwhere(image[..., 0] > 0.2).mean(axis=0) for image in found]
    offset = np.array(places) - np.argwhere(bars()[0, ..., 0] > 0.2).mean(axis=0)
    assert np.abs(offset).max() <= 3.5
    assert len(np.unique(offset.round(2), axis=0)) == 8


@pytest.mark.parametrize(
    ("change", "limit"), [({"turn": 20.0}, np.tan(np.radians(20))), ({"slant": 0.3}, 0.3)]
)
def test_turns_and_slants_stay_within_their_limits(change: dict[str, float], limit: float) -> None:
    found = [slant_of((image[..., 0] * 255).astype(np.uint8)) for image in moved(bars(), **change)]
    assert 0.2 * limit < np.abs(found).max() < 1.25 * limit
    assert np.min(found) < 0 < np.max(found)


def test_zooming_changes_the_size_about_the_centre() -> None:
    found = moved(bars(), zoom=0.2)
    heights = [np.ptp(np.nonzero(image[..., 0].sum(axis=1) > 0.2)[0]) + 1 for image in found]
    assert min(heights) >= 18 / 1.2 - 2 and max(heights) <= 18 / 0.8 + 2
    assert len(set(heights)) > 1


# The whole road


def test_a_submission_holds_the_likeliest_digit(dataset: Dataset) -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(10), size=20)
    submission = build_submission(DIGITS, dataset, probabilities)
    check_submission(DIGITS, dataset, submission)
    assert submission["Label"].tolist() == probabilities.argmax(axis=1).tolist()


@pytest.mark.slow
def test_a_run_ends_with_a_submission(folder: Path, tmp_path: Path) -> None:
    options = ("--data", folder, "--quick", "--folds", "2", "--json")
    assert comps("run", "digits", *options, cwd=tmp_path).event("result")["rows"] == 20
    submission = pd.read_csv(tmp_path / "submission.csv")
    assert submission["ImageId"].tolist() == list(range(1, 21))
    assert submission["Label"].between(0, 9).all()
