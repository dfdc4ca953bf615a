"""Errors that are shown to the user as they are, without a traceback.

Each message says what was expected, what was found, and what to do about it. The command line
prints the message and ends with the class's `exit_code`: 2 where the call or the data have to be
changed, 1 where the work failed. An interruption ends with 1, too, and what is done with 0.
"""

from __future__ import annotations

import difflib
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path


class WorkbenchError(Exception):
    """Something went wrong that the user can put right. Exit code 1."""

    exit_code = 1


class UsageError(WorkbenchError, ValueError):
    """The call itself is wrong: an unknown name, an impossible number. Exit code 2."""

    exit_code = 2


class AmbiguousError(UsageError):
    """Something that only the user knows was left open.

    Attributes:
        question: what is to be said.
        answers: the possible ones; empty where it may be anything.
        option: of the command line, which takes the answer.
    """

    def __init__(self, question: str, answers: Sequence[str], option: str) -> None:
        self.question, self.answers, self.option = question, tuple(answers), option
        known = f" It may be: {some(answers)}." if answers else ""
        super().__init__(f"{question}{known} Say it with {option}.")


class OwnCodeError(UsageError):
    """A function of the user's raised an error, or returned something else than it should."""


class DataError(WorkbenchError, ValueError):
    """A file that was read is not what the competition's format says. Exit code 2."""

    exit_code = 2


class StoreError(WorkbenchError):
    """The run store cannot be read or written."""


class TrackingError(WorkbenchError):
    """A tracking server does not answer, or does not take what is logged."""


class CodeError(WorkbenchError):
    """The code or a value that results depend on cannot be found, read or compared."""


class BusyError(StoreError):
    """Another process is writing to the same run store."""


class MissingPackageError(WorkbenchError, ImportError):
    """A library is not installed, which may come with an extra of this package."""

    def __init__(self, package: str, extra: str | None = None) -> None:
        how = (
            f"Install it: pip install {package}"
            if extra is None
            else f"It comes with an extra: pip install 'competition-workbench[{extra}]'"
        )
        super().__init__(f"The package '{package}' is not installed. {how}")


def unknown_name(kind: str, name: object, known: Iterable[str]) -> UsageError:
    """Return a `UsageError` that lists the names that exist, the closest first.

    >>> print(unknown_name("model", "lihgtgbm", ["ridge", "lightgbm"]))
    There is no model 'lihgtgbm'. Did you mean 'lightgbm'? Known: lightgbm, ridge.
    """
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(other) for other in close)}?" if close else ""
    known_names = f" Known: {', '.join(names) or 'none'}." if len(names) <= 40 else ""
    return UsageError(f"There is no {kind} {name!r}.{hint}{known_names}")


def own_code_error(what: str, function: Callable[..., object], error: Exception) -> OwnCodeError:
    """Return an error that says what failed, where in its own file, and why.

    Args:
        what: failed, as the sentence begins.
        function: of the user's, whose file is theirs to mend.
        error: that it raised.

    >>> def gain(target, prediction):
    ...     return 1 / 0
    >>> try:
    ...     gain([], [])
    ... except ZeroDivisionError as error:
    ...     print(own_code_error("The metric 'gain'", gain, error))
    The metric 'gain' failed (<doctest comps.base.errors.own_code_error[0]>:2): \
ZeroDivisionError: division by zero.
    """
    return OwnCodeError(
        f"{what} failed ({place_of(function, error)}): {type(error).__name__}: {error}."
    )


def place_of(function: Callable[..., object], error: Exception) -> str:
    """Return `file:line` of the last place in a function's own file that an error went through.

    That tells more than the place in a library that it calls.
    """
    code = getattr(function, "__code__", None) or getattr(type(function).__call__, "__code__", None)
    frames = list(traceback.walk_tb(error.__traceback__))
    inside = [part for part in frames if code and part[0].f_code.co_filename == code.co_filename]
    frame, line = (inside or frames)[-1]
    file = frame.f_code.co_filename
    if file.startswith("<dynamic"):  # it was sent to a worker process
        file = frame.f_globals.get("__file__", frame.f_globals.get("__name__", file))
    return f"{Path(file).name}:{line}"


_SHOWN = 5


def some(names: Iterable[object]) -> str:
    """Return a text with the first five names, and the number of further ones.

    >>> some(range(7))
    '0, 1, 2, 3, 4 and 2 more'
    """
    shown = list(names)
    rest = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(map(str, shown[:_SHOWN])) + rest


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a number with what is counted, in the singular or the plural.

    Args:
        count: how many there are.
        one: what is said of one.
        many: what is said of none or several; `one` with an "s" unless given.

    >>> counted(1, "row"), counted(2, "cell says", "cells say")
    ('1 row', '2 cells say')
    """
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def size_of(count: int) -> str:
    """Return a number of bytes in the unit that people read.

    >>> size_of(640), size_of(54_158), size_of(2_500_000), size_of(12_345_678_901)
    ('640 bytes', '54.2 kB', '2.5 MB', '12.3 GB')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:,.1f} {unit}"
    return counted(count, "byte")


def range_of(low: float, high: float) -> str:
    """Return a range of values in words; the least positive number stands for "above 0".

    >>> range_of(0, 1), range_of(5e-324, float("inf")), range_of(float("-inf"), 9)
    ('from 0 to 1', 'above 0', 'up to 9')
    """
    if high == float("inf"):
        if low == float("-inf"):
            return "finite"
        return "above 0" if 0 < low < 1e-300 else f"from {low:g} on"
    return f"up to {high:g}" if low == float("-inf") else f"from {low:g} to {high:g}"
