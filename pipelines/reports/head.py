"""The head of a report: what was predicted, and the few figures that count."""

from __future__ import annotations

from comps.base import JSON
from pipelines.reports.run import ReportedRun, Row
from pipelines.store.records import Status

Card = tuple[str, str, str]


def title_of(run: ReportedRun) -> str:
    """Return the competition's title; its name where it is gone."""
    return run.name if run.competition is None else run.competition.title


def subtitle_of(run: ReportedRun) -> str:
    """Return what is predicted, and when it was."""
    words = [run.name]
    if run.competition is not None:
        metric = run.competition.metric
        better = "higher" if metric.greater_is_better else "lower"
        words += [str(run.competition.task), f"{metric.label}, {better} is better"]
    if run.record is not None:
        words.append(f"{run.record.command} of {run.record.when}")
        if run.record.state is not Status.DONE:
            words.append(_ENDS[run.record.state])
    return " · ".join(words)


_ENDS = {
    Status.RUNNING: "goes on while this was written",
    Status.FAILED: "failed",
    Status.INTERRUPTED: "was interrupted",
    Status.KILLED: "was killed",
}


def cards_of(run: ReportedRun) -> list[Card]:
    """Return name, value and a remark of the figures that count; those that are known."""
    cards: list[Card] = []
    if run.blend is not None:
        honest = run.score_text(run.blend.get("honest_score"))
        cards.append(
            (f"{run.score_label} of the blend", honest, str(run.blend.get("estimate", "")))
        )
    scored = [row for row in run.members if row.get("score") is not None]
    if scored:
        cards.append(_card("best member", run, scored[0]))
    baseline = [row for row in scored if row.get("note") == "baseline"]
    cards += [_card("baseline", run, row) for row in baseline]
    if run.members:
        blended = sum(1 for row in run.members if row.get("weight"))
        cards.append(("members", str(len(run.members)), f"{blended} in the blend"))
    if run.dataset is not None:
        rows, test = len(run.dataset.train), len(run.dataset.test)
        cards.append(("training rows", f"{rows:,}", f"{test:,} test rows"))
    if run.record is not None:
        cards.append(("seconds", f"{run.record.seconds:,.0f}", f"seed {run.record.seed}"))
    return cards


def _card(name: str, run: ReportedRun, row: Row) -> Card:
    return name, run.score_text(row["score"]), str(row["model"])


def summary_of(run: ReportedRun) -> dict[str, JSON]:
    """Return the head as JSON values."""
    blend = run.blend or {}
    return {
        "competition": run.name,
        "title": title_of(run),
        "task": None if run.competition is None else str(run.competition.task),
        "metric": None if run.metric is None else run.metric.name,
        "greater_is_better": None if run.metric is None else run.metric.greater_is_better,
        "honest_score": blend.get("honest_score"),
        "estimate": blend.get("estimate"),
        "record": None if run.record is None else run.record.name,
        "status": None if run.record is None else str(run.record.state),
    }
