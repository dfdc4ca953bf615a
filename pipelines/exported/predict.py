"""Predict new rows by the models of this folder.

    python predict.py rows.csv --out predictions.csv

In Python: `from predict import predict`, then `predict("rows.csv")`, or of a pandas DataFrame.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    from comps.base import Competition

Array = NDArray[Any]
# Makes predictions of features, [rows] or [rows, ...].
Predict = Callable[[Any], Array]

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Told:
    """What a loader has to know beside the files of a model.

    Attributes:
        task: "regression", "binary", "multiclass" or "multilabel".
        trusted: packages of the models' own code, whose types may be made from files.
    """

    task: str
    trusted: frozenset[str]

    def of_one_target(self) -> Told:
        """Return the same for one of several targets; a label is one of two classes."""
        return Told("binary" if self.task == "multilabel" else self.task, self.trusted)


# Files of a model by name.
Files = Mapping[str, Path]


def load_object(path: Path, trusted: frozenset[str]) -> Any:
    """Return an object in skops' format, which is made of trusted types and functions alone.

    Raises:
        ValueError: if the file names another one.
    """
    from skops import io
    from trusted_names import untrusted_names  # of lib/, which `Exported` adds to the path

    named = io.get_untrusted_types(file=path)
    foreign = untrusted_names(named, trusted)
    if foreign:
        raise ValueError(f"{path} names {foreign[0]}, which is not trusted.")
    return io.load(path, trusted=named)


def _lightgbm(files: Files, told: Told) -> Predict:
    import lightgbm

    del told
    booster = lightgbm.Booster(model_str=files["lightgbm.txt"].read_text())
    return lambda rows: np.asarray(booster.predict(rows))


def _xgboost(files: Files, told: Told) -> Predict:
    import xgboost

    del told
    booster = xgboost.Booster({"verbosity": 0})
    booster.load_model(bytearray(files["xgboost.ubj"].read_bytes()))
    return lambda rows: np.asarray(booster.predict(xgboost.DMatrix(rows)))


def _catboost(files: Files, told: Told) -> Predict:
    import catboost

    booster = catboost.CatBoost().load_model(blob=files["catboost.cbm"].read_bytes())
    kind = "Probability"
    if told.task == "regression":
        loss = str(booster.get_all_params().get("loss_function", ""))
        kind = "Exponent" if loss.startswith(("Poisson", "Tweedie")) else "RawFormulaVal"
    binary = told.task == "binary"

    def predict(rows: Any) -> Array:
        found: Array = booster.predict(rows, prediction_type=kind)
        return found[:, 1] if binary else found

    return predict


def _estimator(files: Files, told: Told) -> Predict:
    estimator = load_object(files["estimator.skops"], told.trusted)

    def predict(rows: Any) -> Array:
        if told.task == "regression":
            return np.asarray(estimator.predict(rows))
        found = estimator.predict_proba(rows)
        if isinstance(found, list):  # of each label
            return np.stack(list(map(_of_one, found, estimator.classes_)), axis=1)
        probabilities: Array = found
        return probabilities[:, 1] if told.task == "binary" else probabilities

    return predict


def _of_one(label: Array, classes: Array) -> Array:
    """Return the probabilities of a label, which may be the same in all training rows."""
    found: Array = label[:, 1] if label.shape[1] > 1 else np.full(len(label), float(classes[0]))
    return found


def _networks(files: Files, told: Told) -> Predict:
    """Return the mean of the networks of a fold, on the scale of its targets."""
    scale = json.loads(files["target.json"].read_text())
    names = sorted(name for name in files if name.endswith(".keras"))
    network = _shared(files[names[0]], told)
    weights = [_weights(network, files[name]) for name in names]

    def predict(rows: Any) -> Array:
        outputs = []
        for own in weights:
            network.set_weights(own)
            found = network.predict(inputs(rows), batch_size=_ROWS_AT_ONCE, verbose=0)
            outputs.append(np.asarray(found, np.float64))
        mean: Array = np.mean(outputs, axis=0)
        if told.task in ("regression", "binary") and not _several(scale):
            mean = mean[:, 0]
        return mean if scale is None else mean * np.array(scale["deviation"]) + scale["mean"]

    return predict


_ROWS_AT_ONCE = 1024
# The input of a network by the form of its rows; arrays have names of their own.
_NAMES = {"Images": "image", "Windows": "window"}


def _several(scale: Any) -> bool:
    return scale is not None and isinstance(scale["mean"], list)


def inputs(rows: Any) -> dict[str, Array]:
    """Return the arrays of features by the name of the network's input."""
    if hasattr(rows, "gathered"):
        return {_NAMES[type(rows).__name__]: rows.gathered()}
    return dict(rows) if isinstance(rows, Mapping) else {"rows": np.asarray(rows)}


