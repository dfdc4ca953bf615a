"""Test error of every model and of the blend against the common-sense forecast, and memory.

    python -m tests.benchmarks.temperature [--data FILE] [--models NAMES] [--seeds 0,1,2]
    python -m tests.benchmarks.temperature --memory

The answers for the test rows are in the file. Nothing here chooses anything by them: the
models, their parameters and the blend come from the cross-validation alone. `--memory` runs a
file of 420,000 rows in Jena's format instead.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from comps.temperature.competition import TEMPERATURE
from comps.temperature.loader import answers
from pipelines.api.choices import Options
from pipelines.api.progress import Teller, show_progress
from pipelines.api.results import blend_members
from pipelines.api.session import Session
from pipelines.crossval import cross_validate
from pipelines.engines import make_engine
from tests.benchmarks.measuring import measure


def run(data: Path, models: str | None, seed: int, runs: Path) -> list[dict[str, object]]:
    """Return a row for each model and for the blend."""
    options = Options(competition="temperature", data=data, models=models, seed=seed, runs=runs)
    session = Session(options)
    experiment, metric = session.experiment(1), TEMPERATURE.metric
    with session.store.writing():
        oofs = cross_validate(
            experiment,
            session.models,
            store=session.store,
            engine=lambda: make_engine("local", None),
            reporter=Teller(metric, show_progress),
        ).oofs
    truth = answers(data)["T (degC)"].to_numpy()
    rows: list[dict[str, object]] = [
        {
            "seed": seed,
            "model": name,
            "cv": oof.score,
            "test": metric.score(truth, oof.test),
            "seconds": oof.fit_seconds,
        }
        for name, oof in oofs.items()
    ]
    chosen, _ = blend_members(experiment, oofs)
    score = metric.score(truth, chosen.test)
    return [*rows, {"seed": seed, "model": "blend", "cv": chosen.honest_score, "test": score}]


_JENA = [
    *("p (mbar)", "T (degC)", "Tpot (K)", "Tdew (degC)", "rh (%)", "VPmax (mbar)"),
    *("VPact (mbar)", "VPdef (mbar)", "sh (g/kg)", "H2OC (mmol/mol)", "rho (g/m**3)"),
    *("wv (m/s)", "max. wv (m/s)"),
]


def write_long(path: Path, rows: int = 420_551) -> Path:
    """Write a file of the size and format of Jena's, with its two wind errors."""
    rng = np.random.default_rng(0)
    hours = np.arange(rows) / 6
    wave = 9 - 10 * np.cos(hours * 2 * np.pi / 8766) - 4 * np.cos(hours * 2 * np.pi / 24)
    times = pd.date_range("2009-01-01 00:10", periods=rows, freq="10min")
    table = pd.DataFrame({"Date Time": times.strftime("%d.%m.%Y %H:%M:%S")})
    slow = np.cumsum(rng.normal(0, 0.03, rows))
    for name in _JENA:
        table[name] = (wave + slow + rng.normal(0, 1, rows)).round(2)
    table["wd (deg)"] = rng.uniform(0, 360, rows).round(1)
    table.loc[[1000, 2000], ["wv (m/s)", "max. wv (m/s)"]] = -9999.0
    table.to_csv(path, index=False)
    return path


def show_memory(models: str | None) -> None:
    """Print time and peak memory of the command on a long file."""
    with tempfile.TemporaryDirectory() as name:
        path = write_long(Path(name) / "jena_climate_2009_2016.csv")
        arguments = ["run", "temperature", "--json", "--data", str(path), "--jobs", "1"]
        if models:
            arguments += ["--models", models]
        seconds, memory, _ = measure(arguments, Path(name))
        print(f"{path.stat().st_size / 1e6:.0f} MB of text: {seconds:.0f} s, {memory:.2f} GB")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=TEMPERATURE.sample)
    parser.add_argument("--models")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    if options.memory:
        show_memory(options.models)
        return
    started, rows = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as name:
        for seed in map(int, options.seeds.split(",")):
            rows += run(options.data, options.models, seed, Path(name))
    table = pd.DataFrame(rows).groupby("model")[["cv", "test", "seconds"]].mean()
    for part in ("cv", "test"):
        usual = float(table[part]["common-sense"])
        table[f"{part} %"] = 100 * (table[part] / usual - 1)
    print(table.sort_values("cv").round(4).to_string())
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
