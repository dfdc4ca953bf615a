"""Labels and probabilities are different predictions, and are never taken for each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score
from sklearn.metrics import log_loss as sklearn_log_loss

from comps.base import (
    DataError,
    Dataset,
    Metric,
    Prediction,
    Task,
    UsageError,
    predicted_classes,
)
from comps.metrics import ACCURACY, LOG_LOSS, ROC_AUC
from pipelines import score
from submissions import build_submission, check_submission, score_submission
from submissions.labels import label_codes, labels_of
from tests.commands import comps
from tests.support import TINY

Frame = pd.DataFrame

KINDS = replace(
    TINY, metric=ACCURACY, task=Task.MULTICLASS, submits=Prediction.LABEL, target_columns=("kind",)
)
CHANCES = replace(
    TINY,
    metric=ROC_AUC,
    task=Task.BINARY,
    submits=Prediction.PROBABILITY,
    target_columns=("kind",),
    valid_range=(0.0, 1.0),
)
SHARES = replace(CHANCES, metric=LOG_LOSS, task=Task.MULTICLASS, target_columns=("a", "b", "c"))


def table(kinds: Sequence[Any], first: int = 1) -> Frame:
    """Return a submission or solution of the ids 1, 2 and so on."""
    return Frame({"id": range(first, first + len(kinds)), "kind": list(kinds)})


def dataset_of(classes: tuple[Any, ...], rows: int) -> Dataset:
    """Return a dataset with a training row of each class and so many test rows."""
    n_classes = len(classes)
    return Dataset(
        train=np.zeros((n_classes, 1)),
        test=np.zeros((rows, 1)),
        target=np.arange(float(n_classes)),
        train_ids=np.arange(100, 100 + n_classes),
        test_ids=np.arange(1, rows + 1),
        sample_submission=table([classes[0]] * rows),
        source="here",
        fingerprint="data",
        classes=classes,
    )


# From probabilities to labels


@given(st.lists(st.floats(0, 1), min_size=1), st.integers(0, 10**6))
def test_of_two_classes_the_second_is_predicted_above_one_half(
    chances: list[float], seed: int
) -> None:
    target = np.random.default_rng(seed).integers(0, 2, len(chances))
    wanted = [1 if chance > 0.5 else 0 for chance in chances]
    assert predicted_classes(np.array(chances)).tolist() == wanted
    found = ACCURACY.score(target.astype(float), np.array(chances))
    assert found == pytest.approx(accuracy_score(target, wanted))


@pytest.mark.parametrize("chance", [0.45, 0.499, 0.501, 0.55])
def test_the_threshold_of_accuracy_is_one_half(chance: float) -> None:
    wanted = float(chance > 0.5)
    assert ACCURACY.score(np.ones(1), np.array([chance])) == wanted
    assert ACCURACY.score(np.zeros(1), np.array([chance])) == 1 - wanted


def test_of_more_classes_the_likeliest_is_predicted() -> None:
    shares = np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.1, 0.2, 0.7]])
    assert predicted_classes(shares).tolist() == [1, 0, 2]
    assert ACCURACY.score(np.array([1.0, 0.0, 2.0]), shares) == 1.0
    # The least likely classes.
    assert ACCURACY.score(np.array([0.0, 1.0, 0.0]), shares) == 0.0


def test_labels_are_scored_as_labels_whatever_their_values() -> None:
    codes = np.array([0, 1, 2, 9])
    assert ACCURACY.score_labels(codes, codes) == 1.0
    assert ACCURACY.score_labels(codes, codes[::-1]) == 0.0


@pytest.mark.parametrize("metric", [ROC_AUC, LOG_LOSS])
def test_a_metric_of_probabilities_refuses_labels(metric: Metric) -> None:
    message = rf"{metric.label} needs predictions of the kind 'probability'; labels came\."
    with pytest.raises(UsageError, match=message):
        metric.score_labels(np.array([0, 1]), np.array([0, 1]))


# Reading labels


@pytest.mark.parametrize(
    ("classes", "labels", "codes"),
    [
        ((0, 1, 9), [9, 1, 5], [2, 1, -1]),
        ((0, 1, 9), [9.0, 2.5, 1.0], [2, -1, 1]),
        ((0, 1), ["1", "0.0", ""], [1, 0, -1]),
        ((1.5, 2.5), [2.5, 1.5, 2.0], [1, 0, -1]),
        (("cat", "dog"), ["dog", "Dog", "cat"], [1, -1, 0]),
        (("None", "NA"), ["NA", "None", np.nan], [1, 0, -1]),
        ((False, True), [True, False], [1, 0]),
        ((2**60, 2**60 + 1), [2**60 + 1, 2**60], [1, 0]),
    ],
)
def test_a_label_has_the_code_of_its_class(
    classes: tuple[Any, ...], labels: list[Any], codes: list[int]
) -> None:
    assert label_codes(pd.Series(labels), classes).tolist() == codes


def test_labels_of_answers_are_in_the_order_of_numbers() -> None:
    assert labels_of(pd.Series([10, 9, 10, 1])) == ("1", "9", "10")
    assert labels_of(pd.Series(["b", "", None, "a"])) == ("a", "b")


# Submissions of labels


@pytest.mark.parametrize(
    ("chance", "label"), [(0.0, "no"), (0.49, "no"), (0.5, "no"), (0.51, "yes"), (1.0, "yes")]
)
def test_a_submission_has_the_label_of_the_right_side_of_one_half(
    chance: float, label: str
) -> None:
    binary = replace(KINDS, task=Task.BINARY)
    built = build_submission(binary, dataset_of(("no", "yes"), 1), np.array([chance]))
    assert built["kind"].tolist() == [label]


def test_a_submission_has_the_labels_of_the_likeliest_classes() -> None:
    dataset = dataset_of(("ash", "elm", "oak"), 2)
    built = build_submission(KINDS, dataset, np.array([[0.1, 0.3, 0.6], [0.4, 0.35, 0.25]]))
    assert built["kind"].tolist() == ["oak", "ash"]
    check_submission(KINDS, dataset, built)


def test_codes_are_submitted_where_classes_have_no_names() -> None:
    dataset = replace(dataset_of((0, 1), 2), classes=())
    built = build_submission(replace(KINDS, task=Task.BINARY), dataset, np.array([0.9, 0.1]))
    assert built["kind"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("classes", "kinds", "message"),
    [
        (
            (0, 1, 2),
            [0, 2.5, 1],
            r"1 labels of kind are none of the training target: 2\.5; ids 2\. Known: 0, 1, 2\.",
        ),
        ((0, 1, 9), [0, 5, 9], r"training target: 5; ids 2\. Known: 0, 1, 9\."),
        (("no", "yes"), ["yes", "maybe", ""], r"maybe, nothing; ids 2, 3\. Known: no, yes\."),
    ],
)
def test_a_label_that_the_training_target_has_not_is_refused_with_those_that_it_has(
    classes: tuple[Any, ...], kinds: list[Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        check_submission(KINDS, dataset_of(classes, 3), table(kinds))


def test_text_labels_pass_the_check() -> None:
    check_submission(KINDS, dataset_of(("no", "yes"), 3), table(["yes", "no", "no"]))


# Scoring


@pytest.mark.parametrize(
    "kinds", [list(range(10)), [0, 1] * 5, [3] * 10, ["ash", "elm"] * 5, [0.0, 2.0, 1.0] * 3]
)
def test_the_answers_themselves_are_right_in_every_row(kinds: list[Any]) -> None:
    assert score_submission(KINDS, table(kinds), table(kinds)) == 1.0


def test_the_score_of_labels_is_the_share_of_equal_ones_whatever_the_order_of_rows() -> None:
    given_, true = table([7, 7, 3, 9, 0]), table([7, 3, 3, 9, 1])
    score = score_submission(KINDS, given_.sample(frac=1, random_state=0), true, range(10))
    assert score == pytest.approx(3 / 5)


def test_a_label_that_no_answer_has_may_be_submitted_where_classes_are_known() -> None:
    assert score_submission(KINDS, table([3, 5]), table([3, 3]), range(10)) == 0.5
    with pytest.raises(DataError, match=r"submission has 1 labels .* 5 \(ids 2\)\. Known: 3\."):
        score_submission(KINDS, table([3, 5]), table([3, 3]))


@pytest.mark.parametrize("name", ["submission", "solution"])
def test_an_unknown_label_is_not_scored(name: str) -> None:
    tables = {"submission": table([0, 1, 2]), "solution": table([0, 1, 2])}
    tables[name] = table([0, 1, 2.5])
    message = rf"The {name} has 1 labels that are unknown: 2\.5 \(ids 3\)\. Known: 0, 1, 2\."
    with pytest.raises(DataError, match=message):
        score_submission(KINDS, tables["submission"], tables["solution"], (0, 1, 2))


def test_labels_are_not_scored_by_a_metric_of_probabilities() -> None:
    with pytest.raises(UsageError, match="AUC needs predictions of the kind 'probability'"):
        score_submission(replace(KINDS, metric=ROC_AUC), table([0, 1]), table([0, 1]))


CHANCES_OF_FOUR, TRUE = [0.1, 0.3, 0.45, 0.4], [0, 0, 1, 0]
WANTED = [(ROC_AUC, 1.0), (ACCURACY, 0.75), (LOG_LOSS, sklearn_log_loss(TRUE, CHANCES_OF_FOUR))]


@pytest.mark.parametrize(("metric", "wanted"), WANTED)
def test_probabilities_are_scored_against_labels(metric: Metric, wanted: float) -> None:
    competition, chances = replace(CHANCES, metric=metric), table(CHANCES_OF_FOUR)
    assert score_submission(competition, chances, table(TRUE)) == pytest.approx(wanted)
    named = table(["dog" if one else "cat" for one in TRUE])
    found = score_submission(competition, chances, named, ("cat", "dog"))
    assert found == pytest.approx(wanted)


@pytest.mark.parametrize("metric", [ROC_AUC, ACCURACY])
def test_the_answers_are_perfect_probabilities(metric: Metric) -> None:
    competition = replace(CHANCES, metric=metric)
    assert score_submission(competition, table([0, 1, 1]), table([0, 1, 1])) == 1.0


def test_swapped_files_are_told_in_a_sentence() -> None:
    message = (
        r"The solution must hold the answers, 0 and 1; 2 rows are something else: ids 1, 2, "
        r"the first is 0\.2\. If the files are swapped: the submission comes first\."
    )
    with pytest.raises(DataError, match=message):
        score_submission(CHANCES, table([0, 1, 1]), table([0.2, 0.7, 1.0]))


def test_the_area_of_answers_of_one_class_is_told_to_be_undefined() -> None:
    message = r"AUC is not defined here: all 2 answers are the same, 1, and"
    with pytest.raises(DataError, match=message):
        score_submission(CHANCES, table([0.2, 0.7]), table([1, 1]))


def test_columns_of_probabilities_are_scored_against_the_column_of_the_true_class() -> None:
    shares = Frame({"id": [1, 2], "a": [0.7, 0.2], "b": [0.2, 0.3], "c": [0.1, 0.5]})
    true = Frame({"id": [2, 1], "a": [0, 1], "b": [1, 0], "c": [0, 0]})
    wanted = sklearn_log_loss([0, 1], shares[["a", "b", "c"]], labels=[0, 1, 2])
    assert score_submission(SHARES, shares, true) == pytest.approx(wanted)
    assert score_submission(replace(SHARES, metric=ACCURACY), shares, true) == 0.5
    with pytest.raises(DataError, match="1 in the column of the true class .*: ids 1, 2"):
        score_submission(SHARES, true, shares)


# The log loss


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_log_loss_is_the_same_in_single_and_in_double_precision(dtype: type) -> None:
    target = np.array([1.0, 0.0, 0.0, 1.0])
    chances = np.array([0.75, 0.25, 1.0, 0.5])
    wanted = sklearn_log_loss(target, chances)
    assert LOG_LOSS.score(target, chances.astype(dtype)) == pytest.approx(wanted, rel=1e-12)
    # A row that is surely wrong: the distance to one is that of double precision.
    surely = LOG_LOSS.score(np.zeros(1), np.ones(1, dtype=dtype))
    assert surely == pytest.approx(-np.log(np.finfo(np.float64).eps))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_log_loss_of_classes_is_the_same_in_both_precisions(dtype: type) -> None:
    shares = np.array([[1.0, 0.0, 0.0], [0.25, 0.5, 0.25]])
    target = np.array([1.0, 1.0])
    wanted = sklearn_log_loss(target, shares, labels=[0, 1, 2])
    assert LOG_LOSS.score(target, shares.astype(dtype)) == pytest.approx(wanted, rel=1e-12)


# The command line


def write(path: Path, kinds: Sequence[Any], columns: tuple[str, str]) -> None:
    frame = table(kinds).set_axis(list(columns), axis=1)
    frame.to_csv(path, index=False)


DIGITS = ("ImageId", "Label")


def test_perfect_digits_have_an_accuracy_of_one(tmp_path: Path) -> None:
    write(tmp_path / "answers.csv", [row % 10 for row in range(40)], DIGITS)
    done = comps("score", "answers.csv", "answers.csv", "--competition", "digits", cwd=tmp_path)
    assert done.out == "digits: accuracy 1.0000\n"


def test_a_digit_that_is_none_is_refused_with_those_that_are(tmp_path: Path) -> None:
    write(tmp_path / "answers.csv", [0, 1, 2], DIGITS)
    write(tmp_path / "other.csv", [0, 1, 2.5], DIGITS)
    done = comps("score", "other.csv", "answers.csv", cwd=tmp_path, code=2)
    assert "unknown: 2.5 (ids 3). Known: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9." in done.err


def test_labels_are_those_of_the_answers_where_the_data_cannot_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "digits"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("not there yet")
    write(tmp_path / "answers.csv", [3, 7, 7], DIGITS)
    write(tmp_path / "other.csv", [3, 7, 3], DIGITS)
    done = comps("score", "other.csv", "answers.csv", cwd=tmp_path)
    assert done.out == "digits: accuracy 0.6667\n"
    assert "The labels that are known are those of the answers" in done.err


@pytest.mark.slow
def test_answers_of_one_class_and_swapped_files_end_in_a_sentence(tmp_path: Path) -> None:
    columns = ("id", "sentiment")
    write(tmp_path / "chances.csv", [0.2, 0.7], columns)
    write(tmp_path / "ones.csv", [1, 1], columns)
    write(tmp_path / "answers.csv", [0, 1], columns)
    done = comps("score", "chances.csv", "ones.csv", cwd=tmp_path, code=2)
    assert "AUC is not defined here" in done.err and "nan" not in done.err + done.out
    done = comps("score", "answers.csv", "chances.csv", cwd=tmp_path, code=2)
    assert "the submission comes first" in done.err
    done = comps("score", "chances.csv", "answers.csv", cwd=tmp_path)
    assert done.out == "sentiment: AUC 1.0000\n"


def test_answers_to_probabilities_may_be_two_labels_that_say_which_is_meant() -> None:
    chances = pd.DataFrame({"id": [1, 2, 3], "y": [0.2, 0.7, 0.9]})

    def answers(*labels: object) -> pd.DataFrame:
        return chances.assign(y=list(labels))

    assert score(chances, answers("No", "Yes", "Yes"), metric="auc").value == 1
    assert score(chances, answers("Yes", "No", "No"), metric="auc").value == 0
    assert score(chances, answers(False, True, True), metric="auc").value == 1
    with pytest.raises(UsageError, match="Write 1 for that one and 0 for the other"):
        score(chances, answers("left", "right", "right"), metric="auc")
    with pytest.raises(DataError, match="name the competition") as error:
        score(chances, answers("No", "Yes", "perhaps"), metric="auc")
    assert "swapped" not in str(error.value)


@pytest.mark.parametrize("before", ["", "class_"])
def test_a_column_a_class_is_scored_against_a_column_of_labels(before: str) -> None:
    shares = [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3]]
    columns = [f"{before}{label}" for label in ("b", "a", "c")]
    chances = pd.DataFrame(shares, columns=columns).assign(id=[1, 2, 3])[["id", *columns]]
    answers = pd.DataFrame({"id": [1, 2, 3], "kind": ["b", "c", "a"]})
    expected = -np.log([0.7, 0.6, 0.5]).mean()
    assert score(chances, answers, metric="log_loss").value == pytest.approx(expected)
    chosen = replace(CHANCES, task=Task.MULTICLASS, target_columns=tuple(columns))
    chosen = replace(chosen, id_column="id", metric=LOG_LOSS)
    assert score(chances, answers, chosen).value == pytest.approx(expected)
    with pytest.raises(DataError, match=r"The labels d of the answers \(ids 3\) have no column"):
        score(chances, answers.assign(kind=["b", "c", "d"]), metric="log_loss")
