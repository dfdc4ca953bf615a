"""Every model of a competition and its blend, with seconds and memory, as a user meets them.

    python -m tests.benchmarks.competition digits --data digit-recognizer.zip [--models all]
    python -m tests.benchmarks.competition sentiment --time-limit 10m --seeds 0,1,2

Each run is the command itself, in a fresh folder. Scores are out-of-fold; a blend's are honest.
The fit seconds of a model are summed over its folds, which run side by side.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.benchmarks.measuring import measure, rows_of


def run(options: argparse.Namespace, seed: int, folder: Path) -> None:
    """Print the table of one seed."""
    arguments = ["run", options.competition, "--json", "--seed", str(seed)]
    for name in ("data", "models", "time_limit"):
        if (value := getattr(options, name)) is not None:
            value = Path(value).resolve() if name == "data" else value
            arguments += [f"--{name.replace('_', '-')}", str(value)]
    seconds, memory, output = measure(arguments, folder)
    models = rows_of(output, "leaderboard")[-1]["rows"]
    blends = rows_of(output, "blends")[-1]["rows"]
    further = [name.removeprefix("honest_") for name in blends[0] if name.startswith("honest_")]
    further.remove("score")
    print(f"\n{options.competition}, seed {seed}: {seconds:.0f} s, {memory:.2f} GB at most")
    show("", ["score", *further, "fit s"])
    for row in models:
        show(row["model"], [row["score"], *(row[name] for name in further), row["fit_seconds"]])
    for row in blends:
        scores = [row["honest_score"], *(row[f"honest_{name}"] for name in further)]
        show(f"blend {row['method']}", [*scores, "chosen" if row["chosen"] else ""])


def show(name: str, values: list[float | str]) -> None:
    """Print a line of the table."""
    cells = [value if isinstance(value, str) else f"{value:.5f}" for value in values]
    print(f"{name:<28}" + "".join(f"{cell:>14}" for cell in cells), flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("competition")
    parser.add_argument("--data")
    parser.add_argument("--models")
    parser.add_argument("--time-limit")
    parser.add_argument("--seeds", default="0")
    options = parser.parse_args()
    for seed in map(int, options.seeds.split(",")):
        with tempfile.TemporaryDirectory() as name:
            run(options, seed, Path(name))


if __name__ == "__main__":
    main()
