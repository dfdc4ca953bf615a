"""Ensembles: weights for out-of-fold predictions, and what they are honestly worth."""

from ensembles.blend import METHODS, Blend, best_blend, blend, check_members
from ensembles.weights import ConvexWeights, convex_weights, squared_error_weights

__all__ = [
    "METHODS",
    "Blend",
    "ConvexWeights",
    "best_blend",
    "blend",
    "check_members",
    "convex_weights",
    "squared_error_weights",
]
