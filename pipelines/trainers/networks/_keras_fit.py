"""Keras networks fold by fold, by `fit`: shared by the trainers on TensorFlow and PyTorch."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from comps.base import Array, Features, Model
from pipelines.trainers._base import Context, FoldData, FoldModel, Stage
from pipelines.trainers._own_code import packages_of
from pipelines.trainers.networks._kept import NetworkModel, plain, restored_networks
from pipelines.trainers.networks._plan import Plan, builder, copy_seed
from pipelines.trainers.networks._rows import count_rows, form_of, rows_at_once
from pipelines.trainers.networks._targets import Goal, goal_of, relative_weight

if TYPE_CHECKING:
    import keras


class KerasFitTrainer(ABC):
    """Trains the same networks as `KerasJaxTrainer`, from the same builders.

    Each fold is a plain `fit` on batches in an order of its own. With `use_ema` predictions
    come from the averaged weights, and training goes on from the others.
    """

    together = False
    staged = True
    on_gpu: ClassVar[Mapping[str, str]] = {}
    backend: str

    def prepare(self) -> None:
        """Import Keras on the backend. See `Trainer`."""
        from pipelines.trainers.networks._keras_backend import import_keras

        import_keras(self.backend)

    @abstractmethod
    def hold(self, threads: int) -> None:
        """Limit the backend's threads, and make its results the same each time."""

    @abstractmethod
    def release(self) -> None:
        """Free what the backend keeps of networks that are no longer needed."""

    @abstractmethod
    def half(self) -> str:
        """Return the half precision of the device, "bfloat16" or "float16"."""

    def steps_at_once(self) -> int:
        """Return the number of steps that the backend runs between returns to Python."""
        return 1

    def stages(self, model: Model, folds: Sequence[FoldData], context: Context) -> Iterator[Stage]:
        """Yield a stage every `stride` epochs. See `Trainer`."""
        (fold,) = folds
        plan, networks, goal = self._begun(model, fold, context)
        views, size = (fold.valid, fold.test), plan.size(networks[0].model)
        own = plain(networks[0].model)
        kept = NetworkModel(lambda: own, goal)
        try:
            for epoch in plan.stages():
                outputs, weights = zip(
                    *(network.train_until(epoch, views) for network in networks), strict=True
                )
                valid, test = (goal.decode(np.stack(parts)) for parts in zip(*outputs, strict=True))
                loss = float(np.mean([network.loss for network in networks]))
                kept.weights[epoch] = weights
                yield Stage(epoch, [valid], [test], [loss], [size], [kept])
        finally:
            del networks
            self.release()

    def restored(self, model: Model, files: Mapping[str, bytes], context: Context) -> FoldModel:
        """Return the networks of a fold from Keras' files. See `Trainer`."""
        return restored_networks(files, context, packages_of(model))

    def networks(self, model: Model, fold: FoldData, context: Context) -> list[keras.Model]:
        """Return the trained networks of a fold, one a copy, after all their epochs.

        For classes, the mean of their outputs is what `stages` predicts at its last stage.
        """
        plan, networks, _ = self._begun(model, fold, context)
        for network in networks:
            network.fit_until(plan.epochs)
        return [network.model for network in networks]

    def _begun(
        self, model: Model, fold: FoldData, context: Context
    ) -> tuple[Plan, list[_Network], Goal]:
        """Return the networks of a fold before their first epoch."""
        import keras

        from pipelines.trainers.networks._keras_backend import precision

        plan, params = Plan.split(model.params)
        build = builder(model, context)
        self.hold(context.threads)
        goal = goal_of(context.task, fold.target)
        target = goal.encode(fold.target)
        shapes = form_of(fold.train).shapes(fold.train)
        steps = plan.steps(len(target))
        keras.backend.clear_session()
        with precision(plan.precision, self.half):
            networks = [
                _Network(lambda: build(shapes, steps, **params), fold, target, plan, copy)
                for copy in range(plan.copies)
            ]
        for network in networks:
            network.model.steps_per_execution = self.steps_at_once()
        return plan, networks, goal


class _Network:
    """One network of one fold."""

    def __init__(
        self,
        build_model: Callable[[], keras.Model],
        fold: FoldData,
        target: Array,
        plan: Plan,
        copy: int,
    ) -> None:
        import keras

        before = random.getstate()
        keras.utils.set_random_seed(copy_seed(fold.seed, copy))
        self.model = build_model()
        # Built within the first step, its variables would keep TensorFlow's graph of that step
        # for ever: 9 MB a network.
        self.model.optimizer.build(self.model.trainable_variables)
        random.setstate(before)
        self.batches_from = partial(
            _batches,
            fold.train,
            target,
            plan.batch_size,
            [fold.seed, copy],
            weight=None if fold.weight is None else relative_weight(fold.weight),
        )
        self.epoch, self.loss = 0, float("nan")

    def train_until(self, epoch: int, views: Sequence[Features]) -> tuple[list[Array], list[Array]]:
        """Train to the end of an epoch.

        Returns:
            The predictions of each set of rows in `views`, and the weights that made them.
        """
        own = self.fit_until(epoch)
        outputs = [_predict(self.model, rows) for rows in views]
        weights = self.model.get_weights()
        if own:
            self.model.set_weights(own)
        return outputs, weights

    def fit_until(self, epoch: int) -> list[Array]:
        """Train to the end of an epoch, and leave the weights to predict with in the model.

        Returns:
            The weights for further training, if they differ.
        """
        import keras

        model = self.model
        # `fit` leaves the averaged weights in the model, if the optimizer keeps them.
        own: list[Array] = []

        def keep(number: int, logs: object) -> None:
            del number, logs
            own[:] = model.get_weights()

        averages = getattr(model.optimizer, "use_ema", False)
        history = model.fit(
            self.batches_from(self.epoch),
            initial_epoch=self.epoch,
            epochs=epoch,
            verbose=0,
            shuffle=False,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=keep)] if averages else [],
        )
        self.epoch, self.loss = epoch, history.history["loss"][-1]
        return own


def _predict(model: keras.Model, rows: Features) -> Array:
    form = form_of(rows)
    count = count_rows(rows)
    size = rows_at_once(form.shapes(rows))
    parts = [
        np.asarray(model.predict_on_batch(form.features(rows, part)))
        for part in np.split(np.arange(count), range(size, count, size))
    ]
    return np.concatenate(parts)


def _batches(
    rows: Features,
    target: Array,
    size: int,
    seed: Sequence[int],
    epoch: int = 0,
    weight: Array | None = None,
) -> keras.utils.PyDataset:
    """Return a `keras.utils.PyDataset` of batches, shuffled anew in each epoch.

    `fit` reads ahead into an epoch that it does not train; each call of it therefore gets batches
    of its own, from the epoch where it begins.

    Their sizes differ by one row at most. A last batch of a row or two would be a tenth of what
    batch normalisation predicts with.
    """
    import keras

    form = form_of(rows)

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.epoch = epoch
            self.on_epoch_begin()

        def __len__(self) -> int:
            return -(-len(target) // size)

        def on_epoch_begin(self) -> None:
            order = np.random.default_rng([*seed, self.epoch])
            self.batches = np.array_split(order.permutation(len(target)), len(self))

        def on_epoch_end(self) -> None:
            self.epoch += 1

        def __getitem__(self, number: int) -> tuple[dict[str, Array] | Array, ...]:
            batch = self.batches[number]
            beside = () if weight is None else (weight[batch],)
            return form.features(rows, batch), target[batch], *beside

    return Batches()
