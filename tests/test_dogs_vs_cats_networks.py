"""Dogs vs. Cats: the networks, their layers, and pretrained weights from a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from comps.base import Array, DataError, Images, Model, Task, UsageError
from comps.dogs_vs_cats.competition import DOGS_VS_CATS
from comps.kinds.images import estimators, networks
from comps.kinds.images.pretrained import APPLICATIONS
from pipelines.trainers import Context, FoldData, load_trainer
from tests.support import python

# Keras' backend is decided once a process, and other test modules decide for JAX: what is done
# on TensorFlow is done in a process of its own.
NETWORKS = [model for model in DOGS_VS_CATS.models if model.trainer == "keras-tensorflow"]
OWN_OR_BOOK = [model for model in NETWORKS if "weights" not in model.params]
ROWS, SIDE = 48, 32


def pictures() -> Images:
    """Return noise; in every second picture the upper half is brighter."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 120, (ROWS, SIDE, SIDE, 3), dtype=np.uint8)
    pixels[::2, : SIDE // 2] += 120
    return Images(pixels, np.arange(ROWS))


def fold() -> FoldData:
    """Return 32 rows to train on, 8 to validate, 8 to test."""
    images, target = pictures(), (np.arange(ROWS) % 2 == 0).astype(np.float64)
    train, valid, test = np.arange(32), np.arange(32, 40), np.arange(40, ROWS)
    return FoldData(images[train], target[train], images[valid], images[test], seed=3)


def train(name: str, **changes: Any) -> tuple[Array, Array]:
    """Train a model of the zoo on the fold; return its last predictions."""
    model = DOGS_VS_CATS.model(name).with_params(changes)
    trainer = load_trainer(model.trainer)
    trainer.prepare()
    *_, last = trainer.stages(model, [fold()], Context(Task.BINARY, 2, threads=1))
    return last.valid[0], last.test[0]


def trained_elsewhere(name: str, **changes: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """The same in a new process."""
    code = (
        "import json\n"
        "from tests.test_dogs_vs_cats_networks import train\n"
        f"valid, test = train({name!r}, **json.loads({json.dumps(changes)!r}))\n"
        "print(json.dumps([valid.tolist(), test.tolist()]))"
    )
    valid, test = json.loads(python(code).splitlines()[-1])
    return np.array(valid), np.array(test)


def shapes(side: int) -> Mapping[str, tuple[int, ...]]:
    return {"image": (side, side, 3)}


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(
            model, id=model.name, marks=[pytest.mark.long] if "xception" in model.name else []
        )
        for model in OWN_OR_BOOK
    ],
)
@pytest.mark.parametrize("side", [16, 96])
def test_a_network_is_built_for_small_and_for_big_images(model: Model, side: int) -> None:
    assert model.build is not None
    of_trainer = {"epochs", "batch_size", "copies", "stride"}
    params = {name: value for name, value in model.params.items() if name not in of_trainer}
    network = model.build(shapes(side), 100, **params)
    assert list(network.input) == ["image"] and network.output.shape == (None, 1)
    answers = network.predict_on_batch({"image": np.zeros((2, side, side, 3), dtype=np.uint8)})
    assert ((np.asarray(answers) > 0) & (np.asarray(answers) < 1)).all()


def test_the_books_convnet_is_the_books_at_its_size_and_shorter_for_smaller_images() -> None:
    def maps(side: int) -> list[int]:
        network = networks.convnet(shapes(side), 1)
        return [layer.filters for layer in network.layers if hasattr(layer, "filters")]

    assert networks.convnet(shapes(180), 1).count_params() == 991_041
    assert maps(180) == maps(96) == [32, 64, 128, 256, 256]
    assert maps(32) == [32, 64, 128]


@pytest.mark.slow
def test_the_books_xception_has_the_books_parameters() -> None:
    assert networks.xception(shapes(180), 1).count_params() == 721_857


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        pytest.param("convnet", {"epochs": 6, "stride": 6}, marks=pytest.mark.slow),
        ("convnet-whitened", {"epochs": 12, "stride": 12, "batch_size": 8, "filters": [8, 16]}),
    ],
)
@pytest.mark.slow
def test_a_network_learns_what_is_easy(name: str, changes: dict[str, Any]) -> None:
    valid, test = trained_elsewhere(name, **changes)
    bright = np.arange(8) % 2 == 0
    assert ((valid > 0.5) == bright).mean() >= 0.9 and ((test > 0.5) == bright).mean() >= 0.9


