"""The models of an exported folder as ONNX: a process of its own, for it needs TensorFlow's Keras.

    python -m pipelines.api.export.onnx_converting FOLDER ROWS

A model is converted by the converter that the makers of its library or of ONNX keep, and compared
on the rows with what it predicts itself. What has no converter, or predicts something else, is left
out. A JSON object says of each model, by its folder, why it is left out, or null.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from comps.base import some

Array = NDArray[Any]
# Arrays by the name of the input.
Inputs = Mapping[str, Array]

# Predictions may differ by this share of their size, or of a thousandth where they are smaller.
MOST_DIFFERENT, _LEAST = 1e-5, 1e-3
# What all converters and older servers know.
_OPSET = 15
_INPUT = "rows"


class CannotError(Exception):
    """Why a model cannot be converted."""


def _lightgbm(model: Path, inputs: Inputs) -> bytes:
    import lightgbm
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    booster = lightgbm.Booster(model_str=(model / "lightgbm.txt").read_text())
    return _bytes(convert_lightgbm(booster, zipmap=False, **_of_numbers(inputs, FloatTensorType)))


def _xgboost(model: Path, inputs: Inputs) -> bytes:
    import xgboost
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    booster = xgboost.Booster({"verbosity": 0})
    booster.load_model(bytearray((model / "xgboost.ubj").read_bytes()))
    return _bytes(convert_xgboost(booster, **_of_numbers(inputs, FloatTensorType)))


def _catboost(model: Path, inputs: Inputs) -> bytes:
    import catboost

    _width(inputs)
    booster = catboost.CatBoost().load_model(blob=(model / "catboost.cbm").read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        booster.save_model(str(path), format="onnx")
        return path.read_bytes()


def _estimator(model: Path, inputs: Inputs) -> bytes:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    estimator = _folder_program().load_object(model / "estimator.skops", _trusted(model))
    known = _of_numbers(inputs, FloatTensorType)
    options = {"zipmap": False} if hasattr(estimator, "predict_proba") else None
    return _bytes(to_onnx(estimator, options=options, **known))


def _networks(model: Path, inputs: Inputs) -> bytes:
    """Return the mean of the networks of a fold, on the scale of its targets."""
    import keras

    paths = sorted(model.glob("*.keras"))
    copies = [keras.saving.load_model(path, compile=False) for path in paths]
    for place, copy in enumerate(copies):
        # Models in a model need names of their own.
        copy.name = f"copy_{place}"
    given = keras.tree.map_structure(
        lambda own: keras.Input(own.shape[1:], dtype=own.dtype, name=own.name), copies[0].input
    )
    found = [copy(given) for copy in copies]
    output = keras.layers.Average()(found) if len(found) > 1 else found[0]
    scale = json.loads((model / "target.json").read_text())
    if scale is not None:
        output = keras.layers.Rescaling(scale["deviation"], scale["mean"])(output)
    whole = keras.Model(given, output)
    # Keras exports what was called once.
    whole({name: rows[:1] for name, rows in inputs.items()})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        whole.export(path, format="onnx", verbose=False)
        return path.read_bytes()


# What converts a model, by the file that it has.
CONVERTERS: Mapping[str, Callable[[Path, Inputs], bytes]] = {
    "lightgbm.txt": _lightgbm,
    "xgboost.ubj": _xgboost,
    "catboost.cbm": _catboost,
    "estimator.skops": _estimator,
    "target.json": _networks,
}


def _of_numbers(inputs: Inputs, kind: Any) -> dict[str, Any]:
    """Return what converters of tables are told of the features, in their own kind of type.

    Raises:
        CannotError: if these are not one array of numbers.
    """
    types = [(_INPUT, kind([None, _width(inputs)]))]
    return {"initial_types": types, "target_opset": _OPSET}


def _width(inputs: Inputs) -> int:
    rows = inputs.get(_INPUT)
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.dtype.kind not in "fiu":
        raise CannotError("its features are not one array of numbers")
    return int(rows.shape[1])


def _bytes(proto: Any) -> bytes:
    content: bytes = proto.SerializeToString()
    return content


def _folder_program() -> Any:
    """Return the module `predict` of the exported folder, which is the first place of the path."""
    return importlib.import_module("predict")


def _trusted(model: Path) -> frozenset[str]:
    told = json.loads((model.parents[2] / "export.json").read_text())
    return frozenset(told["trusted"])


def converted(model: Path, inputs: Inputs, wanted: Array) -> bytes:
    """Return a model as ONNX.

    Args:
        model: the folder with its files.
        inputs: features of some rows.
        wanted: [rows] or [rows, ...] what it predicts of them.

    Raises:
        CannotError: that says why it cannot be converted.
    """
    names = {path.name for path in model.iterdir()}
    known = [convert for name, convert in CONVERTERS.items() if name in names]
    if not known:
        raise CannotError(f"no converter takes {some(sorted(names))}")
    try:
        content = known[0](model, inputs)
        found = _predicted(content, inputs, wanted)
    except CannotError:
        raise
    except Exception as error:  # each converter raises its own
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise CannotError(lines[0][:200]) from error
    size = np.maximum(np.abs(wanted), _LEAST)
    different = float((np.abs(found - wanted) / size).max())
    if not different <= MOST_DIFFERENT:
        raise CannotError(f"its predictions in ONNX differ by {different:.1g}")
    return content


def _predicted(content: bytes, inputs: Inputs, wanted: Array) -> Array:
    """Return what ONNX Runtime predicts, in the form of the model's own predictions."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [own.name for own in session.get_inputs()]
    single = len(names) == len(inputs) == 1
    fed = dict(zip(names, inputs.values(), strict=True)) if single else dict(inputs)
    # Of classifiers the first output is the class.
    last = np.asarray(session.run(None, fed)[-1], dtype=np.float64)
    if wanted.ndim == 1:
        # Probabilities of both classes; or values, in a column.
        last = last.reshape(len(last), -1)[:, -1]
    return last


def convert_folder(folder: Path, rows: Path) -> dict[str, str | None]:
    """Write ONNX models into an exported folder.

    Args:
        folder: of the export.
        rows: a file of new rows, on which models are compared.

    Returns:
        By the folder of a model why it is left out; None where it is written, in `onnx/`.
    """
    sys.path.insert(0, str(folder))
    program = _folder_program()
    exported = program.Exported(folder)
    dataset = exported.competition.with_test(folder / "form", rows)
    told = json.loads((folder / "export.json").read_text())
    known: dict[str, Any] = {}
    reasons: dict[str, str | None] = {}
    for member in told["members"]:
        for fit in member["fits"]:
            place = Path(fit["model"])
            features = exported.features(fit["features"], dataset.test, known)
            wanted = np.asarray(exported.models[fit["model"]](features), dtype=np.float64)
            try:
                content = converted(folder / place, _dense(program.inputs(features)), wanted)
            except CannotError as error:
                reasons[fit["model"]] = str(error)
                continue
            target = folder / "onnx" / place.parent.name / f"{place.name}.onnx"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            reasons[fit["model"]] = None
    return reasons


def _dense(inputs: Mapping[str, Any]) -> dict[str, Array]:
    """Return the inputs in the precision that ONNX models take."""
    return {
        name: rows.astype(np.float32) if rows.dtype == np.float64 else rows
        for name, rows in inputs.items()
    }


def main() -> None:
    """Convert the models of a folder, and print what was left out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("rows", type=Path)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    sys.stdout.write(json.dumps(convert_folder(asked.folder, asked.rows)))


if __name__ == "__main__":
    main()
