"""The last step of a run with sealed rows: the score of the chosen blend on them."""

from __future__ import annotations

from comps.base import UsageError, decided
from ensembles import Blend
from pipelines.api.results import SealedScore
from pipelines.api.session import Session
from pipelines.store.looks import record_look


def look_at_sealed(session: Session, chosen: Blend) -> SealedScore | None:
    """Score the chosen blend on the sealed rows, if there are any; say how often that was.

    The look is recorded before its score is shown.

    Raises:
        StoreError: if it cannot be recorded; nothing is shown then.
    """
    part = session.sealed
    if part is None:
        return None
    metric = session.competition.metric
    predictions = part.predictions(chosen.test)
    judged = predictions
    if chosen.decided is not None:
        several = part.target.ndim == 2
        judged = decided(chosen.cuts, predictions, several=several)
    details = {
        "method": chosen.method,
        "members": dict(zip(chosen.members, map(float, chosen.weights), strict=True)),
        "metric": metric.name,
        "score": metric.score(part.truth(metric), judged),
        "honest_score": chosen.honest_score,
    }
    count = record_look(session.store, part, predictions, details)
    times = "once" if count == 1 else f"{count} times, and each look made it less of a surprise"
    text = (
        f"Sealed {metric.label} {details['score']:.{metric.digits}f} on {len(part.target):,} rows, "
        f"{chosen.estimate} {chosen.honest_score:.{metric.digits}f} on the others. Looked at "
        f"{times}. The submission is of models that did without these rows."
    )
    values = {**details, "rows": len(part.target), "share": part.share, "looks": count}
    return SealedScore(text, values)


def look(session: Session, chosen: Blend) -> SealedScore:
    """Score a blend of what is stored on the sealed rows, because somebody asks for it.

    Raises:
        UsageError: if there are none.
        StoreError: see `look_at_sealed`.
    """
    if session.sealed is None:
        raise UsageError(
            "There are no sealed rows to look at. Members have to be trained or imported without "
            "them: --sealed 0.1 with 'comps run', or with 'comps folds' and 'import-oof'."
        )
    with session.store.writing():
        found = look_at_sealed(session, chosen)
    assert found is not None
    return found