@pytest.mark.long
def test_xception_and_augmentation_train() -> None:
    valid, _ = trained_elsewhere("xception-small", epochs=1, stride=1)
    assert np.isfinite(valid).all()


# The layers


def test_a_frame_that_neither_moves_nor_zooms_is_the_image_or_its_mirror_image() -> None:
    from comps.kinds.images.image_layers import RandomFrame

    images = pictures().gathered()[:20].astype(np.float32)
    found = np.asarray(RandomFrame(0.0, 0.0, seed=1)(images, training=True))
    same = [np.allclose(a, b, atol=1e-3) for a, b in zip(found, images, strict=True)]
    mirrored = [np.allclose(a, b[:, ::-1], atol=1e-3) for a, b in zip(found, images, strict=True)]
    assert all(np.logical_xor(same, mirrored)) and any(same) and any(mirrored)


def test_a_moved_frame_is_what_bilinear_interpolation_gives() -> None:
    from scipy.ndimage import map_coordinates

    from comps.kinds.images.image_layers import RandomFrame

    layer = RandomFrame(0.2, 0.3, seed=1)
    images = pictures().gathered()[:5].astype(np.float32)
    rows = np.asarray(layer._weights(5, SIDE, mirrored=False))
    columns = np.asarray(layer._weights(5, SIDE, mirrored=True))
    np.testing.assert_allclose(rows.sum(axis=2), 1, atol=1e-4)
    moved = np.einsum("bij,bkl,bjlc->bikc", rows, columns, images)
    for number, image in enumerate(images):
        places = np.meshgrid(
            rows[number] @ np.arange(SIDE), columns[number] @ np.arange(SIDE), indexing="ij"
        )
        expected = map_coordinates(image[..., 0], places, order=1, mode="nearest")
        np.testing.assert_allclose(moved[number, ..., 0], expected, atol=0.05)


@pytest.mark.slow
def test_each_image_in_training_has_a_grey_square_of_its_own() -> None:
    import keras

    network = networks.whitened(shapes(SIDE), 10, filters=[8, 16], cutout=0.25)
    (layer,) = [one for one in network.layers if isinstance(one, keras.layers.RandomErasing)]
    # Above and below the grey that hides.
    images = np.ones((50, SIDE, SIDE, 3), dtype=np.float32)
    images[::2] = -1.0
    np.testing.assert_array_equal(np.asarray(layer(images, training=False)), images)
    found = np.asarray(layer(images, training=True))
    hidden = (found == 0).all(axis=3)
    np.testing.assert_array_equal(found[~hidden], images[~hidden])
    corners = set()
    for mask in hidden:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert mask.sum() == 64 and len(rows) == len(columns) == 8
        corners.add((rows[0], columns[0]))
    assert len(corners) > 25


@pytest.mark.slow
def test_layers_that_change_images_do_so_in_training_alone() -> None:
    from comps.kinds.images.image_layers import RandomColour, RandomFrame

    images = pictures().gathered()[:4].astype(np.float32)
    for layer in (RandomFrame(), RandomColour()):
        np.testing.assert_array_equal(np.asarray(layer(images, training=False)), images)
        assert not np.array_equal(np.asarray(layer(images, training=True)), images)


@pytest.mark.slow
def test_a_prediction_is_the_same_for_the_mirror_image() -> None:
    network = networks.whitened(shapes(SIDE), 10, filters=[8, 16])
    images = pictures().gathered()[:6]
    answers, mirrored = (
        np.asarray(network.predict_on_batch({"image": rows}))
        for rows in (images, images[:, :, ::-1])
    )
    np.testing.assert_allclose(answers, mirrored, atol=1e-6)
    assert len(np.unique(answers)) > 1


@pytest.mark.slow
def test_a_network_comes_back_from_its_file(tmp_path: Path) -> None:
    import keras

    network = networks.whitened(shapes(SIDE), 10, filters=[8, 16])
    network.save(tmp_path / "network.keras")
    again = keras.saving.load_model(tmp_path / "network.keras")
    rows = {"image": pictures().gathered()[:6]}
    np.testing.assert_allclose(
        np.asarray(again.predict_on_batch(rows)), np.asarray(network.predict_on_batch(rows))
    )


