"""What models see of a forecast: the past of its series at the origin, and what is known ahead.

Every column of the past is made for all steps and series at once, from the step itself and those
before, and read off at the origin or earlier: no row can know what comes after its origin. Values
enter as differences to the seasonal naive forecast, which is what models correct, or to the last
one; levels of series of one key are a column each.
"""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.kinds.series.arrays import (
    age,
    at,
    before,
    carried,
    expanding,
    in_season,
    mean_of_known,
    rolling,
)
from comps.kinds.series.clock import clock, clock_names
from comps.kinds.series.panel import Panel, Rows
from comps.kinds.series.seasons import Season, season_ago, seasonal_naive

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Columns = dict[str, Floats]

#: The column of the forecast that models correct, on the metric's scale.
NAIVE = "seasonal naive"
# Steps before the last known one, and windows of steps where there is no season to tell.
_LAGS = (1, 2, 3, 5)
_WINDOWS = (3, 6, 12)
# Seasons before the forecast whose mean is taken, and seasons that make a long window.
_SEASONS = (2, 4, 8)
_LONG = 4


def feature_table(
    panel: Panel,
    rows: Rows,
    ranked: list[Season],
    trained: NDArray[np.int64],
    *,
    stepped: bool,
    keyed: bool,
) -> pd.DataFrame:
    """Return a row of features for each forecast, float32 and levels of the key and covariates.

    Args:
        panel: the series; of the test part the target is not known.
        rows: the forecasts.
        ranked: the seasons, the best first.
        trained: steps that training rows forecast, by which parts of the calendar are chosen.
        stepped: whether forecasts differ in how far ahead they are.
        keyed: whether models know the series by their keys.
    """
    import pandas as pd

    base = seasonal_naive(panel.values, rows, ranked)
    seasons = sorted(season.steps for season in ranked if season.steps > 1)
    columns: Columns = {NAIVE: base}
    columns |= _recent(panel.values, rows, base)
    for season in seasons:
        columns |= _season(panel.values, rows, base, season)
    columns |= _windows(panel.values, rows, _usual_windows(panel, seasons), ranked[0].steps)
    columns |= clock(panel.grid, rows.times, trained)
    if panel.grid.unit == "number" and seasons:
        columns["point of the season"] = (rows.times % seasons[0]).astype(np.float64)
    if stepped:
        columns["step"] = rows.steps.astype(np.float64)
    columns |= _own_past(panel.values, rows)
    # Those of the calendar, too, that these rows do not have: names must not depend on the rows.
    taken = {*columns, "step", "key", *clock_names()}
    columns |= _covariates(panel, rows, ranked[0].steps, taken)
    table = pd.DataFrame({name: column.astype(np.float32) for name, column in columns.items()})
    # In float32 the forecast would no longer be the one that is added to predictions.
    table[NAIVE] = base
    for name, levels in _levels(panel, rows, taken).items():
        table[name] = levels
    if keyed:
        table["key"] = pd.Categorical.from_codes(rows.series, pd.Index(panel.keys))
    return table


def forecast(rows: pd.DataFrame) -> Floats:
    """Return the seasonal naive forecast of rows, [n] float64 on the metric's scale."""
    return rows[NAIVE].to_numpy(dtype=np.float64)


def _recent(values: Floats, rows: Rows, base: Floats) -> Columns:
    """Return the last known value, those before it, and how old it is."""
    filled = carried(values)
    last = at(filled, rows.origins, rows.series)
    columns = {"last": last - base, "age": at(age(values), rows.origins, rows.series)}
    for lag in _LAGS:
        columns[f"last - {lag}"] = last - at(filled, rows.origins - lag, rows.series)
    return columns


