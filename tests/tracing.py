"""Which functions of the project run in a fold, and which of them are not in the model's key."""

from __future__ import annotations

import ast
import importlib.util
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from comps.base import Competition, Dataset, Model, take
from comps.catalog import find_competition
from pipelines.code import reached
from pipelines.fitting.training import train_folds
from pipelines.folds import ALL_ROWS, FoldInput, FoldSpec, make_folds
from pipelines.results.oof import assemble
from tests.support import ROOT

PACKAGES = ("comps", "pipelines", "ensembles", "submissions", "tests")
FEWER = {
    "rounds": 4,
    "stride": 2,
    "epochs": 1,
    "copies": 1,
    "n_estimators": 4,
    "components": 8,
    "rows": 100,
}


def unknown_functions(
    competition: Competition, model: Model, rows: int = 300
) -> list[tuple[str, str]]:
    """Return the functions that ran when a model was trained on few rows, but for its key's."""
    model = with_less_to_do(model)
    known = reached(competition, model)
    whole = {module for module, name in known if name == "*"}
    loaded: list[Dataset] = []
    ran = functions_run_by(lambda: loaded.append(competition.load(competition.sample)))
    dataset = some_rows(loaded[0], rows)
    told = FoldInput(dataset.target, competition.task, dataset.groups, dataset.times)
    folds = make_folds(FoldSpec(competition.scheme, 3), told)

    def train() -> None:
        held = [*folds.single, *folds.neighbours, *([ALL_ROWS] if folds.growing else [])]
        found = train_folds(competition, dataset, model, folds, 0, held)
        results = {result.held: result for result in found}
        pairs = {part: results.pop(part) for part in folds.neighbours}
        assemble(competition, dataset, model, "key", folds, [results], pairs)

    ran |= functions_run_by(train)
    assert ("pipelines.fitting.training", "train_folds") in ran
    return sorted(
        (module, name)
        for module, name in ran - known
        if module not in whole and module != "tests.tracing"
    )


def with_less_to_do(model: Model) -> Model:
    """Return the model with fewer rounds, epochs and trees."""
    fewer: dict[str, Any] = {name: few for name, few in FEWER.items() if name in model.params}
    if "epochs" in fewer and "stride" in fewer:
        fewer["stride"] = 1
    return model.with_params(fewer)


def some_rows(dataset: Dataset, n_rows: int) -> Dataset:
    """Return the data set with some of its rows, near each other in time, and ten test rows."""
    n_all, tested = len(dataset.target), np.arange(10)
    rows = np.arange(n_rows) if dataset.times is not None else np.arange(0, n_all, n_all // n_rows)
    return replace(
        dataset,
        train=take(dataset.train, rows),
        target=dataset.target[rows],
        train_ids=dataset.train_ids[rows],
        groups=None if dataset.groups is None else dataset.groups[rows],
        times=None if dataset.times is None else dataset.times[rows],
        test=take(dataset.test, tested),
        test_ids=dataset.test_ids[tested],
    )


def functions_run_by(call: Callable[[], object]) -> set[tuple[str, str]]:
    """Return module and top name of the project's functions that run, in any thread.

    What runs because a module is imported is left out: it is done for all models.
    """
    seen: dict[CodeType, bool] = {}

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and not seen.get(frame.f_code, False):
            seen[frame.f_code] = module_of(frame.f_code) is None or not is_importing(frame)

    before = sys.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(before)
        threading.setprofile(None)
    # A class is no function, though its body runs like one.
    codes = [code for code, ran in seen.items() if ran and code.co_flags & 1]
    return {
        (module, name)
        for code in codes
        if (module := module_of(code)) is not None
        for name in names_at(Path(code.co_filename), code.co_firstlineno)
    }


def is_importing(frame: FrameType | None) -> bool:
    """Whether a module of the project is being imported."""
    while frame is not None:
        if frame.f_code.co_name == "<module>" and module_of(frame.f_code) is not None:
            return True
        if frame.f_code.co_name == "functions_run_by":
            return False
        frame = frame.f_back
    return False


@cache
def module_of(code: CodeType) -> str | None:
    """Return the module of the project that a code is of."""
    path = Path(code.co_filename)
    if not path.is_relative_to(ROOT) or path.relative_to(ROOT).parts[0] not in PACKAGES:
        return None
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def names_at(path: Path, line: int) -> list[str]:
    """Return the name of what a module defines at a line."""
    for node in ast.parse(path.read_text()).body:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        if first <= line <= (node.end_lineno or line):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                return [node.name]
            return [name.id for name in ast.walk(node) if isinstance(name, ast.Name)][:1]
    return []


def is_installed(model: Model) -> bool:
    """Whether the library of a model is there."""
    return model.extra is None or importlib.util.find_spec(model.extra) is not None


if __name__ == "__main__":
    whose = find_competition(sys.argv[1])
    chosen = whose.model(sys.argv[2])
    settings = dict(pair.split("=", 1) for pair in sys.argv[3:])
    print(unknown_functions(whose, chosen.with_params(settings)))
