"""What tuning gains, what pruning saves, and what a kill loses.

    python -m tests.benchmarks.tuning [pruning] [networks] [kills] [--seeds 0,1] [--trials 50]

`pruning`: LightGBM on house prices, with and without pruning, the same trials at most. Shown are
the fold fits, the best score on the folds of the search, and on rows that it never saw the scores
of the best trial, of the model as it is declared, and of LightGBM's own defaults. Where the
declared parameters won, nothing is checked. `networks`: the
wall time of 30 trials of `mlp` by five folds. `kills`: a search that is killed 20 times, and how
many of the trials that it told of are lost. Everything runs by the command line.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from comps.catalog import find_competition
from pipelines.api.choices import Options
from pipelines.api.defaults import OUTER_SHARE
from pipelines.api.progress import Teller
from pipelines.api.search.check import outer_predictions
from pipelines.api.session import Session
from pipelines.tuning.outer import hold_out

Event = dict[str, Any]
COMPS = Path(sys.executable).with_name("comps")
# LightGBM's own (Parameters, LightGBM 4): of those that the zoo sets.
LIBRARY = {
    "learning_rate": 0.1,
    "num_leaves": 31,
    "feature_fraction": 1.0,
    "bagging_fraction": 1.0,
    "bagging_freq": 0,
    "min_data_in_leaf": 20,
    "lambda_l2": 0.0,
    "max_bin": 255,
}


def tune(folder: Path, *arguments: str) -> Iterator[Event]:
    """Run a search and yield what it tells."""
    command = [str(COMPS), "tune", "house-prices", *arguments, "--json"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            yield json.loads(line)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def library_score(folder: Path, seed: int) -> float:
    """Return the score of LightGBM's own defaults on the rows that the search never saw."""
    session = Session(
        Options(competition="house-prices", models="lightgbm", runs=folder, seed=seed)
    )
    inner, part = hold_out(session.experiment(), OUTER_SHARE)
    metric = session.competition.metric
    with session.store.writing():
        predictions = outer_predictions(
            inner,
            part,
            find_competition("house-prices").model("lightgbm").with_params(LIBRARY),
            store=session.store,
            engine=session.engine,
            reporter=Teller(metric, None),
        )
    return metric.score(metric.scale.forward(part.target), predictions)


def pruning(seeds: Sequence[int], trials: int) -> None:
    """Print a line for each seed and way to search."""
    titles = ("fold fits", "seconds", "search", "outer", "declared", "gain", "error", "library")
    print(f"{'LightGBM':<18}" + "".join(f"{title:>14}" for title in titles), flush=True)
    for seed in seeds:
        for option in ("--prune", "--no-prune"):
            with tempfile.TemporaryDirectory() as text:
                folder, started = Path(text), time.perf_counter()
                common = ("--model", "lightgbm", "--trials", str(trials), "--seed", str(seed))
                events = list(tune(folder, *common, option))
                seconds = time.perf_counter() - started
                (rows,) = [event["rows"] for event in events if event["event"] == "trials"]
                (found,) = [event for event in events if event["event"] == "result"]
                library = library_score(folder / "library", seed)
            fits = sum(len(row["fold_scores"]) for row in rows)
            names = ("score", "outer_score", "default_outer_score", "gain", "gain_error")
            scores = [found[name] for name in names]
            print(
                f"seed {seed} {option:<11}{fits:>14}{seconds:>14.0f}"
                + "".join(
                    f"{'none':>14}" if score is None else f"{score:>14.5f}"
                    for score in (*scores, library)
                ),
                flush=True,
            )


def networks(trials: int) -> None:
    """Print the wall time of a search of `mlp`."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        last = started
        for event in tune(Path(folder), "--model", "mlp", "--trials", str(trials)):
            if event["event"] == "trial":
                last = time.perf_counter()
            if event["event"] == "result":
                print(json.dumps({key: event[key] for key in event if key != "text"}))
        print(f"{trials} trials of mlp x 5 folds: {last - started:.0f} s", flush=True)


def kills(count: int) -> None:
    """Print how many trials a search lost that was killed again and again."""
    rng = random.Random(0)
    told: dict[int, float | None] = {}
    common = ("--model", "ridge", "--folds", "5")
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        for _ in range(count):
            wanted = rng.randint(1, 6)
            for event in tune(folder, *common, "--trials", "100000"):
                if event["event"] == "trial":
                    told[event["trial"]] = event["score"]
                    wanted -= 1
                    if wanted == 0:
                        time.sleep(rng.random() / 10)
                        break
        events = list(tune(folder, *common, "--trials", str(len(told) + 10)))
        (rows,) = [event["rows"] for event in events if event["event"] == "trials"]
        found = {row["trial"]: row["score"] for row in rows}
        lost = sum(number not in found or found[number] != told[number] for number in told)
    print(f"{count} kills, {len(told)} trials told of, {lost} lost", flush=True)


def main() -> None:
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("works", nargs="*", metavar="WORK", help="pruning, networks, kills")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--trials", type=int, default=50)
    options = parser.parse_args()
    wanted = options.works or ["pruning", "networks", "kills"]
    if "pruning" in wanted:
        pruning([int(seed) for seed in options.seeds.split(",")], options.trials)
    if "networks" in wanted:
        networks(min(options.trials, 30))
    if "kills" in wanted:
        kills(20)


if __name__ == "__main__":
    main()
