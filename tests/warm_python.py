"""A Python that has imported pandas and scikit-learn, and runs commands in copies of itself.

Most of the seconds that a short command takes go to these imports; hundreds of tests run one. A
copy is a process of its own, with the arguments, environment, folder and outputs of a command, and
imports all of this project's own code anew.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

_SECONDS = 200


@cache
def _server() -> subprocess.Popen[str]:
    """Start the Python that waits for commands; it ends with the tests."""
    server = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(server.kill)
    return server


def run(
    command: Sequence[str], cwd: Path, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the command of an installed package, as `subprocess.run` would."""
    server = _server()
    assert server.stdin is not None and server.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder, name) for name in ("out", "err")]
        request = {
            "command": list(command),
            "cwd": str(cwd),
            "env": dict(env),
            "outputs": [str(path) for path in outputs],
        }
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        return subprocess.CompletedProcess(command, code, *(path.read_text() for path in outputs))


def _become(request: Mapping[str, Any]) -> None:
    """Make this process look like one that was started with the command."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    flags = os.O_WRONLY | os.O_CREAT
    for number, path in enumerate(request["outputs"], 1):
        os.dup2(os.open(path, flags), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    # What takes longer is ended, as `subprocess.run` would with a timeout.
    signal.alarm(_SECONDS)
    sys.argv = request["command"]
    sys.path[0] = str(Path(sys.argv[0]).parent)


def _wait_for_commands() -> bool:
    """Fork a copy for each command, and print its exit code; return True in the copy alone."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
            return True
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return False


if __name__ == "__main__":
    import pandas  # noqa: F401
    import scipy.stats  # noqa: F401
    import sklearn.compose
    import sklearn.linear_model
    import sklearn.model_selection  # noqa: F401
    import typer  # noqa: F401

    if _wait_for_commands():
        from pipelines.cli.app import main

        sys.exit(main())
