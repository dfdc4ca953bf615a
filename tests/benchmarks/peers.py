"""This tool against AutoML tools on the same rows: error on rows that are held out of all.

    python -m tests.benchmarks.peers DATA --tools comps,autogluon=/path/to/python,common_sense
        [--names titanic,wine] [--seconds 90] [--seeds 0,1,2] [--results peers.jsonl] [--table]
        [--keep FOLDER]

DATA is a folder of Kaggle archives with a table SPEC.csv (see `archives.py`); breast cancer, wine
and diabetes of scikit-learn are added. A third of the rows with answers is held out: stratified by
class; the latest where a time is given; whole groups where a group is. A peer runs by the Python of
an environment of its own, in `peer_fit.py`; this tool runs as its command. What is in the file of
results is not run again, so that an interrupted script goes on. `--table` prints what is there.
`--keep` keeps the rows and the runs of each split, to see what a tool did there.

Errors are 1 - AUC, log loss, 1 - accuracy, MAE, RMSE and RMSLE. The interval of the ratio of errors
is that of the mean of its logarithm over the sets, by Student's t.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn import metrics
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit, StratifiedShuffleSplit

from tests.benchmarks.archives import archives

OURS = "comps"
HELD_OUT = 1 / 3
COMPS = Path(sys.executable).with_name("comps")
FIT = Path(__file__).with_name("peer_fit.py")


def parts(
    path: Path, right: Mapping[str, str], seed: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the rows to train on, those held out, and the head of the sample submission."""
    with zipfile.ZipFile(path) as archive:
        rows = pd.read_csv(archive.open("train.csv"))
        sample = pd.read_csv(archive.open("sample_submission.csv"), nrows=1)
    target = right["target"]
    if right["time"]:
        # Kaggle's own test part is later than training: there is one such split, whatever the seed.
        rows = rows.sort_values(right["time"], kind="stable")
        cut = len(rows) - round(len(rows) * HELD_OUT)
        return rows[:cut], rows[cut:], sample
    if right["group"]:
        splitter: Any = GroupShuffleSplit(1, test_size=HELD_OUT, random_state=seed)
        places = next(splitter.split(rows, groups=rows[right["group"]]))
    elif right["task"] == "regression":
        places = next(ShuffleSplit(1, test_size=HELD_OUT, random_state=seed).split(rows))
    else:
        splitter = StratifiedShuffleSplit(1, test_size=HELD_OUT, random_state=seed)
        places = next(splitter.split(rows, rows[target]))
    return rows.iloc[places[0]], rows.iloc[places[1]], sample


def write_archive(
    folder: Path, train: pd.DataFrame, test: pd.DataFrame, sample: pd.DataFrame, target: str
) -> Path:
    """Write the parts as Kaggle would give them; a CSV of each lies beside the archive."""
    blank = pd.concat([sample] * len(test), ignore_index=True)
    blank[sample.columns[0]] = test[sample.columns[0]].to_numpy()
    tables = {
        "train": train,
        "test": test.drop(columns=target),
        "sample_submission": blank,
    }
    path = folder / "rows.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, table in tables.items():
            table.to_csv(folder / f"{name}.csv", index=False)
            archive.write(folder / f"{name}.csv", f"{name}.csv")
    return path


def predict(
    tool: str, python: str, folder: Path, right: Mapping[str, str], seconds: float
) -> pd.DataFrame:
    """Run one tool and return what it predicts for the rows held out."""
    output = folder / f"{tool}.csv"
    if tool == OURS:
        command = [str(COMPS), "run", "rows.zip", "--metric", right["metric"], "--quiet"]
        command += ["--time-limit", f"{seconds:g}s", "--output", output.name]
    else:
        files = [str(folder / f"{part}.csv") for part in ("train", "test")]
        fixed = [right["target"], right["id"], right["metric"], str(seconds)]
        command = [python, str(FIT), tool, *files, str(output), *fixed]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{tool} on {right['name']}: {done.stderr[-2000:]}")
    return pd.read_csv(output)


def error_of(truth: pd.Series[Any], predicted: pd.DataFrame, metric: str) -> float:
    """Return the error of predictions whose rows are in the order of the truth."""
    columns = predicted.drop(columns=predicted.columns[0])
    values = columns.iloc[:, 0]
    labels = sorted(truth.unique())
    if metric in {"auc", "log_loss"} and columns.shape[1] > 1:
        known = {str(name): name for name in columns}
        columns = columns[[known[str(label)] for label in labels]]
        values = columns.iloc[:, 1]
    if metric == "auc":
        return 1 - float(metrics.roc_auc_score(truth == labels[1], values))
    if metric == "log_loss":
        shares = columns.to_numpy(np.float64)
        shares = np.column_stack([1 - shares, shares]) if shares.shape[1] == 1 else shares
        shares = shares / shares.sum(axis=1, keepdims=True)
        return float(metrics.log_loss(truth, shares, labels=labels))
    if metric == "accuracy":
        return 1 - float(metrics.accuracy_score(truth.astype(str), values.astype(str)))
    score = {
        "mae": metrics.mean_absolute_error,
        "rmse": metrics.root_mean_squared_error,
        "rmsle": metrics.root_mean_squared_log_error,
    }[metric]
    return float(score(truth, values.clip(lower=0) if metric == "rmsle" else values))


