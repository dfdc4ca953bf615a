"""The features of every model that comes with the package can be kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from comps import table_competition
from comps.base import Competition, DataError, MissingPackageError, Model, Windows, take
from comps.catalog import find_competition
from pipelines.basics.kept_objects import dump_object, load_object
from pipelines.trainers import packages_of

BUILT_IN = ["house-prices", "temperature", "digits", "dogs-vs-cats", "sentiment"]
# Enough for every class and every level to come twice.
ROWS = 120


def mixed(kind: str) -> Competition:
    """Return a competition of numbers, levels, dates and texts."""
    rng = np.random.default_rng(0)
    words = np.array(["a", "good", "bad", "film", "plot", "of", "the", "slow", "quick", "story"])
    rows = pd.DataFrame(
        {
            "number": np.where(rng.random(ROWS) < 0.1, np.nan, rng.normal(size=ROWS)),
            "level": rng.choice(["red", "green", "blue"], ROWS),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, ROWS), "D"),
            "text": [" ".join(rng.choice(words, 12)) for _ in range(ROWS)],
            "y": rng.normal(size=ROWS) if kind == "values" else rng.choice(["no", "yes"], ROWS),
        }
    )
    metric = "rmse" if kind == "values" else "auc"
    columns = {"text": ["text"]}
    return table_competition(rows, target="y", metric=metric, name=f"mixed-{kind}", columns=columns)


def competition_of(name: str) -> Competition:
    return mixed(name.partition("-")[2]) if name.startswith("mixed") else find_competition(name)


def distinct(competition: Competition) -> Iterator[Model]:
    """Yield a model for each transformer with parameters."""
    seen = set()
    for model in competition.models:
        key = (model.features, str(model.view_params()))
        if model.features is not None and key not in seen:
            seen.add(key)
            yield model


def parts(features: Any) -> list[np.ndarray[Any, Any]]:
    """Return the arrays in transformed features, in order."""
    if scipy.sparse.issparse(features):
        return [features.data, features.indices, features.indptr]
    if isinstance(features, Mapping):
        return [part for name in sorted(features) for part in parts(features[name])]
    if isinstance(features, Windows):
        return [features.gathered()]
    if hasattr(features, "columns"):
        return [features[name].astype(str).to_numpy() for name in features]
    if hasattr(features, "index") and hasattr(features, "pixels"):
        return [np.asarray(features.index)]
    return [np.asarray(features)]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*BUILT_IN, "mixed-values", "mixed-classes"])
def test_features_that_were_kept_are_those_that_were_fitted(name: str) -> None:
    competition = competition_of(name)
    assert competition.sample is not None or name.startswith("mixed")
    dataset = competition.load(competition.sample or competition.data)  # type: ignore[arg-type]
    few = np.linspace(0, len(dataset.target) - 1, ROWS).astype(int)
    rows, target = take(dataset.train, few), competition.scaled_target(dataset)[few]
    tried = 0
    for model in distinct(competition):
        try:
            view: Any = model.view()
            view.fit_transform(rows, target)
        except (DataError, MissingPackageError):
            continue  # it wants weights that do not come with the package
        again: Any = load_object(dump_object(view, packages_of(model)), packages_of(model))
        test = take(dataset.test, np.arange(min(40, len(dataset.test))))
        for one, other in zip(
            parts(view.transform(test)), parts(again.transform(test)), strict=True
        ):
            np.testing.assert_array_equal(one, other, err_msg=model.name)
        tried += 1
    assert tried
