"""`check_data`: leaks, shifts and duplicates in the rows of a competition, before training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Unpack

from comps.base import Competition, Severity, UsageError
from pipelines.api.choices import Options, RowChoices
from pipelines.api.progress import Progress, Teller
from pipelines.api.session import Session, introduced
from pipelines.checks import MOST_ROWS_QUICK, CheckReport, check


def check_data(
    competition: str | Competition,
    *,
    ignore: Iterable[str] = (),
    progress: Progress | None = None,
    **choices: Unpack[RowChoices],
) -> CheckReport:
    """Look for leaks, shifts and duplicates in the rows of a competition. Nothing is printed.

    Args:
        competition: a name, see `comps list`, or your own. Its `checks` look at the rows, too, and
            its `ignore` names some that do not.
        ignore: codes of further checks to leave out, such as "L004".
        progress: is called with each `Update`.
        **choices: see `RowChoices`; of the folds the scheme alone matters.

    Returns:
        What was found, the gravest first, and which checks had nothing to look at.

    Raises:
        WorkbenchError: if a choice is wrong, a code does not exist, or the data cannot be read.

    >>> import numpy as np, pandas as pd
    >>> from comps import table_competition
    >>> rng = np.random.default_rng(0)
    >>> rows = pd.DataFrame(rng.normal(size=(200, 3)), columns=["size", "age", "rooms"])
    >>> rows["price"] = rows["size"] + rng.normal(size=200)
    >>> rows["tax"] = 0.2 * rows["price"]
    >>> flats = table_competition(rows, target="price", metric="rmse", name="flats")
    >>> [(finding.code, finding.columns) for finding in check_data(flats).findings]
    [('L001', ('tax',))]
    """
    if isinstance(ignore, str):
        raise UsageError(f"ignore takes a list of codes, such as [{ignore!r}]; a text came.")
    session = Session(Options.of(competition, choices))
    introduced(session, progress)
    chosen = session.competition
    scheme = session.options.scheme or chosen.scheme
    return check(replace(chosen, scheme=scheme), session.dataset, ignore=ignore)


def tell_findings(session: Session, teller: Teller) -> None:
    """Tell what checks find on some of the rows, before models are trained on all of them."""
    report = check(session.competition, session.dataset, most_rows=MOST_ROWS_QUICK)
    for finding in report.findings:
        if finding.severity is not Severity.NOTE:
            teller.note(f"Check {finding}")
    for code, why in report.failed.items():
        teller.note(f"Check {code} could not be finished: {why}")
