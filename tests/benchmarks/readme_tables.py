"""The tables of the READMEs, written from the records of runs.

    python -m tests.benchmarks.readme_tables [NAME ...] [--runs FOLDER] [--first] [--compare]

For each competition the members and the blend of its last run are written between the marks
`<!-- table: run -->` and `<!-- end -->` of `comps/<name>/README.md`, and a row for each that is
named between `<!-- table: competitions -->` and `<!-- end -->` of `README.md`. `--compare` writes
the best network against each boosting model, of all competitions, between `<!-- table: compare -->`
and `<!-- end -->` of `README.md`; what is not stored is trained. `--first` writes what `comps run
house-prices` shows, between `<!-- table: first -->` and `<!-- end -->` there.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path

from comps.catalog import competition_names
from pipelines import compare_all, history, load_run, show_progress
from pipelines.api.result_rows import Row, blend_rows, leaderboard_rows
from pipelines.api.results import Result
from pipelines.api.verdicts import LEVEL, p_text
from pipelines.store.records import Record

ROOT = Path(__file__).parents[2]


def run_table(result: Result, seconds: float) -> list[str]:
    """Return the members, best first, and the blend."""
    metric, also = result.metric, result.competition.also
    rows = leaderboard_rows(result)
    nested = all(row["nested_score"] is not None for row in rows)
    headings = [
        "model",
        f"out-of-fold {metric.label}",
        *(["nested"] if nested else []),
        *(other.label for other in also),
        "stop at",
        "seconds",
        "weight",
    ]
    cells = [
        [
            row["model"],
            f"{row['score']:.{metric.digits}f}",
            *([f"{row['nested_score']:.{metric.digits}f}"] if nested else []),
            *(f"{row[other.name]:.{other.digits}f}" for other in also),
            str(row["step"]) if row["step"] > 1 else "",
            f"{row['fit_seconds']:.1f}" if row["fit_seconds"] < 10 else f"{row['fit_seconds']:.0f}",
            f"{row['weight']:.3f}" if row["weight"] else "",
        ]
        for row in rows
    ]
    blend = result.blend
    assert blend is not None
    score = f"{blend.honest_score:.{metric.digits}f}"
    chosen = next(row for row in blend_rows(result) if row["chosen"])
    further = [f"{chosen[f'honest_{other.name}']:.{other.digits}f}" for other in also]
    name = f"**blend, {blend.estimate}**"
    where = ["", f"**{score}**"] if nested else [f"**{score}**"]
    cells.append([name, *where, *further, "", f"{seconds:.0f}, the whole run", ""])
    return markdown(headings, cells)


def compare_table(rows: Iterable[Row]) -> list[str]:
    """Return the best network against each boosting model."""
    headings = ["competition", "network", "boosting", "network's", "boosting's"]
    headings += ["gain a fold", "95 % interval", "p (Holm)", "seconds a fold", "megabytes"]
    cells = []
    for row in rows:
        digits = row["digits"]
        ends = ["?" if end is None else f"{end:+.{digits}f}" for end in row["interval"]]
        sizes = [row["network_size"], row["boosting_size"]]
        cells.append(
            [
                f"{row['competition']} ({row['metric']})",
                row["network"],
                row["boosting"],
                f"{row['network_score']:.{digits}f}",
                f"{row['boosting_score']:.{digits}f}",
                f"{row['gain']:+.{digits}f}" + (" *" if row["told_apart"] else ""),
                " to ".join(ends),
                "" if row["p_holm"] is None else p_text(row["p_holm"]),
                f"{row['network_seconds']:.1f}, {row['boosting_seconds']:.1f}",
                ", ".join("" if size is None else f"{size / 1e6:.2g}" for size in sizes),
            ]
        )
    return markdown(headings, cells)


def markdown(headings: Sequence[str], cells: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    return [f"| {' | '.join(row)} |" for row in (headings, ["---"] * len(headings), *cells)]


def write_between(path: Path, mark: str, lines: Sequence[str]) -> None:
    """Replace what is between a mark and the end of it."""
    text = path.read_text()
    begin = f"<!-- table: {mark} -->"
    pattern = re.compile(re.escape(begin) + r"\n.*?<!-- end -->", re.DOTALL)
    if not pattern.search(text):
        raise SystemExit(f"{path} has no lines {begin} and <!-- end -->.")
    body = "\n".join(lines)
    path.write_text(pattern.sub(lambda _: f"{begin}\n{body}\n<!-- end -->", text))


def overview_row(name: str, runs: Path) -> list[str]:
    """Return what the blend of the last run of a competition is worth, and what the run took."""
    result, record = load_run(name, runs=runs), last_run(name, runs)
    metric, blend = result.metric, result.blend
    assert blend is not None and record.blend is not None
    single = result.headline
    assert single is not None
    best = single.values
    return [
        f"[{name}](comps/{name.replace('-', '_')}/README.md)",
        metric.label,
        f"{blend.honest_score:.{metric.digits}f}, {blend.estimate}",
        f"{best['best_single_score']:.{metric.digits}f} ({best['best_single']})",
        f"{record.seconds:.0f}",
    ]


def last_run(name: str, runs: Path) -> Record:
    """Return the record of the last run of a competition."""
    return [record for record in history(name, runs=runs).records if record.command == "run"][-1]


def commit() -> str:
    """Return the short name of the commit that is checked out."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def write_run(name: str, runs: Path) -> None:
    """Write the table of the last run of a competition."""
    result = load_run(name, runs=runs)
    record = last_run(name, runs)
    options = " ".join(f"--{key} {value}" for key, value in record.options.items() if key != "runs")
    options = re.sub(r"\s*--output \S+", "", options)
    about = (
        f"`comps run {name}{options}`, {record.when[:10]}, commit {commit()}: "
        f"{record.folds.n_folds} folds ({record.folds.scheme}), seed {record.seed}, two cores; "
        "seconds of all folds, added up over the jobs."
    )
    path = ROOT / "comps" / name.replace("-", "_") / "README.md"
    write_between(path, "run", [about, "", *run_table(result, record.seconds)])


