"""S003: values that are missing more often in one part."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from comps.base import Finding, Severity, Subject
from pipelines.checks._table import columns

# Standard errors, and the difference of the shares, from which on it is told.
_ERRORS, _TOLD, _NOTED = 6.0, 0.1, 0.03


class MissingShift:
    """Compares the shares of missing values in training and test rows."""

    code = "S003"
    title = "Values are missing more often in one part"
    severity = Severity.WARNING

    def find(self, subject: Subject) -> Iterator[Finding]:
        _ = subject.test
        for column in subject.once(columns):
            lacking = np.isnan(column.train), np.isnan(column.test)
            train, test = (float(part.mean()) for part in lacking)
            both = np.concatenate(lacking).mean()
            sizes = sum(1 / len(part) for part in lacking)
            error = np.sqrt(both * (1 - both) * sizes)
            difference = abs(train - test)
            if difference > max(_NOTED, _ERRORS * error):
                yield Finding(
                    text=f"Column '{column.name}' is missing in {train:.1%} of the training rows "
                    f"and in {test:.1%} of the test rows.",
                    columns=(column.name,),
                    values={"train": train, "test": test},
                    severity=Severity.WARNING if difference > _TOLD else Severity.NOTE,
                )
