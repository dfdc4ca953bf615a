"""`export_oof`: predictions of members as CSV or Parquet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from comps.base import Competition, MissingPackageError, file_name, unknown_name
from pipelines.api.choices import REQUIRED, Options, RowChoices, checked_choice, with_members
from pipelines.api.progress import Progress
from pipelines.api.stored import Stored, open_stored
from pipelines.basics.files import write_bytes
from pipelines.results.oof import OutOfFold
from pipelines.results.prediction_tables import SCALES, table_of_oof, table_of_test

if TYPE_CHECKING:
    import pandas as pd


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()


def _parquet(table: pd.DataFrame) -> bytes:
    content: bytes = table.to_parquet(None, engine="pyarrow", index=False)
    return content


FORMATS: Mapping[str, Callable[[pd.DataFrame], bytes]] = {"csv": _csv, "parquet": _parquet}


@dataclass(frozen=True)
class Exported:
    """Files that were written.

    Attributes:
        members: whose predictions are in them.
        rows: training rows.
        oof: the file with out-of-fold predictions.
        test: the file with test predictions; None where there are no test rows.
    """

    members: tuple[str, ...]
    rows: int
    oof: Path
    test: Path | None


def export_oof(
    competition: str | Competition,
    members: str | Sequence[object] | None = None,
    *,
    output: str | Path,
    format: str = "csv",
    scale: str = "target",
    wide: bool = False,
    progress: Progress | None = None,
    **choices: Unpack[RowChoices],
) -> list[Exported]:
    """Write out-of-fold and test predictions as tables by id, for other tools and for people.

    Args:
        competition: a name, or your own.
        members: names with commas, or a list; those of the last run unless given.
        output: the folder.
        format: of the files, "csv" or "parquet".
        scale: of the values, "target" or "metric".
        wide: whether there is one table with a column for each member.
        progress: is called with each `Update`.
        **choices: see `RowChoices`.

    Raises:
        UsageError: if there is no such format or scale.
        MissingPackageError: if a library is needed that is not installed.
    """
    folder: Path = checked_choice("output", output, "Path", REQUIRED)
    if format not in FORMATS:
        raise unknown_name("format", format, FORMATS)
    if scale not in SCALES:
        raise unknown_name("scale", scale, SCALES)
    if format == "parquet" and find_spec("pyarrow") is None:
        raise MissingPackageError("pyarrow", "parquet")
    stored = open_stored(Options.of(competition, with_members(choices, members)), progress)
    stored.tell_joined()
    groups = {file_name(name, oof.key): {name: oof} for name, oof in stored.oofs.items()}
    if wide:
        groups = {"": stored.oofs}
    exported = []
    for name, oofs in groups.items():
        prefix = f"{name}-" if name else ""
        files = {}
        for part, table in _tables(stored, oofs, scale, wide).items():
            files[part] = folder / f"{prefix}{part}.{format}"
            write_bytes(files[part], FORMATS[format](table))
        rows = len(stored.session.dataset.train_ids)
        exported.append(Exported(tuple(oofs), rows, files["oof"], files.get("test")))
    return exported


def _tables(
    stored: Stored, oofs: Mapping[str, OutOfFold], scale: str, wide: bool
) -> dict[str, pd.DataFrame]:
    experiment, part = stored.experiment, stored.session.sealed
    competition, dataset = experiment.competition, experiment.dataset
    n_sealed = 0 if part is None else len(part.target)
    tables = {"oof": table_of_oof(competition, dataset, experiment.folds, oofs, scale, wide=wide)}
    # Where there are no test rows, a training row stands for them.
    if dataset.sample_submission is not None:
        test = table_of_test(competition, dataset, oofs, scale, wide=wide, n_sealed=n_sealed)
        tables["test"] = test
    return tables
