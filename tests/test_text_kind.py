"""Texts of the user's own: alone, beside other columns, of any task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.multiclass import OneVsRestClassifier

from comps import table_competition
from comps.base import Task
from comps.kinds.table.zoo.texts import linear_features, tree_features
from comps.kinds.text import text_models
from comps.kinds.text.columns import joined, text_names
from comps.kinds.text.dense_words import DenseWords
from comps.kinds.text.estimators import logistic, naive_bayes, ratio_logistic
from comps.kinds.text.linear_scores import LinearScores
from comps.kinds.text.sparse_words import SparseWords
from pipelines import run
from pipelines.folds import FoldInput, FoldSpec, make_folds
from tests.commands import comps

TOPICS = {
    "food": ["soup", "bread", "salt", "oven"],
    "law": ["court", "judge", "case", "rule"],
    "sport": ["goal", "team", "ball", "coach"],
}
COMMON = ["the", "a", "of", "and", "good", "old", "people", "time", "day", "year", "new"]


def stories(n: int, seed: int = 0) -> pd.DataFrame:
    """Return rows of eleven words, of which some say the topic; a number says something, too."""
    rng = np.random.default_rng(seed)
    topics = rng.choice(list(TOPICS), n)
    texts = []
    for topic in topics:
        words = [*rng.choice(COMMON, 9), *rng.choice(TOPICS[topic], 1), *rng.choice(COMMON, 1)]
        texts.append(" ".join(rng.permutation(words)))
    votes = rng.normal(size=n) + 2.0 * (topics == "law")
    return pd.DataFrame({"story": texts, "votes": votes, "topic": topics})


def shown(n: int, seed: int = 0) -> pd.DataFrame:
    """Return the rows as models see them."""
    return stories(n, seed).drop(columns="topic").astype({"story": "string"})


# Which models there are


def test_texts_alone_get_the_models_of_texts_and_others_both() -> None:
    rows = stories(60)
    both = table_competition(rows, target="topic", metric="log_loss")
    alone = table_competition(rows.drop(columns="votes"), target="topic", metric="log_loss")
    none = table_competition(rows.drop(columns="story"), target="topic", metric="log_loss")
    names = {model.name for model in both.models}
    assert {"lightgbm", "text-lightgbm", "text-naive-bayes", "logistic"} <= names
    assert {m.name for m in alone.models} == {
        "class-share",
        *(model.name for model in text_models(Task.MULTICLASS, 3, 1)),
    }
    assert {m.name for m in both.models if m.default and m.name.startswith("text-")} == {
        *("text-logistic", "text-lightgbm", "text-xgboost", "text-embeddings-tfidf"),
    }
    assert not any(model.name.startswith("text-") for model in none.models)
    chosen = table_competition(rows, target="topic", metric="log_loss", zoo="text")
    assert {m.name for m in chosen.models} == {m.name for m in alone.models}


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS, Task.MULTILABEL, Task.REGRESSION])
def test_every_task_has_models_of_one_name_each(task: Task) -> None:
    models = text_models(task, 3, 2, prefix="text-")
    names = [model.name for model in models]
    assert len(set(names)) == len(names) >= 4
    assert all(name.startswith("text-") for name in names)


# What they see


def test_columns_of_texts_are_those_of_that_type() -> None:
    rows = shown(5).assign(kind="a b c d e f", told=pd.Series(["x", None] * 3, dtype="string")[:5])
    assert text_names(rows) == ["story", "told"]
    assert joined(rows)[0] == f"{rows['story'][0]} x" and joined(rows)[1] == rows["story"][1]


def test_sparse_words_are_those_of_scikit_learn_column_by_column() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    rows = shown(40).assign(title=shown(40, seed=1)["story"]).drop(columns="votes")
    found = SparseWords().fit(rows, np.zeros(40)).transform(rows[:7]).toarray()
    parts = []
    for name in ("story", "title"):
        for options in (
            {"token_pattern": r"(?u)\w+|[!?]", "ngram_range": (1, 2)},
            {"analyzer": "char_wb", "ngram_range": (2, 5), "min_df": 2},
        ):
            plain = TfidfVectorizer(sublinear_tf=True, **options).fit(rows[name])
            parts.append(plain.transform(rows[name][:7]).toarray())
    np.testing.assert_allclose(found, np.hstack(parts), atol=1e-6)


def test_a_column_without_a_word_is_no_obstacle() -> None:
    rows = shown(30).assign(empty=pd.Series([""] * 30, dtype="string"))
    y = np.arange(30) % 2
    for view in (linear_features(), tree_features()):
        fitted = view.fit_transform(rows, y)
        assert view.transform(rows[:3]).shape == (3, fitted.shape[1])


@pytest.mark.parametrize("task", list(Task))
def test_dense_words_have_scores_for_each_class_label_and_value(task: Task) -> None:
    rows, rng = shown(90), np.random.default_rng(0)
    target, scores = {
        Task.REGRESSION: (rng.normal(size=90), 1),
        Task.BINARY: (np.arange(90) % 2, 2),
        Task.MULTICLASS: (np.arange(90) % 3, 6),
        Task.MULTILABEL: (rng.integers(0, 2, (90, 2)), 4),
    }[task]
    view = DenseWords(5, str(task))
    fitted = view.fit_transform(rows, target)
    assert fitted.shape == (90, 5 + scores) and fitted.dtype == np.float32
    np.testing.assert_allclose(view.transform(rows)[:, :5], fitted[:, :5], atol=1e-4)


def test_a_class_of_one_row_has_scores_all_the_same() -> None:
    target = np.zeros(30)
    target[4] = 1
    view = DenseWords(3, "binary")
    assert np.isfinite(view.fit_transform(shown(30), target)).all()


def test_rows_beside_a_class_of_one_row_are_scored_by_models_without_them() -> None:
    rng = np.random.default_rng(0)
    # Nothing in the rows tells their classes, but to models that have seen them.
    rows = sparse.csr_matrix(rng.random((120, 60)) ** 4)
    target = rng.permutation(np.arange(120) % 2)
    target[7] = 2
    rest = np.delete(np.arange(120), 7)
    scores = LinearScores("multiclass").fit_transform(rows, target)
    assert scores.shape == (120, 6) and np.isfinite(scores).all()
    for column in (1, 4):
        assert abs(roc_auc_score(target[rest], scores[rest, column]) - 0.5) < 0.2


def test_a_label_that_no_row_has_is_scored_as_absent() -> None:
    target = np.column_stack([np.arange(30) % 2, np.zeros(30)])
    view = DenseWords(3, "multilabel")
    assert np.isfinite(view.fit_transform(shown(30), target)).all()


def test_other_columns_help_models_of_texts() -> None:
    rows, later = stories(200), stories(400, seed=1)
    for texts in (rows, later):
        texts["story"] = "the a of and"
    errors = []
    for view in (linear_features(), SparseWords()):
        seen = [t.drop(columns="topic").astype({"story": "string"}) for t in (rows, later)]
        fitted = logistic(C=4.0).fit(view.fit_transform(seen[0], rows["topic"]), rows["topic"])
        errors.append(log_loss(later["topic"], fitted.predict_proba(view.transform(seen[1]))))
    assert errors[0] < errors[1] - 0.1


# Estimators of more than two classes


def counts(n: int = 90) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    table = rng.poisson(0.4, (n, 12)) + (y[:, None] == np.arange(12) % 3) * rng.poisson(
        0.5, (n, 12)
    )
    return sparse.csr_matrix(table.astype(np.float32)), y


def test_more_classes_are_learned_each_against_the_rest() -> None:
    rows, y = counts()
    plain = OneVsRestClassifier(LogisticRegression(solver="liblinear", C=2.0)).fit(rows, y)
    np.testing.assert_allclose(
        logistic(C=2.0).fit(rows, y).predict_proba(rows), plain.predict_proba(rows), atol=1e-6
    )


@pytest.mark.parametrize("build", [logistic, ratio_logistic, naive_bayes])
def test_weights_count_as_rows_and_shares_sum_to_one(build: Any) -> None:
    rows, y = counts()
    params = {"alpha": 0.5} if build is naive_bayes else {"C": 1.0}
    twice = build(**params).fit(sparse.vstack([rows, rows[:30]]), np.concatenate([y, y[:30]]))
    weighted = build(**params).fit(rows, y, sample_weight=np.r_[np.full(30, 2.0), np.ones(60)])
    found = weighted.predict_proba(rows)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert (found.argmax(axis=1) == y).mean() > 0.6
    # The calibration's folds and the ratios see other rows; the order stays.
    assert np.corrcoef(found.ravel(), twice.predict_proba(rows).ravel())[0, 1] > 0.99


# Duplicates


@pytest.mark.parametrize("form", ["file", "memory"])
@pytest.mark.parametrize("copies", [1, 20])
def test_texts_that_differ_in_marks_and_case_are_one_group(
    form: str, copies: int, tmp_path: Path
) -> None:
    rows = stories(80).drop(columns="votes")
    for row in range(copies):
        rows.loc[row, "story"] = rows.loc[79 - row, "story"].upper() + " !!"
    place = tmp_path / "stories.csv"
    rows.to_csv(place, index=False)
    given = place if form == "file" else rows
    competition = table_competition(given, target="topic", metric="log_loss")
    dataset = competition.load(place)
    assert dataset.groups is not None
    assert len(np.unique(dataset.groups)) == 80 - copies
    for row in range(copies):
        assert dataset.groups[row] == dataset.groups[79 - row]
    assert any(f"{2 * copies} training rows are equal" in note for note in dataset.notes)
    folds = make_folds(FoldSpec(competition.scheme, 5), FoldInput.of(competition, dataset))
    for _, held in folds.pairs[0]:
        assert all((row in held) == (79 - row in held) for row in range(copies))


def test_equal_rows_of_dataframes_are_left_to_what_the_user_says() -> None:
    rows = stories(80)
    rows.loc[3] = rows.loc[60]
    rows["town"] = np.arange(80) // 2
    options: dict[str, Any] = {"target": "topic", "metric": "log_loss"}
    grouped = table_competition(rows, group="town", **options)
    assert grouped.load(Path()).groups.tolist() == (np.arange(80) // 2).tolist()
    assert table_competition(rows, folds="town", **options).load(Path()).groups is None
    plain = table_competition(rows.drop(columns="story"), **options)
    assert plain.load(Path()).groups is None


# The whole road


@pytest.mark.slow
def test_texts_beside_a_number_end_in_a_submission(tmp_path: Path) -> None:
    models = ["class-share", "text-logistic", "text-lightgbm"]
    competition = table_competition(
        stories(150), stories(30, seed=1).drop(columns="topic"), target="topic", metric="log_loss"
    )
    result = run(
        competition, models=",".join(models), folds=3, runs=tmp_path, engine="inline", nested=False
    )
    board = result.leaderboard.set_index("model")["score"]
    assert board["text-logistic"] < board["class-share"] - 0.2
    assert result.submission is not None
    assert list(result.submission.columns) == ["id", *TOPICS]


@pytest.mark.slow
def test_a_file_of_texts_is_run_from_the_command_line(tmp_path: Path) -> None:
    stories(90).drop(columns="votes").to_csv(tmp_path / "stories.csv", index=False)
    done = comps(
        *("run", "stories.csv", "--text", "story", "--target", "topic"),
        *("--metric", "accuracy", "--models", "class-share,naive-bayes,bag-unigrams"),
        *("--set", "bag-unigrams.epochs=2", "--folds", "3"),
        cwd=tmp_path,
    )
    assert done.code == 0, done.err
    assert "naive-bayes" in done.out and "bag-unigrams" in done.out
