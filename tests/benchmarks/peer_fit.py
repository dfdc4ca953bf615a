"""Fits one peer and writes its predictions; run by the Python of the peer's own environment.

    PEER_PYTHON peer_fit.py PEER TRAIN.csv TEST.csv PREDICTIONS.csv TARGET ID METRIC SECONDS

Predictions hold a column of values or labels, or a column for each class where the metric takes
probabilities. Imports nothing of this project, which the environment need not have.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

LABELS = {"accuracy"}
PROBABILITIES = {"auc", "log_loss"}
SEED = 0


def autogluon(train: Any, test: Any, target: str, metric: str, seconds: float) -> Any:
    """AutoGluon's preset for processors without a card, which downloads nothing."""
    from autogluon.tabular import TabularPredictor

    known = {
        "auc": "roc_auc",
        "log_loss": "log_loss",
        "accuracy": "accuracy",
        "mae": "mean_absolute_error",
        "rmse": "root_mean_squared_error",
    }
    # RMSLE is the RMSE of logarithms; AutoGluon has a metric for it, which trains on values.
    logarithm = metric == "rmsle"
    if logarithm:
        train = train.assign(**{target: np.log1p(train[target])})
    with tempfile.TemporaryDirectory() as folder:
        predictor = TabularPredictor(
            label=target,
            # Whole numbers would be taken for classes.
            problem_type=None if metric in LABELS | PROBABILITIES else "regression",
            eval_metric=known.get(metric, known["rmse"]),
            path=folder,
            verbosity=0,
        ).fit(train, presets="best_v150", time_limit=seconds, num_cpus=2)
        if metric in PROBABILITIES:
            return predictor.predict_proba(test)
        values = predictor.predict(test)
    return np.expm1(values) if logarithm else values


def flaml(train: Any, test: Any, target: str, metric: str, seconds: float) -> Any:
    """FLAML's search, with stacking, which its documentation recommends where time allows."""
    from flaml import AutoML

    regression = metric in {"mae", "rmse", "rmsle"}
    logarithm = metric == "rmsle"
    multiclass = not regression and train[target].nunique() > 2
    known = {"auc": "roc_auc", "rmsle": "rmse"}
    values = np.log1p(train[target]) if logarithm else train[target]
    found = AutoML()
    found.fit(
        train.drop(columns=target),
        values,
        task="regression" if regression else "classification",
        metric=known.get(metric, metric) if not (multiclass and metric == "auc") else "roc_auc_ovr",
        time_budget=seconds,
        ensemble=True,
        seed=SEED,
        verbose=0,
        n_jobs=2,
    )
    if metric in PROBABILITIES:
        return pd.DataFrame(found.predict_proba(test), columns=found.classes_)
    predicted = found.predict(test)
    return np.expm1(predicted) if logarithm else predicted


def mljar(train: Any, test: Any, target: str, metric: str, seconds: float) -> Any:
    """mljar's mode for competitions."""
    from supervised import AutoML

    logarithm = metric == "rmsle"
    known = {"log_loss": "logloss", "rmsle": "rmse"}
    values = np.log1p(train[target]) if logarithm else train[target]
    with tempfile.TemporaryDirectory() as folder:
        found = AutoML(
            mode="Compete",
            eval_metric=known.get(metric, metric),
            total_time_limit=int(seconds),
            results_path=str(Path(folder) / "results"),
            random_state=SEED,
            verbose=0,
            n_jobs=2,
        )
        found.fit(train.drop(columns=target), values)
        if metric in PROBABILITIES:
            table = pd.DataFrame(found.predict_proba(test))
            table.columns = sorted(train[target].unique())
            return table
        predicted = found.predict(test)
    return np.expm1(predicted) if logarithm else predicted


def hist_gradient_boosting(train: Any, test: Any, target: str, metric: str, seconds: float) -> Any:
    """scikit-learn's boosted trees with their defaults; levels of texts as categories."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    del seconds
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=250
    )
    columns = make_column_transformer(
        (encoder, make_column_selector(dtype_exclude="number")), remainder="passthrough"
    )
    rows, values = train.drop(columns=target), train[target]
    if metric in LABELS | PROBABILITIES:
        found = make_pipeline(columns, HistGradientBoostingClassifier(random_state=SEED))
        found.fit(rows, values)
        if metric in PROBABILITIES:
            return pd.DataFrame(found.predict_proba(test), columns=found.classes_)
        return found.predict(test)
    logarithm = metric == "rmsle"
    loss = "absolute_error" if metric == "mae" else "squared_error"
    found = make_pipeline(columns, HistGradientBoostingRegressor(loss=loss, random_state=SEED))
    found.fit(rows, np.log1p(values) if logarithm else values)
    return np.expm1(found.predict(test)) if logarithm else found.predict(test)


def common_sense(train: Any, test: Any, target: str, metric: str, seconds: float) -> Any:
    """What can be said without looking at a row."""
    del seconds
    values = train[target]
    if metric in PROBABILITIES:
        shares = values.value_counts(normalize=True).sort_index()
        return pd.DataFrame([shares.to_dict()] * len(test))
    best = values.mode()[0] if metric in LABELS else values.median()
    if metric == "rmse":
        best = values.mean()
    if metric == "rmsle":
        best = np.expm1(np.log1p(values).mean())
    return np.full(len(test), best)


def main() -> None:
    """Fit, predict, write."""
    peer, train_path, test_path, output, target, row_id, metric, seconds = sys.argv[1:]
    train, test = pd.read_csv(train_path), pd.read_csv(test_path)
    ids = test.pop(row_id)
    train = train.drop(columns=row_id)
    predicted = globals()[peer](train, test, target, metric, float(seconds))
    table = pd.DataFrame(predicted) if getattr(predicted, "ndim", 1) > 1 else None
    if table is None:
        table = pd.DataFrame({target: np.asarray(predicted)})
    table.insert(0, row_id, ids.to_numpy())
    table.to_csv(output, index=False)


if __name__ == "__main__":
    main()
