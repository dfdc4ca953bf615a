"""Whatever comes from outside gives a result or a sentence, never another exception.

`COMPS_EXAMPLES=10000 pytest tests/test_fuzz.py` tries ten thousand inputs of each kind.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import pipelines
from comps.base import WorkbenchError
from comps.catalog import find_competition
from comps.kinds.images.decoding import decode
from comps.reading.archives import open_files
from comps.reading.delimited import read_table
from comps.reading.folds_file import FoldsFile
from pipelines.api.imported import predictions
from pipelines.api.scoring import read_file
from pipelines.basics.files import read_arrays, write_arrays
from pipelines.results.imported import fold_table, imported_member
from pipelines.results.kept import Kept
from pipelines.store import Experiment, RunStore
from pipelines.store.looks import read_looks
from pipelines.store.recording import Recording
from pipelines.store.records import Record, read_records
from pipelines.tuning.best import read_best
from submissions import check_submission, score_submission
from tests.support import TINY, write_tiny
from tests.test_records import start
from tests.test_submission import DATASET, GOOD, PRICES

EXAMPLES = int(os.environ.get("COMPS_EXAMPLES", "60"))
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
# A tenth: each of these takes a hundred times as long as the others.
fuzzed_slowly = settings(fuzzed, max_examples=max(10, EXAMPLES // 10))

Edit = tuple[float, float, bytes]

# What breaks readers: ends, quotes, numbers at the edge, other alphabets, other encodings.
PIECES = st.one_of(
    st.sampled_from(
        [
            *(b"", b"\n", b"\r\n", b"\r", b'"', b'""', b",", b";", b"\t", b"|", b"\0", b"\x1a"),
            *(b"NA", b"nan", b"inf", b"-inf", b"1e999", b"-0", b"9" * 40, b"0x1F", b"1_000"),
            *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xe4", "漢字".encode(), "\u202e".encode()),
            *(b"1,5", b"1.000,5", b"$1", b"50%", b"(3)", b"True", b"2020-02-30", b"=1+1", b"#x"),
        ]
    ),
    st.binary(max_size=6),
)
EDITS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.1), PIECES), max_size=4)


def edited(content: bytes, edits: list[Edit]) -> bytes:
    """Return a content in which pieces are replaced, at places that are shares of its length."""
    for at, share, piece in edits:
        begin = int(at * len(content))
        content = content[:begin] + piece + content[begin + int(share * share * len(content)) :]
    return content


def sentence(act: Callable[[], Any]) -> Any:
    """Return what a call returns; None where it ends with words for the user."""
    try:
        return act()
    except WorkbenchError as error:
        assert str(error).strip()
        return None


# Tables and archives


TABLE = b'id,area,when,town,note,"a ""b"""\n' + b"".join(
    b'%d,%.2f,2020-01-%02d,%s,"some text, with commas",%s\n'
    % (row, row * 1.5, row % 28 + 1, (b"ash", b"elm")[row % 2], (b"", b"x")[row % 2])
    for row in range(1, 31)
)


@fuzzed
@given(edits=EDITS, text=st.sampled_from([(), ("note",), ("id", "note")]))
def test_a_table(edits: list[Edit], text: tuple[str, ...]) -> None:
    found = sentence(lambda: read_table(edited(TABLE, edits), "train.csv", text=text))
    assert found is None or len(found.frame) == len(found.lines) > 0


