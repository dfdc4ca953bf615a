"""Convex weights: at the optimum, on the simplex, and with a certificate that holds."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.optimize import minimize

from comps.base import Loss, UsageError
from ensembles import ConvexWeights, Sample, convex_weights, weights
from ensembles.weights import SOLVERS

Floats = NDArray[np.float64]
Problem = tuple[Floats, Floats]


def squared_error_weights(predictions: Floats, target: Floats) -> ConvexWeights:
    return weights.squared_error_weights(Sample(predictions, target))


def loss_at(weights: Floats, problem: Problem) -> float:
    """Return the mean squared error of a blend, the plain way."""
    predictions, target = problem
    return float(np.mean((predictions @ weights - target) ** 2))


def tolerance(problem: Problem) -> float:
    """Return what rounding may cost: a small part of the largest loss of a member."""
    predictions, target = problem
    return 1e-10 * float(np.mean((predictions - target[:, None]) ** 2, axis=0).max()) + 1e-15


def random_simplex(n_members: int, count: int = 200, seed: int = 0) -> Floats:
    """Return [count, members] weights, sparse and dense ones."""
    rng = np.random.default_rng(seed)
    points = [rng.dirichlet(np.full(n_members, alpha), count // 2) for alpha in (0.2, 1.0)]
    return np.vstack(points)


def grid_simplex(n_members: int, parts: int) -> Iterator[Floats]:
    """Yield all weights that are multiples of 1 / parts."""
    for bars in itertools.combinations(range(parts + n_members - 1), n_members - 1):
        edges = np.array([-1, *bars, parts + n_members - 1])
        yield (np.diff(edges) - 1) / parts


def assert_on_simplex(found: ConvexWeights, n_members: int) -> None:
    assert found.weights.shape == (n_members,)
    assert found.weights.dtype == np.float64
    assert (found.weights >= 0).all()
    assert found.weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert found.gap >= 0


def assert_optimal(found: ConvexWeights, problem: Problem) -> None:
    """Check the weights against many others, and what they say of themselves."""
    predictions, _ = problem
    n_members = predictions.shape[1]
    assert_on_simplex(found, n_members)
    slack = tolerance(problem)
    assert found.loss == pytest.approx(loss_at(found.weights, problem), rel=1e-9, abs=slack)
    assert found.gap <= slack
    others = [*np.eye(n_members), np.full(n_members, 1 / n_members), *random_simplex(n_members)]
    for other in others:
        assert found.loss <= loss_at(other, problem) + slack


def slsqp(problem: Problem) -> Floats:
    """Return the weights that a general solver finds."""
    predictions, target = problem
    n_members = predictions.shape[1]
    size = float(np.mean((predictions - target[:, None]) ** 2)) or 1.0
    solution = minimize(
        lambda weights: loss_at(weights, problem) / size,
        np.full(n_members, 1 / n_members),
        jac=lambda weights: (
            2 * predictions.T @ (predictions @ weights - target) / len(target) / size
        ),
        bounds=[(0, 1)] * n_members,
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    weights = np.clip(solution.x, 0, None)
    return weights / weights.sum()


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Draw any predictions and targets; few distinct values, so that ties are common."""
    rows, members = draw(st.integers(1, 12)), draw(st.integers(1, 6))
    values = st.one_of(st.integers(-3, 3).map(float), st.floats(-10, 10, width=32))
    predictions = draw(arrays(np.float64, (rows, members), elements=values))
    return predictions, draw(arrays(np.float64, rows, elements=values))


def realistic(n_rows: int, n_members: int, seed: int) -> Problem:
    """Return members with errors of their own and a shared one, as models have."""
    rng = np.random.default_rng(seed)
    target = rng.normal(12, 0.4, n_rows)
    shared = rng.normal(0, 0.1, (n_rows, 1))
    own = rng.normal(0, 0.06, (n_rows, n_members)) * rng.uniform(0.5, 2, n_members)
    bias = rng.normal(0, 0.01, n_members)
    return target[:, None] + shared + own + bias, target


@given(problems())
@settings(max_examples=150, deadline=None)
def test_no_other_weights_are_better(problem: Problem) -> None:
    assert_optimal(squared_error_weights(*problem), problem)


@given(problems())
@settings(max_examples=40, deadline=None)
def test_a_general_solver_finds_nothing_better(problem: Problem) -> None:
    found = squared_error_weights(*problem)
    assert found.loss <= loss_at(slsqp(problem), problem) + tolerance(problem)


@pytest.mark.parametrize("n_members", [2, 3, 5, 10, 30])
def test_a_general_solver_agrees_on_members_like_real_ones(n_members: int) -> None:
    problem = realistic(500, n_members, seed=n_members)
    found = squared_error_weights(*problem)
    assert_optimal(found, problem)
    general = slsqp(problem)
    assert loss_at(general, problem) >= found.loss - 1e-12
    assert loss_at(general, problem) == pytest.approx(found.loss, rel=1e-5)
    np.testing.assert_allclose(found.weights, general, atol=0.01)


