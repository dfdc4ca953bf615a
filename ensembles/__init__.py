"""Ensembles: blends of out-of-fold predictions, with honest scores."""

from ensembles.blend import Blend, best_blend, blend, check_members
from ensembles.convex import ConvexWeights
from ensembles.methods import METHODS
from ensembles.sample import Sample
from ensembles.weights import convex_weights

__all__ = [
    "METHODS",
    "Blend",
    "ConvexWeights",
    "Sample",
    "best_blend",
    "blend",
    "check_members",
    "convex_weights",
]
