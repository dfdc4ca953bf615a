"""The rows that are most wrong, as what they are: sentences, pictures, rows of a table."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from comps.base import Images, RowSet, take
from pipelines.reports.parts import Column, Part, Picture, Pictures, Table
from pipelines.reports.run import Floats, Predicted, ReportedRun

_MOST = 10
_LETTERS = 300
_PIXELS = 96


def most_wrong(
    run: ReportedRun,
    predicted: Predicted,
    wrong: Floats,
    true: Sequence[str],
    guess: Sequence[str],
) -> list[Part]:
    """Return the rows whose true class had the least probability.

    Args:
        run: with the rows.
        predicted: which of them.
        wrong: [k], one minus the probability of the true class.
        true: [k] labels.
        guess: [k] predicted labels.
    """
    assert run.dataset is not None
    order = np.argsort(-wrong, kind="stable")[:_MOST]
    rows: list[dict[str, Any]] = [
        {
            "id": predicted.ids[place],
            "true": true[place],
            "predicted": guess[place],
            "probability": float(1 - wrong[place]),
        }
        for place in order
    ]
    shown = take(run.dataset.train, predicted.rows[order])
    texts, pictures = _texts(shown), _pictures(shown)
    for row, text in zip(rows, texts, strict=False):
        row["text"] = text
    columns = [
        Column("id", "id"),
        Column("true", "true"),
        Column("predicted", "predicted"),
        Column("probability", "probability of the true class", "{:.4f}".format, numeric=True),
        *([Column("text", "text")] if texts else []),
    ]
    parts: list[Part] = []
    if pictures:
        captions = [f"{r['id']}: {r['true']}, predicted {r['predicted']}" for r in rows]
        found = [Picture(data, text) for data, text in zip(pictures, captions, strict=True)]
        parts.append(Pictures("Pictures that are most wrong", found))
    return [*parts, Table("worst", "Rows that are most wrong", columns, rows)]


def _texts(rows: RowSet) -> list[str]:
    """Return the beginning of each row's text; none where rows have no text."""
    values: Any = rows
    if hasattr(rows, "columns"):
        long = [name for name in rows.columns if _is_text(rows[name])]
        values = values[long[0]].to_numpy(dtype=object) if long else None
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    if values is None or kind not in "OUT" or getattr(values, "ndim", 1) != 1 or not kind:
        return []
    texts = [" ".join(str(value).split()) for value in values]
    return [text if len(text) <= _LETTERS else f"{text[:_LETTERS]}…" for text in texts]


def _is_text(column: Any) -> bool:
    """Whether the cells of a column are sentences."""
    words = [len(str(cell).split()) for cell in column if isinstance(cell, str)]
    return bool(words) and sum(words) / len(words) > 4


def _pictures(rows: RowSet) -> list[str]:
    """Return each row's picture as the text of a data URI; none where rows are no pictures."""
    if not isinstance(rows, Images):
        return []
    return [_encoded(pixels) for pixels in rows.gathered()]


def _encoded(pixels: Any) -> str:
    from PIL import Image

    shown = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels[:, :, :3]
    picture = Image.fromarray(np.ascontiguousarray(shown))
    picture.thumbnail((_PIXELS, _PIXELS))
    file = io.BytesIO()
    picture.save(file, "JPEG" if pixels.shape[2] > 1 else "PNG", quality=80)
    kind = "jpeg" if pixels.shape[2] > 1 else "png"
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
