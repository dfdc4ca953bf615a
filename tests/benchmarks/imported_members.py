"""A thousand imported members: taken from a folder, listed, checked, and removed by name.

    python -m tests.benchmarks.imported_members [--members 1000] [--rows 10000]

To reach on two cores: listed, checked and removed by name in under 60 seconds together.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines import folds_table, import_folder, imported_members
from tests.tables import own, table, unseen


def timed(what: str, work: Callable[[], object]) -> None:
    """Print how long it took."""
    started = time.perf_counter()
    work()
    print(f"{what}: {time.perf_counter() - started:.1f} s", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=10_000)
    options = parser.parse_args(arguments)
    rows = table(options.rows)
    competition = own(rows, unseen(options.rows))
    folds = folds_table(competition).table
    ids, random = folds.columns[0], np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        team, runs = Path(folder, "team"), Path(folder, "runs")
        team.mkdir()
        for number in range(options.members):
            noise = random.normal(size=options.rows)
            values = {"oof": rows["y"] + noise, "test": noise}
            for part, frame in (("oof", folds), ("test", pd.DataFrame({ids: folds[ids]}))):
                path = team / f"ann{number % 7}-m{number}-{part}.parquet"
                frame.assign(y=values[part]).to_parquet(path, index=False)
        print(f"{options.members:,} members of {options.rows:,} rows")
        timed("taken from a folder", lambda: import_folder(competition, team, runs=runs))
        timed("listed", lambda: imported_members(competition, runs=runs))
        timed("checked", lambda: imported_members(competition, runs=runs, check=True))
        timed(
            "a seventh removed by pattern",
            lambda: imported_members(competition, runs=runs, remove=["ann3-*"]),
        )
        left = [row["name"] for row in imported_members(competition, runs=runs).rows]
        timed(
            "all others removed by name",
            lambda: imported_members(competition, runs=runs, remove=left),
        )
        assert not imported_members(competition, runs=runs).rows


if __name__ == "__main__":
    main()
