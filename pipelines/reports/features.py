"""Residuals by feature: columns along which predictions are too high or too low."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.reports.charts import BLUE, INK, chart, number, short
from pipelines.reports.parts import Part, Plot, Text
from pipelines.reports.run import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Codes = NDArray[np.int64]

MOST_DRAWN, _MOST_COLUMNS = 4, 500
_BINS, _MOST_LEVELS = 8, 12
# A mean of fewer rows says little.
_LEAST = 10


def residuals_by_feature(name: str, rows: Any, residual: Floats, unit: str) -> list[Part]:
    """Return the columns whose groups differ most in their mean residual; none of few rows.

    Groups are eighths of the rows by a number, or the most frequent categories. Columns are ordered
    by the share of the residuals' variance between groups, less what chance would give.

    Args:
        name: of the target.
        rows: [k, columns] table.
        residual: [k] true minus predicted.
        unit: of the residuals, for the axis.
    """
    found = []
    for place in range(min(rows.shape[1], _MOST_COLUMNS)):
        labels, codes = _groups(rows.iloc[:, place])
        share = _between(codes, residual, len(labels))
        if share > 0:
            found.append((share, str(rows.columns[place]), labels, codes))
    found.sort(key=lambda one: -one[0])
    parts: list[Part] = [
        _plot(name, column, labels, codes, residual, unit)
        for _, column, labels, codes in found[:MOST_DRAWN]
    ]
    if parts:
        parts.append(
            Text(
                "The columns along which residuals differ most: mean residual of each group of "
                "rows, with two standard errors to each side. Above zero, predictions are too low.",
                kind="small",
            )
        )
    return parts


def _groups(column: Any) -> tuple[list[str], Codes]:
    """Return names of groups of rows, and [k] the group of each row, -1 for none."""
    import pandas as pd
    from pandas.api import types

    if types.is_datetime64_any_dtype(column):
        codes, edges = pd.qcut(column, _BINS, labels=False, retbins=True, duplicates="drop")
        texts = [str(edge)[:16].removesuffix(" 00:00") for edge in edges]
        return [f"from {text}" for text in texts[:-1]], _coded(codes)
    if types.is_numeric_dtype(column) and not types.is_bool_dtype(column):
        values = column.astype(float).replace([np.inf, -np.inf], np.nan)
        codes, edges = pd.qcut(values, _BINS, labels=False, retbins=True, duplicates="drop")
        pairs = itertools.pairwise(_told_apart(edges))
        return [f"{low} to {high}" for low, high in pairs], _coded(codes)
    texts = column.astype(object).where(column.notna(), "(missing)").astype(str)
    frequent = texts.value_counts().index[:_MOST_LEVELS]
    return [str(level) for level in frequent], np.asarray(frequent.get_indexer(texts), np.int64)


def _coded(codes: Any) -> Codes:
    """Return groups as numbers, -1 for none."""
    return np.where(np.isnan(codes), -1, codes).astype(np.int64)


def _told_apart(edges: Sequence[float]) -> list[str]:
    """Return numbers as texts of which no two are equal, if twelve digits are enough.

    >>> _told_apart([2016.4512, 2016.8, 2016.813])
    ['2016.45', '2016.8', '2016.81']
    """
    texts = [number(edge) for edge in edges]
    for digits in range(6, 13):
        if len(set(texts)) == len(texts):
            break
        texts = [f"{edge:.{digits}g}" for edge in edges]
    return texts


def _between(codes: Codes, residual: Floats, groups: int) -> float:
    """Return the share of the variance between groups that are drawn, less its mean by chance."""
    counts = np.bincount(codes[codes >= 0], minlength=groups)
    large = counts >= _LEAST
    # The last place of the mask is that of no group, -1.
    known = np.append(large, False)[codes]
    if large.sum() < 2:
        return 0.0
    centred = residual[known] - residual[known].mean()
    sums = np.bincount(codes[known], centred, minlength=groups)[large]
    total = float(centred @ centred)
    if total == 0:
        return 0.0
    chance = float(large.sum() - 1) / (len(centred) - 1)
    return float((sums**2 / counts[large]).sum()) / total - chance


def _plot(
    name: str, column: str, labels: list[str], codes: Codes, residual: Floats, unit: str
) -> Plot:
    groups = [residual[codes == code] for code in range(len(labels))]
    kept = [
        (label, some) for label, some in zip(labels, groups, strict=True) if len(some) >= _LEAST
    ]
    means = np.array([some.mean() for _, some in kept])
    errors = np.array([2 * some.std(ddof=1) / np.sqrt(len(some)) for _, some in kept])
    worst = int(np.abs(means).argmax())
    alt = (
        f"Mean residual of {name} in {len(kept)} groups of rows by {column}. Farthest from zero: "
        f"{kept[worst][0]}, {means[worst]:.4g}."
    )

    def draw(axes: Axes) -> None:
        heights = range(len(kept))
        axes.axvline(0, color=INK, linewidth=1, linestyle="--")
        axes.errorbar(means, heights, xerr=errors, fmt="o", color=BLUE, ms=5, elinewidth=1.6)
        axes.set_yticks(heights, [short(label, 22) for label, _ in kept])
        axes.set(xlabel=f"mean residual{unit}", ylim=(len(kept) - 0.5, -0.5))
        axes.locator_params(axis="x", nbins=6)
        axes.grid(axis="y", visible=False)

    data = {"groups": [label for label, _ in kept], "means": means}
    key, title = f"by-{column}-{name}", f"Residuals by {short(column, 34)}"
    return chart(key, title, alt, draw, data, height=0.8 + 0.26 * len(kept))
