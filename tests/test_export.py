"""Exported networks: one file from raw rows to probabilities, and the text that it reads alike."""

from __future__ import annotations

import html.entities
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comps.base import Array, Competition, DataError, Dataset, Family, Images, Model, UsageError
from comps.catalog import competition_names, find_competition
from comps.kinds.text.network_inputs import TokenBags, TokenSequences
from comps.kinds.text.texts import CODE_POINTS, clean, named_characters, words
from pipelines.trainers import Context
from pipelines.trainers.networks import export
from pipelines.trainers.networks._rows import form_of
from pipelines.trainers.networks.export import all_rows, export_network
from pipelines.trainers.networks.keras_tensorflow import KerasTensorFlowTrainer
from tests.support import ROOT, TINY, python

# What is exported runs on TensorFlow, and other test modules decide for JAX: all that imports
# Keras for it does so in a process of its own.
TENSORFLOW = {
    "KERAS_BACKEND": "tensorflow",
    "COMPS_DATA": str(ROOT / "no-data"),
    "PYTHONPATH": str(ROOT),
}

REVIEWS = (
    "A <b>great</b> film<br /><br/>for all &amp; one; it&#39;s GOOD, not bad.",
    "",
    "   <br> &nbsp; ",
    "xyzzy plugh",
    "Na\u00efve caf\u00e9 \u2014 \u039f\u0394\u039f\u03a3 \u0130 \U0001f600\u00a0ok\x85well",
    "the film is good " * 40 + "bad",
    "&notit; AT&T &copy &#x1F600; &#128; &#xD800; <3 <",
)
SMALL: dict[str, Any] = {
    "max_tokens": 300,
    "max_length": 12,
    "width": 8,
    "inner": 4,
    "units": 4,
    "filters": [4, 4],
    "batch_size": 32,
    "stride": 2,
}
SIDE = 32


# Models and rows, made alike in this process and in others


def few(competition: Competition, count: int = 96) -> Dataset:
    """Return the first rows of the sample."""
    whole = competition.load(competition.sample)
    rows = np.arange(count)
    train = whole.train.iloc[rows] if hasattr(whole.train, "iloc") else whole.train[rows]
    return replace(
        whole,
        train=train,
        target=np.resize(np.arange(len(whole.classes)), count).astype(np.float64),
        train_ids=whole.train_ids[:count],
        groups=None,
    )


def small(competition: Competition, name: str, **more: Any) -> Model:
    """Return a network of the zoo that trains in no time."""
    model = competition.model(name)
    changes = {**SMALL, **more}
    if competition.name == "digits":
        filters = [4, 4, 4, 4] if name == "residual" else [4, 4]
        changes = {**changes, "filters": filters, "units": 4 if name == "residual" else [4]}
    return model.with_params({k: v for k, v in changes.items() if k in model.params})


def raw_rows(competition: Competition, dataset: Dataset) -> Array:
    """Return rows as a user has them."""
    if competition.name == "sentiment":
        return np.array([*REVIEWS, *dataset.test["review"][:20]])
    return dataset.test[np.arange(20)].gathered()


def harness_rows(competition: Competition, view: Any, raw: Array) -> Any:
    """Return the same rows as the harness gives them to a network."""
    if competition.name == "sentiment":
        texts = [clean(text) for text in raw.tolist()]
        return view.transform(pd.DataFrame({"review": texts}, dtype="string"))
    return Images(raw, np.arange(len(raw)))


def export_and_compare(folder: str, *wanted: str) -> None:
    """Export networks, and keep what they, fed with raw rows and with features, predict."""
    import keras
    import tensorflow as tf

    for name in wanted:
        where, _, what = name.partition(":")
        competition = find_competition(where)
        dataset = few(competition)
        copies = 2 if name == TWICE else 1
        model = small(competition, what, copies=copies, epochs=5, file=f"{folder}/glove.txt")
        path = Path(folder, f"{where}-{what}.keras")
        network = export_network(competition, dataset, model, path, epochs=2, threads=1)
        raw = raw_rows(competition, dataset)
        kept = {"raw": raw, "found": network.predict_on_batch(tf.constant(raw))}
        view, fold = all_rows(dataset, model, seed=0)
        rows = harness_rows(competition, view, raw)
        _, *trained = [layer for layer in network.layers if isinstance(layer, keras.Model)]
        assert len(trained) == copies
        features = form_of(rows).features(rows, np.arange(len(raw)))
        kept["fed"] = np.mean([inner.predict_on_batch(features) for inner in trained], axis=0)
        if name == TWICE:
            plain = model.with_params({"epochs": 2}).without_view_params()
            context = Context(competition.task, len(dataset.classes), threads=1)
            fold = replace(fold, valid=rows, test=rows)
            *_, last = KerasTensorFlowTrainer().stages(plain, [fold], context)
            kept["harness"] = last.valid[0]
        np.savez(path.with_suffix(".npz"), **kept)


