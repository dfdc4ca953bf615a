"""Calls of the official client: quiet, patient for a while, and with errors that people read."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from submissions.kaggle.errors import KaggleError, explained

# Seconds after which an answer that does not come, or does not go on, is given up. The client
# itself would wait for ever.
PATIENCE = 60.0


@contextmanager
def called(competition: str, rest: str = "") -> Iterator[None]:
    """Run calls of the client: what it prints is not shown, for it may hold headers with keys."""
    try:
        with contextlib.redirect_stdout(io.StringIO()), _patience():
            yield
    except KaggleError:
        raise
    # The client raises what its libraries raise, and ValueErrors and its own.
    except Exception as error:
        raise explained(error, competition, rest) from error


@contextmanager
def _patience() -> Iterator[None]:
    """Let requests that name no time limit, as all of the client's, give up after `PATIENCE`."""
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send

    def patient(self: Any, *args: Any, **options: Any) -> Any:
        options["timeout"] = options.get("timeout") or PATIENCE
        return send(self, *args, **options)

    HTTPAdapter.send = patient  # type: ignore[method-assign]
    try:
        yield
    finally:
        HTTPAdapter.send = send  # type: ignore[method-assign]
