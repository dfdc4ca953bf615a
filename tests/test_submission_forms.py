"""Forms of submissions: several targets, labels and rankings, built, checked and scored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, log_loss, mean_absolute_error, ndcg_score

from comps.base import Competition, Cuts, DataError, Dataset, Prediction, Rule, Task, UsageError
from comps.metrics import find_metric
from pipelines import run
from submissions import answers_are_labels, build_submission, check_submission, score_submission
from tests.support import TINY
from tests.tables import own, table, unseen

Floats = NDArray[np.float64]
Frame = pd.DataFrame


def competition(
    metric: str, columns: tuple[str, ...], task: Task, submits: Prediction | None = None
) -> Competition:
    judged = find_metric(metric)
    low_high = (-np.inf, np.inf) if task is Task.REGRESSION else (0.0, 1.0)
    return replace(
        TINY,
        task=task,
        metric=judged,
        target_columns=columns,
        submits=submits or judged.needs,
        valid_range=low_high,
    )


def dataset(
    sample: Frame, classes: tuple[object, ...] = (), target: Any = (0.0, 1.0, 2.0)
) -> Dataset:
    """Return a dataset of which only what submissions look at is there."""
    ids = sample["id"].astype(str).to_numpy()
    return Dataset(
        train=np.zeros((len(target), 1)),
        test=np.zeros((len(ids), 1)),
        target=np.array(target),
        train_ids=np.arange(len(target)),
        test_ids=ids,
        sample_submission=sample,
        source="here",
        fingerprint="data",
        classes=classes,
    )


def sample(*columns: str, ids: tuple[str, ...] = ("007", "08", "9")) -> Frame:
    return Frame({"id": ids, **dict.fromkeys(columns, 0)})


def checked(whose: Competition, rows: Dataset, test: Any, cuts: Cuts | None = None) -> Frame:
    built = build_submission(whose, rows, np.array(test), cuts)
    check_submission(whose, rows, built)
    return built


# Several targets


def test_each_target_has_its_column_in_the_samples_order_and_ids_to_the_character() -> None:
    whose = competition("mae", ("x", "y"), Task.REGRESSION)
    rows = dataset(sample("y", "x"))
    built = checked(whose, rows, [[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    assert built.to_csv(index=False) == "id,y,x\n007,10.0,1.0\n08,20.0,2.0\n9,30.0,3.0\n"
    answers = built.assign(x=[1.0, 2.0, 5.0], y=[10.0, 20.0, 33.0])
    expected = mean_absolute_error(answers[["x", "y"]], built[["x", "y"]])
    assert score_submission(whose, built, answers) == pytest.approx(expected)


def test_predictions_of_another_number_of_columns_are_refused() -> None:
    whose = competition("mae", ("x", "y"), Task.REGRESSION)
    with pytest.raises(UsageError, match=r"has 2 columns of predictions \(x, y\); .* have 3\."):
        build_submission(whose, dataset(sample("x", "y")), np.zeros((3, 3)))
    with pytest.raises(UsageError, match=r"2 columns of predictions .* have 1\."):
        build_submission(whose, dataset(sample("x", "y")), np.zeros(3))


def test_each_problem_of_each_column_is_named() -> None:
    whose = replace(competition("mae", ("x", "y"), Task.REGRESSION), valid_range=(0.0, 9.0))
    built = sample("x", "y").assign(x=[1.0, -2.0, 3.0], y=[np.nan, 1.0, 1.0])
    with pytest.raises(DataError) as error:
        check_submission(whose, dataset(sample("x", "y")), built)
    assert "values of x are not from 0 to 9: ids 08." in str(error.value)
    assert "values of y are no finite numbers: ids 007." in str(error.value)


# Several labels

SEVERAL = competition("log_loss", ("toxic", "spam"), Task.MULTILABEL)
ONES = competition("f1_micro", ("toxic", "spam"), Task.MULTILABEL)
LABELLED = dataset(sample("toxic", "spam"), target=[[0.0, 1.0], [1.0, 0.0]])


def test_several_labels_are_submitted_as_probabilities() -> None:
    shares = np.array([[0.2, 0.9], [0.6, 0.4], [0.1, 0.3]])
    built = checked(SEVERAL, LABELLED, shares)
    assert built["spam"].tolist() == [0.9, 0.4, 0.3]
    answers = built.assign(toxic=[0, 1, 0], spam=[1, 1, 0])
    expected = np.mean([log_loss(answers[c], built[c]) for c in ("toxic", "spam")])
    assert score_submission(SEVERAL, built, answers) == pytest.approx(expected)
    # The answers may have been read as text.
    assert score_submission(SEVERAL, built, answers.astype(str)) == pytest.approx(expected)
    assert not answers_are_labels(SEVERAL, answers)
    wrong = answers.assign(toxic=[0, 0.5, 0])
    with pytest.raises(DataError, match="0 or 1 in each column; 1 row is something else: ids 08"):
        score_submission(SEVERAL, built, wrong)


def test_several_labels_are_submitted_as_zeros_and_ones_by_cut_points() -> None:
    shares = np.array([[0.2, 0.9], [0.6, 0.4], [0.1, 0.3]])
    assert checked(ONES, LABELLED, shares)["toxic"].tolist() == [0, 1, 0]
    built = checked(ONES, LABELLED, shares, Cuts(Rule.THRESHOLD, (0.15, 0.35)))
    assert built.to_csv(index=False) == "id,toxic,spam\n007,1,1\n08,1,1\n9,0,0\n"
    answers = built.assign(toxic=[0, 1, 0])
    columns = ["toxic", "spam"]
    expected = f1_score(answers[columns], built[columns], average="micro")
    assert score_submission(ONES, built, answers) == pytest.approx(expected)
    assert not answers_are_labels(ONES, answers)


def test_a_probability_is_no_label_and_is_not_made_one() -> None:
    built = sample("toxic", "spam").assign(toxic=[0.0, 0.7, 1.0])
    with pytest.raises(DataError, match=r"1 labels of toxic .*: 0\.7; ids 08\. Known: 0, 1\."):
        check_submission(ONES, LABELLED, built)
    with pytest.raises(DataError, match=r"submission has 1 labels that are unknown: 0\.7"):
        score_submission(ONES, built, sample("toxic", "spam"))


def test_several_labels_in_other_words() -> None:
    rows = replace(LABELLED, classes=("no", "yes"))
    built = checked(ONES, rows, [[0.2, 0.9], [0.6, 0.4], [0.1, 0.3]])
    assert built["spam"].tolist() == ["yes", "no", "no"]
    assert score_submission(ONES, built, built, ("no", "yes")) == 1.0


# A column a class


def test_columns_of_classes_are_found_by_their_labels() -> None:
    whose = competition("log_loss", ("dog", "ant", "cat"), Task.MULTICLASS)
    rows = dataset(sample("dog", "ant", "cat"), ("ant", "cat", "dog"))
    built = checked(whose, rows, [[0.1, 0.2, 0.7], [0.3, 0.3, 0.4], [1.0, 0.0, 0.0]])
    assert built.iloc[0].tolist() == ["007", 0.7, 0.1, 0.2]
    assert list(built) == ["id", "dog", "ant", "cat"]


def test_numbers_name_columns_too_and_a_class_without_rows_has_no_chance() -> None:
    whose = competition("log_loss", ("2", "1", "3"), Task.MULTICLASS)
    rows = dataset(sample("2", "1", "3"), (1, 2), [0.0, 1.0])
    built = checked(whose, rows, [[0.1, 0.9], [0.3, 0.7], [1.0, 0.0]])
    assert built[["1", "2", "3"]].iloc[0].tolist() == [0.1, 0.9, 0.0]


def test_columns_of_other_names_are_those_of_the_codes_in_order() -> None:
    whose = competition("log_loss", ("p_a", "p_b", "p_c"), Task.MULTICLASS)
    rows = dataset(sample("p_c", "p_a", "p_b"), ("a", "b", "c"))
    built = checked(whose, rows, [[0.1, 0.2, 0.7]] * 3)
    assert built[["p_a", "p_b", "p_c"]].iloc[0].tolist() == [0.1, 0.2, 0.7]


def test_two_classes_may_have_a_column_each() -> None:
    whose = competition("log_loss", ("yes", "no"), Task.BINARY)
    rows = dataset(sample("yes", "no"), ("no", "yes"), [0.0, 1.0])
    built = checked(whose, rows, [0.9, 0.2, 0.5])
    assert built["yes"].tolist() == [0.9, 0.2, 0.5]
    answers = built.assign(yes=[1, 0, 0], no=[0, 1, 1])
    expected = log_loss(answers["yes"], built["yes"])
    found = score_submission(whose, built, answers)
    assert found == pytest.approx(expected)


def test_labels_keep_their_spelling_and_follow_cut_points() -> None:
    whose = competition("f1_macro", ("kind",), Task.MULTICLASS)
    rows = dataset(sample("kind"), ("01", "1", "TRUE"))
    shares = [[0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.4, 0.35, 0.25]]
    assert checked(whose, rows, shares)["kind"].tolist() == ["01", "TRUE", "01"]
    built = checked(whose, rows, shares, Cuts(Rule.FACTORS, (1.0, 1.5, 1.0)))
    assert built["kind"].tolist() == ["01", "TRUE", "1"]


# Rankings

MAP = competition("map@2", ("kind",), Task.MULTICLASS)
KINDS = dataset(sample("kind"), ("ant", "cat", "dog"))


def test_a_row_names_the_most_probable_labels_the_best_first() -> None:
    built = checked(MAP, KINDS, [[0.1, 0.2, 0.7], [0.5, 0.3, 0.2], [0.3, 0.4, 0.3]])
    assert built["kind"].tolist() == ["dog cat", "ant cat", "cat ant"]
    answers = sample("kind").assign(kind=["cat", "ant", "dog"])
    assert answers_are_labels(MAP, answers)
    for classes in (None, ("ant", "cat", "dog")):
        assert score_submission(MAP, built, answers, classes) == pytest.approx((0.5 + 1 + 0) / 3)


def test_a_ranking_is_scored_as_out_of_fold_probabilities_are() -> None:
    rng = np.random.default_rng(0)
    ids = tuple(f"{number:03}" for number in range(60))
    rows = dataset(sample("kind", ids=ids), ("ant", "cat", "dog"))
    shares, codes = rng.dirichlet(np.ones(3), 60), rng.integers(0, 3, 60)
    answers = sample("kind", ids=ids).assign(kind=np.array(rows.classes)[codes])
    built = checked(MAP, rows, shares)
    found = score_submission(MAP, built, answers, rows.classes)
    assert found == pytest.approx(MAP.metric.score(codes.astype(float), shares))


def test_fewer_labels_and_one_named_twice_count_for_the_first_place() -> None:
    answers = sample("kind").assign(kind=["cat", "ant", "ant"])
    submission = sample("kind").assign(kind=["cat", "dog", "dog dog"])
    assert score_submission(MAP, submission, answers) == pytest.approx(1 / 3)


def test_a_label_that_no_answer_has_takes_its_place() -> None:
    answers = sample("kind").assign(kind=["cat", "ant", "ant"])
    submission = sample("kind").assign(kind=["dog cat", "ant dog", "owl dog"])
    for classes in (None, ("ant", "cat", "dog", "owl")):
        found = score_submission(MAP, submission, answers, classes)
        assert found == pytest.approx((1 / 2 + 1 + 0) / 3)


def test_one_whole_number_a_row_is_a_ranking_too() -> None:
    answers = sample("kind").assign(kind=[7, 8, 9])
    submission = sample("kind").assign(kind=[7, 9, 8])
    for classes in (None, (7, 8, 9)):
        assert score_submission(MAP, submission, answers, classes) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        (["dog cat", "cat", ""], "1 rows of kind without a label: ids 9"),
        (["dog cat ant", "cat", "ant"], "1 rows of kind with more than 2 labels: ids 007"),
        (["dog", "cat cat", "ant"], "1 rows of kind that name a label twice: ids 08"),
        (["dog", "cat", "ant cow"], r"1 labels of kind are none .*: cow; ids 9\. Known: ant, cat"),
        (["dog", np.nan, "ant"], "1 rows of kind without a label: ids 08"),
    ],
)
def test_what_is_no_ranking_is_refused(kinds: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_submission(MAP, KINDS, sample("kind").assign(kind=kinds))


def test_rankings_that_cannot_be_scored_are_refused() -> None:
    answers = sample("kind").assign(kind=["cat", "ant", "dog"])
    long = answers.assign(kind=["cat ant dog", "ant", "dog"])
    with pytest.raises(DataError, match="1 row with more than 2 labels: ids 007"):
        score_submission(MAP, long, answers)
    strange = answers.assign(kind=["cat cow", "ant", "dog"])
    with pytest.raises(DataError, match=r"1 labels that are unknown: cow \(ids 007\)"):
        score_submission(MAP, strange, answers, ("ant", "cat", "dog"))
    with pytest.raises(DataError, match="solution has 1 labels that are unknown: cat ant"):
        score_submission(
            MAP, answers, answers.assign(kind=["cat ant", "ant", "dog"]), ("ant", "dog", "cat")
        )


def test_labels_with_blanks_are_not_ranked() -> None:
    rows = replace(KINDS, classes=("ant", "big cat", "dog"))
    with pytest.raises(UsageError, match="'big cat' has some itself"):
        build_submission(MAP, rows, np.full((3, 3), 1 / 3))


# Rows of a query


def test_rows_of_a_query_are_scored_by_a_further_column_of_the_answers() -> None:
    whose = competition("ndcg@2", ("gain",), Task.REGRESSION)
    rows = dataset(sample("gain", ids=tuple("abcdef")))
    scores = np.array([0.3, 0.1, 0.2, 5.0, 7.0, 6.0])
    built = checked(whose, rows, scores)
    gains = np.array([1.0, 0.0, 2.0, 0.0, 1.0, 3.0])
    answers = built.assign(gain=gains, query=["x"] * 3 + ["y"] * 3, Usage="Private")
    expected = np.mean([ndcg_score([gains[k : k + 3]], [scores[k : k + 3]], k=2) for k in (0, 3)])
    shuffled = built.sample(frac=1, random_state=0)
    assert score_submission(whose, shuffled, answers) == pytest.approx(expected)
    with pytest.raises(DataError, match=r"NDCG@2 ranks the rows of a query: .* columns: none\."):
        score_submission(whose, built, answers.drop(columns="query"))


# Runs


def test_a_run_of_rankings_ends_in_a_checked_submission(tmp_path: Path) -> None:
    whose = own(
        table(120, "three"), unseen(), metric="map@2", models=[LogisticRegression()], name="kinds"
    )
    result = run(whose, folds=3, runs=tmp_path, engine="inline")
    assert result.submission is not None and result.blend is not None
    order = np.argsort(-result.blend.test, axis=1)[:, :2]
    labels = np.array(result.dataset.classes)
    assert result.submission["y"].tolist() == [" ".join(row) for row in labels[order]]
    assert result.blend.cuts is None
