"""Parallel coordinates: each trial of a search as a line through its parameters to its score."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.reports.charts import BLUE, FAINT, INK, RED, brief, chart, short
from pipelines.reports.parts import Plot
from pipelines.reports.run import Floats, ReportedRun, Study
from pipelines.tuning import TrialResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# More axes beside each other could not be told apart.
_MOST = 6
_MOST_LEVELS = 5
# Names of more axes have no room beside each other.
_MOST_LEVEL = 4
# A range is logarithmic from this ratio of its ends on.
_WIDE = 30.0
# What there is room for between two axes.
_LETTERS = 9
_LONG = 10_000
_TENTH = 0.1


@dataclass(frozen=True, eq=False)
class Scale:
    """Where values lie on one of the axes.

    Attributes:
        name: of the parameter, or of the score.
        places: [trials] from 0 to 1; NaN where a trial has no value.
        labels: some places with what is there.
    """

    name: str
    places: Floats
    labels: Sequence[tuple[float, str]]


def parallel(run: ReportedRun, study: Study) -> Plot | None:
    """Return the lines of the complete trials; None of fewer than two, or where nothing varies."""
    key = (lambda score: score) if run.metric is None else run.metric.guide.sort_key
    trials = [trial for trial in study.trials if trial.score is not None]
    trials.sort(key=lambda trial: key(trial.score or 0.0))
    varied = _varied(study, trials)
    names = varied[:_MOST]
    if len(trials) < 2 or not names:
        return None
    columns = {name: [trial.trial.params.get(name) for trial in trials] for name in names}
    scales = [scale_of(name, values) for name, values in columns.items()]
    columns[run.score_label] = [trial.score for trial in trials]
    scales.append(scale_of(run.score_label, columns[run.score_label], run.score_text))
    best = math.ceil(_TENTH * len(trials))
    shown = ", ".join(f"{name} {_text(columns[name][0])}" for name in columns)
    alt = f"{len(trials)} complete trials of {study.best.model} as lines. The best has {shown}."
    return chart(
        f"parallel-{study.best.model}",
        f"{study.best.model}: the best {best} of {len(trials)} complete trials in red",
        alt,
        lambda axes: _draw(axes, scales, best),
        note=f"{len(names)} of {len(varied)} parameters." if len(names) < len(varied) else "",
    )


def _varied(study: Study, trials: Sequence[TrialResult]) -> list[str]:
    """Return the parameters that differ among trials, the most important first."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.trial.params))
    varied = [
        name for name in names if len({_text(trial.trial.params.get(name)) for trial in trials}) > 1
    ]
    return sorted(varied, key=lambda name: -study.importance.get(name, 0.0))


def _few_digits(value: float) -> str:
    """Return a number that has room between two axes.

    >>> _few_digits(0.0123456), _few_digits(1024), _few_digits(250000)
    ('0.0123', '1024', '250k')
    """
    return brief(value) if abs(value) >= _LONG else f"{value:.{4 if abs(value) >= 1e3 else 3}g}"


def scale_of(name: str, values: Sequence[Any], show: Callable[[float], str] = _few_digits) -> Scale:
    """Return where values lie: numbers by size, labelled by `show`, all else by levels.

    >>> scale_of("rate", [0.01, 0.1, 1.0]).places.tolist()
    [0.0, 0.5, 1.0]
    >>> scale_of("kind", ["b", None, "a"]).labels
    [(0.0, 'a'), (1.0, 'b')]
    """
    known = [value for value in values if value is not None]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in known):
        return _of_numbers(
            name, np.array([np.nan if v is None else v for v in values], float), show
        )
    levels = sorted({_text(value) for value in known})
    steps = max(len(levels) - 1, 1)
    place = {level: number / steps for number, level in enumerate(levels)}
    places = np.array([np.nan if value is None else place[_text(value)] for value in values])
    labels = [(place[level], short(level, _LETTERS)) for level in levels]
    return Scale(name, places, labels if len(labels) <= _MOST_LEVELS else [labels[0], labels[-1]])


def _of_numbers(name: str, values: Floats, show: Callable[[float], str]) -> Scale:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    wide = low > 0 and high / low >= _WIDE
    along: Callable[[Any], NDArray[np.float64]] = np.log if wide else np.asarray
    room = float(along(high) - along(low))
    places = (along(values) - along(low)) / room if room else np.full(len(values), 0.5)
    return Scale(name, places, [(0.0, show(low)), (1.0, show(high))] if room else [])


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _draw(axes: Axes, scales: Sequence[Scale], best: int) -> None:
    lines = np.array([scale.places for scale in scales]).T
    across = np.arange(len(scales))
    for number in reversed(range(len(lines))):
        good = number < best
        colour, width = (RED, 2.0) if good else (BLUE, 0.8)
        axes.plot(across, lines[number], color=colour, linewidth=width, alpha=0.9 if good else 0.45)
    for place, scale in enumerate(scales):
        axes.plot([place, place], [0, 1], color=FAINT, linewidth=1)
        for height, text in scale.labels:
            level = {0.0: "top", 1.0: "bottom"}.get(height, "center")
            side = -0.03 if height == 0 else 0.03 if height == 1 else 0
            axes.text(place, height + side, text, ha="center", va=level, color=INK, fontsize=8.5)
    names = [short(scale.name.replace("_", " "), 16) for scale in scales]
    turned: dict[str, Any] = {"rotation": 35, "ha": "right"} if len(scales) > _MOST_LEVEL else {}
    axes.set_xticks(across, names, **turned)
    axes.set(yticks=[], ylim=(-0.12, 1.12), xlim=(-0.3, len(scales) - 0.7))
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    axes.grid(visible=False)
