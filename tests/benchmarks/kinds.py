"""Texts, photographs and series of one's own: a submission in five minutes, against others.

    python -m tests.benchmarks.kinds [--names texts,images,series] [--seconds 300]

The data are drawn by lot, for no file of such kinds comes with this project: texts of topics that
share most words, photographs of textured shapes, series with two seasons. A third of the rows, or
the end of each series, is held out of both sides. The plain pipeline is one of
scikit-learn's: TF-IDF and logistic regression, PCA and logistic regression, boosting on lags. The
baseline is the share of each class, or the value of a day before.
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


def images(folder: Path, rng: np.random.Generator) -> Work:
    """Return 2,000 pictures of five shapes, each full or empty, and 500 held out."""
    from PIL import Image
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    labels = [f"{sides}-{kind}" for sides in (3, 4, 5, 6, 40) for kind in ("full", "empty")]
    codes = rng.integers(0, len(labels), 2500)
    small = []
    for number, code in enumerate(codes):
        picture = _shape(rng, int(labels[code].partition("-")[0]), full=code % 2 == 0)
        held = number >= 2000
        place = folder / "test" if held else folder / "train" / labels[code]
        place.mkdir(parents=True, exist_ok=True)
        picture.save(place / f"{number}.jpg", quality=88)
        small.append(np.asarray(picture.resize((32, 32), Image.Resampling.BILINEAR)).ravel())
    pixels, truth = np.array(small) / 255, np.array(labels)[codes]

    def error(found: pd.DataFrame) -> float:
        number = found.iloc[:, 0].str.partition(".")[0].astype(int).to_numpy()
        return _log_loss(truth[number], found[sorted(labels)].to_numpy())

    def plain() -> float:
        model = make_pipeline(PCA(100, random_state=0), LogisticRegression(max_iter=1000))
        model.fit(pixels[:2000], truth[:2000])
        return _log_loss(truth[2000:], model.predict_proba(pixels[2000:]))

    shares = [np.mean(truth[:2000] == label) for label in sorted(labels)]
    baseline = _log_loss(truth[2000:], np.tile(shares, (500, 1)))
    arguments = [str(folder), "--images", "train/", "--metric", "log-loss"]
    return Work(arguments, baseline, plain, error, "log loss")


def _shape(rng: np.random.Generator, sides: int, *, full: bool) -> Any:
    """Return a picture of a polygon at some place, turned, on a clouded ground with lines."""
    from PIL import Image, ImageDraw

    width, height = rng.integers(90, 240, 2).tolist()
    ground = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
    picture = ground.resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(6):
        ends = (rng.random(4) * [width, height, width, height]).tolist()
        draw.line(ends, fill=tuple(rng.integers(0, 256, 3).tolist()), width=2)
    radius = rng.uniform(0.18, 0.36) * min(width, height)
    centre = rng.uniform([radius, radius], [width - radius, height - radius])
    turns = rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(sides + 1) / sides
    corners = centre + radius * np.column_stack([np.cos(turns), np.sin(turns)])
    colour, points = tuple(rng.integers(0, 256, 3).tolist()), [tuple(c) for c in corners.tolist()]
    if full:
        draw.polygon(points, fill=colour)
    else:
        draw.line(points, fill=colour, width=max(2, int(radius / 4)))
    noisy = np.asarray(picture) + rng.normal(0, 12, (height, width, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))


def series(folder: Path, rng: np.random.Generator) -> Work:
    """Return 20 series of 2,000 hours with two seasons; the last 24 hours of each are held out."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    hours = pd.date_range("2024-01-01", periods=2000, freq="h")
    day, week = (2 * np.pi * np.arange(2000) / period for period in (24, 168))
    parts = []
    for number in range(20):
        noise = np.zeros(2000)
        for hour, shock in enumerate(rng.normal(0, 1.0, 2000)):
            noise[hour] = 0.9 * noise[hour - 1] + shock if hour else shock
        shift, size = rng.uniform(0, 6, 2)
        load = 50 + size + 8 * np.sin(day + shift) + 4 * np.sin(week) + noise
        parts.append(pd.DataFrame({"date": hours, "station": f"s{number}", "load": load}))
    rows = pd.concat(parts)
    held = rows["date"] >= hours[-24]
    rows[~held].to_csv(folder / "loads.csv", index=False)
    loads = np.stack([part["load"].to_numpy() for part in parts])

    def error(found: pd.DataFrame) -> float:
        wanted = rows[held].sort_values(["station", "date"])["load"].to_numpy()
        name = found.columns[0]
        ordered = found.assign(
            key=found[name].str.split(" ").str[0], at=found[name].str.split(" ", n=1).str[1]
        ).sort_values(["key", "at"])
        return float(np.abs(ordered["load"].to_numpy() - wanted).mean())

    def plain() -> float:
        # Values of one, two and seven days before, the mean of the last known day, and the hour.
        def seen(at: int) -> NDArray[np.float64]:
            lags = [loads[:, at - lag] for lag in (24, 48, 168)]
            last = loads[:, at - 48 : at - 24].mean(axis=1)
            clock = [np.full(20, at % 24), np.full(20, at // 24 % 7), np.arange(20)]
            return np.column_stack([*lags, last, *clock])

        known, wanted = range(200, 1976), range(1976, 2000)
        model = HistGradientBoostingRegressor(loss="absolute_error", random_state=0)
        model.fit(np.vstack([seen(at) for at in known]), loads[:, list(known)].T.ravel())
        found = model.predict(np.vstack([seen(at) for at in wanted]))
        return float(np.abs(found - loads[:, list(wanted)].T.ravel()).mean())

    baseline = float(np.abs(loads[:, -24:] - loads[:, -48:-24]).mean())
    arguments = ["--time", "date", "--target", "load", "--key", "station", "--horizon", "24"]
    arguments = [str(folder / "loads.csv"), *arguments, "--metric", "mae"]
    return Work(arguments, baseline, plain, error, "MAE")


WORKS: Mapping[str, Callable[[Path, np.random.Generator], Work]] = {
    "texts": texts,
    "images": images,
    "series": series,
}


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
