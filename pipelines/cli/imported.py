"""Members of other tools: `comps folds`, `import-oof` and `members`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comps.base import DataError, Metric, UsageError, counted, some
from pipelines.api.imported import folds_table, import_oof
from pipelines.api.imported_folder import import_folder, imported_members
from pipelines.basics.files import write_bytes
from pipelines.cli.request import Request
from pipelines.cli.tables import new_table

if TYPE_CHECKING:
    from rich.table import Table


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


def import_predictions(request: Request, name: str, oof: Path | None, test: Path | None) -> None:
    """Check predictions of another tool and keep them in the run store as a member, or many.

    Raises:
        UsageError: if it is not clear which files are meant.
        DataError: if files of a folder have faults; the others are taken.
    """
    if oof is None and test is None:
        _import_all(request, Path(name))
        return
    if oof is None or test is None:
        raise UsageError("A member has two files: --oof and --test.")
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


def _import_all(request: Request, folder: Path) -> None:
    if not folder.is_dir():
        raise UsageError(
            f"There is no folder {folder}. A member {str(folder)!r} is named with its two files: "
            "--oof and --test."
        )
    with request.output() as output:
        found = import_folder(request.subject, folder, progress=output, **request.choices)
        if found.members:
            output.table("imported", _table(found.metric, found.members), list(found.members))
        again = sum(bool(row["replaced"]) for row in found.members)
        output.result(
            f"{counted(len(found.members), 'member')} taken from {folder}, {again} in place of "
            f"earlier ones; {counted(len(found.faults), 'fault')}.",
            {"taken": len(found.members), "replaced": again, "faults": dict(found.faults)},
        )
        if found.faults:
            lines = [f"- {where}: {fault}" for where, fault in found.faults.items()]
            raise DataError(
                f"{counted(len(lines), 'member or file was', 'members or files were')} not taken; "
                "all others were.\n" + "\n".join(lines)
            )


def _table(metric: Metric, rows: Sequence[Mapping[str, Any]]) -> Table:
    table = new_table("", ["member"], [f"OOF {metric.label}", "rows"], spare=["rows"])
    table.add_column("")
    for row in sorted(rows, key=lambda row: metric.sort_key(row["score"])):
        score = f"{row['score']:.{metric.digits}f}"
        table.add_row(row["name"], score, str(row["rows"]), "again" if row["replaced"] else "")
    return table


def show_members(request: Request, check: bool, remove: Sequence[str]) -> None:
    """List imported members; say what was removed, and what is damaged.

    Raises:
        DataError: if a file is damaged.
    """
    with request.output() as output:
        found = imported_members(request.subject, check=check, remove=remove, **request.choices)
        metric = found.metric
        if found.removed:
            output.result(
                f"Removed: {some(found.removed)}.", {"removed": list(found.removed)}, "removed"
            )
        if not found.rows and not request.json:
            output.result("There are no imported members.", {})
            return
        table = new_table(
            "", ["member", "imported (UTC)"], [f"OOF {metric.label}"], spare=["imported (UTC)"]
        )
        table.add_column("rows and folds")
        for row in found.rows:
            score = "" if row["score"] is None else f"{row['score']:.{metric.digits}f}"
            place = f"{row['data'][:6]} {row['folds'][:6]}" if not row["fault"] else "damaged"
            table.add_row(row["name"], row["when"], score, place)
        output.table("members", table, list(found.rows))
        faults = [row["fault"] for row in found.rows if row["fault"]]
        if check:
            output.result(
                f"{counted(len(found.rows), 'member')} checked, {len(faults)} damaged.",
                {"checked": len(found.rows), "damaged": len(faults)},
            )
        if faults:
            raise DataError("\n".join(faults))