def write_graphs(folder: str, *wanted: str) -> None:
    """Write what TensorFlow serves without Python."""
    import keras

    import comps.kinds.images.image_layers
    import comps.kinds.text.text_layers  # noqa: F401

    for name in wanted:
        path = Path(folder, f"{name.replace(':', '-')}.keras")
        keras.saving.load_model(path).export(path.with_suffix(""), verbose=False)


def load_and_predict(folder: str, *wanted: str) -> None:
    """Load networks as a user does, and keep what they predict of rows in several forms."""
    import keras

    for name in wanted:
        where, _, what = name.partition(":")
        module = {
            "sentiment": "comps.kinds.text.text_layers",
            "dogs-vs-cats": "comps.kinds.images.image_layers",
            "digits": "comps.kinds.images.movement",
        }[where]
        __import__(module)
        path = Path(folder, f"{where}-{what}.keras")
        network = keras.saving.load_model(path)
        raw = keras.ops.convert_to_tensor(np.load(path.with_suffix(".npz"))["raw"])
        found = (
            {"batch": network(raw), "column": network(raw[:, None])}
            if (where == "sentiment")
            else {"batch": network(raw), "float": network(keras.ops.cast(raw, "float32"))}
        )
        if where == "dogs-vs-cats":
            large = keras.ops.repeat(keras.ops.repeat(raw, 2, axis=1), 3, axis=2)
            found["large"] = network(large)
        arrays = {form: np.asarray(values) for form, values in found.items()}
        np.savez(path.with_suffix(".loaded.npz"), **arrays)


def in_new_processes(folder: Path, names: Sequence[str]) -> None:
    """Export in one process and load in another one."""
    (folder / "glove.txt").write_text("the 0.1 0.2 0.3\nfilm -0.2 0.1 0.5\n. 0 0 1\ngood 1 0 1\n")
    for step in (export_and_compare, load_and_predict):
        arguments = ", ".join(map(repr, (str(folder), *names)))
        code = f"from tests.test_export import {step.__name__} as step; step({arguments})"
        python(code, **TENSORFLOW)


def check(folder: Path, name: str) -> None:
    """Compare what was predicted of raw rows and of features, before and after."""
    stem = name.replace(":", "-")
    with np.load(folder / f"{stem}.npz") as before, np.load(folder / f"{stem}.loaded.npz") as after:
        found = before["found"]
        assert np.isfinite(found).all() and found.std(axis=0).max() > 1e-5
        np.testing.assert_allclose(found, before["fed"], rtol=0, atol=1e-5)
        for form in set(after) - {"large"}:
            np.testing.assert_allclose(after[form], found, rtol=0, atol=1e-6)