def first_run(runs: Path) -> list[str]:
    """Return what the main job shows on its standard output, as a block of Markdown."""
    command = [Path(sys.executable).with_name("comps"), "run", "house-prices", "--runs", runs]
    with tempfile.TemporaryDirectory() as folder:
        options = ["--output", str(Path(folder) / "submission.csv")]
        shown = subprocess.run(
            [*map(str, command), *options], capture_output=True, text=True, check=True
        ).stdout
    text = shown.replace(options[1], "submission.csv")
    lines = [line.rstrip() for line in text.strip("\n").splitlines()]
    wrapped = [part for line in lines for part in _wrapped(line)]
    return ["", *(f"    {line}".rstrip() for line in wrapped), ""]


def _wrapped(line: str) -> list[str]:
    """Return the sentences of a run in lines that a page shows; tables stay as they are."""
    return textwrap.wrap(line, 96) if line.startswith("submission.csv") else [line]


def main() -> None:
    """Write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=", ".join(competition_names()))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--first", action="store_true")
    options = parser.parse_args()
    for name in options.names:
        write_run(name, options.runs)
    if options.names:
        headings = ["competition", "metric", "blend", "best single model, chosen alike", "seconds"]
        rows = [overview_row(name, options.runs) for name in options.names]
        note = f"Bundled samples, default models, two cores, seed 0, commit {commit()}."
        lines = [note, "", *markdown(headings, rows)]
        write_between(ROOT / "README.md", "competitions", lines)
    if options.first:
        write_between(ROOT / "README.md", "first", first_run(options.runs))
    if options.compare:
        found = compare_all(runs=options.runs, progress=show_progress)
        note = (
            f"`comps compare --all` at commit {commit()}: bundled samples, two cores. A gain above "
            f"0 is the network's; * is told apart by the corrected test (p below {LEVEL})."
        )
        write_between(ROOT / "README.md", "compare", [note, "", *compare_table(found.rows)])
        for name, reason in found.failures.items():
            print(f"{name}: {reason}")


if __name__ == "__main__":
    main()
