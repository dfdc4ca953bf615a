"""What models of tables see of the rows. pandas and scikit-learn are imported when one is made."""

from __future__ import annotations

from typing import Any


def tree_features() -> Any:
    """Return features for trees: numbers as they are, levels as places."""
    from comps.kinds.table.features import TableFeatures

    return TableFeatures(scaled=False)


def scaled_features() -> Any:
    """Return features for models that look at distances."""
    from comps.kinds.table.features import TableFeatures

    return TableFeatures(scaled=True)


def encoded_features(classes: int) -> Any:
    """Return features for trees with what is learned of levels and pairs of columns."""
    from comps.kinds.table.encoded import EncodedFeatures

    return EncodedFeatures(classes)


def category_features() -> Any:
    """Return a table for libraries that treat levels themselves."""
    from comps.kinds.table.categories import CategoryFeatures

    return CategoryFeatures()
