"""The outer part: training rows that are held out of a search, to check its winner.

The winner of a search owes its score partly to chance. The same rows in other folds do not show
this, because their targets are the same; other rows do.
"""

from __future__ import annotations

from dataclasses import replace

from pipelines.folds import FoldInput, make_folds
from pipelines.results.sealed import OUTER, SealedPart, seal, seal_competition
from pipelines.store import Experiment


def hold_out(whole: Experiment, share: float) -> tuple[Experiment, SealedPart]:
    """Return the experiment without the outer part, for a search, and the outer part.

    The outer part follows from the data and the share alone, so that a search that is continued
    later leaves out the same rows. Of rows in time they are the last; groups stay whole, and
    classes keep their shares. The rows that are left get folds of their own, by the same scheme.

    Args:
        whole: all rows that may be used; sealed rows are not among them.
        share: of the training rows, above 0 and at most 0.5.

    Raises:
        UsageError: if the share is out of range, or leaves too few rows on one side or too few
            of a class for the folds.
    """
    competition = seal_competition(whole.competition, share, OUTER)
    dataset, part = seal(whole.competition, whole.dataset, share, purpose=OUTER)
    rows = FoldInput.of(competition, dataset)
    spec = whole.folds.spec
    if spec.scheme == "column":
        spec = replace(spec, n_folds=spec.n_folds - part.n_folds)
    folds = make_folds(spec, rows, whole.folds.n_repeats)
    return replace(whole, competition=competition, dataset=dataset, folds=folds), part
