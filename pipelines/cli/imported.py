"""Members of other tools: `comps folds` and `comps import-oof`."""

from __future__ import annotations

from pathlib import Path

from pipelines.api.imported import folds_table, import_oof
from pipelines.basics.files import write_bytes
from pipelines.cli.request import Request


def write_folds(request: Request, path: Path) -> None:
    """Write the ids and folds of the training rows; say how predictions come back."""
    with request.output() as output:
        found = folds_table(request.subject, progress=output, **request.choices)
        write_bytes(path, found.table.to_csv(index=False).encode())
        spec = found.folds.spec
        output.result(
            f"{path}: the folds of {len(found.table)} rows, scheme '{spec.scheme}', "
            f"{spec.n_folds} folds, seed {spec.seed}.",
            {"folds": str(path), "rows": len(found.table), "scheme": spec.scheme}
            | {"n_folds": spec.n_folds, "seed": spec.seed},
        )
        output.note(found.how)
        output.note(found.back)


def import_predictions(request: Request, name: str, oof: Path, test: Path) -> None:
    """Check predictions of another tool and keep them in the run store as a member."""
    with request.output() as output:
        found = import_oof(request.subject, name, oof, test, progress=output, **request.choices)
        member, metric = found.member, found.metric
        again = " It replaces the one of that name." if found.replaced else ""
        output.result(
            f"{name}: out-of-fold {metric.label} {member.score:.{metric.digits}f} on "
            f"{int(member.covered.sum())} rows, predictions for {len(member.test)} test rows."
            f"{again} 'comps blend', 'submit' and 'compare' take it.",
            {"model": name, "metric": metric.name, "score": member.score}
            | {"replaced": found.replaced},
        )
