"""The call that makes a competition of tables, of what was inferred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from comps.kinds.table.given import Inference
from comps.kinds.table.schema import Schema
from comps.kinds.table.zoo import usual_zoo
from comps.kinds.written import Call

_FEATURES = '''\
def features(rows{parameter}):
    """Return more columns, or others, of each row by itself.{about}"""
    return rows
'''


def table_call(
    found: Inference, files: Mapping[str, str] | None = None, tables: Sequence[str] = ()
) -> Call:
    """Return the call of `table_competition` with everything that was inferred.

    Args:
        found: what was inferred.
        files: of the parts, where their names do not say it.
        tables: names of further tables.
    """
    schema = found.schema
    targets = (schema.separated,) if schema.separated else schema.targets
    arguments: dict[str, object] = {
        "task": str(schema.task),
        "target": targets[0] if len(targets) == 1 else list(targets),
        "classes": list(schema.targets if schema.separated else schema.classes),
        "outputs": [] if schema.submitted == targets else list(schema.submitted),
        "id": schema.id,
        "submitted_id": None if schema.submitted_id == schema.id else schema.submitted_id,
        "first_id": schema.first_id or None,
        **{role: getattr(schema, role) for role in ("group", "time", "weight", "query", "folds")},
        "columns": _by_kind(schema),
        "leave_out": list(schema.leave_out),
        "files": dict(files or {}),
        "zoo": None if found.zoo == usual_zoo(schema.kinds.values()) else found.zoo,
        "scheme": found.scheme,
        "n_folds": found.n_folds,
    }
    about = f"\n\n    `tables` holds {', '.join(tables)}.\n    " if tables else ""
    own = _FEATURES.format(parameter=", tables" if tables else "", about=about)
    return Call("table_competition", arguments, {"scheme": "folds"}, {"features": own})


def _by_kind(schema: Schema) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for column, kind in schema.kinds.items():
        found.setdefault(kind, []).append(column)
    return found
