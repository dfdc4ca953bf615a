"""Metrics of values."""

from __future__ import annotations

from functools import partial

import numpy as np

from comps.base import LOG1P, Array, Loss, Metric, UsageError, root_mean_squared_error

# The distance to zero that a divisor keeps, and a prediction that must be positive: scikit-learn
# refuses such predictions, which would end a run for one row.
_LEAST = float(np.finfo(np.float64).eps)


def _mean(errors: Array, sample_weight: Array | None) -> float:
    return float(np.average(errors, weights=sample_weight))


def _absolute(target: Array, prediction: Array, sample_weight: Array | None = None) -> float:
    return _mean(np.abs(target - prediction), sample_weight)


def _median(target: Array, prediction: Array, sample_weight: Array | None = None) -> float:
    errors = np.abs(target - prediction)
    if sample_weight is None:
        return float(np.median(errors))
    from sklearn.metrics import median_absolute_error

    return float(median_absolute_error(np.zeros(len(errors)), errors, sample_weight=sample_weight))


def _percentage(target: Array, prediction: Array, sample_weight: Array | None = None) -> float:
    return _mean(np.abs(target - prediction) / np.maximum(np.abs(target), _LEAST), sample_weight)


def _symmetric(target: Array, prediction: Array, sample_weight: Array | None = None) -> float:
    sizes = (np.abs(target) + np.abs(prediction)) / 2
    errors = np.abs(target - prediction) / np.where(sizes > 0, sizes, 1.0)
    return 100 * _mean(errors, sample_weight)


def _r2(target: Array, prediction: Array, sample_weight: Array | None = None) -> float:
    if len(target) < 2:
        return float("nan")
    squares = np.square(target - np.average(target, weights=sample_weight))
    spread = float(np.average(squares, weights=sample_weight))
    error = _mean(np.square(target - prediction), sample_weight)
    # scikit-learn's convention where all targets are equal.
    return 1 - error / spread if spread > 0 else float(error == 0)


def _pinball(
    target: Array, prediction: Array, sample_weight: Array | None = None, *, quantile: float
) -> float:
    low = target - prediction
    return _mean(np.where(low >= 0, quantile * low, (quantile - 1) * low), sample_weight)


def _deviance(
    target: Array, prediction: Array, sample_weight: Array | None = None, *, power: float
) -> float:
    from scipy.special import xlogy

    mean = np.maximum(prediction, _LEAST)
    if power == 1:
        halves = xlogy(target, target / mean) - target + mean
    elif power == 2:
        halves = np.log(mean / target) + target / mean - 1
    else:
        one, two = 1 - power, 2 - power
        halves = (
            np.power(target, two) / (one * two)
            - target * np.power(mean, one) / one
            + np.power(mean, two) / two
        )
    return 2 * _mean(halves, sample_weight)


ROOT_MEAN_SQUARED_ERROR = Metric(
    name="root_mean_squared_error",
    label="RMSE",
    function=root_mean_squared_error,
    greater_is_better=False,
    loss=Loss.SQUARED_ERROR,
    weighted=True,
)

# Kaggle asks for the root mean squared error of the logarithms: RMSE on the log1p scale.
RMSLE = Metric(
    name="root_mean_squared_log_error",
    label="RMSLE",
    function=root_mean_squared_error,
    greater_is_better=False,
    scale=LOG1P,
    loss=Loss.SQUARED_ERROR,
    weighted=True,
)

MEAN_ABSOLUTE_ERROR = Metric(
    name="mean_absolute_error",
    label="MAE",
    function=_absolute,
    greater_is_better=False,
    loss=Loss.ABSOLUTE_ERROR,
    digits=4,
    weighted=True,
)

MEDIAN_ABSOLUTE_ERROR = Metric(
    name="median_absolute_error",
    label="median AE",
    function=_median,
    greater_is_better=False,
    loss=Loss.ABSOLUTE_ERROR,
    digits=4,
    weighted=True,
    aliases=("medae",),
)

MEAN_ABSOLUTE_PERCENTAGE_ERROR = Metric(
    name="mean_absolute_percentage_error",
    label="MAPE",
    function=_percentage,
    greater_is_better=False,
    loss=Loss.PERCENTAGE_ERROR,
    weighted=True,
)

# As Kaggle has it: from 0 to 200, and 0 for a row whose target and prediction both are.
SMAPE = Metric(
    name="symmetric_mean_absolute_percentage_error",
    label="SMAPE",
    function=_symmetric,
    greater_is_better=False,
    loss=Loss.ABSOLUTE_ERROR,
    digits=4,
    weighted=True,
)

R2 = Metric(
    name="r2",
    label="R2",
    function=_r2,
    greater_is_better=True,
    loss=Loss.SQUARED_ERROR,
    weighted=True,
    aliases=("r2_score", "r_squared"),
)


def pinball(quantile: float) -> Metric:
    """Return the pinball loss of a quantile, which is least where that share of targets is below.

    Raises:
        UsageError: if the quantile is not between 0 and 1.

    >>> pinball(0.9).name
    'mean_pinball_loss@0.9'
    """
    if not 0 < quantile < 1:
        raise UsageError(f"The quantile of the pinball loss is between 0 and 1; {quantile:g} came.")
    return Metric(
        name=f"mean_pinball_loss@{quantile:g}",
        label=f"pinball@{quantile:g}",
        function=partial(_pinball, quantile=quantile),
        greater_is_better=False,
        loss=Loss.PINBALL,
        weighted=True,
        parameter=quantile,
    )


def tweedie(power: float) -> Metric:
    """Return the Tweedie deviance: 1 is Poisson's, 2 the gamma distribution's.

    Predictions of zero and less count as 2e-16.

    Raises:
        UsageError: if the power is below 1.

    >>> tweedie(1.5).label
    'Tweedie@1.5'
    """
    if not (1 <= power < np.inf):
        raise UsageError(f"The power of the Tweedie deviance is 1 or more; {power:g} came.")
    return Metric(
        name=f"mean_tweedie_deviance@{power:g}",
        label=f"Tweedie@{power:g}",
        function=partial(_deviance, power=float(power)),
        greater_is_better=False,
        loss=Loss.SQUARED_ERROR,  # Its expected minimum is the mean, too.
        weighted=True,
        # Zero itself has no logarithm.
        least_target=0.0 if power < 2 else float(np.nextafter(0, 1)),
        parameter=power,
    )


MEAN_POISSON_DEVIANCE = Metric(
    name="mean_poisson_deviance",
    label="Poisson deviance",
    function=partial(_deviance, power=1.0),
    greater_is_better=False,
    loss=Loss.SQUARED_ERROR,
    weighted=True,
    least_target=0.0,
    aliases=("poisson",),
)

METRICS = (
    ROOT_MEAN_SQUARED_ERROR,
    RMSLE,
    MEAN_ABSOLUTE_ERROR,
    MEDIAN_ABSOLUTE_ERROR,
    MEAN_ABSOLUTE_PERCENTAGE_ERROR,
    SMAPE,
    R2,
    MEAN_POISSON_DEVIANCE,
)
