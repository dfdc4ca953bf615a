"""Quality, time and memory of `comps run house-prices`, as a user meets them.

    python -m tests.benchmarks.house_prices [--seeds 0,1,2] [--limits none,2m,10m]

Every run is the command itself, in a fresh folder, on the bundled sample. "fit s" counts the fits
that the nested score needs, too; "outside" is the share of the time of all cores, up to the
submission and without the report, in which no model was fitted.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from pipelines.basics.files import read_arrays
from pipelines.engines import available_cores
from tests.benchmarks.measuring import measure, rows_of


def run(limit: str, seed: int, folder: Path) -> None:
    """Print one row, then the time of the same command again."""
    arguments = ["run", "house-prices", "--json", "--seed", str(seed)]
    if limit != "none":
        arguments += ["--time-limit", limit]
    began = time.time()
    seconds, memory, output = measure(arguments, folder)
    # What comes after the submission is the report.
    used = (folder / "submission.csv").stat().st_mtime - began
    again, _, repeated = measure(arguments, folder)
    (result,) = rows_of(output, "result")
    models = rows_of(output, "leaderboard")[0]["rows"]
    fit = sum(map(fit_seconds, folder.glob("runs/*/models/*/*/r*.npz")))
    scores = {model["model"]: model["score"] for model in models}
    fitted_again = len(rows_of(repeated, "done"))
    outside = 1 - fit / (used * len(available_cores()))
    print(
        f"{limit:>6} {seed:>4} {result['honest_score']:>9.5f} {result['fitted_score']:>9.5f} "
        f"{scores.get('mlp', float('nan')):>8.5f} {seconds:>8.1f} {fit:>8.1f} {outside:>8.0%} "
        f"{memory:>7.2f} {again:>7.2f} {fitted_again:>6}",
        flush=True,
    )


def fit_seconds(result: Path) -> float:
    """Return the seconds of a fit whose result is stored."""
    meta, _ = read_arrays(result, only=())
    # Predictions of test rows have a file of their own.
    return float(meta.get("fit_seconds", 0))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--limits", default="none,2m,10m")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        help_seconds = min(measure(["--help"], Path(name))[0] for _ in range(5))
    print(f"comps --help: {help_seconds:.2f} s")
    print(
        f"{'limit':>6} {'seed':>4} {'honest':>9} {'fitted':>9} {'mlp':>8} {'wall s':>8} "
        f"{'fit s':>8} {'outside':>8} {'peak GB':>7} {'again s':>7} {'fitted':>6}"
    )
    for limit in options.limits.split(","):
        for seed in map(int, options.seeds.split(",")):
            with tempfile.TemporaryDirectory() as name:
                run(limit, seed, Path(name))


if __name__ == "__main__":
    main()
