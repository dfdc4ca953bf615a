"""Features of images by a pretrained network."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from comps.base import Images
from comps.kinds.images.pretrained import feature_extractor


class NetworkFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn `Images` into the features of a pretrained network; it learns nothing.

    Args:
        application: a name in `pretrained.APPLICATIONS`.
        weights: file of its weights.
    """

    def __init__(self, application: str = "VGG16", weights: str | None = None) -> None:
        self.application = application
        self.weights = weights

    def fit(self, X: Images, y: object = None) -> Self:
        """Learn nothing."""
        return self

    def transform(self, X: Images) -> NDArray[np.float32]:
        """Return [n, features] float32, computed once for all images.

        Raises:
            DataError: if there is no file of weights, or it holds others.
        """
        return X.per_image(feature_extractor(self.application, self.weights))

    def __sklearn_is_fitted__(self) -> bool:
        """Return True: there is nothing to learn."""
        return True