def _shared(path: Path, told: Told) -> Any:
    """Return a network of the architecture in a file: folds share one, which is compiled once."""
    with zipfile.ZipFile(path) as archive:
        architecture = archive.read("config.json")
    if architecture not in _known:
        import keras
        from trusted_names import named_module

        for module in sorted(_modules(json.loads(architecture))):
            # Keras finds layers once their module is imported.
            if module.partition(".")[0] in told.trusted:
                named_module(module, told.trusted)
        _known[architecture] = keras.saving.load_model(path, compile=False)
    return _known[architecture]


_known: dict[bytes, Any] = {}


def _modules(config: object) -> set[str]:
    if isinstance(config, dict):
        named = {config["module"]} if isinstance(config.get("module"), str) else set()
        return named.union(*map(_modules, config.values()))
    return set().union(*map(_modules, config)) if isinstance(config, list) else set()


def _weights(network: Any, path: Path) -> list[Array]:
    network.load_weights(path)
    return list(network.get_weights())


def _targets(files: Files, told: Told) -> Predict:
    """Return the predictions of several targets, each by a model of its own or a constant."""
    found = json.loads(files["targets.json"].read_text())
    constant, values = np.array(found["constant"], dtype=bool), np.array(found["values"])
    models = [
        loaded(_of_target(files, target), told.of_one_target())
        for target in np.flatnonzero(~constant).tolist()
    ]

    def predict(rows: Any) -> Array:
        parts = [model(rows) for model in models]
        joined = np.tile(values, (len(parts[0]), 1))
        joined[:, ~constant] = np.stack(parts, axis=1)
        return joined

    return predict


def _of_target(files: Files, target: int) -> Files:
    start = f"target-{target}-"
    return {name[len(start) :]: path for name, path in files.items() if name.startswith(start)}


# What reads a model, by the file that it has.
LOADERS: Mapping[str, Callable[[Files, Told], Predict]] = {
    "targets.json": _targets,
    "lightgbm.txt": _lightgbm,
    "xgboost.ubj": _xgboost,
    "catboost.cbm": _catboost,
    "estimator.skops": _estimator,
    "target.json": _networks,
}


def loaded(files: Files, told: Told) -> Predict:
    """Return the model that some files are.

    Raises:
        ValueError: if they are none of a library that is known here.
    """
    for name, load in LOADERS.items():
        if name in files:
            return load(files, told)
    raise ValueError(f"No model is known by the files {', '.join(sorted(files)) or 'none'}.")


