"""The call that makes a competition of series, of what was inferred."""

from __future__ import annotations

from collections.abc import Mapping

from comps.kinds.series.given import Said
from comps.kinds.written import Call


def series_call(said: Said, n_folds: int, files: Mapping[str, str]) -> Call:
    """Return the call of `series_competition` with everything that was found.

    Args:
        said: what the user said, with what was found.
        n_folds: number of folds.
        files: of the parts, where their names do not say it.
    """
    by_kind: dict[str, list[str]] = {}
    for column, kind in said.columns.items():
        by_kind.setdefault(kind, []).append(column)
    arguments: dict[str, object] = {
        "time": said.time,
        "target": said.target,
        "horizon": said.horizon,
        "key": said.key,
        "id": said.id,
        "known": list(said.known or ()),
        "columns": by_kind,
        "files": dict(files),
        "n_folds": n_folds,
    }
    reasons = {"key": "series", "known": "known ahead", "horizon": "test part", "n_folds": "folds"}
    return Call("series_competition", arguments, reasons)
