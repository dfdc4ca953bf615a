"""The README of an exported folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from comps.base import Competition, counted
from pipelines.api.export.form import Form

_TEXT = """\
# Predictions of {name}

Made by {made_by} from a run that was judged by {metric}. Nothing here trains.

    pip install -r requirements.txt
    python predict.py {file} --out predictions.csv

`{file}` has the columns of the test rows: {columns}.
Further columns do no harm; levels that were never seen are predicted, too. In Python:

    from predict import predict

    predict("{file}")     # or a pandas DataFrame; returns one

## As a service

    pip install -r requirements-serve.txt
    uvicorn serve:app
    curl -H "Content-Type: application/json" -d '[{{...}}]' http://127.0.0.1:8000/predict

## What is in it

{members}

| file | holds |
|---|---|
| `predict.py`, `serve.py` | the program, and an example of a service |
| `export.json` | which models there are, and the checksums of their files |
| `members/` | the trained models, of each repeat and fold, in the formats of their libraries |
| `features/` | the fitted transformers, which models of a fold share, in skops' format |
| `blend.skops` | what makes one prediction of the members'; there is none for one model |
| `form/` | tables by which new rows are read |
| `lib/` | the code that reads rows, and of which the transformers are objects |
{onnx}
**`form/` holds rows of the training data, with their targets: {rows}.** Whoever may not see these
must not get this folder.

No pickle is read: skops makes estimators and objects of the packages that `export.json` names
alone. The folder is code all the same: run it only if you trust who made it.

Libraries: {libraries}.
"""


def readme(
    competition: Competition,
    told: Mapping[str, Any],
    weights: Mapping[str, float],
    form: Form,
    needed: Sequence[str],
    onnx: Mapping[str, str],
) -> str:
    """Return the text of the README.

    Args:
        competition: whose models these are.
        told: the content of `export.json`.
        weights: by member.
        form: rows of the data that are in the folder.
        needed: the lines of `requirements.txt`.
        onnx: by member why its models are not there as ONNX; empty where none are.
    """
    blend = f"Blended by the method `{told['method']}`:" if told["method"] else "One model:"
    lines = [
        f"- {member['name']}, weight {weights[member['name']]:.3f}: "
        f"{counted(len(member['fits']), 'model')}"
        for member in told["members"]
        if member["fits"]
    ]
    return _TEXT.format(
        name=competition.name,
        file=form.name,
        made_by=told["made_by"],
        metric=competition.metric.label,
        columns=", ".join(f"`{name}`" for name in form.columns),
        members="\n".join([blend, "", *lines]),
        rows=counted(form.rows, "row"),
        libraries=", ".join(needed),
        onnx=_onnx(onnx),
    )


def _onnx(reasons: Mapping[str, str]) -> str:
    """Return the end of the table of files, and what is said of models as ONNX below it."""
    if not reasons:
        return ""
    lacking = [f"- {name}: {reason}" for name, reason in reasons.items() if reason]
    said = "Without a model as ONNX:\n\n" + "\n".join(lacking) + "\n" if lacking else ""
    return (
        "| `onnx/` | the models once more as ONNX, from float32 features to predictions, which are "
        f"those of `members/` to 1e-5 |\n\n{said}"
    )
