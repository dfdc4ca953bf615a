"""The call that makes a competition of images, of what was inferred."""

from __future__ import annotations

from comps.base import Task
from comps.kinds.images.layout import Layout
from comps.kinds.table.schema import Schema
from comps.kinds.written import Call

_REASONS = {"test_images": "test images", "id": "image", "folds": "folds column", "scheme": "folds"}


def image_call(schema: Schema, scheme: str, n_folds: int, layout: Layout) -> Call:
    """Return the call of `image_competition` with everything that was inferred.

    Args:
        schema: what is predicted.
        scheme: of the folds.
        n_folds: their number.
        layout: where the files lie.
    """
    of_table = layout.table is not None
    targets = (schema.separated,) if schema.separated else schema.targets
    arguments: dict[str, object] = {
        "images": layout.folder or ".",
        "test_images": layout.test_folder,
        "files": _files(layout),
        "id": layout.column if of_table else None,
        "target": (targets[0] if len(targets) == 1 else list(targets)) if of_table else None,
        "task": str(schema.task),
        "classes": [] if schema.task is Task.MULTILABEL else list(schema.classes),
        "outputs": [] if schema.submitted == schema.targets else list(schema.submitted),
        "group": schema.group,
        "weight": schema.weight,
        "folds": schema.folds,
        "leave_out": list(schema.leave_out),
        "scheme": scheme,
        "n_folds": n_folds,
    }
    return Call("image_competition", arguments, _REASONS)


def _files(layout: Layout) -> dict[str, str]:
    """Return the tables by part."""
    listing = None if layout.listing == layout.sample else layout.listing
    named = {"train": layout.table, "test": listing, "sample": layout.sample}
    return {part: name for part, name in named.items() if name is not None}
