"""`comps check-data`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comps.base import Finding, Severity, counted
from pipelines.api.checking import check_data
from pipelines.cli.request import Request
from pipelines.cli.tables import new_table


def show_findings(request: Request, ignore: Sequence[str]) -> None:
    """Show what the checks found, with its figures, and which checks could not look."""
    with request.output() as output:
        report = check_data(request.subject, ignore=ignore, progress=output, **request.choices)
        for note in report.notes:
            output.note(note)
        for code, why in report.failed.items():
            output.note(f"{code} could not be finished: {why}")
        table = new_table("", ["check", "severity"], [])
        table.add_column("finding", overflow="fold")
        for finding in report.findings:
            table.add_row(finding.code, str(finding.severity), finding.text)
        if report.findings or request.json:
            output.table("findings", table, [_row(finding) for finding in report.findings])
        counts = {str(severity): report.count(severity) for severity in Severity}
        found = ", ".join(counted(n, name) for name, n in counts.items() if n)
        unfinished = f", {len(report.failed)} failed ({', '.join(report.failed)})"
        output.result(
            f"{found or 'Nothing found'}: {counted(len(report.checked), 'check')} looked at the "
            f"rows, {len(report.not_suited)} had nothing to look at, "
            f"{counted(len(report.ignored), 'was', 'were')} left "
            f"out{unfinished if report.failed else ''}. What a code means: docs/guides/checks.md",
            {
                "counts": counts,
                "checked": list(report.checked),
                "not_suited": dict(report.not_suited),
                "failed": dict(report.failed),
                "ignored": list(report.ignored),
            },
        )


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": str(finding.severity),
        "text": finding.text,
        "columns": list(finding.columns),
        "rows": list(finding.rows),
        "values": dict(finding.values),
    }