class Exported:
    """The models of an exported folder, and their blend.

    Args:
        folder: where `export.json` is.
    """

    def __init__(self, folder: Path = HERE) -> None:
        if (folder / "lib").is_dir() and str(folder / "lib") not in sys.path:
            sys.path.insert(0, str(folder / "lib"))
        self._folder = folder
        self._told = json.loads((folder / "export.json").read_text())
        # Keras reads it when it is imported.
        os.environ.setdefault("KERAS_BACKEND", self._told["backend"])
        self._trusted = frozenset(self._told["trusted"])
        module, _, name = self._told["competition"].partition(":")
        self.competition: Competition = getattr(importlib.import_module(module), name)
        # No module is imported because the file of a model names it.
        for own in self._told.get("modules", ()):
            importlib.import_module(own)
        self._transformers: dict[str, Any] = {}
        # Networks of one architecture share their layers, and servers have several threads.
        self._lock = threading.Lock()
        blend = folder / "blend.skops"
        self._blend = load_object(blend, self._trusted) if blend.is_file() else None

    @cached_property
    def models(self) -> Mapping[str, Predict]:
        """The models by folder; rows are read before them, for what is wrong of these is said."""
        told = Told(self._told["task"], self._trusted)
        return {
            fit["model"]: loaded(self._files(fit["model"]), told)
            for member in self._told["members"]
            for fit in member["fits"]
        }

    def predict(self, rows: Any) -> pd.DataFrame:
        """Return the predictions of new rows, in the form of the submission; see `predict`."""
        from comps.base import Cuts, Rule
        from submissions import build_submission, check_submission

        assert self.competition.with_test is not None
        dataset = self.competition.with_test(self._folder / "form", rows)
        known: dict[str, Any] = {}
        with self._lock:
            found = {
                member["name"]: self._mean(member, dataset.test, known)
                for member in self._told["members"]
                if member["fits"]
            }
        first = next(iter(found.values()))
        # Members without a weight are multiplied by zero.
        parts = [
            found.get(member["name"], np.zeros_like(first)) for member in self._told["members"]
        ]
        test = parts[0] if self._blend is None else self._blend.predict(np.stack(parts, axis=1))
        told = self._told["cuts"]
        cuts = None if told is None else Cuts(Rule(told["rule"]), tuple(told["at"]))
        table = build_submission(self.competition, dataset, test, cuts)
        check_submission(self.competition, dataset, table)
        return table

    def _mean(self, member: Mapping[str, Any], rows: Any, known: dict[str, Any]) -> Array:
        """Return the predictions of a member, the mean over its folds and repeats."""
        parts = []
        for fit in member["fits"]:
            values = self.models[fit["model"]](self.features(fit["features"], rows, known))
            if member["residual"]:
                assert self.competition.offset is not None
                values = values + self.competition.offset(rows)
            # In float32, as the run stored them.
            parts.append(values.astype(np.float32).astype(np.float64))
        mean: Array = np.mean(parts, axis=0)
        return mean

    def features(self, name: str | None, rows: Any, known: dict[str, Any]) -> Any:
        """Return the features that models of one transformer share; rows where there is none."""
        if name is None:
            return rows
        if name not in known:
            known[name] = self._transformer(name).transform(rows)
        return known[name]

    def _transformer(self, name: str) -> Any:
        if name not in self._transformers:
            self._transformers[name] = load_object(self._folder / name, self._trusted)
        return self._transformers[name]

    def _files(self, name: str) -> Files:
        return {path.name: path for path in sorted((self._folder / name).iterdir())}


def changed(folder: Path = HERE) -> Iterator[str]:
    """Yield the files of the models that are not what was exported, by their checksums."""
    told = json.loads((folder / "export.json").read_text())
    for name, digest in told["checksums"].items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            yield name


@cache
def exported() -> Exported:
    """Return the models of this folder, which are read once.

    Raises:
        ValueError: if a file of theirs changed.
    """
    for name in changed():
        raise ValueError(f"{name} is missing or damaged. Copy the exported folder again.")
    return Exported()


def predict(rows: str | Path | pd.DataFrame) -> pd.DataFrame:
    """Predict new rows.

    Args:
        rows: a CSV file with the columns of the test rows, or a table in memory.

    Returns:
        A table in the form of the submission: ids, and values, probabilities or labels.

    Raises:
        ValueError: if the rows are not as those that the models were trained on; the message says
            where they differ.
    """
    return exported().predict(rows)


def main() -> int:
    """Predict the rows of a file, and write the predictions into another one."""
    parser = argparse.ArgumentParser(description="Predict new rows by the models of this folder.")
    parser.add_argument("rows", type=Path, help="file with the columns of the test rows")
    parser.add_argument("--out", type=Path, default=Path("predictions.csv"), help="file to write")
    asked = parser.parse_args()
    try:
        table = predict(asked.rows)
        table.to_csv(asked.out, index=False)
    except (ValueError, OSError, ImportError) as error:
        sys.stderr.write(f"Error: {error}\n")
        return 2
    sys.stdout.write(f"{asked.out}: {len(table)} rows predicted.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
