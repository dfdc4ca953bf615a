"""Exported models as ONNX predict what the members predict; what cannot be converted is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from comps.base import base_name
from comps.house_prices.competition import HOUSE_PRICES
from pipelines import predict
from pipelines.api.export.onnx_converting import MOST_DIFFERENT, CannotError, converted
from pipelines.basics.kept_objects import load_object
from tests.commands import comps

# One of each library.
MODELS = "ridge,lightgbm,xgboost,catboost,mlp"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder of an export of house prices, and what the command told of it."""
    here = tmp_path_factory.mktemp("onnx")
    options = ("--engine", "inline", "--no-nested", "--folds", "2", "--no-checks")
    few = [f"--set={name}.rounds=60" for name in ("lightgbm", "xgboost", "catboost")]
    comps("run", "house-prices", "--models", MODELS, *options, *few, cwd=here)
    done = comps("export", "house-prices", "--to", "model", "--onnx", "--json", cwd=here)
    found = done.event("exported-models")
    return here, found


def features_of(folder: Path, fit: dict[str, str]) -> dict[str, np.ndarray[Any, Any]]:
    transformer: Any = load_object((folder / fit["features"]).read_bytes())
    rows = HOUSE_PRICES.load(HOUSE_PRICES.sample).test
    found = transformer.transform(rows)
    arrays = found if isinstance(found, dict) else {"rows": np.asarray(found)}
    return {
        name: array.astype(np.float32) if array.dtype == np.float64 else array
        for name, array in arrays.items()
    }


@pytest.mark.slow
def test_the_mean_of_the_models_as_onnx_is_what_the_member_predicts(
    exported: tuple[Path, dict[str, Any]],
) -> None:
    import onnxruntime

    here, told = exported
    folder = here / "model"
    members = json.loads((folder / "export.json").read_text())["members"]
    there = [member for member in members if told["onnx"].get(member["name"]) == ""]
    assert {"lightgbm", "mlp", "xgboost"} <= {base_name(member["name"]) for member in there}
    for member in there:
        logs = []
        for fit in member["fits"]:
            place = Path(fit["model"])
            path = folder / "onnx" / place.parent.name / f"{place.name}.onnx"
            session = onnxruntime.InferenceSession(path)
            inputs = features_of(folder, fit)
            names = [own.name for own in session.get_inputs()]
            fed = dict(zip(names, inputs.values(), strict=True)) if len(names) == 1 else inputs
            logs.append(session.run(None, fed)[-1].ravel())
        # On the logarithm of the price.
        prices = np.expm1(np.mean(logs, axis=0))
        wanted = predict(
            "house-prices", HOUSE_PRICES.sample, member=member["name"], runs=here / "runs"
        )
        np.testing.assert_allclose(prices, wanted["SalePrice"], rtol=1e-3)


@pytest.mark.slow
def test_what_is_left_out_is_named_with_the_reason(exported: tuple[Path, dict[str, Any]]) -> None:
    here, told = exported
    lines = (here / "model" / "README.md").read_text()
    assert "`onnx/`" in lines
    for name, reason in told["onnx"].items():
        assert (f"- {name}: {reason}" in lines) == bool(reason)


@pytest.mark.parametrize("objective", ["regression", "binary", "multiclass"])
def test_a_converted_booster_is_compared_with_its_own_predictions(
    tmp_path: Path, objective: str
) -> None:
    import lightgbm

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 4)).astype(np.float32)
    rows[::7, 1] = np.nan
    target = np.digitize(rows[:, 0], [-0.5, 0.5]) if objective == "multiclass" else rows[:, 0] > 0
    params = {"objective": objective, "verbosity": -1, "num_threads": 1}
    params |= {"num_class": 3} if objective == "multiclass" else {}
    booster = lightgbm.train(params, lightgbm.Dataset(rows, target.astype(float)), 20)
    (tmp_path / "lightgbm.txt").write_text(booster.model_to_string())
    wanted = np.asarray(booster.predict(rows))
    assert len(converted(tmp_path, {"rows": rows}, wanted)) > 1000
    wrong = wanted * (1 + 20 * MOST_DIFFERENT)
    with pytest.raises(CannotError, match="differ by"):
        converted(tmp_path, {"rows": rows}, wrong)


def test_features_that_are_no_array_and_unknown_files_have_no_converter(tmp_path: Path) -> None:
    (tmp_path / "lightgbm.txt").write_text("tree")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.bin").write_bytes(b"")
    words = np.array([["a"], ["b"]], dtype=object)
    with pytest.raises(CannotError, match="not one array of numbers|unexpected|Model"):
        converted(tmp_path, {"rows": words}, np.zeros(2))
    with pytest.raises(CannotError, match=r"no converter takes model\.bin"):
        converted(tmp_path / "other", {"rows": np.zeros((2, 1), np.float32)}, np.zeros(2))


def test_without_the_converters_the_extra_is_named() -> None:
    hidden = "import importlib.util as u; f = u.find_spec; "
    hidden += "u.find_spec = lambda n, *a: None if n == 'skl2onnx' else f(n, *a); "
    hidden += "from pipelines.api.export import onnx as e; e.find_spec = u.find_spec; "
    hidden += "e.check_onnx()"
    done = subprocess.run(
        [sys.executable, "-c", hidden], capture_output=True, text=True, check=False
    )
    assert "competition-workbench[onnx]" in done.stderr
