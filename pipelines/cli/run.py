"""Commands that train: `comps run`, `comps cv` and `comps compare`."""

from __future__ import annotations

from pathlib import Path

from comps.base import UsageError, WorkbenchError, counted
from pipelines.api.comparing import Compared, compare
from pipelines.api.comparing_all import compare_all
from pipelines.api.mlflow_log import check_server
from pipelines.api.results import Result
from pipelines.api.running import cross_validate, run
from pipelines.cli import comparison_tables, tables
from pipelines.cli.reporters import Output
from pipelines.cli.reporting import show_report
from pipelines.cli.request import Request


def run_competition(
    request: Request,
    time_limit: str | None,
    path: Path,
    mlflow: str | None = None,
    like: str | None = None,
) -> None:
    """Train the models, blend them, and write a checked submission."""
    if mlflow is not None:
        # Found after the training, it would be found late.
        check_server(mlflow)
    with request.output() as output:
        result = run(
            request.subject,
            time_limit=time_limit,
            like=like,
            output=path,
            progress=output,
            **request.choices,
        )
        output.close()
        show_tuned(output, result)
        show_blend(output, result)
        show_submission(output, result, path)
        if result.sealed is not None:
            output.result(result.sealed.text, result.sealed.values, event="sealed")
        show_report(output, request, result, mlflow)


def cross_validate_models(request: Request, time_limit: str | None) -> None:
    """Cross-validate models and show the leaderboard."""
    with request.output() as output:
        result = cross_validate(
            request.subject, time_limit=time_limit, progress=output, **request.choices
        )
        output.close()
        show_tuned(output, result)
        output.table("leaderboard", *tables.leaderboard(result))


def compare_models(request: Request) -> None:
    """Show members fold by fold, and whether the best is better than the others."""
    choices = dict(request.choices)
    with request.output() as output:
        members = choices.pop("models", None)
        compared = compare(request.subject, members, progress=output, **choices)
        output.close()
        show_comparison(output, compared)


def compare_everywhere(request: Request) -> None:
    """Show the best network against each boosting model, for every competition."""
    if request.competition is not None:
        raise UsageError("--all compares every competition: leave out the name.")
    with request.output() as output:
        found = compare_all(progress=output, **request.choices)
        output.close()
        rows = found.rows
        output.table("rivals", comparison_tables.rivals(rows), rows)
        if rows:
            output.result(
                "Gains are the network's over the boosting model; * is told apart by the corrected "
                "test (p below 0.05). Of several networks the best on these folds is shown.",
                {"competitions": sorted(found.compared)},
            )
        for name, reason in found.failures.items():
            output.note(f"{name} could not be compared: {reason}")
        if not found.compared:
            raise WorkbenchError("Nothing could be compared; the notes say why.")


def show_comparison(output: Output, compared: Compared) -> None:
    """Show the scores fold by fold, what members take, and what the tests say."""
    competition, members = compared.experiment.competition, compared.members
    output.table("comparison", *comparison_tables.comparison(competition, members))
    output.table("members", *comparison_tables.costs(competition, members))
    output.table("differences", *comparison_tables.differences(compared.metric, compared.pairs))
    for text, values in compared.verdicts:
        output.result(text, values)


def show_tuned(output: Output, result: Result) -> None:
    """Tell machines which tuned parameters were used."""
    for use in result.tuned:
        output.told("tuned", use.values())


def show_blend(output: Output, result: Result) -> None:
    """Show the leaderboard and the ways to blend."""
    output.table("leaderboard", *tables.leaderboard(result))
    output.table("blends", *tables.blends(result))


def show_submission(output: Output, result: Result, path: Path) -> None:
    """Say what was submitted, and what it is worth."""
    submission, headline = result.submission, result.headline
    assert headline is not None
    if submission is None:
        output.result(f"No test rows: nothing to submit. {headline}", headline.values)
        return
    made = result.experiment.dataset.made_sample
    template = (
        "ids of the test rows; there is no sample submission" if made else "sample submission"
    )
    output.result(
        f"{path}: {counted(len(submission), 'row')}, checked against the {template}. {headline}",
        {"submission": str(path), "rows": len(submission), **headline.values},
    )
