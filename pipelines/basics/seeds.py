"""Seeds: every random choice of a run follows from one integer."""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, *names: str | int) -> int:
    """Return a seed in [0, 2**31) for one purpose, e.g. one model in one fold.

    The names are hashed, so that neighbouring folds or models share nothing and
    the result is the same in every process and Python version.

    >>> derive_seed(0, "lightgbm", 0, 1) == derive_seed(0, "lightgbm", 0, 1)
    True
    >>> derive_seed(0, "lightgbm", 0, 1) == derive_seed(0, "lightgbm", 0, 2)
    False
    """
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") & 0x7FFFFFFF
