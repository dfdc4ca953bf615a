"""Keras networks: folds that are alike, and several networks a fold, as one JAX program."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, ClassVar

from comps.base import Array, Model, Params
from pipelines.trainers._base import Context, FoldData, FoldModel, Stage, TogetherTrainer
from pipelines.trainers._own_code import packages_of
from pipelines.trainers._together import filled, joined, program_width
from pipelines.trainers.networks._kept import NetworkModel, plain, restored_networks
from pipelines.trainers.networks._plan import Plan, batches_of, builder
from pipelines.trainers.networks._rows import form_of, rows_at_once
from pipelines.trainers.networks._targets import Goal, goal_of

if TYPE_CHECKING:
    import keras

    from pipelines.trainers.networks._fold_program import FoldProgram


class KerasJaxTrainer:
    """Trains the network that `model.build(shapes, steps, **params)` returns.

    The builder takes the shape of a row of each input by name, and the number of optimizer
    steps of the whole training (for schedules); it returns a compiled functional model with
    one output: a value, the probability of class 1, a probability for each class, with a loss
    on class codes, or a value or probability for each of several targets or labels. Features are
    a mapping of arrays, or one array, which is then called "rows", or `Windows`, of which each
    step gathers its own as "window", or `Images`, which it gathers as "image".

    For regression each target is standardised with the mean and deviation of the fold's
    training rows, so that one learning rate suits dollars and degrees alike. Weights of rows are
    divided by their mean for the same reason.
    """

    together = True
    staged = True
    on_gpu: ClassVar[Mapping[str, str]] = {}
    backend = "jax"

    def prepare(self) -> None:
        """Import Keras on JAX. See `Trainer`."""
        from pipelines.trainers.networks._keras_backend import import_keras

        import_keras(self.backend)
        import pipelines.trainers.networks._fold_program  # noqa: F401

    def alike(self, model: Model, fold: FoldData) -> Hashable:
        """Return the shapes of a fold's rows, and the number and size of its batches.

        Everything else in a compiled program is the same for all folds. See `TogetherTrainer`.
        """
        plan, _ = Plan.split(model.params)
        form = form_of(fold.train)
        columns = [(name, *a.shape[1:], a.dtype.str) for name, a in form.arrays(fold.train).items()]
        batches = batches_of(len(fold.target), plan.batch_size)
        return (*columns, *form.shapes(fold.train).items(), batches)

    def stages(self, model: Model, folds: Sequence[FoldData], context: Context) -> Iterator[Stage]:
        """Yield a stage every `stride` epochs. See `Trainer`.

        Programs have a fixed number of folds, and are filled up with copies of the first: the
        predictions of a fold then have the same bits, whichever folds train beside it. More folds
        are several programs, which take turns.

        Raises:
            ValueError: if the folds are not alike.
        """
        if len({self.alike(model, fold) for fold in folds}) != 1:
            raise ValueError(
                f"stages takes folds that are alike, see `alike_groups`. Received: {len(folds)} "
                "folds that differ in their shapes, or in the number or size of their batches."
            )
        width = program_width(_accelerated(), context.growing)
        programs = filled(folds, width)
        try:
            # No names for the programs here: they have to be gone when they are released.
            for stages in zip(
                *(_stages(model, own, more, context) for own, more in programs), strict=True
            ):
                yield joined(stages)
        finally:
            _release()

    def restored(self, model: Model, files: Mapping[str, bytes], context: Context) -> FoldModel:
        """Return the networks of a fold from Keras' files. See `Trainer`."""
        return restored_networks(files, context, packages_of(model))


def _stages(
    model: Model, folds: Sequence[FoldData], together: Sequence[FoldData], context: Context
) -> Iterator[Stage]:
    """Yield the stages of the folds of one program, which trains as many as it is wide."""
    plan, params = Plan.split(model.params)
    goals = [goal_of(context.task, fold.target) for fold in together]
    program = _program(builder(model, context), plan, params, together, goals)
    own, size = goals[: len(folds)], plan.size(program.model)
    network = plain(program.model)
    kept = [NetworkModel(lambda: network, goal) for goal in own]
    for report in program.run():
        present = program.weights(network.weights)
        for fold, weights in zip(kept, present, strict=False):
            fold.weights[report.epoch] = weights
        yield Stage(
            report.epoch,
            _decoded(own, report.valid),
            _decoded(own, report.test),
            report.loss.mean(axis=1)[: len(own)].tolist(),
            [size] * len(own),
            kept,
        )


def _accelerated() -> bool:
    import jax

    return bool(jax.default_backend() != "cpu")


def _release() -> None:
    """Free the compiled program, and now and then code that was compiled to make networks.

    The next network is often of the same shapes, and would compile its first weights again.
    """
    import gc

    import jax

    gc.collect()
    if next(_released) % _PROGRAMS_KEPT == 0:
        jax.clear_caches()  # type: ignore[no-untyped-call]


# Networks of other shapes leave about a megabyte each behind.
_PROGRAMS_KEPT = 8
_released = count(1)


def _half() -> str:
    import jax

    from pipelines.trainers.networks._keras_backend import half_of

    device = jax.devices()[0]
    return half_of(float(device.compute_capability)) if device.platform == "gpu" else "bfloat16"


def _decoded(goals: Sequence[Goal], outputs: Iterable[Array]) -> list[Array]:
    """Return predictions of the folds that have a goal; those that fill up a program come last."""
    return [goal.decode(output) for goal, output in zip(goals, outputs, strict=False)]


def _program(
    build: Callable[..., keras.Model],
    plan: Plan,
    params: Params,
    folds: Sequence[FoldData],
    goals: Sequence[Goal],
) -> FoldProgram:
    """Lay the folds beside each other and build their program."""
    import keras

    from pipelines.trainers.networks._fold_program import FoldProgram
    from pipelines.trainers.networks._fold_tables import Recipe
    from pipelines.trainers.networks._keras_backend import precision
    from pipelines.trainers.networks._stacked_folds import tables_of

    # Names of layers count from one again: folds of a network then have one architecture.
    keras.utils.clear_session(free_memory=False)
    shapes = form_of(folds[0].train).shapes(folds[0].train)
    steps = plan.steps(len(folds[0].target))

    def build_model() -> keras.Model:
        with precision(plan.precision, _half):
            return build(shapes, steps, **params)

    return FoldProgram(
        build_model,
        tables_of(folds, goals),
        Recipe(
            plan.epochs,
            plan.batch_size,
            [fold.seed for fold in folds],
            plan.copies,
            plan.stages(),
            rows_at_once(shapes),
        ),
    )


if TYPE_CHECKING:
    _: TogetherTrainer = KerasJaxTrainer()
