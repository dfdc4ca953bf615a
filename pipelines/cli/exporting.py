"""`comps export-oof`: predictions of members as CSV or Parquet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from comps.base import MissingPackageError, file_name, unknown_name
from pipelines.basics.files import write_bytes
from pipelines.cli.options import Options
from pipelines.cli.stored import Stored, open_stored
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
class Form:
    """The form of the tables: format of the files, scale of the values, one table or many.

    Raises:
        UsageError: if there is no such format or scale.
        MissingPackageError: if a library is needed that is not installed.
    """

    format: str = "csv"
    scale: str = "target"
    wide: bool = False

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise unknown_name("format", self.format, FORMATS)
        if self.scale not in SCALES:
            raise unknown_name("scale", self.scale, SCALES)
        if self.format == "parquet" and find_spec("pyarrow") is None:
            raise MissingPackageError("pyarrow", "parquet")


def export_stored(options: Options, folder: Path, form: Form) -> None:
    """Write the predictions of the last run's members, or of those named, into a folder."""
    stored = open_stored(options)
    groups = {file_name(name, oof.key): {name: oof} for name, oof in stored.oofs.items()}
    if form.wide:
        groups = {"": stored.oofs}
    for name, oofs in groups.items():
        prefix = f"{name}-" if name else ""
        files = {}
        for part, table in _tables(stored, oofs, form).items():
            files[part] = folder / f"{prefix}{part}.{form.format}"
            write_bytes(files[part], FORMATS[form.format](table))
        _say(stored, list(oofs), files)


def _tables(stored: Stored, oofs: Mapping[str, OutOfFold], form: Form) -> dict[str, pd.DataFrame]:
    experiment, part = stored.experiment, stored.session.sealed
    competition, dataset = experiment.competition, experiment.dataset
    n_sealed = 0 if part is None else len(part.target)
    return {
        "oof": table_of_oof(
            competition, dataset, experiment.folds, oofs, form.scale, wide=form.wide
        ),
        "test": table_of_test(
            competition, dataset, oofs, form.scale, wide=form.wide, n_sealed=n_sealed
        ),
    }


def _say(stored: Stored, names: list[str], files: Mapping[str, Path]) -> None:
    rows = len(stored.session.dataset.train_ids)
    stored.output.result(
        f"{', '.join(names)}: {rows} rows in {files['oof']}, test predictions in {files['test']}.",
        {"models": names, "rows": rows} | {part: str(path) for part, path in files.items()},
        event="exported",
    )
