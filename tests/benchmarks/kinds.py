"""Texts, photographs and series of one's own: a submission in five minutes, against others.

    python -m tests.benchmarks.kinds [--names texts,images,series] [--seconds 300]

The data are drawn by lot, for no file of such kinds comes with this project: texts of topics that
share most words, photographs of textured shapes, series with two seasons. A third of the rows, or
the end of each series, is held out of both sides. The plain pipeline is what scikit-learn's own
guides show for such data; the baseline is the common-sense forecast.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

COMPS = Path(sys.executable).with_name("comps")


@dataclass(frozen=True)
class Work:
    """Data in a folder, and what is known of the rows that are held out.

    Attributes:
        arguments: of `comps run`.
        baseline: error of common sense on the rows held out.
        plain: fits a pipeline on the same training rows and returns its error.
        error: of a submission.
        metric: its name.
    """

    arguments: list[str]
    baseline: float
    plain: Callable[[], float]
    error: Callable[[pd.DataFrame], float]
    metric: str


def texts(folder: Path, rng: np.random.Generator) -> Work:
    """Return 5,000 texts of 15 words in four classes, and 2,500 held out."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(rng.choice(letters, rng.integers(3, 9))) for _ in range(8000)])
    common = 1 / np.arange(10, 10 + len(words))
    shares = []
    for _ in range(4):
        own = common * rng.lognormal(0, 0.7, len(words))
        shares.append(own / own.sum())
    labels = np.array(["business", "science", "sports", "world"])
    codes = rng.integers(0, 4, 7500)
    endings = np.array(["", "", "s", "ed", "ing"])
    stories = [
        " ".join(
            word + ending
            for word, ending in zip(
                rng.choice(words, 15, p=shares[code]), rng.choice(endings, 15), strict=True
            )
        )
        for code in codes
    ]
    rows = pd.DataFrame({"id": np.arange(7500), "story": stories, "topic": labels[codes]})
    train, test = rows[:5000], rows[5000:]
    _write(folder, train, test.drop(columns="topic"))

    def error(found: pd.DataFrame) -> float:
        return _log_loss(test["topic"], found[list(labels)].to_numpy())

    def plain() -> float:
        model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=10))
        model.fit(train["story"], train["topic"])
        return _log_loss(test["topic"], model.predict_proba(test["story"]))

    share = train["topic"].value_counts(normalize=True)[list(labels)].to_numpy()
    baseline = _log_loss(test["topic"], np.tile(share, (len(test), 1)))
    arguments = ["--text", "story", "--target", "topic", "--metric", "log-loss"]
    return Work([str(folder), *arguments], baseline, plain, error, "log loss")


WORKS: Mapping[str, Callable[[Path, np.random.Generator], Work]] = {"texts": texts}


def _write(folder: Path, train: pd.DataFrame, test: pd.DataFrame) -> None:
    train.to_csv(folder / "train.csv", index=False)
    test.to_csv(folder / "test.csv", index=False)


def _log_loss(truth: Any, shares: NDArray[np.float64]) -> float:
    from sklearn.metrics import log_loss

    shares = shares / shares.sum(axis=1, keepdims=True)
    return float(log_loss(truth, shares))


def measure(name: str, seconds: float, seed: int) -> dict[str, object]:
    """Return the errors of the run, of the pipeline and of common sense."""
    with tempfile.TemporaryDirectory() as place:
        data = Path(place, "data")
        data.mkdir()
        work = WORKS[name](data, np.random.default_rng(seed))
        started = time.monotonic()
        options = ["--time-limit", f"{seconds:g}s", "--quiet", "--runs", str(Path(place, "runs"))]
        done = subprocess.run(
            [str(COMPS), "run", *work.arguments, *options, "--output", str(Path(place, "out.csv"))],
            cwd=place,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        took = time.monotonic() - started
        ours = work.error(pd.read_csv(Path(place, "out.csv")))
        started = time.monotonic()
        plain = work.plain()
        return {
            "data": name,
            "metric": work.metric,
            "common sense": round(work.baseline, 4),
            "pipeline": round(plain, 4),
            "pipeline s": round(time.monotonic() - started),
            "this tool": round(ours, 4),
            "this tool s": round(took),
        }


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", default=",".join(WORKS))
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for number, name in enumerate(options.names.split(",")):
        row = measure(name, options.seconds, options.seed)
        if not number:
            print(f"| {' | '.join(row)} |\n|{'---|' * len(row)}")
        print(f"| {' | '.join(map(str, row.values()))} |", flush=True)


if __name__ == "__main__":
    main()