@given(problems(), st.lists(st.floats(0, 1), min_size=6, max_size=6))
@settings(max_examples=100, deadline=None)
def test_the_gap_bounds_what_any_other_weights_can_gain(
    problem: Problem, parts: list[float]
) -> None:
    found = squared_error_weights(*problem)
    other = np.array(parts[: problem[0].shape[1]]) + 1e-3
    gain = found.loss - loss_at(other / other.sum(), problem)
    assert gain <= found.gap + tolerance(problem)


@pytest.mark.parametrize("seed", range(5))
def test_the_certificate_holds_against_a_fine_search(seed: int) -> None:
    problem = realistic(40, 3, seed)
    found = squared_error_weights(*problem)
    fine = min(loss_at(weights, problem) for weights in grid_simplex(3, parts=60))
    assert found.loss - found.gap <= fine
    # The search, too, comes close: the optimum is not an artefact of the bound.
    assert fine == pytest.approx(found.loss, rel=1e-2)


# Known answers


def test_one_member_gets_everything() -> None:
    found = squared_error_weights(np.array([[1.0], [5.0]]), np.array([0.0, 0.0]))
    assert found.weights.tolist() == [1.0]
    assert found.loss == pytest.approx(13.0)
    assert found.gap == 0


def test_a_perfect_member_gets_everything() -> None:
    target = np.array([1.0, 2.0, 4.0])
    found = squared_error_weights(np.stack([target + 1, target, target * 2], axis=1), target)
    np.testing.assert_allclose(found.weights, [0, 1, 0], atol=1e-12)
    assert found.loss == pytest.approx(0.0, abs=1e-20)


def test_opposite_errors_cancel() -> None:
    target = np.array([1.0, 2.0, 4.0])
    members = np.stack([target + 3, target - 1], axis=1)
    found = squared_error_weights(members, target)
    np.testing.assert_allclose(found.weights, [0.25, 0.75], atol=1e-12)


@pytest.mark.parametrize("variances", [(1.0, 4.0), (1.0, 2.0, 3.0)])
def test_independent_errors_are_weighted_by_inverse_variance(variances: tuple[float, ...]) -> None:
    # Errors orthogonal to each other: the optimum is known in closed form.
    errors = np.eye(len(variances)) * np.sqrt(variances)
    found = squared_error_weights(errors, np.zeros(len(variances)))
    inverse = 1 / np.array(variances)
    np.testing.assert_allclose(found.weights, inverse / inverse.sum(), atol=1e-12)


def test_a_member_that_is_only_worse_gets_nothing() -> None:
    target = np.zeros(4)
    good = np.array([1.0, -1.0, 1.0, -1.0])
    found = squared_error_weights(np.stack([good, 3 * good], axis=1), target)
    np.testing.assert_allclose(found.weights, [1, 0], atol=1e-12)


# Awkward members


def test_copies_of_a_member_change_no_loss() -> None:
    problem = realistic(80, 4, seed=1)
    predictions, target = problem
    alone = squared_error_weights(*problem)
    copies = np.hstack([predictions, predictions, predictions[:, :1]]), target
    found = squared_error_weights(*copies)
    assert_optimal(found, copies)
    assert found.loss == pytest.approx(alone.loss, rel=1e-9)


def test_members_that_are_all_the_same_are_weighted_without_nan() -> None:
    problem = np.tile(np.array([[1.0], [3.0], [2.0]]), 5), np.array([1.0, 2.0, 3.0])
    found = squared_error_weights(*problem)
    assert_optimal(found, problem)
    assert found.loss == pytest.approx(2 / 3)


def test_perfect_members_have_no_loss_and_no_gap() -> None:
    target = np.array([1.0, 2.0, 3.0])
    found = squared_error_weights(np.tile(target[:, None], 3), target)
    assert_on_simplex(found, 3)
    assert (found.loss, found.gap) == (0.0, 0.0)


def test_constant_members_are_weighted_like_others() -> None:
    target = np.array([0.0, 1.0, 2.0, 3.0])
    problem = np.tile([1.0, 2.5, -4.0], (4, 1)), target
    found = squared_error_weights(*problem)
    assert_optimal(found, problem)
    # The best constant is the mean, which lies between the first two.
    assert problem[0][0] @ found.weights == pytest.approx(1.5)


@pytest.mark.parametrize("n_members", [5, 20, 60])
def test_more_members_than_rows(n_members: int) -> None:
    rng = np.random.default_rng(n_members)
    problem = rng.normal(size=(4, n_members)), rng.normal(size=4) + 3
    assert_optimal(squared_error_weights(*problem), problem)


def test_one_row_only() -> None:
    problem = np.array([[1.0, 2.0, 10.0]]), np.array([4.0])
    found = squared_error_weights(*problem)
    assert_optimal(found, problem)
    assert found.loss == pytest.approx(0.0, abs=1e-20)