@fuzzed_slowly
@given(edits=EDITS, other=EDITS)
def test_the_files_of_a_competition(edits: list[Edit], other: list[Edit]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write_tiny(Path(folder))
        for name, changes in (("train.csv", edits), ("test.csv", other)):
            (path / name).write_bytes(edited((path / name).read_bytes(), changes))
        found = sentence(lambda: pipelines.infer(path, metric="rmse", target="price"))
        if found is not None:
            dataset = sentence(lambda: found.competition.load(path))
            assert dataset is None or len(dataset.train) == len(dataset.target)


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.csv", TABLE)
        archive.writestr("a/images/1.png", b"\x89PNG" + b"0" * 30)
        archive.writestr("test.csv.zip", b"PK\x05\x06" + bytes(18))
    return packed.getvalue()


ZIPPED = zipped()


@fuzzed
@given(edits=EDITS)
def test_an_archive(edits: list[Edit]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "files.zip")
        path.write_bytes(edited(ZIPPED, edits))
        files = sentence(lambda: open_files(path))
        for name in sentence(files.names) or () if files is not None else ():
            sentence(lambda name=name: files.read(name))


# Images and texts


def drawn(form: str) -> bytes:
    written = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (24, 20, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(written, form)
    return written.getvalue()


DRAWN = {form: drawn(form) for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")}


@fuzzed
@given(form=st.sampled_from(sorted(DRAWN)), edits=EDITS)
def test_an_image(form: str, edits: list[Edit]) -> None:
    found = sentence(lambda: decode(edited(DRAWN[form], edits), "1.png", 8))
    assert found is None or (found.shape, found.dtype) == ((8, 8, 3), np.uint8)


@fuzzed
@given(texts=st.lists(st.text(max_size=20), min_size=1, max_size=8))
def test_texts_come_back_to_the_character_or_are_refused(texts: list[str]) -> None:
    import pandas as pd

    content = pd.DataFrame({"id": range(len(texts)), "note": texts}).to_csv(index=False)
    try:
        content.encode()
    except UnicodeEncodeError:
        return
    sentence(lambda: read_table(content.encode(), "train.csv", text=("note",)))


# Submissions and predictions of other tools


@fuzzed
@given(edits=EDITS, solution=EDITS)
def test_a_submission(edits: list[Edit], solution: list[Edit]) -> None:
    good = GOOD.to_csv(index=False).encode()
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, changes in (("mine.csv", edits), ("answers.csv", solution)):
            paths.append(Path(folder, name))
            paths[-1].write_bytes(edited(good, changes))
        given_, answers = (sentence(lambda path=path: read_file(path)) for path in paths)
    if given_ is not None:
        sentence(lambda: check_submission(PRICES, DATASET, given_.frame))
        if answers is not None:
            value = sentence(lambda: score_submission(PRICES, given_.frame, answers.frame))
            assert value is None or np.isfinite(value)


@fuzzed
@given(edits=EDITS, other=EDITS)
def test_predictions_of_another_tool(
    edits: list[Edit], other: list[Edit], experiment: Experiment
) -> None:
    dataset, folds = experiment.dataset, experiment.folds
    table = fold_table(TINY, dataset, folds).assign(price=1000.5)
    test = dataset.sample_submission.assign(price=900.25)
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, frame, changes in (("oof.csv", table, edits), ("test.csv", test, other)):
            paths.append(Path(folder, name))
            paths[-1].write_bytes(edited(frame.to_csv(index=False).encode(), changes))
        oof, out = (sentence(lambda path=path: predictions(path, TINY.id_column)) for path in paths)
    if oof is not None and out is not None:
        files = {"oof": "oof.csv", "test": "test.csv"}
        member = sentence(
            lambda: imported_member(TINY, dataset, folds, "foreign", oof, out, files=files)
        )
        assert member is None or np.isfinite(member.score)


@fuzzed
@given(edits=EDITS)
def test_a_file_of_folds(edits: list[Edit], experiment: Experiment) -> None:
    dataset = experiment.dataset
    table = fold_table(TINY, dataset, experiment.folds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "folds.csv")
        path.write_bytes(edited(table.to_csv(index=False).encode(), edits))
        file = FoldsFile(path, TINY.id_column)
        read = sentence(lambda: (file.n_folds, file.numbered(dataset)))
        if read is not None:
            n_folds, numbered = read
            assert numbered.folds.shape == dataset.train_ids.shape
            assert n_folds >= len(np.unique(numbered.folds[numbered.folds >= 0]))
            path.write_bytes(file.content)
            copy = FoldsFile(path, TINY.id_column)
            np.testing.assert_array_equal(
                np.maximum(copy.numbered(dataset).folds, -1), np.maximum(numbered.folds, -1)
            )
            assert copy.content == file.content


# The competition file of the user

FILE = b'''"""My competition."""

from comps.declared import table_competition

COMPETITION = table_competition(
    "mine",
    data="tables",
    metric="root_mean_squared_error",
    target="price",
    folds=3,
)
'''


@fuzzed_slowly
@given(edits=EDITS, number=st.integers(0, 2**60))
def test_a_competition_file(edits: list[Edit], number: int) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPS_COMPETITIONS", folder)
        file = Path(folder, f"mine{number}", "competition.py")
        file.parent.mkdir()
        file.write_bytes(edited(FILE, edits))
        sentence(lambda: find_competition(f"mine{number}"))


# The store


def arrays() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.npz")
        write_arrays(path, {"step": 3}, {"valid": np.arange(20.0), "steps": np.arange(3)})
        return path.read_bytes()


ARRAYS = arrays()
KEPT = Kept({"features.skops": b"x" * 50, "model/a.ubj": b"y" * 90}, step=3, n_classes=2).to_bytes()


@fuzzed
@given(edits=EDITS)
def test_arrays_of_the_store(edits: list[Edit]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.npz")
        path.write_bytes(edited(ARRAYS, edits))
        found = sentence(lambda: read_arrays(path))
    if found is not None:
        assert found[0] == {"step": 3}
        np.testing.assert_array_equal(found[1]["valid"], np.arange(20.0), strict=True)


@fuzzed
@given(edits=EDITS)
def test_a_kept_model(edits: list[Edit]) -> None:
    found = sentence(lambda: Kept.from_bytes(edited(KEPT, edits)))
    assert found is None or found.files["model/a.ubj"] == b"y" * 90


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
MARKER = b'{"format": 2, "version": "0.1.0"}\n'
LOOKS = b'{"looks": [{"data": "d", "predictions": "p", "score": 0.5}]}\n'
BEST = json.dumps(
    {
        **{"model": "ridge", "study": "s", "params": {"alpha": 2.0}, "number": 3, "score": 0.5},
        **{"default_score": 0.6, "data": "d", "check": None, "unchecked": "none"},
    }
).encode()


@fuzzed
@given(edits=EDITS, value=st.none() | JSON_VALUES)
def test_texts_of_the_store(edits: list[Edit], value: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = RunStore(Path(folder))
        for name, content in (
            ("sealed.json", LOOKS),
            ("tuning/best/ridge.json", BEST),
            ("store.json", MARKER),
        ):
            path = store.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            other = content if value is None else json.dumps(value).encode()
            path.write_bytes(edited(other, edits))
        sentence(lambda: read_looks(store))
        sentence(lambda: read_best(store, "ridge"))
        sentence(lambda: RunStore(store.root))


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, experiment: Experiment) -> Recording:
    return start(RunStore(tmp_path_factory.mktemp("begun") / "tiny"), experiment)


@fuzzed
@given(data=st.data(), edits=EDITS)
def test_a_record(data: st.DataObject, edits: list[Edit], begun: Recording) -> None:
    values = begun.record.to_json()
    place = data.draw(st.sampled_from(sorted(values)))
    changed = {**values, place: data.draw(JSON_VALUES)}
    sentence(lambda: Record.from_json("2026-01-01-run", changed))
    path = begun.store.root / "records" / f"{begun.record.name}.json"
    path.write_bytes(edited(json.dumps(changed).encode(), edits))
    records, notes = read_records(begun.store)
    assert len(records) + len(notes) == 1
