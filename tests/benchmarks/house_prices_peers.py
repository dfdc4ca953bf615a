"""House prices, a fifth of the rows held out: this tool in 2 minutes, AutoGluon in 10.

    python -m tests.benchmarks.house_prices_peers AUTOGLUON_PYTHON [--seeds 0,1,2]
        [--ours 120] [--theirs 600] [--results house_prices_peers.jsonl]

AUTOGLUON_PYTHON is the Python of AutoGluon's own environment. The rows are those of the bundled
sample that have a price. This tool runs as its command on the built-in competition. Shown is the
RMSLE on the rows held out, for each seed of the split. What is in the file of results is not run
again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from comps.house_prices.competition import HOUSE_PRICES
from tests.benchmarks.peers import COMPS, OURS, error_of, predict, write_archive

HELD_OUT = 1 / 5
PEER = "autogluon"
RIGHT = {"name": "house-prices", "target": "SalePrice", "id": "Id", "metric": "rmsle"}


def priced_rows() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of the sample that have a price, and its sample submission."""
    assert HOUSE_PRICES.sample is not None
    with zipfile.ZipFile(HOUSE_PRICES.sample) as archive:
        # As the competition's own reader: "NA" is a level of many columns.
        rows = pd.read_csv(archive.open("train.csv"), keep_default_na=False, na_values=[""])
        return rows, pd.read_csv(archive.open("sample_submission.csv"))


def ours(folder: Path, seconds: float) -> pd.DataFrame:
    """Run this tool and return what it predicts for the rows held out."""
    command = [str(COMPS), "run", "house-prices", "--data", "rows.zip", "--quiet"]
    command += ["--time-limit", f"{seconds:g}s", "--output", "ours.csv"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return pd.read_csv(folder / "ours.csv")


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("python")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--ours", type=float, default=120)
    parser.add_argument("--theirs", type=float, default=600)
    parser.add_argument("--results", type=Path, default=Path("house_prices_peers.jsonl"))
    options = parser.parse_args()
    seeds = list(map(int, options.seeds.split(",")))
    lines = options.results.read_text().splitlines() if options.results.exists() else []
    errors = {
        (row["seed"], row["tool"], row["seconds"]): row["error"] for row in map(json.loads, lines)
    }
    rows, sample = priced_rows()
    limits = {OURS: options.ours, PEER: options.theirs}
    for seed in seeds:
        train, test = train_test_split(rows, test_size=HELD_OUT, random_state=seed)
        for tool, seconds in limits.items():
            if (seed, tool, seconds) in errors:
                continue
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                write_archive(folder, train, test, sample[:1], RIGHT["target"])
                started = time.monotonic()
                found = (
                    ours(folder, seconds)
                    if tool == OURS
                    else predict(tool, options.python, folder, RIGHT, seconds)
                )
                took = time.monotonic() - started
            error = error_of(test[RIGHT["target"]], found, RIGHT["metric"])
            errors[seed, tool, seconds] = error
            row = {"seed": seed, "tool": tool, "seconds": seconds, "error": error, "took": took}
            with options.results.open("a") as file:
                file.write(json.dumps(row) + "\n")
    print(f"| seed | this tool, {options.ours:g} s | AutoGluon, {options.theirs:g} s | ratio |")
    print("|---|---|---|---|")
    pairs = [[errors[seed, tool, seconds] for tool, seconds in limits.items()] for seed in seeds]
    for seed, (mine, other) in zip(seeds, pairs, strict=True):
        print(f"| {seed} | {mine:.5f} | {other:.5f} | {mine / other:.4f} |")
    mine, other = np.mean(pairs, axis=0)
    print(f"| mean | {mine:.5f} | {other:.5f} | {mine / other:.4f} |")


if __name__ == "__main__":
    main()