def test_perfectly_correlated_members() -> None:
    base = np.random.default_rng(2).normal(size=(50, 1))
    problem = base * np.array([0.5, 0.9, 1.3, 2.0]) + 0.1, base[:, 0]
    found = squared_error_weights(*problem)
    assert_optimal(found, problem)


def test_nearly_equal_members() -> None:
    predictions, target = realistic(200, 1, seed=3)
    noise = np.random.default_rng(4).normal(0, 1e-9, (200, 6))
    problem = predictions + noise, target
    assert_optimal(squared_error_weights(*problem), problem)


@pytest.mark.parametrize("factor", [1e-12, 1e-6, 1e-3, 1e3, 1e6, 1e12])
def test_the_unit_of_the_target_changes_no_weights(factor: float) -> None:
    predictions, target = realistic(100, 5, seed=5)
    before = squared_error_weights(predictions, target).weights
    after = squared_error_weights(predictions * factor, target * factor).weights
    np.testing.assert_allclose(after, before, atol=1e-6)


@pytest.mark.parametrize("factor", [1e-12, 1e-6, 1e3, 1e9])
@pytest.mark.parametrize(
    "solve",
    [weights.absolute_error_weights, lambda sample: weights.pinball_weights(sample, 0.9)],
    ids=["absolute", "pinball"],
)
def test_the_unit_of_the_target_changes_no_linear_programme(
    solve: Callable[[Sample], ConvexWeights], factor: float
) -> None:
    predictions, target = realistic(100, 5, seed=5)
    before = solve(Sample(predictions, target))
    after = solve(Sample(predictions * factor, target * factor))
    np.testing.assert_allclose(after.weights, before.weights, atol=1e-6)
    assert after.loss == pytest.approx(before.loss * factor, rel=1e-6)
    assert 0 <= after.gap <= 1e-6 * after.loss


@given(st.permutations(range(5)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_members_and_rows_changes_no_weights(order: list[int]) -> None:
    predictions, target = realistic(60, 5, seed=6)
    before = squared_error_weights(predictions, target).weights
    np.testing.assert_allclose(
        squared_error_weights(predictions[:, order], target).weights, before[order], atol=1e-9
    )
    rows = np.argsort(predictions[:, order[0]])
    np.testing.assert_allclose(
        squared_error_weights(predictions[rows], target[rows]).weights, before, atol=1e-9
    )


def with_garbage(size: float) -> Iterator[Problem]:
    """Yield members like real ones with one that went astray, in front and at the end."""
    predictions, target = realistic(100, 4, seed=7)
    astray = np.random.default_rng(8).normal(size=(100, 1)) * size
    yield np.hstack([astray, predictions]), target
    yield np.hstack([predictions, astray]), target


@pytest.mark.parametrize("size", [1e1, 1e2, 1e3, 1e4, 1e6, 1e8])
def test_a_member_that_went_astray_spoils_no_weights_of_the_others(size: float) -> None:
    good = squared_error_weights(*realistic(100, 4, seed=7))
    for problem in with_garbage(size):
        found = squared_error_weights(*problem)
        assert_on_simplex(found, 5)
        # Not the tolerance of the worst member: the loss of the best ones matters.
        assert loss_at(found.weights, problem) <= good.loss * (1 + 1e-6)


@pytest.mark.parametrize("size", [1e3, 1e10, 1e16, 1e20])
def test_a_member_that_went_astray_spoils_no_linear_programme(size: float) -> None:
    good = weights.absolute_error_weights(Sample(*realistic(100, 4, seed=7)))
    for problem in with_garbage(size):
        found = weights.absolute_error_weights(Sample(*problem))
        assert_on_simplex(found, 5)
        assert found.loss <= good.loss * (1 + 1e-6) and found.gap <= 1e-6 * good.loss


@pytest.mark.parametrize("size", [1e10, 1e13, 1e16, 1e20])
def test_the_certificate_holds_where_numbers_end(size: float) -> None:
    good = squared_error_weights(*realistic(100, 4, seed=7))
    for problem in with_garbage(size):
        found = squared_error_weights(*problem)
        assert_on_simplex(found, 5)
        assert loss_at(found.weights, problem) <= (good.loss + found.gap) * (1 + 1e-6)


# The way in


def test_squared_error_is_solved_by_name() -> None:
    problem = realistic(50, 3, seed=9)
    found = convex_weights(Loss.SQUARED_ERROR, Sample(*problem))
    np.testing.assert_array_equal(found.weights, squared_error_weights(*problem).weights)


@pytest.mark.parametrize("loss", [None, *(loss for loss in Loss if loss not in SOLVERS)])
def test_a_loss_without_an_exact_solver_is_refused(loss: Loss | None) -> None:
    with pytest.raises(UsageError, match=r"no exact convex weights .* There are for: squared_"):
        convex_weights(loss, Sample(np.zeros((2, 2)), np.zeros(2)))
