"""The pictures of the README: the report of a run, and the terminal of a search.

    python -m tests.benchmarks.pictures

Both are of house prices, on the bundled sample: `docs/pictures/report.png` by Chromium, and
`docs/pictures/terminal.svg`, of 104 columns.
"""

from __future__ import annotations

import io
import os
import pty
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

from PIL import Image
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.benchmarks.measuring import COMPS

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
COLUMNS = 104
SEARCH = ("tune", "house-prices", "--model", "lightgbm", "--trials", "8")
# As much of the page as one sees without scrolling, and its charts of the blend.
WIDTH, HEIGHT = 1240, 1180


def main() -> None:
    """Run and search, and write both pictures."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        in_terminal(["run", "house-prices"], Path(folder))
        page = Path(folder) / "runs" / "house-prices" / "report.html"
        (FOLDER / "report.png").write_bytes(screenshot(page))
        shown = in_terminal(SEARCH, Path(folder))
        (FOLDER / "terminal.svg").write_text(terminal(shown), "utf-8")
    for path in sorted(FOLDER.iterdir()):
        print(path.name, path.stat().st_size)


def in_terminal(arguments: Sequence[str], folder: Path) -> str:
    """Return what a command tells line by line, and then what it writes to a terminal."""
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    with tempfile.TemporaryFile() as lines:
        process = subprocess.Popen(
            [COMPS, *arguments], cwd=folder, stdout=theirs, stderr=lines, env=environment
        )
        os.close(theirs)
        shown = b"".join(_read(ours))
        lines.seek(0)
        told = lines.read()
    if process.wait():
        raise SystemExit(told.decode())
    return (told + shown).decode().replace("\r\n", "\n")


def _read(number: int) -> Iterator[bytes]:
    """Yield what comes out of a terminal until its other side is closed, which is an error."""
    with suppress(OSError):
        while part := os.read(number, 65536):
            yield part


def terminal(shown: str) -> str:
    """Return a terminal as SVG that loads nothing."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ comps {' '.join(SEARCH)}", style="bold"))
    console.print(Text.from_ansi(shown.strip("\n")))
    made = console.export_svg(title="comps", theme=MONOKAI, unique_id="comps")
    return re.sub(r"@font-face \{.*?\}\s*", "", made, flags=re.DOTALL)


def screenshot(page: Path) -> bytes:
    """Return the upper part of a page as a PNG file of few colours."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        # In a container the sandbox has no rights.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        tab.goto(page.as_uri())
        content = tab.screenshot()
        browser.close()
    file = io.BytesIO()
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    # Not the commonest colours, in which the few red marks would be lost.
    picture = picture.quantize(192, method=Image.Quantize.MAXCOVERAGE)
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    main()
