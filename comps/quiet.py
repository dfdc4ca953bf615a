"""Native code that writes to standard error when it is imported, whatever its log level."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

# TensorFlow's lines about the instructions and cards that it will use.
_LOGGED = re.compile(
    rb"(WARNING: All log messages before absl::InitializeLog\(\)"
    rb"|[IWE]\d{4} \d\d:\d\d:\d+\.\d+ +\d+ [\w.]+:\d+\]"
    rb"|To enable the following instructions: ).*\n"
)


@contextlib.contextmanager
def without_native_logs() -> Iterator[None]:
    """Drop the log lines of native code; whatever else was written is written at the end."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            written.seek(0)
            rest = b"".join(line for line in written if not _LOGGED.match(line))
            with contextlib.suppress(OSError):
                os.write(2, rest)