def test_late_variables_stand_still_until_their_phase_begins() -> None:
    import keras

    from comps.kinds.images.two_phases import TwoPhases

    first, second = keras.layers.Dense(3), keras.layers.Dense(1)
    model = keras.Sequential([keras.Input((2,)), first, second])
    late = [variable.path for variable in first.trainable_variables]
    model.compile(TwoPhases(0.1, 0.01, late, begin=2), "mse")
    rows, target = np.ones((4, 2)), np.ones((4, 1))
    moved = []
    for _ in range(4):
        before = [np.asarray(layer.kernel) for layer in (first, second)]
        model.train_on_batch(rows, target)
        after = [np.asarray(layer.kernel) for layer in (first, second)]
        moved.append([float(np.abs(b - a).max()) for a, b in zip(before, after, strict=True)])
    assert [step[0] == 0 for step in moved] == [True, True, False, False]
    assert all(step[1] > 0 for step in moved)
    assert moved[3][1] < moved[1][1]


# Pretrained weights


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with the weights of a network that has not been trained."""
    import keras

    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    ).save_weights(path)
    return str(path)


@pytest.mark.parametrize(
    "changes", [{"tuned": 0}, {"tuned": 4, "tuned_from": 0.5, "tuning_rate": 0.1}]
)
@pytest.mark.slow
def test_a_pretrained_network_trains_its_head_and_what_is_to_be_tuned(
    changes: dict[str, Any], weights: str
) -> None:
    import keras

    # Of an untrained network so little comes out that a small rate moves nothing.
    keras.utils.set_random_seed(0)
    of_network = {"application": "MobileNetV2", "weights": weights, "units": 8}
    network = networks.pretrained(shapes(SIDE), 4, **of_network, **changes)
    (base,) = [layer for layer in network.layers if layer.name.startswith("mobilenet")]
    before = [np.asarray(variable) for variable in base.variables]
    rows = {"image": pictures().gathered()[:16]}
    for _ in range(4):
        network.train_on_batch(rows, np.arange(16)[:, None] % 2)
    moved = [
        variable.path
        for variable, old in zip(base.variables, before, strict=True)
        if not np.array_equal(np.asarray(variable), old)
    ]
    assert bool(moved) == bool(changes["tuned"])
    assert not [path for path in moved if "moving" in path or "bn" in path.lower()]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("vgg16", marks=pytest.mark.slow),
        pytest.param("vgg16-tuned", marks=pytest.mark.long),
    ],
)
def test_pretrained_networks_train_in_the_harness(name: str, weights: str) -> None:
    valid, test = trained_elsewhere(
        name, application="MobileNetV2", weights=weights, epochs=1, stride=1
    )
    assert np.isfinite(valid).all() and np.isfinite(test).all()


@pytest.mark.slow
def test_boosting_on_what_a_network_sees(weights: str) -> None:
    data = fold()
    estimator = estimators.network_boosting(
        application="MobileNetV2", weights=weights, n_estimators=3, min_child_samples=2
    )
    estimator.fit(data.train, data.target)
    answers = estimator.predict_proba(data.valid)
    assert answers.shape == (8, 2) and np.isfinite(answers).all()


@pytest.mark.parametrize("application", APPLICATIONS)
def test_without_weights_the_error_says_where_they_are(application: str) -> None:
    message = rf"{application} needs a file with its weights.*https://.*--weights PATH"
    with pytest.raises(DataError, match=message):
        networks.pretrained(shapes(SIDE), 4, application=application)


@pytest.mark.slow
def test_a_file_of_weights_that_is_missing_or_of_another_network_is_named(
    weights: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"There is no file .*nothing.* of VGG16"):
        networks.pretrained(shapes(SIDE), 4, weights=str(tmp_path / "nothing.h5"))
    with pytest.raises(DataError, match=r"does not hold the weights of VGG16 without its top \("):
        networks.pretrained(shapes(SIDE), 4, weights=weights)
    (tmp_path / "text.weights.h5").write_text("no weights")
    with pytest.raises(DataError, match=r"text\.weights\.h5 does not hold the weights of VGG16"):
        networks.pretrained(shapes(SIDE), 4, weights=str(tmp_path / "text.weights.h5"))


def test_an_unknown_application_gets_the_close_names() -> None:
    with pytest.raises(UsageError, match=r"Did you mean 'VGG16'"):
        networks.pretrained(shapes(SIDE), 4, application="VGG19")


def test_what_needs_weights_is_trained_by_name_alone() -> None:
    for model in DOGS_VS_CATS.models:
        if "weights" in model.params:
            assert not model.default and not model.quick and "--weights" in model.about
