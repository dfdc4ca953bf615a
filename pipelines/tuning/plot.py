"""The plot of a search: every trial's score, and the best so far."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from comps.base import Metric
from pipelines.basics.files import write_bytes
from pipelines.tuning._base import State, TrialResult


def best_so_far(metric: Metric, results: Sequence[TrialResult]) -> list[tuple[int, float]]:
    """Return the number of each complete trial and the best score up to it.

    Args:
        metric: gives the direction.
        results: in the order of their numbers.
    """
    best: list[tuple[int, float]] = []
    for result in results:
        if result.score is not None:
            before = best[-1][1] if best else result.score
            better = metric.better(result.score, than=before)
            best.append((result.trial.number, result.score if better else before))
    return best


def write_plot(metric: Metric, results: Sequence[TrialResult], title: str, path: Path) -> Path:
    """Write an SVG file of a search, and return its path.

    The same results give the same bytes. Pruned and failed trials have no score that could be
    compared; they are marked along the lower edge.

    Raises:
        StoreError: if the file cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    scored = [result for result in results if result.score is not None]
    numbers = [result.trial.number for result in scored]
    axes.scatter(numbers, [result.score or 0.0 for result in scored], s=18, label="trial")
    best = [score for _, score in best_so_far(metric, results)]
    axes.step(numbers, best, where="post", label="best so far")
    for state, marker in ((State.PRUNED, "|"), (State.FAILED, "x")):
        numbers = [result.trial.number for result in results if result.state is state]
        if numbers:
            # 0 to 1 upwards, whatever the scores are.
            heights = [0.02] * len(numbers)
            edge = axes.get_xaxis_transform()
            axes.scatter(numbers, heights, marker=marker, c="0.5", transform=edge, label=str(state))
    last = max(result.trial.number for result in results)
    axes.set(title=title, xlabel="trial", ylabel=f"out-of-fold {metric.label}")
    axes.set_xlim(-0.5, last + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    file = io.BytesIO()
    with rc_context({"svg.hashsalt": title}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    write_bytes(path, file.getvalue())
    return path
