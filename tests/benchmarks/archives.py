"""Archives that nobody described, with nothing but a metric: what is inferred, and a submission.

    python -m tests.benchmarks.archives DATA [--names titanic,wine] [--no-run]

DATA is a folder of Kaggle archives with a table SPEC.csv, whose columns say what is right: name,
task, metric, id, target, group, time. Three data sets of scikit-learn are written as archives, too.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from sklearn import datasets

from pipelines import infer

COMPS = Path(sys.executable).with_name("comps")
# The metric of each, and whether classes are predicted.
LIBRARY = {
    "breast_cancer": ("auc", "binary"),
    "wine": ("log_loss", "multiclass"),
    "diabetes": ("rmse", "regression"),
}


def library_archive(name: str, folder: Path) -> Path:
    """Write a data set of scikit-learn as Kaggle would give it; a third of the rows is the test."""
    metric, task = LIBRARY[name]
    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    frame = frame.sample(frac=1.0, random_state=0).reset_index(drop=True)
    frame.insert(0, "id", np.arange(1, len(frame) + 1))
    cut = len(frame) * 2 // 3
    train, test = frame[:cut], frame[cut:].drop(columns="target")
    sample = test[["id"]].copy()
    if task == "multiclass":
        for label in sorted(train["target"].unique()):
            sample[str(label)] = 0.33
    else:
        sample["target"] = 0.5
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part, table in (("train", train), ("test", test), ("sample_submission", sample)):
            archive.writestr(f"{part}.csv", table.to_csv(index=False))
    del metric
    return path


def archives(data: Path, folder: Path) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """Yield each archive with what is right."""
    with (data / "SPEC.csv").open() as file:
        for row in csv.DictReader(file):
            yield data / f"{row['name']}.zip", row
    for name, (metric, task) in LIBRARY.items():
        right = {"name": name, "task": task, "metric": metric, "id": "id", "target": "target"}
        yield library_archive(name, folder), {**right, "group": "", "time": ""}


def wrong(path: Path, right: Mapping[str, str]) -> list[str]:
    """Return what was inferred wrongly."""
    schema = infer(path, metric=right["metric"]).inference.schema
    found = {
        "task": str(schema.task),
        "id": schema.id or "",
        "target": ",".join(schema.targets),
        "group": schema.group or "",
        "time": schema.time or "",
    }
    return [f"{key} {value}" for key, value in found.items() if value != right[key]]


def submitted(path: Path, metric: str, folder: Path) -> tuple[float, float, float, str]:
    """Return seconds to the first line, the first score and the end of a run, and its score."""
    started = time.monotonic()
    command = [str(COMPS), "run", str(path), "--metric", metric, "--json"]
    first = scored = 0.0
    score = "failed"
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            first = first or time.monotonic() - started
            if event["event"] == "done" and not scored:
                scored = time.monotonic() - started
            if event["event"] == "result":
                score = f"{event['honest_score']:.4f}"
            if event["event"] == "error":
                score = event["message"]
    return first, scored, time.monotonic() - started, score


def main() -> None:
    """Print a row for each archive."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--names", default="")
    parser.add_argument("--no-run", action="store_true")
    options = parser.parse_args()
    chosen = options.names.split(",") if options.names else None
    print("| archive | metric | inferred wrongly | first line s | first score s | all s | honest |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for path, right in archives(options.data, folder):
            if chosen and right["name"] not in chosen:
                continue
            faults = ", ".join(wrong(path, right)) or "nothing"
            cells = [right["name"], right["metric"], faults]
            if not options.no_run:
                first, scored, seconds, score = submitted(path, right["metric"], folder)
                cells += [f"{first:.1f}", f"{scored:.1f}", f"{seconds:.0f}", score]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