def run_all(options: argparse.Namespace, tools: Mapping[str, str]) -> None:
    """Run what the file of results lacks; all tools of a split in turn."""
    done = {(row["name"], row["seed"], row["tool"], row["seconds"]) for row in read(options)}
    chosen = options.names.split(",") if options.names else None
    with tempfile.TemporaryDirectory() as place:
        for path, right in archives(options.data, Path(place)):
            if chosen and right["name"] not in chosen:
                continue
            for seed in map(int, options.seeds.split(",")):
                keys = [(right["name"], seed, tool, options.seconds) for tool in tools]
                if all(key in done for key in keys) or (right["time"] and seed):
                    continue
                train, test, sample = parts(path, right, seed)
                with tempfile.TemporaryDirectory() as name:
                    folder = Path(name)
                    if options.keep:
                        folder = options.keep / f"{right['name']}-{seed}"
                        folder.mkdir(parents=True, exist_ok=True)
                    write_archive(folder, train, test, sample, right["target"])
                    for key, (tool, python) in zip(keys, tools.items(), strict=True):
                        if key not in done:
                            record(options, key, tool, python, folder, right, test)


def record(
    options: argparse.Namespace,
    key: tuple[str, int, str, float],
    tool: str,
    python: str,
    folder: Path,
    right: Mapping[str, str],
    test: pd.DataFrame,
) -> None:
    """Run one tool on one split and append its error to the file of results."""
    started = time.monotonic()
    try:
        predicted = predict(tool, python, folder, right, options.seconds)
        error = error_of(test[right["target"]], predicted, right["metric"])
        fault = ""
    except Exception as problem:  # a peer that fails on a set is told, and the others go on
        error, fault = float("nan"), f"{type(problem).__name__}: {problem}"[:500]
    row = dict(zip(("name", "seed", "tool", "seconds"), key, strict=True))
    row |= {"metric": right["metric"], "error": error, "took": time.monotonic() - started}
    row |= {"fault": fault} if fault else {}
    with options.results.open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(f"{key}: {error:.5f} in {row['took']:.0f} s {fault[-300:]}", flush=True)


def read(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the results that are there."""
    if not options.results.exists():
        return []
    return [json.loads(line) for line in options.results.read_text().splitlines()]


def table(rows: list[dict[str, Any]], seconds: float) -> Iterator[str]:
    """Yield a line for each set, and for each peer the ratio of errors."""
    found = pd.DataFrame([row for row in rows if row["seconds"] == seconds])
    # The last result of a split counts, where one was run again.
    found = found.drop_duplicates(["name", "seed", "tool"], keep="last")
    errors = found.pivot_table(index=["name", "metric", "seed"], columns="tool", values="error")
    tools = sorted(map(str, errors), key=lambda tool: tool != OURS)
    yield f"| set | metric | {' | '.join(tools)} |"
    yield f"|---|---|{'---|' * len(tools)}"
    for (name, metric), part in errors.groupby(level=["name", "metric"]):
        cells = [f"{part[tool].mean():.4f}" if part[tool].notna().any() else "" for tool in tools]
        yield f"| {name} | {metric} | {' | '.join(cells)} |"
    for tool in tools[1:] if tools[0] == OURS else []:
        # An error of zero has no logarithm; a hundredth of a row's share stands for it.
        both = errors[[OURS, tool]].dropna().clip(lower=1e-4)
        ratio = both[OURS] / both[tool]
        logs = ratio.map(np.log).groupby(level="name").mean()
        mean = logs.mean()
        half = stats.t.ppf(0.975, len(logs) - 1) * logs.std() / np.sqrt(len(logs))
        low, middle, high = np.exp([mean - half, mean, mean + half])
        yield (
            f"\n{OURS} / {tool}: {middle:.4f} [{low:.4f}, {high:.4f}], "
            f"better on {(logs < 0).sum()} of {len(logs)} sets"
        )


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--tools", default=f"{OURS},hist_gradient_boosting,common_sense")
    parser.add_argument("--names", default="")
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--results", type=Path, default=Path("peers.jsonl"))
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    tools = {}
    for text in options.tools.split(","):
        tool, _, python = text.partition("=")
        tools[tool] = python or sys.executable
    if not options.table:
        run_all(options, tools)
    print("\n".join(table(read(options), options.seconds)))


if __name__ == "__main__":
    main()
