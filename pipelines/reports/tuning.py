"""Tuning: what each trial scored, and which parameters mattered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.reports.charts import BLUE, FAINT, RED, chart, short
from pipelines.reports.parallel import parallel
from pipelines.reports.parts import Column, Facts, Part, Plot, Section, Table, Text
from pipelines.reports.run import ReportedRun, Study
from pipelines.tuning import State
from pipelines.tuning.plot import best_so_far

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_TRIALS = 100


def tuning(run: ReportedRun) -> Section | None:
    """Return the searches for parameters; None where there were none."""
    parts: list[Part] = []
    for study in run.studies:
        parts += _study(run, study)
    return Section("tuning", "Tuning", parts) if parts else None


def _study(run: ReportedRun, study: Study) -> list[Part]:
    best = study.best
    facts = [
        ("model", best.model),
        ("study", best.study),
        ("best trial", f"{best.number}"),
        ("its score, the best of many", run.score_text(best.score)),
        ("score of the declared parameters", run.score_text(best.default_score)),
        ("parameters", ", ".join(f"{name} = {_shown(v)}" for name, v in best.params.items())),
    ]
    if run.metric is not None:
        facts.append(("on rows that the search never saw", best.found(run.metric)))
    counts = {state: sum(t.state is state for t in study.trials) for state in State}
    if study.trials:
        told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
        facts.append(("trials", told))
        if counts[State.PRUNED]:
            facts.append(("pruning saved", _saved(study)))
    parts: list[Part] = [Facts(f"best-{best.model}", facts)]
    if study.trials:
        parts.append(_history(run, study))
    if study.importance:
        parts.append(_importance(study))
    lines = parallel(run, study)
    if lines is not None:
        parts.append(lines)
    if study.trials:
        parts.append(_trials(run, study))
        if len(study.trials) > MOST_TRIALS:
            parts.append(Text(f"The first {MOST_TRIALS} trials, best first.", kind="small"))
    return parts


def _saved(study: Study) -> str:
    """Return how many fits of a fold pruned trials did without, and about how long these take."""
    folds = max(len(trial.fold_scores) for trial in study.trials)
    pruned = [trial for trial in study.trials if trial.state is State.PRUNED]
    saved = sum(folds - len(trial.fold_scores) for trial in pruned)
    fitted = sum(len(trial.fold_scores) for trial in study.trials)
    seconds = saved * sum(trial.seconds for trial in study.trials) / max(fitted, 1)
    return f"{saved} of {folds * len(study.trials)} fits of a fold, about {seconds:.3g} s"


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _history(run: ReportedRun, study: Study) -> Plot:
    scored = [(t.trial.number, t.score) for t in study.trials if t.score is not None]
    best = [] if run.metric is None else best_so_far(run.metric.guide, study.trials)
    alt = (
        f"Scores of {len(scored)} complete trials of {study.best.model} in their order; the best "
        f"is trial {study.best.number} with {run.score_text(study.best.score)}."
    )

    def draw(axes: Axes) -> None:
        if scored:
            axes.plot(*zip(*scored, strict=True), "o", color=BLUE, ms=4, label="trial")
        if best:
            axes.step(*zip(*best, strict=True), where="post", color=RED, label="best so far")
        for state, marker in ((State.PRUNED, "|"), (State.FAILED, "x")):
            numbers = [t.trial.number for t in study.trials if t.state is state]
            if numbers:
                edge = axes.get_xaxis_transform()
                heights = [0.02] * len(numbers)
                axes.plot(numbers, heights, marker, color=FAINT, transform=edge, label=str(state))
        axes.set(xlabel="trial", ylabel=run.score_axis)
        axes.locator_params(axis="x", integer=True)
        axes.legend()

    return chart(f"history-{study.best.model}", f"{study.best.model}: trials", alt, draw)


def _importance(study: Study) -> Plot:
    values = dict(sorted(study.importance.items(), key=lambda pair: -pair[1]))
    first = next(iter(values))
    alt = f"Importance of {len(values)} parameters. The most has {first}, {values[first]:.0%}."

    def draw(axes: Axes) -> None:
        axes.barh(range(len(values)), [100 * v for v in values.values()], color=BLUE, height=0.62)
        axes.set_yticks(range(len(values)), [short(name) for name in values])
        axes.set(xlabel="share of the score's variance, %", ylim=(len(values) - 0.4, -0.6))
        axes.grid(axis="y", visible=False)

    name, title = f"importance-{study.best.model}", f"{study.best.model}: which parameters matter"
    return chart(name, title, alt, draw, values, height=0.85 + 0.3 * len(values))


def _trials(run: ReportedRun, study: Study) -> Table:
    names = list(dict.fromkeys(name for t in study.trials for name in t.trial.params))
    key = (lambda score: score) if run.metric is None else run.metric.sort_key
    ordered = sorted(study.trials, key=lambda t: (t.score is None, key(t.score or 0.0)))
    rows = [
        {
            "trial": t.trial.number,
            "state": str(t.state),
            "score": t.score,
            "seconds": t.seconds,
            "step": t.step,
            **{f"parameter {name}": value for name, value in t.trial.params.items()},
        }
        for t in ordered[:MOST_TRIALS]
    ]
    columns = [
        Column("trial", "trial", numeric=True),
        Column("state", "state"),
        Column("score", run.score_label, run.score_text, numeric=True),
        Column("step", "stop at", lambda step: f"{step:,}" if step > 1 else "", numeric=True),
        Column("seconds", "s", "{:,.1f}".format, numeric=True),
        *(Column(f"parameter {name}", name, _shown, numeric=True) for name in names),
    ]
    shown = [column for column in columns if any(column.cell(row) for row in rows)]
    return Table(f"trials-{study.best.model}", f"{study.best.model}: trials", shown, rows)
