"""Which wrong lines of code the core tests notice: a sample of mutants, and those that survive.

    pip install cosmic-ray
    python -m tests.benchmarks.mutants RESULTS.jsonl [--sample 200] [--seed 0] [--again]

Cosmic Ray makes the mutants: an operator, a number, a condition is replaced in one place. Places
are drawn evenly from the modules below, without type hints, messages of errors and decorators;
each gets one of the replacements that are possible there. Each mutant runs against the tests in
`tests/core.txt`, those of its own module first, on a copy of the repository. What RESULTS holds
already is not run again; with `--again`, survivors are.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, NoReturn

import pytest

# Module, line, operator and its occurrence.
Mutant = tuple[str, int, str, int]
# Module, kind of operator, and where it begins and ends: lines and columns.
Place = tuple[str, str, tuple[int, int], tuple[int, int]]

ROOT = Path(__file__).parents[2]
MODULES = [
    *sorted(ROOT.glob("ensembles/*.py")),
    *sorted(ROOT.glob("comps/metrics/*.py")),
    *(ROOT / "comps" / name for name in ("base/losses.py", "base/metric.py")),
    *sorted(ROOT.glob("pipelines/folds/*.py")),
    *(
        ROOT / "pipelines" / f"{name}.py"
        for name in (
            *("fitting/training", "fitting/preparation", "fitting/residual", "engines/queue"),
            *("results/stopping", "results/inner", "results/oof", "store/run_store"),
            "crossval/timebudget",
        )
    ),
]
# What Cosmic Ray replaces, and by what. Of its operators those are left out whose mutants no test
# could miss (a removed decorator, a shift of floats) or none could notice (`is` for `==`).
OPERATORS = re.compile(
    r"core/(AddNot|NumberReplacer|ExceptionReplacer|ZeroIterationForLoop|Replace("
    r"AndWithOr|OrWithAnd|TrueWithFalse|FalseWithTrue|BreakWithContinue|ContinueWithBreak|"
    r"BinaryOperator_(Add|Sub|Mul|Div|FloorDiv|Mod|Pow)_(Add|Sub|Mul|Div|FloorDiv|Pow)|"
    r"BinaryOperator_(BitAnd|BitOr|BitXor)_(BitAnd|BitOr|BitXor)|"
    r"ComparisonOperator_(Eq|NotEq|Lt|LtE|Gt|GtE)_(Eq|NotEq|Lt|LtE|Gt|GtE)|"
    r"ComparisonOperator_(Is_IsNot|IsNot_Is)|"
    r"UnaryOperator_(Delete_Not|Delete_USub|Delete_Invert|USub_UAdd)))"
)
# Tests of a module in files of another name.
TESTS = {
    "blend": ("blend", "outer"),
    "choice": ("blend", "paired"),
    "outer": ("outer", "blend"),
    "methods": ("methods", "blend"),
    "weights": ("weights", "methods"),
    "metric": ("metric", "labels", "outer"),
    "fitted": ("methods", "blend"),
    "greedy": ("methods", "blend"),
    "means": ("methods",),
    "stacking": ("methods",),
    "search": ("methods",),
    "scorers": ("methods",),
    "sample": ("sample", "methods"),
    "diversity": ("blend",),
    "losses": ("metric", "methods"),
    "metrics": ("metric", "labels", "paired"),
    "_base": ("folds", "expanding"),
    "schemes": ("folds", "expanding"),
    "oof": ("store", "crossval"),
    "preparation": ("training", "crossval"),
    "residual": ("residual",),
}
# The most processor time of a mutant's tests: those of the right code take about 20.
SECONDS = 120
COPIED = ("comps", "ensembles", "pipelines", "submissions", "tests", "pyproject.toml")


def unwanted(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what is not mutated: type hints, raised errors, decorators and assertions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise | ast.Assert):
            yield node
        elif isinstance(node, ast.AnnAssign | ast.arg) and node.annotation:
            yield node.annotation
        elif isinstance(node, ast.FunctionDef):
            yield from [*node.decorator_list, *([node.returns] if node.returns else [])]
        elif isinstance(node, ast.ClassDef):
            yield from node.decorator_list


def mutants_of(module: Path) -> dict[Place, list[tuple[str, int]]]:
    """Return operators and their occurrences for each place of a module."""
    from cosmic_ray.ast import ast_nodes, get_ast_from_path
    from cosmic_ray.plugins import get_operator, operator_names

    spans = [
        ((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset))  # type: ignore[attr-defined]
        for node in unwanted(ast.parse(module.read_text()))
    ]
    places: dict[Place, list[tuple[str, int]]] = defaultdict(list)
    nodes = list(ast_nodes(get_ast_from_path(module)))
    for name in sorted(filter(OPERATORS.fullmatch, operator_names())):
        operator = get_operator(name)()
        positions = [place for node in nodes for place in operator.mutation_positions(node)]
        for occurrence, (start, end) in enumerate(positions):
            if not any(first <= start and end <= last for first, last in spans):
                kind = name.split("_")[0]
                places[str(module.relative_to(ROOT)), kind, start, end].append((name, occurrence))
    return places


def draw(sample: int, seed: int) -> list[Mutant]:
    """Return so many mutants, less those that are no Python."""
    places = {place: found for module in MODULES for place, found in mutants_of(module).items()}
    rng = random.Random(seed)
    chosen = rng.sample(sorted(places), min(sample, len(places)))
    drawn = [(place[0], place[2][0], *rng.choice(places[place])) for place in chosen]
    return [mutant for mutant in drawn if compiles(mutant)]


def compiles(mutant: Mutant) -> bool:
    """Whether a mutant is Python: Cosmic Ray takes the star of a signature for a product."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    module, _, operator, occurrence = mutant
    try:
        compile(
            mutate_code((ROOT / module).read_text(), get_operator(operator)(), occurrence),
            "",
            "exec",
        )
    except SyntaxError:
        return False
    return True


