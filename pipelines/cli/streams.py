"""Standard output and error that end no command: in ASCII, full, or closed."""

from __future__ import annotations

import codecs
import os
import sys
import unicodedata
from typing import Any, TextIO, cast

# What signs are called where only ASCII can be written.
_SIGNS = {"\u00b1": "+-", "\u2013": "-", "\u2014": "-", "\u2026": "...", "\u2192": "->"}


class Steady:
    """A text stream that takes everything: what cannot be written is lost, and remembered.

    A long run must not end because nobody reads how it goes on.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        #: The first error; None as long as everything was written.
        self.error: OSError | None = None

    def write(self, text: str) -> int:
        """Write a text."""
        self._try("write", text)
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        self._try("flush")

    def _try(self, method: str, *arguments: str) -> None:
        if self.error is None:
            try:
                getattr(self._stream, method)(*arguments)
            except OSError as error:
                self.error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def steady_outputs() -> Steady:
    """Make standard output and error steady, and let them write any text; return the output."""
    codecs.register_error("comps", _in_ascii)
    _open_closed()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="comps")
        setattr(sys, name, Steady(stream))
    return cast(Steady, sys.stdout)


def _open_closed() -> None:
    """Open outputs that were closed (`>&-`): else the next file that is opened would be one."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for characters that an output cannot show."""
    assert isinstance(error, UnicodeEncodeError)
    return "".join(map(_sign, error.object[error.start : error.end])), error.end


def _sign(character: str) -> str:
    """Return a character in ASCII.

    >>> _sign("\u00b1"), _sign("\u00e9"), _sign("\u4e2d")
    ('+-', 'e', '?')
    """
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return _SIGNS.get(character) or plain or "?"