def _season(values: Floats, rows: Rows, base: Floats, season: int) -> Columns:
    """Return what was at the same point of earlier seasons, and how much has changed since."""
    ago = season_ago(rows, season)
    filled = in_season(values, season)
    longest = max(_SEASONS)
    earlier = np.stack([at(values, ago - n * season, rows.series) for n in range(longest)])
    columns = {f"{season} ago": at(filled, ago, rows.series) - base}
    for count in _SEASONS:
        columns[f"mean of {count} x {season}"] = mean_of_known(earlier[:count]) - base
    around = [np.where(ago + n <= rows.origins, ago + n, ago) for n in (-1, 0, 1)]
    near = np.stack([at(values, places, rows.series) for places in around])
    columns[f"around {season} ago"] = mean_of_known(near) - base
    # How far the seasonal forecast was off lately.
    change = values - before(filled, season)
    for window in (1, max(season // 4, 2), season):
        found = carried(change) if window == 1 else rolling(change, window, "mean")
        columns[f"change by {season}, {window}"] = at(found, rows.origins, rows.series)
    return columns


def _usual_windows(panel: Panel, seasons: list[int]) -> list[int]:
    longest = len(panel.values) // 2
    wanted = {*_WINDOWS, *seasons, *(_LONG * season for season in seasons)}
    return sorted(window for window in wanted if window <= longest)


def _windows(values: Floats, rows: Rows, windows: list[int], season: int) -> Columns:
    """Return means, deviations and extremes of the last steps."""
    last = at(carried(values), rows.origins, rows.series)
    then = season_ago(rows, season) - rows.steps
    columns: Columns = {}
    for window in windows:
        means = rolling(values, window, "mean")
        now = at(means, rows.origins, rows.series)
        columns[f"last - mean {window}"] = last - now
        # Against the same point of the season from which the naive forecast was measured.
        columns[f"level change {window}"] = now - at(means, then, rows.series)
        columns[f"trend {window}"] = now - at(means, rows.origins - window, rows.series)
        columns[f"deviation {window}"] = at(
            rolling(values, window, "std"), rows.origins, rows.series
        )
        for what, sign in (("min", 1), ("max", -1)):
            extreme = at(rolling(values, window, what), rows.origins, rows.series)
            columns[f"from {what} {window}"] = sign * (last - extreme)
    return columns


def _own_past(values: Floats, rows: Rows) -> Columns:
    """Return the level and the deviation of all of a series' past."""
    return {
        "level": at(expanding(values, "mean"), rows.origins, rows.series),
        "deviation": at(expanding(values, "std"), rows.origins, rows.series),
    }


def _called(name: str, taken: Container[str]) -> str:
    """Return the name of a covariate among the features."""
    return f"{name} (column)" if name in taken else name


def _covariates(panel: Panel, rows: Rows, season: int, taken: Container[str]) -> Columns:
    """Return numbers beside the target: at the forecast if they are known, else at the origin."""
    columns: Columns = {}
    then = season_ago(rows, season)
    for column, covariate in panel.covariates.items():
        if covariate.levels:
            continue
        name = _called(column, taken)
        values = covariate.cells
        if covariate.known:
            own = at(values, rows.times, rows.series)
            columns[name] = own
            columns[f"{name}, change"] = own - at(values, then, rows.series)
            continue
        own = at(carried(values), rows.origins, rows.series)
        columns[f"{name}, last"] = own
        for window in {3, season} - {1}:
            mean = at(rolling(values, window, "mean"), rows.origins, rows.series)
            columns[f"{name}, last - mean {window}"] = own - mean
        columns[f"{name}, change"] = own - at(carried(values), then, rows.series)
    return columns


def _levels(panel: Panel, rows: Rows, taken: Container[str]) -> dict[str, pd.Categorical[str]]:
    """Return covariates of levels as categories."""
    import pandas as pd

    found = {}
    for column, covariate in panel.covariates.items():
        if covariate.levels:
            name = _called(column, taken)
            values = covariate.cells if covariate.known else carried(covariate.cells)
            read = rows.times if covariate.known else rows.origins
            codes = at(values, read, rows.series)
            places = np.where(np.isnan(codes), -1, codes).astype(np.int64)
            called = name if covariate.known else f"{name}, last"
            found[called] = pd.Categorical.from_codes(places, pd.Index(covariate.levels))
    return found
