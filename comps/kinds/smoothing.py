"""Cross-entropy of class codes whose labels are smoothed."""

from __future__ import annotations

import keras
from keras import KerasTensor, ops


@keras.saving.register_keras_serializable("images")
class SmoothedCrossentropy(keras.losses.Loss):  # type: ignore[misc]
    """Cross-entropy of class codes, of which a share is spread over all classes.

    Keras' own takes smoothed labels as a column for each class alone.

    Args:
        smoothing: that share.

    >>> import numpy as np
    >>> loss = SmoothedCrossentropy(0.2)
    >>> round(float(loss(np.array([0]), np.array([[0.5, 0.5]]))), 4)
    0.6931
    """

    def __init__(self, smoothing: float = 0.1, **options: object) -> None:
        super().__init__(**options)
        self.smoothing = smoothing

    def call(self, codes: KerasTensor, shares: KerasTensor) -> KerasTensor:
        """Return [batch]: the loss of each row.

        Args:
            codes: [batch] or [batch, 1].
            shares: [batch, classes].
        """
        classes = shares.shape[-1]
        right = ops.one_hot(ops.cast(ops.reshape(codes, (-1,)), "int32"), classes)
        wanted = right * (1 - self.smoothing) + self.smoothing / classes
        return keras.losses.categorical_crossentropy(wanted, shares)

    def get_config(self) -> dict[str, object]:
        """Return the arguments."""
        return {**super().get_config(), "smoothing": self.smoothing}
