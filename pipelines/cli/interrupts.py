"""Ctrl-C, or a scheduler, ends a command: at any moment, with a sentence and no traceback."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

MESSAGE = "Interrupted. Finished folds are kept: the same command goes on from there."

# A wrapper may hand on what the terminal has sent to all processes: that is one interrupt.
_ONE = 1.0
_first: float | None = None


class Interrupted(BaseException):
    """The user, or the system, wants the command to end; it may say what then is kept."""


def was_interrupt(error: BaseException) -> bool:
    """Whether an error is an interrupt, or what C code made of one that it did not pass on.

    >>> error = SystemError("a method returned a result with an exception set")
    >>> error.__cause__ = Interrupted()
    >>> was_interrupt(error), was_interrupt(SystemError())
    (True, False)
    """
    chained = error.__cause__ or error.__context__
    hidden = isinstance(error, SystemError) and isinstance(chained, Interrupted)
    return hidden or isinstance(error, Interrupted)


def catch_interrupts() -> None:
    """Raise `Interrupted` at SIGINT and SIGTERM; a second one ends the process at once."""
    global _first
    _first = None
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    sys.unraisablehook = _unraisable


def leave_interrupted() -> None:
    """End the process with the message, before there is anything that could show it better."""
    if "--json" in sys.argv[1:]:
        os.write(1, f'{{"event": "error", "message": "{MESSAGE}"}}\n'.encode())
    else:
        os.write(2, f"Error: {MESSAGE}\n".encode())
    os._exit(1)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _first
    del number, frame
    if _first is None:
        _first = time.monotonic()
        raise Interrupted
    if time.monotonic() - _first > _ONE:
        os._exit(1)


def _unraisable(told: Any) -> None:
    """Interrupt again where Python only reports it: in a destructor, or a callback from C."""
    global _first
    if not was_interrupt(told.exc_value):
        sys.__unraisablehook__(told)
        return
    _first = None
    threading.Timer(0.05, _interrupt_main).start()


def _interrupt_main() -> None:
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)
