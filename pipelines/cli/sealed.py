"""The last step of `comps run --sealed`: the score of the chosen blend on the sealed rows."""

from __future__ import annotations

from ensembles import Blend
from pipelines.cli.options import Session
from pipelines.cli.reporters import Output
from pipelines.store.looks import record_look


def look_at_sealed(session: Session, output: Output, chosen: Blend) -> None:
    """Score the chosen blend on the sealed rows, if there are any, and show how often that was.

    The look is recorded before its score is shown.

    Raises:
        StoreError: if it cannot be recorded; nothing is shown then.
    """
    part = session.sealed
    if part is None:
        return
    metric = session.competition.metric
    predictions = part.predictions(chosen.test)
    details = {
        "method": chosen.method,
        "members": dict(zip(chosen.members, map(float, chosen.weights), strict=True)),
        "metric": metric.name,
        "score": metric.score(metric.scale.forward(part.target), predictions),
        "honest_score": chosen.honest_score,
    }
    count = record_look(session.store, part, predictions, details)
    times = "once" if count == 1 else f"{count} times, and each look made it less of a surprise"
    output.result(
        f"Sealed {metric.label} {details['score']:.{metric.digits}f} on {len(part.target):,} rows, "
        f"{chosen.estimate} {chosen.honest_score:.{metric.digits}f} on the others. Looked at "
        f"{times}. The submission is of models that did without these rows.",
        {**details, "rows": len(part.target), "share": part.share, "looks": count},
        event="sealed",
    )
