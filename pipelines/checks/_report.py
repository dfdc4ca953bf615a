"""`check`: what all checks find in the rows of a competition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from threadpoolctl import threadpool_limits

from comps.base import (
    Check,
    Competition,
    Dataset,
    Finding,
    NotSuitedError,
    Severity,
    Subject,
    UsageError,
    place_of,
    unknown_name,
)
from pipelines.checks._registry import CHECKS
from pipelines.checks._table import train_rows

MOST_ROWS = 5000
# Before a run, when somebody waits for a first score.
MOST_ROWS_QUICK = 1500
_ORDER = list(Severity)


@dataclass(frozen=True)
class CheckReport:
    """What checks found.

    Attributes:
        findings: the gravest first.
        checked: codes of the checks that looked at the rows.
        not_suited: why others had nothing to look at, by code.
        failed: why others could not be finished, by code.
        ignored: codes that were left out.
        notes: what the user should know, such as how many rows were looked at.
    """

    findings: tuple[Finding, ...] = ()
    checked: tuple[str, ...] = ()
    not_suited: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def count(self, severity: Severity) -> int:
        """Return the number of findings of a severity."""
        return sum(finding.severity is severity for finding in self.findings)


def check(
    competition: Competition,
    dataset: Dataset,
    *,
    ignore: Iterable[str] = (),
    most_rows: int = MOST_ROWS,
) -> CheckReport:
    """Look for leaks, shifts and duplicates.

    Args:
        competition: whose own checks look at the rows, too, and which may ignore some.
        dataset: its rows.
        ignore: codes of checks to leave out.
        most_rows: of each part that models are trained on; equal rows are looked for in all.

    Raises:
        UsageError: if two checks have one code, or a code to be ignored does not exist.
    """
    checks = known_checks(competition)
    ignored = {*ignore, *competition.ignore}
    for code in sorted(ignored - {*checks}):
        raise unknown_name("check with the code", code, checks)
    subject = Subject(competition, dataset, most_rows)
    findings: list[Finding] = []
    checked, not_suited, failed = [], {}, {}
    # Rows are few here: threads of libraries would wait for each other.
    with threadpool_limits(1):
        for code, one in checks.items():
            if code in ignored:
                continue
            try:
                # One by one: what was found before a check fails is kept.
                for finding in one.find(subject) or ():
                    findings.append(_complete(finding, one))
                checked.append(code)
            except NotSuitedError as why:
                not_suited[code] = str(why)
            # Whatever a check stumbles over, it must not end what the user wanted to run.
            except Exception as error:
                place = place_of(one.find, error)
                failed[code] = f"{type(error).__name__}: {error} ({place})"
    return CheckReport(
        tuple(sorted(findings, key=lambda finding: _ORDER.index(Severity(finding.severity or "")))),
        tuple(checked),
        not_suited,
        failed,
        tuple(code for code in checks if code in ignored),
        _notes(subject),
    )


def known_checks(competition: Competition) -> dict[str, Check]:
    """Return the checks of the package and the competition's own, by code.

    Raises:
        UsageError: if two have one code.
    """
    checks = [*CHECKS.values(), *competition.checks]
    twice = [code for code, n in Counter(check.code for check in checks).items() if n > 1]
    if twice:
        raise UsageError(f"Two checks have the code {twice[0]!r}; give yours another one.")
    return {check.code: check for check in checks}


def _complete(finding: Finding, check: Check) -> Finding:
    if not isinstance(finding, Finding):
        raise TypeError(
            "find(subject) must yield objects of comps.base.Finding, such as "
            f"Finding(text='...'); it gave {finding!r}"
        )
    severity = check.severity if finding.severity is None else finding.severity
    return replace(
        finding,
        code=check.code,
        severity=Severity(severity),
        # NumPy's numbers are no JSON.
        rows=tuple(int(row) for row in finding.rows),
        values={
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in finding.values.items()
        },
    )


def _notes(subject: Subject) -> tuple[str, ...]:
    try:
        rows = subject.once(train_rows)
    except NotSuitedError:
        return ()
    n = len(subject.train)
    if len(rows) == n:
        return ()
    return (f"Models of checks were trained on {len(rows)} of {n} training rows.",)
