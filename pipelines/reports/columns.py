"""The data: how much there is, of which kinds, what is missing, and what is predicted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from comps.base import Competition, Dataset, RowSet, Task, Windows, counted
from pipelines.reports.charts import BLUE, ORANGE, brief_axis, chart, short
from pipelines.reports.parts import Column, Facts, Lines, Part, Plot, Section, Table, Text
from pipelines.reports.run import ReportedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_COLUMNS, MOST_BARS, MOST_CLASSES = 300, 10, 25
# So many rows tell how many values differ.
_ENOUGH = 20_000


def data(run: ReportedRun) -> Section | None:
    """Return what the rows are; None where neither they nor a record of them are there."""
    if run.dataset is None or run.competition is None:
        return _recorded(run)
    import pandas as pd

    dataset, competition = run.dataset, run.competition
    facts = [
        ("training rows", f"{len(dataset.train):,}"),
        ("test rows", f"{len(dataset.test):,}"),
        ("task", str(competition.task)),
        ("target", ", ".join(competition.target_columns)),
        ("rows are", _form(dataset.train)),
        ("source", dataset.source),
    ]
    for name, values in (
        ("groups, which no fold splits", dataset.groups),
        ("queries", dataset.queries),
    ):
        count = 0 if values is None else pd.Series(np.asarray(values)).nunique()
        if 0 < count < len(dataset.train):
            facts.append((name, f"{count:,}"))
    times = dataset.times if dataset.forecasts is None else dataset.forecasts.times
    if times is not None and len(times):
        # NumPy sorts texts, of which it knows no least one.
        times = np.sort(times)
        facts.append(("time", f"{_moment(times[0])} to {_moment(times[-1])}"))
    if dataset.weights is not None:
        low, high = dataset.weights.min(), dataset.weights.max()
        facts.append(("weights of rows", f"{low:.4g} to {high:.4g}"))
    parts: list[Part] = [Facts("facts", facts), *_target(competition, dataset)]
    if hasattr(dataset.train, "columns"):
        parts += _columns(dataset)
    return Section("data", "Data", [*parts, *_said(run)])


def _moment(time: object) -> str:
    """Return a time as people write it, without the parts that are zero.

    >>> _moment(np.datetime64("2024-05-01T00:00:00.000000")), _moment(12)
    ('2024-05-01', '12')
    """
    if not isinstance(time, np.datetime64):
        return str(time)
    return re.sub(r"( 00:00)?(:00)?(\.0+)?$", "", str(time).replace("T", " "))


def _recorded(run: ReportedRun) -> Section | None:
    said = _said(run)
    if run.record is None:
        return Section("data", "Data", said) if said else None
    rows = run.record.data
    facts = [("source", rows.path), ("fingerprint of the files", rows.files)]
    return Section("data", "Data", [Facts("facts", facts), *said])


def _said(run: ReportedRun) -> list[Part]:
    """Return what loader and checks said of the rows in this run."""
    of_rows = () if run.dataset is None else run.dataset.notes
    findings = [n.removeprefix("Check ") for n in run.notes if n.startswith("Check ")]
    parts: list[Part] = [
        Lines(name, title, lines)
        for name, title, lines in (
            ("findings", "Findings of the checks before training", findings),
            ("data_notes", "What was noted when the rows were read", list(of_rows)),
        )
        if lines
    ]
    return parts


def _form(rows: RowSet) -> str:
    """Return what rows are, in words."""
    if hasattr(rows, "columns"):
        return f"a table with {counted(len(rows.columns), 'column')}"
    if isinstance(rows, Windows):
        steps = counted(rows.length, "step")
        return f"windows of {steps} in {counted(rows.series.shape[1], 'column')}"
    shape = getattr(getattr(rows, "pixels", rows), "shape", (0,))[1:]
    what = "pictures" if hasattr(rows, "pixels") else type(rows).__name__.lower()
    return f"{what} of {' x '.join(map(str, shape))}" if shape else what


def _target(competition: Competition, dataset: Dataset) -> list[Part]:
    target = dataset.target
    if competition.task in (Task.BINARY, Task.MULTICLASS):
        labels = [str(label) for label in competition.labels(dataset)]
        counts = np.bincount(target.astype(np.int64), minlength=len(labels))
        return [_bars("Classes of the target", labels, counts)]
    if competition.task is Task.MULTILABEL:
        counts = np.nansum(target, axis=0).astype(np.int64)
        return [_bars("Rows with each label", list(competition.target_columns), counts)]
    columns = target.reshape(len(target), -1)
    names = competition.target_columns
    return [
        _histogram(name, columns[:, place])
        for place, name in enumerate(names[: min(columns.shape[1], 4)])
    ]


def _bars(title: str, labels: Sequence[str], counts: Any) -> Plot:
    order = np.arange(len(counts))
    if len(order) > MOST_CLASSES:
        order = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
        title += f": the {MOST_CLASSES} most frequent of {len(labels)}"
    names = [short(labels[int(place)]) for place in order]
    most, least = int(counts.argmax()), int(counts.argmin())
    alt = (
        f"Training rows by label, {len(labels)} labels. Most: {labels[most]}, {counts[most]:,}; "
        f"least: {labels[least]}, {counts[least]:,}."
    )

    def draw(axes: Axes) -> None:
        axes.barh(range(len(order)), counts[order], color=BLUE, height=0.65)
        axes.set_yticks(range(len(order)), names)
        axes.set(xlabel="training rows", ylim=(len(order) - 0.4, -0.6))
        axes.grid(axis="y", visible=False)

    values = {label: int(count) for label, count in zip(labels, counts, strict=False)}
    height = 0.9 + 0.27 * len(order)
    return chart("target", title, alt, draw, values, height=height)


def _bins(values: Any) -> Any:
    """Return how many bins, or of whole numbers their edges: each bin has as many of them.

    >>> _bins(np.array([1.0, 3.0, 4.0])).tolist()
    [0.5, 1.5, 2.5, 3.5, 4.5]
    """
    if not len(values) or not (values == np.floor(values)).all():
        return 40
    low, high = values.min(), values.max()
    step = max(1.0, np.ceil((high - low + 1) / 40))
    return np.arange(low - 0.5, high + step + 0.5, step)


def _histogram(name: str, values: Any) -> Plot:
    values = values[np.isfinite(values)]
    low, middle, high = np.quantile(values, [0.0, 0.5, 1.0]) if len(values) else (0.0, 0.0, 0.0)
    alt = (
        f"Histogram of {name} in the training rows: from {low:,.5g} to {high:,.5g}, half of them "
        f"below {middle:,.5g}."
    )

    def draw(axes: Axes) -> None:
        axes.hist(values, bins=_bins(values), color=BLUE, histtype="stepfilled")
        axes.set(xlabel=short(name), ylabel="training rows")
        brief_axis(axes.xaxis)

    data = {"minimum": float(low), "median": float(middle), "maximum": float(high)}
    return chart(f"target-{name}", f"Distribution of {short(name)}", alt, draw, data)


def _columns(dataset: Dataset) -> list[Part]:
    rows = column_rows(_first(dataset.train), _first(dataset.test))
    columns = [
        Column("column", "column"),
        Column("kind", "kind"),
        Column("missing", "missing, training", _share, numeric=True),
        Column("missing_test", "missing, test", _share, numeric=True),
        Column("distinct", "distinct values", "{:,}".format, numeric=True),
        Column("example", "most frequent, or range"),
    ]
    parts: list[Part] = []
    gaps = sorted(rows, key=lambda row: -max(row["missing"], row["missing_test"] or 0))
    gaps = [row for row in gaps if max(row["missing"], row["missing_test"] or 0) > 0]
    if gaps:
        parts.append(_missing(gaps[:MOST_BARS], len(gaps)))
    parts.append(Table("columns", "Columns", columns, rows))
    total = len(getattr(dataset.train, "columns", ()))
    if total > len(rows):
        parts.append(Text(f"The first {len(rows)} of {total:,} columns.", kind="small"))
    if len(dataset.train) > _ENOUGH:
        parts.append(
            Text(f"Distinct values: of the first {_ENOUGH:,} rows, drawn evenly.", kind="small")
        )
    return parts


def _first(rows: Any) -> Any:
    """Return a table without the columns that no reader would look through."""
    return rows.iloc[:, :MOST_COLUMNS]


def _share(value: float) -> str:
    return f"{value:.1%}" if value else ""


def column_rows(train: Any, test: Any) -> list[dict[str, Any]]:
    """Return of each column of a table its kind, what is missing, and what it holds.

    Args:
        train: [n, columns] table.
        test: [m, columns] table; m may be 0.
    """
    some = train.iloc[:: -(-len(train) // _ENOUGH)] if len(train) else train
    rows = []
    for place, name in enumerate(train.columns):
        column, known = train.iloc[:, place], some.iloc[:, place].dropna()
        rows.append(
            {
                "column": str(name),
                "kind": _kind(known),
                "missing": float(column.isna().mean()) if len(column) else 0.0,
                "missing_test": float(test.iloc[:, place].isna().mean()) if len(test) else None,
                "distinct": int(known.astype(str).nunique()),
                "example": _example(known),
            }
        )
    return rows


def _kind(known: Any) -> str:
    from pandas.api import types

    if types.is_bool_dtype(known):
        return "boolean"
    if types.is_numeric_dtype(known):
        return "number"
    if types.is_datetime64_any_dtype(known):
        return "date"
    words = known.astype(str).str.count(" ").mean() if len(known) else 0
    return "text" if words > 4 else "category"


def _example(known: Any) -> str:
    from pandas.api import types

    if not len(known):
        return ""
    if types.is_numeric_dtype(known) and not types.is_bool_dtype(known):
        return f"{known.min():.6g} to {known.max():.6g}"
    if _kind(known) == "text":
        return f"{known.astype(str).str.split().str.len().mean():.0f} words on average"
    counts = known.astype(str).value_counts()
    first = short(counts.index[0], 40)
    return (
        f"{first} ({counts.iloc[0] / len(known):.0%})" if counts.iloc[0] > 1 else f"such as {first}"
    )


def _missing(rows: Sequence[dict[str, Any]], total: int) -> Plot:
    names = [short(row["column"], 20) for row in rows]
    first = rows[0]
    alt = (
        f"Share of missing values of {len(rows)} columns. Most in {first['column']}: "
        f"{first['missing']:.1%} of the training rows."
    )

    def draw(axes: Axes) -> None:
        heights = np.arange(len(rows))
        train = [100 * row["missing"] for row in rows]
        axes.barh(heights - 0.2, train, color=BLUE, height=0.38, label="training")
        if rows[0]["missing_test"] is not None:
            test = [100 * row["missing_test"] for row in rows]
            axes.barh(heights + 0.2, test, color=ORANGE, height=0.38, label="test")
            axes.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, ncols=2)
        axes.set_yticks(heights, names)
        axes.set(xlabel="rows without a value, %", ylim=(len(rows) - 0.4, -0.6))
        axes.grid(axis="y", visible=False)

    title = "Missing values"
    if len(rows) < total:
        title += f": {len(rows)} of {total} columns"
    return chart("missing", title, alt, draw, height=0.95 + 0.26 * len(rows))
