"""The time limit of a run, which includes the time that its stored results took."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from pipelines.basics.files import read_json, write_json
from pipelines.basics.fingerprint import fingerprint
from pipelines.basics.processes import call_began
from pipelines.store import RunStore

# Kept back for blending, checking and writing, which take a second or two.
_RESERVE_SECONDS = 3.0
_RESERVE_SHARE = 0.02


class TimeBudget:
    """Computes when training has to end.

    A run that was killed and is started again has the rest of its time, and a run that
    is repeated has none: it shows the same results. A longer limit goes on from there.

    Args:
        limit: seconds for the whole command, or None for no limit.
    """

    def __init__(self, limit: float | None) -> None:
        self.limit = limit
        self._began = call_began()
        self._ends: float | None = None
        self._kept_back = 0.0
        self._store: RunStore | None = None
        self._key = ""
        self._before = 0.0
        self._over = False

    def open(self, store: RunStore, keys: Sequence[str]) -> None:
        """Look up the time that was spent on these models before; there is a deadline then."""
        if self.limit is None or self._store is not None:
            return
        self._store, self._key = store, fingerprint(sorted(keys))
        self._before = self._read().get(self._key, 0.0)
        reserve = min(_RESERVE_SECONDS + _RESERVE_SHARE * self.limit, self.limit / 2)
        self._over = self._read().get(self._ended, 0.0) >= self.limit
        left = 0.0 if self._over else self.limit - self._before - reserve
        self._ends = self._began + left

    @property
    def deadline(self) -> float | None:
        """When training has to end, on the clock of `time.monotonic`; None without a limit."""
        return None if self._ends is None else self._ends - self._kept_back

    def save(self) -> None:
        """Store the time that was spent; called often, since a run may be killed at any moment.

        A run that has ended, and is looked at again, spends none.
        """
        if self._store is None or self._over:
            return
        spent = self._before + time.monotonic() - self._began
        write_json(self._path(self._store), {**self._read(), self._key: spent})

    def keep_back(self, seconds: float) -> None:
        """Keep so many seconds more after the deadline, for a blend that is slow."""
        self._kept_back = seconds

    def end(self) -> None:
        """Store that nothing is left that this limit has time for: a repeated run trains nothing.

        Its estimates would be other ones, and it might find time where this run found none.
        """
        if self._store is not None and self.limit is not None:
            longest = max(self.limit, self._read().get(self._ended, 0.0))
            write_json(self._path(self._store), {**self._read(), self._ended: longest})

    def describe(self) -> str:
        """Return the limit, and how much of it earlier runs used, in words."""
        used = f", {self._before:.0f} s of it used before" if self._before else ""
        return f"the limit is {self.limit:g} s{used}" if self.limit else "no limit"

    @property
    def _ended(self) -> str:
        return f"{self._key} ended"

    def _read(self) -> dict[str, float]:
        assert self._store is not None
        try:
            values: dict[str, float] = read_json(self._path(self._store))
        except (OSError, ValueError):
            return {}
        return values

    @staticmethod
    def _path(store: RunStore) -> Path:
        return store.root / "time.json"
