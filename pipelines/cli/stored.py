"""Commands that train nothing: `comps blend`, `submit`, `predict` and `export-oof`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from comps.base import UsageError
from pipelines.api.export.folder import export
from pipelines.api.exporting import export_oof
from pipelines.api.levels import blend_in_levels
from pipelines.api.predicting import predict
from pipelines.api.result_rows import takes_too_long
from pipelines.api.stored import blend, check_file, submit
from pipelines.cli import tables
from pipelines.cli.request import Request
from pipelines.cli.run import show_blend, show_submission


def blend_stored(
    request: Request, method: str, levels: Path | None = None, look: bool = False
) -> None:
    """Blend the stored out-of-fold predictions and show the result."""
    with request.output() as output:
        if levels is not None:
            choices = in_levels(request, method)
            result = blend_in_levels(request.subject, levels, look=look, progress=output, **choices)
        else:
            choices = dict(request.choices)
            members = choices.pop("models", None)
            result = blend(
                request.subject, members, method=method, look=look, progress=output, **choices
            )
        show_blend(output, result)
        if result.sealed is not None:
            output.result(result.sealed.text, result.sealed.values, event="sealed")
        if levels is not None:
            return
        if result.blend is None or len(result.blend.members) < 2:
            return
        if takes_too_long(result):
            output.note(
                f"What each of the {len(result.blend.members)} members brings is not shown: it "
                "takes a blend without each of them."
            )
            return
        output.table("members", *tables.contributions(result))


def submit_stored(request: Request, method: str, path: Path, levels: Path | None = None) -> None:
    """Write the submission of the blend of what is stored."""
    with request.output() as output:
        if levels is not None:
            result = blend_in_levels(
                request.subject, levels, output=path, progress=output, **in_levels(request, method)
            )
        else:
            choices = dict(request.choices)
            members = choices.pop("models", None)
            result = submit(
                request.subject, members, output=path, method=method, progress=output, **choices
            )
        show_submission(output, result, path)


def in_levels(request: Request, method: str) -> dict[str, Any]:
    """Return the choices of a call that blends in levels.

    Raises:
        UsageError: if members or a method are named beside the file that does.
    """
    if "models" in request.choices or method != "auto":
        raise UsageError("--levels names members and methods: leave out --members and --method.")
    return request.choices


def predict_rows(request: Request, rows: Path, member: str | None, path: Path) -> None:
    """Predict new rows by the models of the last run, and write the predictions."""
    choices = {name: value for name, value in request.choices.items() if name != "models"}
    with request.output() as output:
        table = predict(
            request.subject, rows, member=member, output=path, progress=output, **choices
        )
        output.result(
            f"{path}: {len(table)} rows predicted by {member or 'the blend'}.",
            {"predictions": str(path), "rows": len(table), "member": member},
        )


def export_models(request: Request, folder: Path, member: str | None, onnx: bool) -> None:
    """Write a folder with the models of the last run, which predicts by itself."""
    choices = {name: value for name, value in request.choices.items() if name != "models"}
    with request.output() as output:
        found = export(
            request.subject, to=folder, member=member, onnx=onnx, progress=output, **choices
        )
        used = ", ".join(f"{name} ({weight:.2f})" for name, weight in found.members.items())
        output.note(
            f"{folder / 'form'} holds {found.form_rows} rows of the training data, by which new "
            "rows are read."
        )
        for name, reason in found.onnx.items():
            if reason:
                output.note(f"{name} is left out of {folder / 'onnx'}: {reason}.")
        output.result(
            f"{folder}: {used}; {found.size / 1e6:.1f} MB. Tried on {found.tried_rows} rows, it "
            f"predicts what 'comps predict' does, up to {found.difference:.1g}.",
            {
                "folder": str(folder),
                "members": dict(found.members),
                "form_rows": found.form_rows,
                "requirements": list(found.requirements),
                "size": found.size,
                "tried_rows": found.tried_rows,
                "difference": found.difference,
                "onnx": dict(found.onnx),
            },
            event="exported-models",
        )


def check_submission_file(request: Request, path: Path) -> None:
    """Check a submission file that is already there."""
    choices = {name: value for name, value in request.choices.items() if name != "models"}
    with request.output() as output:
        rows = check_file(request.subject, path, **choices)
        output.result(f"{path} is valid: {rows} rows.", {"submission": str(path)})


def export_stored(request: Request, folder: Path, form: str, scale: str, wide: bool) -> None:
    """Write the predictions of the last run's members, or of those named, into a folder."""
    choices = dict(request.choices)
    with request.output() as output:
        members = choices.pop("models", None)
        found = export_oof(
            request.subject,
            members,
            output=folder,
            format=form,
            scale=scale,
            wide=wide,
            progress=output,
            **choices,
        )
        for exported in found:
            names, rows = list(exported.members), exported.rows
            output.result(
                f"{', '.join(names)}: {rows} rows in {exported.oof}, test predictions in "
                f"{exported.test}.",
                {"models": names, "rows": rows}
                | {"oof": str(exported.oof), "test": str(exported.test)},
                event="exported",
            )
