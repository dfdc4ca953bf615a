"""Reads a weather station's file into windows of 120 hours and the temperature 24 hours later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import DataError, Dataset, Windows
from comps.reading.archives import files_fingerprint
from comps.temperature.hours import hourly, with_wind
from comps.temperature.readings import TARGET, TIME, parse, read_station

if TYPE_CHECKING:
    import pandas as pd

# Chollet, "Deep Learning with Python", 2nd edition, chapter 10: hours, and the share of time.
WINDOW = 120
HORIZON = 24
TEST_SHARE = 0.25
# Fewer rows leave an expanding fold nothing to train on once the gap is kept.
_LEAST_HOURS = 14 * (WINDOW + HORIZON)


def load(path: Path) -> Dataset:
    """Return a row for each hour whose temperature is known: the 120 hours up to 24 before it.

    The last 25 % of the time is the test part. A test window reaches back into the training
    part, and holds true temperatures of earlier test hours: both were known by then.

    Windows with holes are kept, for an hour that lacks a reading has a forecast all the same;
    holes are NaN, and transformers fill them from the past alone. Training rows without any
    temperature in their window are left out.

    Args:
        path: a CSV file such as Jena's, a zip of it, or a folder with one of them.

    Raises:
        DataError: if `readings` cannot read the file, or it is too short.

    >>> from comps.temperature.competition import TEMPERATURE
    >>> dataset = load(TEMPERATURE.sample)
    >>> len(dataset.train), len(dataset.test), dataset.train.series.shape
    (6396, 2168, (8730, 10))
    """
    import pandas as pd

    files = read_station(path)
    ((name, content),) = files.items()
    readings = parse(content, name)
    hours = with_wind(hourly(readings.table))
    if len(hours) < _LEAST_HOURS:
        raise DataError(
            f"{name} covers {len(hours)} hours; at least {_LEAST_HOURS} are needed to forecast "
            f"{HORIZON} hours ahead from {WINDOW} and to score it in folds."
        )
    train, test = _targets(hours.iloc[:, 0].to_numpy(), name)
    times = hours.index.to_numpy().astype("datetime64[s]")
    ids = pd.DatetimeIndex(hours.index).strftime(readings.time_format).to_numpy(dtype=np.str_)
    windows = Windows(
        hours.to_numpy(dtype=np.float32), times, train - HORIZON, WINDOW, tuple(hours.columns)
    )
    return Dataset(
        train=windows,
        test=Windows(windows.series, times, test - HORIZON, WINDOW, windows.names),
        target=hours.iloc[train, 0].to_numpy(),
        train_ids=ids[train],
        test_ids=ids[test],
        sample_submission=_sample(ids[test]),
        source=str(path),
        fingerprint=files_fingerprint(files),
        times=times[train],
        notes=(*readings.notes, *_holes(hours)),
    )


def answers(path: Path) -> pd.DataFrame:
    """Return the temperatures of the test hours, for `comps score`."""
    dataset = load(path)
    assert isinstance(dataset.test, Windows)
    solution = dataset.template
    solution[TARGET] = dataset.test.series[dataset.test.ends + HORIZON, 0].astype(np.float64)
    return solution


def _targets(temperature: NDArray[np.float64], name: str) -> tuple[NDArray[np.int64], ...]:
    """Return the hours to forecast, in the training and in the test part."""
    known = ~np.isnan(temperature)
    first = WINDOW - 1 + HORIZON
    cut = round(len(temperature) * (1 - TEST_SHARE))
    hours = np.flatnonzero(known)
    test = hours[hours >= cut]
    # readings[i] counts those before hour i: a difference counts those of a window.
    readings = np.concatenate([[0], np.cumsum(known)])
    hours = hours[(hours >= first) & (hours < cut)]
    ends = hours - HORIZON + 1
    train = hours[readings[ends] > readings[ends - WINDOW]]
    if not len(train) or not len(test):
        raise DataError(f"{name} has no temperatures to train on or none in its last quarter.")
    return train, test


def _sample(ids: NDArray[np.str_]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({TIME: ids, TARGET: 0.0})


def _holes(hours: pd.DataFrame) -> tuple[str, ...]:
    silent = int(hours.isna().all(axis=1).sum())
    if not silent:
        return ()
    return (f"{silent} of {len(hours)} hours have no reading; windows show them as missing.",)
