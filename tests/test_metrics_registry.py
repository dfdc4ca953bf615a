"""Metrics by name: what people type finds one, and what is none says what to type."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from comps.base import LOG1P, Loss, Prediction, UsageError
from comps.metrics import ACCURACY, METRICS, find_metric


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("rmse", "root_mean_squared_error"),
        ("neg_root_mean_squared_error", "root_mean_squared_error"),
        ("RMSLE", "root_mean_squared_log_error"),
        ("mae", "mean_absolute_error"),
        ("median-ae", "median_absolute_error"),
        ("MAPE", "mean_absolute_percentage_error"),
        ("smape", "symmetric_mean_absolute_percentage_error"),
        ("R2", "r2"),
        ("poisson", "mean_poisson_deviance"),
        ("logloss", "log_loss"),
        ("log-loss", "log_loss"),
        ("Log Loss", "log_loss"),
        ("brier", "brier_score_loss"),
        ("auc", "roc_auc"),
        ("roc-auc", "roc_auc"),
        ("AP", "average_precision"),
        ("acc", "accuracy"),
        ("balanced-accuracy", "balanced_accuracy"),
        ("f1", "f1"),
        ("f1-macro", "f1_macro"),
        ("macro F1", "f1_macro"),
        ("mcc", "matthews_corrcoef"),
        ("qwk", "quadratic_kappa"),
        ("ndcg", "ndcg_score"),
        ("ndcg@10", "ndcg_score@10"),
        ("MAP@3", "mean_average_precision@3"),
        ("pinball:0.9", "mean_pinball_loss@0.9"),
        ("mean_pinball_loss@0.5", "mean_pinball_loss@0.5"),
        ("tweedie@1.5", "mean_tweedie_deviance@1.5"),
    ],
)
def test_what_people_type_finds_a_metric(typed: str, name: str) -> None:
    found = find_metric(typed)
    assert found.name == name
    assert find_metric(found.name).name == find_metric(found.label).name == name


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("rmsee", "There is no metric 'rmsee'. Did you mean 'rmse'"),
        ("", "There is no metric ''"),
        ("pinball", "pinball takes the quantile, between 0 and 1, as in pinball@0.9; no number"),
        ("map@three", "map takes the number of labels, as in map@3; 'three' came"),
        ("pinball@1", "quantile of the pinball loss is between 0 and 1; 1 came"),
        ("tweedie@0.5", "power of the Tweedie deviance is 1 or more; 0.5 came"),
        ("tweedie@nan", "is 1 or more; nan came"),
        ("map@0", "a whole number from 1 on was expected, as in map@3; 0 came"),
        ("ndcg@2.5", "a whole number from 1 on was expected"),
        ("map@inf", "a whole number from 1 on was expected"),
        ("rmse@3", "RMSE takes no number; 'rmse@3' came"),
    ],
)
def test_what_is_no_metric_says_what_to_type(typed: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_metric(typed)


def test_no_name_stands_for_two_metrics() -> None:
    names = [
        name.lower()
        for metric in METRICS.values()
        for name in {metric.name, metric.label.lower(), *metric.aliases}
    ]
    assert len(names) == len(set(names))


def test_what_follows_from_a_number_carries_it() -> None:
    assert (find_metric("map@5").parameter, find_metric("pinball@0.9").parameter) == (5, 0.9)
    assert find_metric("rmsle").scale is LOG1P


def test_metrics_travel_to_other_processes() -> None:
    target = np.array([0.0, 1.0, 2.0])
    for metric in (*METRICS.values(), find_metric("pinball@0.9"), find_metric("map@3")):
        probabilities = metric.needs is not Prediction.VALUE
        prediction = np.eye(3) * 0.4 + 0.2 if probabilities else target + 0.5
        if metric.two_classes:
            prediction = prediction[:, 1]
        came = pickle.loads(pickle.dumps(metric))
        assert came.score(target, prediction) == metric.score(target, prediction)


def test_stages_of_labels_of_rare_classes_are_judged_by_the_log_loss() -> None:
    assert {name for name, metric in METRICS.items() if metric.guide.name == "log_loss"} == {
        "log_loss",
        "balanced_accuracy",
        "f1",
        "f1_macro",
        "f1_micro",
        "f1_weighted",
        "matthews_corrcoef",
        "quadratic_kappa",
    }
    assert ACCURACY.guide is ACCURACY
    assert {m.loss for m in METRICS.values() if m.needs is Prediction.LABEL} == {Loss.LOG_LOSS}
