"""Predicted classes and labels beside the true ones, and what the probabilities are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from comps.base import Cuts, Rule, labels_of
from pipelines.reports.charts import COLOURS, INK, chart, short
from pipelines.reports.examples import most_wrong
from pipelines.reports.parts import Column, Part, Plot, Table, Text
from pipelines.reports.run import Floats, Predicted, ReportedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Codes = NDArray[np.int64]

# More classes are drawn without numbers, and of these many the most frequent alone.
_MOST_NUMBERS, MOST_CLASSES = 12, 30
# As many lines as there are colours.
_MOST_LINES = len(COLOURS)
_BINS = 10
_MOST_POINTS = 200


def fit_of_classes(run: ReportedRun, predicted: Predicted) -> list[Part]:
    """Return what the predictions of two or more classes are worth.

    Confusion matrix, calibration, ROC, precision and recall, and the rows that are most wrong.
    """
    assert run.competition is not None
    assert run.dataset is not None
    names = [str(label) for label in run.competition.labels(run.dataset)]
    target = predicted.target.astype(np.int64)
    shares = predicted.prediction
    cuts = _cuts(run)
    codes = labels_of(cuts, shares)
    by_class = np.column_stack([1 - shares, shares]) if shares.ndim == 1 else shares
    names += [str(code) for code in range(len(names), by_class.shape[1])]
    parts: list[Part] = [_confusion(names, target, codes)]
    two = by_class.shape[1] == 2
    # Of two classes one curve says all.
    curves = [1] if two else np.argsort(-np.bincount(target))[:_MOST_LINES].tolist()
    lines = [(names[code], (target == code).astype(np.int64), by_class[:, code]) for code in curves]
    parts += _probability_charts(lines)
    if cuts is not None:
        parts.append(Text(f"Labels are those of the blend's cut points: {cuts}.", kind="small"))
    if not two and len(names) > _MOST_LINES:
        parts.append(
            Text(f"Curves of the {_MOST_LINES} most frequent of {len(names)} classes.", "small")
        )
    if not two:
        parts.append(_per_class(names, target, codes))
    wrong = 1 - np.take_along_axis(by_class, target[:, None], axis=1)[:, 0]
    return parts + most_wrong(
        run,
        predicted,
        wrong,
        [names[code] for code in target],
        [names[code] for code in codes],
    )


def fit_of_labels(run: ReportedRun, predicted: Predicted) -> list[Part]:
    """Return what the predictions of several labels are worth."""
    assert run.competition is not None
    names = list(run.competition.target_columns)
    target, shares = predicted.target, predicted.prediction
    names += [f"label {place + 1}" for place in range(len(names), target.shape[1])]
    codes = labels_of(_cuts(run), shares, several=True)
    places = np.argsort(-np.nansum(target, axis=0), kind="stable")[:_MOST_LINES]
    lines = [
        (names[place], target[:, place].astype(np.int64), shares[:, place]) for place in places
    ]
    rows = []
    for place, name in enumerate(names[: target.shape[1]]):
        found = _rates(target[:, place] > 0, codes[:, place] > 0)
        rows.append({"class": name, **found})
    parts = _probability_charts(lines)
    if target.shape[1] > _MOST_LINES:
        parts.append(
            Text(f"The {_MOST_LINES} most frequent of {target.shape[1]} labels.", kind="small")
        )
    return [*parts, Table("labels", "Labels", _CLASS_COLUMNS, rows)]


def _cuts(run: ReportedRun) -> Cuts | None:
    found = (run.blend or {}).get("cuts")
    return None if not found else Cuts(Rule(found["rule"]), tuple(found["at"]))


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


_CLASS_COLUMNS = (
    Column("class", "class"),
    Column("rows", "rows", "{:,}".format, numeric=True),
    Column("predicted", "predicted", "{:,}".format, numeric=True),
    Column("precision", "precision", _share, numeric=True),
    Column("recall", "recall", _share, numeric=True),
)


def _rates(true: NDArray[np.bool_], guess: NDArray[np.bool_]) -> dict[str, float | int | None]:
    both = int((true & guess).sum())
    return {
        "rows": int(true.sum()),
        "predicted": int(guess.sum()),
        "precision": both / int(guess.sum()) if guess.any() else None,
        "recall": both / int(true.sum()) if true.any() else None,
    }


def _per_class(names: Sequence[str], target: Codes, codes: Codes) -> Table:
    rows = [{"class": n, **_rates(target == c, codes == c)} for c, n in enumerate(names)]
    return Table("classes", "Classes", _CLASS_COLUMNS, rows)


def _confusion(names: Sequence[str], target: Codes, codes: Codes) -> Plot:
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, (target, codes), 1)
    shown = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[:MOST_CLASSES])
    matrix = counts[np.ix_(shown, shown)]
    of_class = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    labels = [short(names[int(code)], 14) for code in shown]
    title = "Confusion matrix"
    if len(shown) < len(names):
        title += f": the {len(shown)} most frequent of {len(names)} classes"
    right = float(np.trace(counts) / max(counts.sum(), 1))
    apart = counts - np.diag(np.diag(counts))
    true, guess = np.unravel_index(int(apart.argmax()), apart.shape)
    alt = (
        f"Confusion matrix of {len(names)} classes: {_share(right)} of the rows are predicted "
        f"right. The most frequent error: {names[int(true)]} predicted as {names[int(guess)]}, "
        f"{apart[true, guess]} rows."
    )

    def draw(axes: Axes) -> None:
        image = axes.imshow(of_class, vmin=0, vmax=1, interpolation="none", aspect="auto")
        ticks = range(len(shown))
        crowded = len(shown) > 4
        angle, side = (40, "right") if crowded else (0, "center")
        axes.set_xticks(ticks, labels, rotation=angle, ha=side)
        axes.set_yticks(ticks, labels)
        axes.set(xlabel="predicted class", ylabel="true class")
        axes.grid(visible=False)
        if len(shown) <= _MOST_NUMBERS:
            size = 10 if len(shown) <= 6 else 8
            for (row, column), count in np.ndenumerate(matrix):
                ink = "black" if of_class[row, column] > 0.55 else "white"
                text = axes.text(column, row, f"{count}", ha="center", va="center", color=ink)
                text.set_fontsize(size)
        assert axes.figure is not None
        axes.figure.colorbar(image, ax=axes, label="share of the true class")

    data = {"classes": [names[int(code)] for code in shown], "counts": matrix}
    height = min(max(2.8, 1.4 + 0.26 * len(shown)), 5.0)
    return chart("confusion", title, alt, draw, data, height=height)


def _probability_charts(lines: Sequence[tuple[str, Codes, Floats]]) -> list[Part]:
    """Return calibration, ROC, precision and recall of some classes or labels.

    Args:
        lines: of each its name, [k] zeros and ones, and [k] probabilities.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    # A class that all rows of the sample have, or none, has no curve.
    lines = [line for line in lines if 0 < line[1].sum() < len(line[1])]
    if not lines:
        return [Text("There are no two classes among these rows: no curves.", kind="warning")]
    # By whole names: those of two classes may begin alike.
    areas = {name: float(roc_auc_score(true, share)) for name, true, share in lines}
    precisions = {name: float(average_precision_score(true, share)) for name, true, share in lines}
    bins = {name: _calibration(true, share) for name, true, share in lines}

    def calibration(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--")
        for (name, found), colour in zip(bins.items(), COLOURS, strict=False):
            axes.plot(*found[:2], "o-", color=colour, ms=4, label=short(name, 18))
        axes.set(xlabel="predicted probability, mean of a bin", ylabel="share of the class")
        _legend(axes, len(lines))

    def roc(axes: Axes) -> None:
        from sklearn.metrics import roc_curve

        axes.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle="--")
        for (name, true, share), colour in zip(lines, COLOURS, strict=False):
            false_rate, true_rate, _ = roc_curve(true, share)
            some = _few(len(false_rate))
            axes.plot(false_rate[some], true_rate[some], color=colour, label=short(name, 18))
        axes.set(xlabel="false positive rate", ylabel="true positive rate")
        _legend(axes, len(lines))

    def precision_recall(axes: Axes) -> None:
        from sklearn.metrics import precision_recall_curve

        for (name, true, share), colour in zip(lines, COLOURS, strict=False):
            precision, recall, _ = precision_recall_curve(true, share)
            some = _few(len(precision))
            axes.plot(recall[some], precision[some], color=colour, label=short(name, 18))
            axes.axhline(true.mean(), color=colour, linewidth=0.8, linestyle=":")
        axes.set(xlabel="recall", ylabel="precision", ylim=(0, 1.03))
        _legend(axes, len(lines))

    return [
        chart(
            "calibration",
            "Calibration",
            f"Share of the class against the predicted probability in {_BINS} bins of equally many "
            f"rows, of {', '.join(short(name, 18) for name in bins)}; on the dashed line, both are "
            "equal.",
            calibration,
            {name: {"predicted": p, "share": s, "rows": n} for name, (p, s, n) in bins.items()},
        ),
        chart(
            "roc",
            f"ROC curve{_alone('area', areas)}",
            f"ROC curves. Area under them: {_listed(areas)}.",
            roc,
            {"area": areas},
        ),
        chart(
            "precision_recall",
            f"Precision and recall{_alone('average precision', precisions)}",
            f"Precision against recall. Average precision: {_listed(precisions)}. Dotted: the "
            "share of the class, which guesses reach.",
            precision_recall,
            {"average_precision": precisions},
        ),
    ]


def _alone(what: str, values: dict[str, float]) -> str:
    return f": {what} {next(iter(values.values())):.4f}" if len(values) == 1 else ""


def _listed(values: dict[str, float]) -> str:
    return ", ".join(f"{short(name, 18)} {value:.4f}" for name, value in values.items())


def _legend(axes: Axes, lines: int) -> None:
    if lines > 1:
        axes.legend(ncols=2 if lines > 3 else 1, handlelength=1.2, columnspacing=1)


def _few(length: int) -> Codes:
    """Return places that are enough to draw a curve by."""
    return np.unique(np.linspace(0, length - 1, min(length, _MOST_POINTS)).astype(np.int64))


def _calibration(true: Codes, share: Floats) -> tuple[list[float], list[float], list[int]]:
    order = np.argsort(share, kind="stable")
    bins = [part for part in np.array_split(order, _BINS) if len(part)]
    means = [float(share[part].mean()) for part in bins]
    return means, [float(true[part].mean()) for part in bins], [len(part) for part in bins]
