"""Small tables, and competitions of them, that several test modules share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from comps import table_competition
from comps.base import Competition


def table(n: int = 60, kind: str = "values", seed: int = 0) -> pd.DataFrame:
    """Return n rows of three numbers and the column y: values, or two or three classes."""
    random = np.random.default_rng(seed)
    rows = pd.DataFrame(random.normal(size=(n, 3)), columns=list("abc"))
    score = 2 * rows["a"] + random.normal(size=n) / 3
    if kind == "values":
        return rows.assign(y=score)
    if kind == "two":
        return rows.assign(y=np.where(score > 0, "yes", "no"))
    return rows.assign(y=np.where(score > 1, "high", np.where(score < -1, "low", "mid")))


def unseen(n: int = 20) -> pd.DataFrame:
    """Return n test rows."""
    return table(n, seed=1).drop(columns="y")


def own(
    train: pd.DataFrame | None = None, test: pd.DataFrame | None = None, **more: Any
) -> Competition:
    """Return a competition of `table()`, judged by RMSE, unless told otherwise."""
    choices: dict[str, Any] = {"target": "y", "metric": "rmse", "name": "own", **more}
    return table_competition(table() if train is None else train, test, **choices)
