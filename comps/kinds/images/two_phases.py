"""Fine-tuning in one training: the head first, then the last layers of the pretrained network."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import KerasTensor, ops


@keras.saving.register_keras_serializable("images")
class TwoPhases(keras.optimizers.RMSprop):  # type: ignore[misc]
    """RMSprop that leaves some variables unchanged at first, and then trains all of them slowly.

    Args:
        learning_rate: of the others, in the first phase.
        tuning_rate: of all variables, in the second phase.
        late: paths of the variables that are unchanged at first.
        begin: step of the second phase.
    """

    def __init__(
        self,
        learning_rate: float = 1e-3,
        tuning_rate: float = 1e-5,
        late: Sequence[str] = (),
        begin: int = 0,
        **options: object,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.tuning_rate, self.late, self.begin = tuning_rate, list(late), begin

    def update_step(
        self, gradient: KerasTensor, variable: keras.Variable, learning_rate: KerasTensor
    ) -> None:
        """Update one variable. See `keras.optimizers.Optimizer`."""
        # TensorFlow hands over its own variable, which has no path.
        path = self._trainable_variables[self._get_variable_index(variable)].path
        first = 0.0 if path in self.late else ops.cast(learning_rate, variable.dtype)
        begun = ops.convert_to_tensor(self.iterations) >= self.begin
        rate = ops.where(begun, ops.cast(self.tuning_rate, variable.dtype), first)
        super().update_step(gradient, variable, rate)

    def get_config(self) -> dict[str, object]:
        """Return the arguments."""
        own = {"tuning_rate": self.tuning_rate, "late": self.late, "begin": self.begin}
        return {**super().get_config(), **own}
