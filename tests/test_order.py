"""The order of classes, where a metric depends on it: asked for, and said in several ways."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from comps.base import AmbiguousError, DataError, Dataset, UsageError
from pipelines import infer
from tests.tables import own, table

STEPS = ["low", "mid", "high"]
BLANK = ["low ", "mid ", "high "]
ROWS = table(kind="three")


def data(**more: Any) -> Dataset:
    """Return the rows of a competition in memory, judged by kappa."""
    rows = more.pop("rows", ROWS)
    return own(rows, metric="kappa", **more).load(Path("in memory"))


def labels(dataset: Dataset) -> list[Any]:
    """Return the labels of the rows."""
    return [dataset.classes[int(code)] for code in dataset.target]


def test_the_order_of_texts_is_asked_for_and_the_advice_can_be_followed(tmp_path: Path) -> None:
    file = tmp_path / "steps.csv"
    ROWS.to_csv(file, index=False)
    with pytest.raises(AmbiguousError, match="kappa counts how far .* order is not known") as asked:
        infer(file, metric="kappa", target="y")
    assert asked.value.option == "--label" and set(asked.value.answers) == set(STEPS)
    (advice,) = re.findall(r"\((--label [^;]*);", str(asked.value))
    said = shlex.split(advice)[1::2]
    assert sorted(said) == sorted(STEPS)
    for order in (said, STEPS):
        found = infer(file, metric="kappa", target="y", labels=order)
        dataset = found.competition.load(file)
        assert list(dataset.classes) == order
        assert labels(dataset) == ROWS["y"].tolist()
    (row,) = (row for row in found.rows if row["what"] == "classes")
    assert row["value"] == "low, mid, high" and row["reason"].startswith("as you say")
    # Answers one by one, as in a terminal.
    with pytest.raises(AmbiguousError, match=r"Which one comes after 'low'\? It may be: high, mid"):
        infer(file, metric="kappa", target="y", labels=["low"])
    with pytest.raises(UsageError, match="no label of 'y' called 'hihg'. Did you mean 'high'"):
        infer(file, metric="kappa", target="y", labels=["low", "hihg"])


@pytest.mark.parametrize(
    "more",
    [
        {"labels": STEPS},
        {"classes": STEPS},
        {"rows": ROWS.assign(y=pd.Categorical(ROWS["y"], STEPS, ordered=True))},
        {"rows": ROWS.assign(y=pd.Categorical(ROWS["y"] + " ", BLANK, ordered=True))},
    ],
)
def test_dataframes_say_the_order_in_three_ways(more: dict[str, Any]) -> None:
    dataset = data(**more)
    assert list(dataset.classes) == STEPS
    assert labels(dataset) == ROWS["y"].tolist()
    assert any("low, mid, high" in note for note in dataset.notes)


def test_dataframes_without_an_order_are_asked_for_it() -> None:
    with pytest.raises(AmbiguousError, match=r"labels=\['high', 'low', 'mid'\]"):
        data()
    with pytest.raises(AmbiguousError, match="order is not known"):
        data(rows=ROWS.assign(y=ROWS["y"].astype("category")))
    with pytest.raises(DataError, match=r"classes=.* has 'mid', too"):
        data(classes=["low", "high"])


def test_numbers_and_two_classes_have_an_order() -> None:
    steps = np.arange(60) % 11
    assert data(rows=ROWS.assign(y=steps)).classes == tuple(range(11))
    assert data(rows=table(kind="two")).classes == ("no", "yes")


def test_the_order_of_two_classes_says_which_is_class_1() -> None:
    dataset = data(rows=table(kind="two"), labels=["yes", "no"])
    assert dataset.classes == ("yes", "no")
    assert labels(dataset) == table(kind="two")["y"].tolist()
