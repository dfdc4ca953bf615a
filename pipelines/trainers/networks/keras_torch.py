"""Keras networks on PyTorch, fold by fold: for machines where nothing else is installed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipelines.trainers._base import Trainer
from pipelines.trainers.networks._keras_fit import KerasFitTrainer


class KerasTorchTrainer(KerasFitTrainer):
    """Trains networks on PyTorch. See `KerasFitTrainer`."""

    backend = "torch"

    _before: tuple[bool, bool, bool] | None = None

    def hold(self, threads: int) -> None:
        """See `KerasFitTrainer`. Operations that have no repeatable form on a card only warn."""
        # cuBLAS reads it when it starts.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        import torch

        torch.set_num_threads(threads)
        self._before = self._before or (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.backends.cudnn.benchmark,
        )
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = False

    def release(self) -> None:
        """See `KerasFitTrainer`. A caller may train networks of its own in this process."""
        import torch

        if self._before is not None:
            strict, warns, benchmark = self._before
            torch.use_deterministic_algorithms(strict, warn_only=warns)
            torch.backends.cudnn.benchmark = benchmark
            self._before = None

    def half(self) -> str:
        """See `KerasFitTrainer`."""
        import torch

        from pipelines.trainers.networks._keras_backend import half_of

        if not torch.cuda.is_available():
            return "bfloat16"
        major, minor = torch.cuda.get_device_capability()
        return half_of(major + minor / 10)


if TYPE_CHECKING:
    _: Trainer = KerasTorchTrainer()
