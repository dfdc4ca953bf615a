"""Quality, time and memory of `comps run house-prices`, as a user meets them.

    python tests/benchmarks/house_prices.py [--seeds 0,1,2] [--limits none,2m,10m]

Every run is the command itself, in a fresh folder, on the bundled sample. Memory is the
highest sum over the process and its workers, looked at ten times a second.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

COMPS = Path(sys.executable).parent / "comps"


def measure(arguments: list[str], folder: Path) -> tuple[float, float, str]:
    """Return seconds, peak gigabytes and standard output of one command."""
    started = time.perf_counter()
    peak = 0
    # A file, not a pipe: nobody would read the pipe while the command runs, and it fills up.
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [COMPS, *arguments], cwd=folder, stdout=output, stderr=subprocess.DEVNULL
        )
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(0.1)
        seconds = time.perf_counter() - started
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise SystemExit(f"comps {' '.join(arguments)} ended with {process.returncode}: {text}")
    return seconds, peak / 1e9, text


def _memory(pid: int) -> int:
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            total += process.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


def rows_of(output: str, event: str) -> list[dict[str, Any]]:
    """Return the JSON lines of one kind."""
    return [row for row in map(json.loads, output.splitlines()) if row["event"] == event]


def run(limit: str, seed: int, folder: Path) -> None:
    """Print one row, then the time of the same command again."""
    arguments = ["run", "house-prices", "--json", "--seed", str(seed)]
    if limit != "none":
        arguments += ["--time-limit", limit]
    seconds, memory, output = measure(arguments, folder)
    again, _, repeated = measure(arguments, folder)
    (result,) = rows_of(output, "result")
    models = rows_of(output, "leaderboard")[0]["rows"]
    fit = sum(model["fit_seconds"] for model in models)
    scores = {model["model"]: model["score"] for model in models}
    fitted_again = sum(row["to_fit"] for row in rows_of(repeated, "planned"))
    print(
        f"{limit:>6} {seed:>4} {result['honest_score']:>9.5f} {result['fitted_score']:>9.5f} "
        f"{scores.get('mlp', float('nan')):>8.5f} {seconds:>8.1f} {fit:>8.1f} {memory:>7.2f} "
        f"{again:>7.2f} {fitted_again:>6}",
        flush=True,
    )


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
        f"{'fit s':>8} {'peak GB':>7} {'again s':>7} {'fitted':>6}"
    )
    for limit in options.limits.split(","):
        for seed in map(int, options.seeds.split(",")):
            with tempfile.TemporaryDirectory() as name:
                run(limit, seed, Path(name))


if __name__ == "__main__":
    main()
