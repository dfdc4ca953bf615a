"""Learning curves of every fold, as TensorBoard shows them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from comps.base import MissingPackageError, base_name, file_name
from pipelines.results.oof import OutOfFold
from pipelines.store import RunStore

FOLDER = "tensorboard"


def check_installed() -> None:
    """Check that the logs can be written, before anything is trained.

    Raises:
        MissingPackageError: if TensorBoard is not installed.
    """
    if find_spec("tensorboard") is None:
        raise MissingPackageError("tensorboard", "tensorboard")


def write_curves(store: RunStore, oofs: Iterable[OutOfFold], label: str) -> Path:
    """Write the stored curves of some models, a TensorBoard run for each of their folds.

    Runs are called MODEL/r0-f0 (repeat 0, fold 0). Each has the metric on the validation rows,
    after so many epochs or rounds, and, for networks, the training loss. What was written of a
    model before is replaced.

    Args:
        store: with the results of the folds.
        oofs: the models whose curves are written.
        label: of the metric.

    Returns:
        The folder to call TensorBoard with.
    """
    root = store.root / FOLDER
    for oof in oofs:
        folder = root / file_name(oof.model, oof.key)
        shutil.rmtree(folder, ignore_errors=True)
        repeats, folds = oof.fold_scores.shape
        for repeat, fold in np.ndindex(repeats, folds):
            result = store.read_fold(base_name(oof.model), oof.key, repeat, (fold,))
            curves = {f"validation {label}": result.curve, "training loss": result.loss}
            _write(folder / f"r{repeat}-f{fold}", result.steps.tolist(), curves)
    return root


def _write(folder: Path, steps: list[int], curves: dict[str, np.ndarray]) -> None:
    from tensorboard.summary import Writer

    writer = Writer(str(folder))
    try:
        for tag, curve in curves.items():
            for step, value in zip(steps, curve.tolist(), strict=True):
                if np.isfinite(value):
                    writer.add_scalar(tag, value, step)
    finally:
        writer.close()
