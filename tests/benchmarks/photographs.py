"""Time and memory of dogs-vs-cats on as many photographs, of as many sizes, as Kaggle has.

    python -m tests.benchmarks.photographs [--train 25000] [--test 12500] [--models quick]

The photographs are drawn: a blob on a textured ground, 100 to 500 pixels a side, whose hue says a
little of its class, as JPEGs in zips in a zip: the scores say nothing. The rows are the first run,
which decodes, and one that finds the cache.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from comps.dogs_vs_cats.competition import DOGS_VS_CATS
from tests.benchmarks.measuring import measure, rows_of


def photograph(rng: np.random.Generator, dog: bool) -> bytes:
    """Return a JPEG."""
    width, height = (int(side) for side in rng.integers(100, 501, 2))
    coarse = rng.integers(0, 256, (rng.integers(4, 12), rng.integers(4, 12), 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    side = min(width, height) // 2
    colour = (
        (int(rng.integers(90, 256)), 120, int(rng.integers(0, 166))) if dog else (120, 120, 120)
    )
    image.paste(colour, (width // 4, height // 4, width // 4 + side, height // 4 + side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def write_archive(path: Path, train: int, test: int) -> None:
    """Write an archive in the layout of Kaggle's redux edition."""
    rng = np.random.default_rng(0)
    names = [
        (f"train/{kind}.{n}.jpg", kind == "dog")
        for n in range(train // 2)
        for kind in ("cat", "dog")
    ]
    parts = {
        "train.zip": names,
        "test.zip": [(f"test/{n + 1}.jpg", n % 2 == 0) for n in range(test)],
    }
    with zipfile.ZipFile(path, "w") as archive:
        for part, photographs in parts.items():
            with (
                archive.open(part, "w", force_zip64=True) as file,
                zipfile.ZipFile(file, "w") as inner,
            ):
                for name, dog in photographs:
                    inner.writestr(name, photograph(rng, dog))
        rows = "".join(f"{n + 1},0.5\n" for n in range(test))
        archive.writestr("sample_submission.csv", f"id,label\n{rows}")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=int, default=25_000)
    parser.add_argument("--test", type=int, default=12_500)
    parser.add_argument("--models", default="quick")
    options = parser.parse_args()
    print(f"{'run':<10} {'wall s':>8} {'fit s':>8} {'peak GB':>8}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_archive(folder / DOGS_VS_CATS.archive, options.train, options.test)
        arguments = ["run", "dogs-vs-cats", "--json", "--data", DOGS_VS_CATS.archive]
        arguments += ["--models", options.models]
        for run, seed in (("first", "0"), ("cached", "1")):
            seconds, memory, output = measure([*arguments, "--seed", seed], folder)
            fit = sum(row["fit_seconds"] for row in rows_of(output, "leaderboard")[-1]["rows"])
            print(f"{run:<10} {seconds:>8.0f} {fit:>8.0f} {memory:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
