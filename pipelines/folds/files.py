"""Write the row numbers of folds to a file, and read them."""

from __future__ import annotations

from pathlib import Path

from comps.base import Array, StoreError
from pipelines.basics.files import read_arrays, write_arrays
from pipelines.folds._base import Folds, FoldSpec


def write_folds(path: Path, folds: Folds) -> None:
    """Write the row numbers of folds, unless the file exists and is whole.

    Raises:
        StoreError: if they cannot be written.
    """
    try:
        read_arrays(path)
    except (FileNotFoundError, StoreError):
        write_arrays(path, {}, folds_to_arrays(folds))


def read_folds(path: Path, spec: FoldSpec, n_rows: int) -> Folds:
    """Return the folds that `write_folds` wrote.

    Args:
        path: of the file.
        spec: how they were made.
        n_rows: rows of the training data.

    Raises:
        FileNotFoundError: if the file does not exist.
        StoreError: if it is damaged.
    """
    _, arrays = read_arrays(path)
    places = [_place(name) for name in arrays if name.endswith("-train")]
    n_repeats, n_folds = (1 + max(numbers) for numbers in zip(*places, strict=True))
    pairs = [
        [
            (arrays[_name(repeat, fold, "train")], arrays[_name(repeat, fold, "valid")])
            for fold in range(n_folds)
        ]
        for repeat in range(n_repeats)
    ]
    return Folds(spec, n_rows, pairs)


def folds_to_arrays(folds: Folds) -> dict[str, Array]:
    """Return the row numbers of folds by name."""
    return {
        _name(repeat, fold, part): rows
        for repeat, pairs in enumerate(folds.pairs)
        for fold, pair in enumerate(pairs)
        for part, rows in zip(("train", "valid"), pair, strict=True)
    }


def _name(repeat: int, fold: int, part: str) -> str:
    return f"r{repeat}-f{fold}-{part}"


def _place(name: str) -> tuple[int, int]:
    """Return the repeat and the fold that `_name` put into a name."""
    repeat, fold, _ = name.split("-")
    return int(repeat[1:]), int(fold[1:])