# One with two networks, each half of the answer.
TWICE = "sentiment:bag-bigrams-tfidf"
QUICK = [TWICE, "sentiment:transformer-positions", "dogs-vs-cats:convnet"]
OTHERS = {
    "sentiment": ["bag-unigrams", "lstm-one-hot", "lstm-masked", "glove", "transformer"],
    "dogs-vs-cats": ["convnet-whitened", "convnet-augmented", "xception-small"],
    "digits": ["dense", "convnet", "residual"],
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Networks that were exported in one process and loaded in another one."""
    folder = tmp_path_factory.mktemp("exported")
    in_new_processes(folder, QUICK)
    return folder


@pytest.mark.parametrize("name", QUICK)
def test_a_file_predicts_of_raw_rows_what_the_harness_predicts(exported: Path, name: str) -> None:
    check(exported, name)


@pytest.mark.parametrize(
    "competition",
    [
        pytest.param("sentiment", marks=pytest.mark.long),
        pytest.param("dogs-vs-cats", marks=pytest.mark.long),
        pytest.param("digits", marks=pytest.mark.slow),
    ],
)
def test_other_files_predict_what_the_harness_predicts(competition: str, tmp_path: Path) -> None:
    names = [f"{competition}:{model}" for model in OTHERS[competition]]
    in_new_processes(tmp_path, names)
    for name in names:
        check(tmp_path, name)


def test_a_file_predicts_what_a_fold_of_all_rows_predicts(exported: Path) -> None:
    with np.load(exported / f"{TWICE.replace(':', '-')}.npz") as kept:
        np.testing.assert_allclose(kept["found"][:, 0], kept["harness"], rtol=0, atol=1e-5)


def test_an_enlarged_photograph_is_squeezed_back(exported: Path) -> None:
    # Each pixel became a block of 2 x 3: averaged over, it is nearly itself again.
    with np.load(exported / "dogs-vs-cats-convnet.loaded.npz") as found:
        assert np.abs(found["large"] - found["batch"]).max() < 0.05


def test_a_file_holds_no_optimizer(exported: Path) -> None:
    import zipfile

    with zipfile.ZipFile(exported / "sentiment-bag-bigrams-tfidf.keras") as file:
        assert b"optimizer" not in file.read("config.json")
        assert any(name.endswith("vocabulary.txt") for name in file.namelist())


@pytest.mark.slow
def test_a_saved_graph_runs_without_this_package(exported: Path) -> None:
    arguments = ", ".join(map(repr, (str(exported), *QUICK)))
    python(f"from tests.test_export import write_graphs as w; w({arguments})", **TENSORFLOW)
    python(f"""
import sys
import numpy as np, tensorflow as tf
for name in {[name.replace(":", "-") for name in QUICK]!r}:
    graph = tf.saved_model.load({str(exported)!r} + "/" + name)
    kept = np.load({str(exported)!r} + "/" + name + ".npz")
    raw = tf.constant(kept["raw"])
    raw = raw if raw.dtype == tf.string else tf.cast(raw, tf.float32)
    np.testing.assert_allclose(graph.serve(raw), kept["found"], rtol=0, atol=1e-6)
assert not [name for name in sys.modules if name.startswith("comps")]
""")


def section(readme: Path) -> str:
    """Return the code under the heading "Export"."""
    part = readme.read_text(encoding="utf-8").partition("\n## Export\n")[2].partition("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", part, flags=re.DOTALL)
    return str(code)


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["sentiment", "dogs_vs_cats"])
def test_the_code_of_a_readme_runs(folder: str, tmp_path: Path) -> None:
    code = section(ROOT / "comps" / folder / "README.md")
    assert 8 <= len(code.splitlines()) <= 16
    printed = python(f"import os; os.chdir({str(tmp_path)!r})\n{code}", **TENSORFLOW)
    assert "[[0." in printed
    assert [path.suffix for path in tmp_path.iterdir() if path.suffix == ".keras"]


# Text

ENTITIES = [f"&{name}" for name in html.entities.html5]
PIECES = st.one_of(
    st.text(max_size=6),
    st.sampled_from(["<br />", "<BR\n>", "<b>", "</i", "<a href='x'>", "<3", ">", "\x1f", "\x00"]),
    st.sampled_from(
        ["don't ", "\u0130", "\u039f\u0394\u039f\u03a3", "\u017f", "<\u212ab>", "\ufeff"]
    ),
    st.sampled_from([*ENTITIES, "&notit;", "&#39", "&;", "&#;", "&#x;"]),
    st.integers(0, 9_999_999).map("&#{};".format),
    st.integers(0, 0xFFFFFF).map("&#x{:x};".format),
)
TEXTS = st.lists(PIECES, max_size=8).map("".join)


def in_tensorflow(texts: Sequence[str]) -> list[list[str]]:
    """Return the words of raw texts, cut by TensorFlow."""
    import tensorflow as tf

    from comps.kinds.text.text_tensors import WordTensors

    rows = WordTensors()(tf.constant(list(texts), tf.string)).to_list()
    return [[word.decode() for word in row] for row in rows]


def in_python(texts: Sequence[str]) -> list[list[str]]:
    """Return the words of raw texts as the harness cuts them."""
    return [words(clean(text)) for text in texts]


@pytest.mark.slow
@settings(max_examples=40)
@given(st.lists(TEXTS, max_size=20))
def test_tensorflow_cuts_the_same_words(texts: list[str]) -> None:
    assert in_tensorflow(texts) == in_python(texts)


def test_tensorflow_knows_every_entity() -> None:
    numbers = [
        *range(0x3100),
        *range(0xD7F0, 0xE010),
        *range(0xFDC0, 0xFE00),
        *range(0x10FFF0, 0x110010),
    ]
    texts = [
        *(f"a{entity}B" for entity in ENTITIES),
        *(f"a&#{number};B&#x{number:X};C" for number in numbers),
    ]
    assert in_tensorflow(texts) == in_python(texts)
    assert clean("&eacute;&#233;&#xE9;") == 3 * "\u00e9" and len(named_characters()) > 2000


@pytest.mark.long
def test_tensorflow_treats_every_character_alike() -> None:
    points = [point for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    for start in range(0, len(points), 50_000):
        texts = [f"a{chr(point)}B" for point in points[start : start + 50_000]]
        assert in_tensorflow(texts) == in_python(texts)


def test_above_the_table_there_is_neither_case_nor_white_space() -> None:
    for point in range(CODE_POINTS, 0x110000):
        character = chr(point)
        assert character.lower() == character and not character.isspace()


def check_layers() -> None:
    """Compare the layers with the transformers that they stand for."""
    import tensorflow as tf

    from comps.kinds.text.text_layers import BagOfText, SequenceOfText

    train = pd.DataFrame({"review": [clean(text) for text in REVIEWS]}, dtype="string")

    @settings(max_examples=15, deadline=None)
    @given(
        st.lists(TEXTS | st.sampled_from(REVIEWS), min_size=1, max_size=8),
        st.sampled_from([(1, False, 1000), (2, True, 1000), (3, True, 4)]),
        st.integers(2, 60),
    )
    def compare(texts: list[str], bag: tuple[int, bool, int], most: int) -> None:
        rows = pd.DataFrame({"review": [clean(text) for text in texts]}, dtype="string")
        bags = TokenBags(most, *bag).fit(train)
        layer = BagOfText(most, *bag[:2], bags.width_, [*bags.vocabulary_], bags.idf_)
        same(layer(tf.constant(texts)), bags.transform(rows))
        sequences = TokenSequences(most, max_length=most // 2 + 1).fit(train)
        same(
            SequenceOfText(sequences.length_, [*sequences.vocabulary_])(tf.constant(texts)),
            sequences.transform(rows),
        )

    def same(found: dict[str, Any], expected: dict[str, Array]) -> None:
        assert set(found) == set(expected)
        for name, values in expected.items():
            assert found[name].dtype == values.dtype
            np.testing.assert_allclose(found[name], values, rtol=1e-6)

    compare()
    # The examples of the docstrings, and a vocabulary of nothing.
    bag = BagOfText(5, 2, False, 4, ["not", "bad", "not bad"])
    assert bag(tf.constant(["Not bad, <i>at</i> all!"]))["tokens"].numpy().tolist() == [
        [1, 2, 3, 4]
    ]
    sequence = SequenceOfText(4, ["not", "bad"])
    found = sequence(tf.constant(["Not bad, <i>at</i> all!", ""]))["tokens"].numpy().tolist()
    assert found == [[2, 3, 1, 1], [1, 0, 0, 0]]
    assert SequenceOfText(2)(tf.constant(["a", ""]))["tokens"].numpy().tolist() == [[1, 0], [1, 0]]


@pytest.mark.slow
def test_layers_give_the_numbers_of_the_transformers() -> None:
    python("from tests.test_export import check_layers; check_layers()", **TENSORFLOW)


# Photographs


@pytest.mark.parametrize("shape", [(20, 50), (33, 47), (200, 150), (SIDE, 100), (7, 9), (1, 1)])
def test_photographs_are_squeezed_as_pillow_does_it(shape: tuple[int, int]) -> None:
    from PIL import Image

    from comps.kinds.images.image_layers import Squeezed

    pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    found = np.asarray(Squeezed(SIDE)(pixels[None].astype(np.float32)))[0]
    bilinear = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    difference = np.abs(found - np.asarray(bilinear, dtype=np.float32))
    assert difference.max() <= 1 and (difference > 0).mean() < 0.02


def test_a_photograph_of_the_right_size_passes_as_it_is() -> None:
    from comps.kinds.images.image_layers import Squeezed

    pixels = np.random.default_rng(0).uniform(0, 255, (2, SIDE, SIDE, 3)).astype(np.float32)
    np.testing.assert_array_equal(Squeezed(SIDE)(pixels), pixels)


# What is refused

SENTIMENT = find_competition("sentiment")
UNFIT = [
    (competition, model)
    for competition in map(find_competition, competition_names())
    for model in competition.models
    if model.preprocessor is None
]


@pytest.mark.parametrize(
    ("competition", "model"), UNFIT, ids=lambda value: getattr(value, "name", "")
)
def test_what_cannot_be_exported_is_told_what_can(
    competition: Competition, model: Model, tmp_path: Path
) -> None:
    able = [other.name for other in competition.models if other.preprocessor is not None]
    message = re.escape(f"These can: {', '.join(able)}." if able else "No model of it can.")
    with pytest.raises(UsageError, match=f"'{model.name}' of .* cannot be exported.*{message}"):
        export_network(competition, _nothing(), model, tmp_path / "a.keras")


def test_every_network_on_texts_and_images_can_be_exported() -> None:
    for name in ("sentiment", "dogs-vs-cats", "digits"):
        for model in find_competition(name).models:
            assert (model.preprocessor is None) == (model.family is not Family.NETWORK)


def _nothing() -> Dataset:
    """Return rows that must not be looked at."""
    return None  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["a.h5", "a", "a.keras/b.keras", "no/a.keras"])
def test_a_file_that_cannot_be_is_refused_before_training(name: str, tmp_path: Path) -> None:
    model = SENTIMENT.model("bag-unigrams")
    with pytest.raises(UsageError, match=r"must end with \.keras|There is no folder"):
        export_network(SENTIMENT, _nothing(), model, tmp_path / name)


@pytest.mark.parametrize("epochs", [0, -1, 2.5])
def test_an_impossible_number_of_epochs_is_refused(epochs: Any, tmp_path: Path) -> None:
    model = SENTIMENT.model("bag-unigrams")
    with pytest.raises(UsageError, match="'epochs' must be a positive whole number"):
        export_network(SENTIMENT, _nothing(), model, tmp_path / "a.keras", epochs=epochs)


def test_a_process_that_runs_keras_on_jax_is_refused(tmp_path: Path) -> None:
    import keras

    assert keras.backend.backend() == "jax"
    model = SENTIMENT.model("bag-unigrams")
    with pytest.raises(UsageError, match=r"already begun with jax\. Export it from a new process"):
        export_network(SENTIMENT, _nothing(), model, tmp_path / "a.keras")


def test_a_network_of_text_that_is_loaded_on_jax_says_what_it_needs(exported: Path) -> None:
    import keras

    import comps.kinds.text.text_layers  # noqa: F401

    with pytest.raises(TypeError, match="needs Keras on TensorFlow; this process runs it on jax"):
        keras.saving.load_model(exported / "sentiment-bag-bigrams-tfidf.keras")


def test_a_network_of_images_is_loaded_on_jax_too(exported: Path) -> None:
    import keras

    import comps.kinds.images.image_layers  # noqa: F401

    network = keras.saving.load_model(exported / "dogs-vs-cats-convnet.keras")
    with np.load(exported / "dogs-vs-cats-convnet.npz") as kept:
        np.testing.assert_allclose(network(kept["raw"]), kept["found"], rtol=0, atol=1e-4)


class Unwritable:
    """Stands for a network that a disk has no room for."""

    def save(self, path: Path) -> None:
        """Write half of it."""
        path.write_text("half")
        raise OSError(28, "No space left on device")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    path.write_text("the file of before")
    with pytest.raises(DataError, match=r"Cannot write .*a\.keras: No space left on device"):
        export._write(Unwritable(), path)  # type: ignore[arg-type]
    assert path.read_text() == "the file of before" and [*tmp_path.iterdir()] == [path]


def test_a_competition_of_values_exports_nothing(tmp_path: Path) -> None:
    able = replace(TINY.model("network"), preprocessor=few)
    with pytest.raises(UsageError, match="cannot be exported"):
        export_network(TINY, _nothing(), able, tmp_path / "a.keras")
