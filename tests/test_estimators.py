"""The blends as scikit-learn's estimators."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import root_mean_squared_log_error
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.utils.estimator_checks import estimator_checks_generator

from comps.metrics import LOG_LOSS, RMSLE, ROC_AUC
from ensembles import METHODS, Sample
from ensembles.choice import choose
from ensembles.estimators import BlendClassifier, BlendRegressor
from ensembles.log_loss_weights import log_loss_weights
from ensembles.methods import methods_for
from ensembles.sample import Columns
from ensembles.weights import squared_error_weights

ESTIMATORS = [
    *(BlendRegressor(name) for name in ("equal", "convex", "greedy", "ridge", "auto")),
    *(BlendClassifier(name) for name in ("best", "convex", "logit", "logistic", "auto")),
]
CHECKS = [
    pytest.param(estimator, check, id=f"{type(estimator).__name__}-{estimator.method}-{number}")
    for estimator in ESTIMATORS
    for number, (_, check) in enumerate(estimator_checks_generator(estimator))
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_an_estimator_passes_the_checks_of_scikit_learn(estimator, check) -> None:
    check(clone(estimator))


def test_the_weights_are_the_exact_ones() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(0, 1, 80)
    values = target[:, None] + rng.normal(0, 1, (80, 4))
    found = BlendRegressor().fit(values, target)
    np.testing.assert_array_equal(
        found.weights_, squared_error_weights(Sample(values, target)).weights
    )
    assert found.gap_ < 1e-12
    np.testing.assert_allclose(found.predict(values), values @ found.weights_)


def test_labels_of_any_kind_are_blended_and_given_back() -> None:
    rng = np.random.default_rng(1)
    codes = np.arange(90) % 3
    shares = (rng.dirichlet(np.ones(3), (90, 2)) + np.eye(3)[codes][:, None]) / 2
    labels = np.array(["cat", "dog", "owl"])[codes]
    found = BlendClassifier().fit(shares.reshape(90, 6), labels)
    assert (found.predict(shares.reshape(90, 6)) == labels).mean() > 0.9
    exact = log_loss_weights(Sample(shares, codes.astype(float))).weights
    np.testing.assert_array_equal(found.weights_, exact)
    np.testing.assert_allclose(found.predict_proba(shares.reshape(90, 6)).sum(axis=1), 1)


def test_a_blend_is_scored_by_cross_validation() -> None:
    rng = np.random.default_rng(2)
    target = (rng.random(200) < 0.5).astype(int)
    oof = np.clip(0.5 + (target[:, None] - 0.5) * 0.4 + rng.normal(0, 0.3, (200, 3)), 0, 1)
    scores = cross_val_score(BlendClassifier("rank", ROC_AUC), oof, target, scoring="roc_auc")
    assert scores.mean() > ROC_AUC.score(target, oof[:, 0])


def test_auto_chooses_and_names_what_it_averages() -> None:
    rng = np.random.default_rng(3)
    target = (rng.random(400) < 0.5).astype(int)
    sizes = np.array([0.2, 1.5, 1.5, 1.5])
    oof = np.clip(0.5 + (target[:, None] - 0.5) * 0.5 + rng.normal(0, sizes, (400, 4)), 0, 1)
    found = BlendClassifier("auto", ROC_AUC).fit(oof, target)
    assert "equal" not in found.methods_ and found.weights_[0] > 0.6
    again = BlendClassifier("+".join(found.methods_), ROC_AUC).fit(oof, target)
    np.testing.assert_array_equal(again.predict_proba(oof), found.predict_proba(oof))
    # Two rows of a class cannot be in five folds, one cannot be in two.
    assert BlendClassifier("auto").fit(oof[:5], [0, 0, 0, 0, 1]).methods_ == ["equal"]


@pytest.mark.parametrize("seed", range(4))
def test_auto_chooses_for_values_as_for_a_loop_over_five_folds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target = rng.uniform(5, 9, 60)
    oof = target[:, None] + rng.normal(0, [0.2, 1.0, 1.0], (60, 3))
    # On the metric's scale; an estimator takes values in the target's own unit.
    found = BlendRegressor("auto", RMSLE).fit(np.expm1(oof), np.expm1(target))
    names = methods_for(RMSLE, Columns.ONE)
    honest = np.empty((len(names), 60))
    for train, valid in KFold(5, shuffle=True, random_state=0).split(oof):
        for number, name in enumerate(names):
            fitted = METHODS[name].fit(Sample(oof[train], target[train]), RMSLE)
            honest[number, valid] = fitted.predict(oof[valid])
    wanted = [names[number] for number in choose(RMSLE, target, list(honest))]
    assert found.methods_ == wanted
    fits = [METHODS[name].fit(Sample(oof, target), RMSLE) for name in wanted]
    np.testing.assert_allclose(found.weights_, np.mean([fit.weights for fit in fits], axis=0))


def test_values_are_blended_on_the_scale_of_the_metric() -> None:
    rng = np.random.default_rng(4)
    logs = rng.normal(3, 2, 200)
    oof = np.expm1(np.maximum(logs[:, None] + rng.normal(0, [0.5, 0.7, 0.9], (200, 3)), 0))
    target = np.expm1(np.maximum(logs, 0))
    found = BlendRegressor("convex", RMSLE).fit(oof, target)
    best = root_mean_squared_log_error(target, found.predict(oof))
    for other in rng.dirichlet(np.ones(3), 300):
        blend = np.expm1(np.log1p(oof) @ other)
        assert best <= root_mean_squared_log_error(target, blend) + 1e-12


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_auto_chooses_for_classes_as_for_a_loop_over_folds_with_a_share_of_each(
    seed: int, n_classes: int
) -> None:
    rng = np.random.default_rng(seed)
    # In order, and with a rare one.
    codes = np.sort(np.minimum(rng.poisson(0.5, 91), n_classes - 1))
    shares = rng.dirichlet(np.ones(n_classes), (91, 2)) + np.eye(n_classes)[codes][:, None]
    shares /= shares.sum(axis=2, keepdims=True)
    oof = shares if n_classes > 2 else shares[:, :, 1]
    found = BlendClassifier("auto", LOG_LOSS).fit(oof.reshape(91, -1), codes)
    names = methods_for(LOG_LOSS, Columns.of(oof, codes))
    honest = [np.empty((91, *oof.shape[2:])) for _ in names]
    for train, valid in StratifiedKFold(5, shuffle=True, random_state=0).split(oof[:, 0], codes):
        rest = Sample(oof[train], codes[train].astype(float))
        for name, predicted in zip(names, honest, strict=True):
            predicted[valid] = METHODS[name].fit(rest, LOG_LOSS).predict(oof[valid])
    wanted = choose(LOG_LOSS, codes.astype(float), honest)
    assert found.methods_ == [names[number] for number in wanted]


def test_targets_of_one_class_are_refused() -> None:
    with pytest.raises(ValueError, match="one class alone"):
        BlendClassifier().fit([[0.1], [0.2]], [1, 1])


def test_one_member_is_left_as_it_is() -> None:
    found = BlendRegressor("auto").fit([[1.0], [2.0], [4.0]], [1.5, 2.5, 3.0])
    assert found.methods_ == ["equal"] and found.weights_.tolist() == [1.0]


def test_columns_that_were_not_fitted_are_refused() -> None:
    found = BlendRegressor("equal").fit([[1.0, 2.0], [2.0, 3.0]], [1.0, 2.0])
    with pytest.raises(ValueError, match="is expecting 2 features"):
        found.predict([[1.0], [2.0]])


@pytest.mark.parametrize(
    ("estimator", "columns", "message"),
    [
        (BlendRegressor("median"), [[1.0], [2.0]], "method must be one of"),
        (BlendRegressor("equal+median"), [[1.0], [2.0]], "or several with plus signs"),
        (BlendRegressor("logit"), [[1.0], [2.0]], "method must be one of"),
        (
            BlendRegressor("geometric"),
            [[-1.0], [2.0]],
            "is of positive values; a member predicts -1",
        ),
        (
            BlendRegressor(metric=RMSLE),
            [[1.0], [-2.0]],
            "on the scale 'log1p' of the metric were expected; -2 came",
        ),
        (BlendClassifier(), [[0.1, 0.2], [0.3, 0.4], [0.3, 0.4]], "no multiple of 3 classes"),
    ],
)
def test_what_makes_no_sense_is_refused(estimator, columns, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        estimator.fit(columns, np.arange(len(columns)))
