"""The models of an exported folder as ONNX too, where converters take them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from comps.base import MissingPackageError, UsageError

# Of the extra; networks need more, whose lack is told of each.
_NEEDED = ("onnxruntime", "onnxmltools", "skl2onnx")


def check_onnx() -> None:
    """Check that converters are installed.

    Raises:
        MissingPackageError: if not.
    """
    for package in _NEEDED:
        if find_spec(package) is None:
            raise MissingPackageError(package, "onnx")


def write_onnx(
    folder: Path, name: str, rows: bytes, members: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Write the models of an exported folder into its folder `onnx`, where that is possible.

    A process of its own does it, whose Keras has TensorFlow, which the converter of networks takes.

    Args:
        folder: of the export, which predicts already.
        name: of a file of new rows.
        rows: its content; models are compared on them.
        members: as `export.json` has them.

    Returns:
        Why a member is left out, by its name; an empty text where all its models are written.

    Raises:
        UsageError: if the process fails.
    """
    with tempfile.TemporaryDirectory() as made:
        file = Path(made) / name
        file.write_bytes(rows)
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.api.export.onnx_converting", str(folder), str(file)],
            env={
                **os.environ,
                "KERAS_BACKEND": "tensorflow",
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "CUDA_VISIBLE_DEVICES": "",
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise UsageError(f"The models cannot be converted to ONNX: {last} Export without --onnx.")
    reasons: dict[str, str | None] = json.loads(done.stdout.strip().splitlines()[-1])
    return {
        member["name"]: next(
            (why for fit in member["fits"] if (why := reasons[fit["model"]]) is not None), ""
        )
        for member in members
        if member["fits"]
    }
