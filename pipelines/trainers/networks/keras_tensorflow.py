"""Keras networks on TensorFlow, fold by fold: for convolutions on a CPU.

XLA's convolutions on a CPU take four to ten times as long as TensorFlow's (small Xception on
2,000 images of 32x32: 21 against 2.2 seconds an epoch), more than training all folds as one
program can make up for.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pipelines.trainers._base import Trainer
from pipelines.trainers.networks._keras_fit import KerasFitTrainer


class KerasTensorFlowTrainer(KerasFitTrainer):
    """Trains networks on TensorFlow. See `KerasFitTrainer`."""

    backend = "tensorflow"

    def hold(self, threads: int) -> None:
        """See `KerasFitTrainer`."""
        import tensorflow as tf

        # A new network a fold is traced anew, and a last batch has another shape: no news.
        tf.get_logger().setLevel("ERROR")
        # Once TensorFlow has begun to compute, it takes no more settings: then they are made.
        with contextlib.suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.experimental.enable_op_determinism()

    def release(self) -> None:
        """Forget the gradients that TensorFlow registers with every graph, and the graph with them.

        Keras adds up the gradients of all replicas, of which there is one, by an operation with
        a gradient of its own. Its name stays in a table for ever: 3 MB a network.
        """
        import gc

        from tensorflow.python.framework.ops import gradient_registry

        for name in list(gradient_registry.list()):
            if name.startswith("CustomGradient-"):
                gradient_registry._registry.pop(name)
        gc.collect()

    def steps_at_once(self) -> int:
        """Return 16 on a GPU. See `KerasFitTrainer`.

        A small network's step takes less time there than Python needs to start it. On a processor a
        network with convolutions gains nothing, and takes 2 s more to compile.
        """
        import tensorflow as tf

        return 16 if tf.config.list_physical_devices("GPU") else 1

    def half(self) -> str:
        """See `KerasFitTrainer`."""
        import tensorflow as tf

        from pipelines.trainers.networks._keras_backend import half_of

        for card in tf.config.list_physical_devices("GPU"):
            major, minor = tf.config.experimental.get_device_details(card)["compute_capability"]
            return half_of(major + minor / 10)
        return "bfloat16"


if TYPE_CHECKING:
    _: Trainer = KerasTensorFlowTrainer()