def arguments(module: str) -> list[str]:
    """Return what pytest is told: the core tests, those of the module first."""
    lines = (ROOT / "tests" / "core.txt").read_text().splitlines()
    files = [line for line in lines if line.startswith("tests/")]
    name = Path(module).stem
    own = [f"tests/test_{test}.py" for test in TESTS.get(name, (name,))]
    own = [file for file in own if file in files]
    return [*[x for x in lines if x not in files], *own, *[x for x in files if x not in own]]


def run(mutant: Mutant, folder: Path) -> tuple[int, Path, str]:
    """Start the tests of a mutant on a new copy of the repository.

    The process is a fork of this one, which has the libraries imported already.

    Returns:
        Its id, the file for what pytest says, and the difference.
    """
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    module, _, operator, occurrence = mutant
    copy = folder / f"{'-'.join(map(str, mutant)).replace('/', '.')}"
    copy.mkdir()
    for name in COPIED:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, copy / name)
    code = (copy / module).read_text()
    mutated = mutate_code(code, get_operator(operator)(), occurrence)
    assert mutated is not None
    (copy / module).write_text(mutated)
    Path(cache_from_source(str(copy / module))).unlink(missing_ok=True)
    difference = difflib.unified_diff(code.splitlines(), mutated.splitlines(), n=0, lineterm="")
    child = os.fork()
    if not child:
        _test(copy, arguments(module))
    return child, copy / "said.txt", "\n".join(list(difference)[2:])


def _test(copy: Path, told: list[str]) -> NoReturn:
    """Run pytest in a copy, and end this process with its exit status."""
    code = 1
    try:
        with (copy / "said.txt").open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        os.setsid()
        # Of the processor, not of the clock: other work on the machine plays no part.
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        os.chdir(copy)
        os.environ["PYTHONPATH"] = str(copy)
        sys.path[:] = [str(copy), *(path for path in sys.path if path not in ("", str(ROOT)))]
        for name in [name for name in sys.modules if name.split(".")[0] in COPIED]:
            del sys.modules[name]
        code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *told]))
    finally:
        sys.stdout.flush()
        os._exit(code)


def run_all(mutants: list[Mutant], jobs: int, results: Path) -> None:
    """Run mutants side by side, and append what comes of each to a file."""
    waiting = list(reversed(mutants))
    running: dict[int, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        while waiting or running:
            while waiting and len(running) < jobs:
                mutant = waiting.pop()
                child, said, difference = run(mutant, Path(folder))
                running[child] = mutant, said, difference
            child, status = os.wait()
            mutant, said, difference = running.pop(child)
            with suppress(ProcessLookupError):
                # Workers that a killed run left behind; it leads a group of its own.
                os.killpg(child, signal.SIGKILL)
            text = said.read_text()[-3000:]
            by = re.findall(r"^(?:FAILED|ERROR) (\S+)", text, re.MULTILINE)
            one = {
                "mutant": mutant,
                "diff": difference,
                "killed": status != 0,
                "by": by[0] if by else text[-200:] if status else "",
            }
            shutil.rmtree(said.parent, ignore_errors=True)
            with results.open("a") as file:
                file.write(json.dumps(one) + "\n")


def read(results: Path) -> dict[Mutant, dict[str, Any]]:
    """Return what is known of each mutant, the last result if there are several."""
    results.touch()
    known = [json.loads(line) for line in results.read_text().splitlines()]
    return {tuple(one["mutant"]): one for one in known}


def main() -> None:
    """Draw, run, and print the table and the survivors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--again", action="store_true", help="run survivors again")
    options = parser.parse_args()
    for name in ("pandas", "lightgbm", "xgboost", "sklearn.ensemble", "scipy.stats", "hypothesis"):
        import_module(name)
    drawn, known = draw(options.sample, options.seed), read(options.results)
    over = {mutant for mutant, one in known.items() if one["killed"] or not options.again}
    run_all([mutant for mutant in drawn if mutant not in over], options.jobs, options.results)
    known = read(options.results)
    show([known[mutant] for mutant in drawn])


def show(results: list[dict[str, Any]]) -> None:
    """Print mutants and killed ones of each module, and the survivors."""
    modules = [one["mutant"][0] for one in results]
    killed = Counter(m for m, one in zip(modules, results, strict=True) if one["killed"])
    for module, count in [*sorted(Counter(modules).items()), ("all", len(results))]:
        dead = killed.total() if module == "all" else killed[module]
        print(f"{module:35} {count:4} {dead:4} {dead / count:6.0%}")
    for one in results:
        if not one["killed"]:
            print("\n", *one["mutant"], "\n" + one["diff"])


if __name__ == "__main__":
    main()
