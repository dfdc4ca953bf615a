"""What a result leaves behind: records in the store, and the submission."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from comps.base import UsageError, base_name
from ensembles import Blend
from pipelines.api.result_rows import blend_values, leaderboard_rows
from pipelines.basics.files import write_bytes
from pipelines.results.kept import NOT_IN_BLEND
from pipelines.results.oof import OutOfFold
from pipelines.store import RunStore

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.api.results import Result


def forget_others(store: RunStore, oofs: Mapping[str, OutOfFold], chosen: Blend) -> None:
    """Remove the trained models of members without a weight in the blend from a store."""
    weights = dict(zip(chosen.members, chosen.weights, strict=True))
    for name, oof in oofs.items():
        if not weights.get(name) and not oof.imported:
            store.forget_kept(base_name(oof.model), oof.key, NOT_IN_BLEND)


def keep(store: RunStore, result: Result) -> dict[str, Any]:
    """Store the leaderboard and the blend; return the latter as JSON values."""
    store.write_record("leaderboard.json", {"members": leaderboard_rows(result)})
    record = blend_values(result)
    store.write_record("blend.json", record)
    return record


def write_submission(store: RunStore, result: Result, output: str | Path | None) -> None:
    """Write the submission into the store, and to a file if one was named.

    Raises:
        UsageError: if there is nothing to submit.
        StoreError: if it cannot be written.
    """
    if result.submission is None:
        raise UsageError(
            f"{result.competition.name} has no test rows, so that there is nothing to submit."
        )
    write_files(store, result.submission, output)


def write_files(store: RunStore, submission: pd.DataFrame, output: str | Path | None) -> None:
    """Write a checked submission into the store, and to a file if one was named.

    Raises:
        StoreError: if it cannot be written.
    """
    content = submission.to_csv(index=False).encode()
    write_bytes(store.root / "submission.csv", content)
    if output is not None:
        write_bytes(Path(output), content)
