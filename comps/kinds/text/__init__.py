"""Texts: their features, models, duplicates, and the first layers of exported networks."""

from comps.kinds.text.zoo import Views, text_models

__all__ = ["Views", "text_models"]
