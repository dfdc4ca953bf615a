"""Learning curves for TensorBoard, read back with TensorBoard itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.crossval import cross_validate
from pipelines.crossval.tensorboard import write_curves
from pipelines.engines import InlineEngine
from pipelines.store import Experiment, RunStore
from tests.commands import comps, without
from tests.support import LIGHTGBM, NETWORK, Recorder

Curve = list[tuple[int, float]]


def curves_of(folder: Path) -> dict[str, Curve]:
    """Return the steps and values of each tag, as TensorBoard reads them."""
    from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator
    from tensorboard.util import tensor_util

    events = EventAccumulator(str(folder), size_guidance={TENSORS: 0})
    events.Reload()
    return {
        tag: [
            (event.step, float(tensor_util.make_ndarray(event.tensor_proto)))
            for event in events.Tensors(tag)
        ]
        for tag in events.Tags()["tensors"]
    }


@pytest.mark.slow
def test_every_fold_has_its_curves(
    experiment: Experiment, store: RunStore, reporter: Recorder
) -> None:
    with store.writing():
        oofs = cross_validate(
            experiment,
            [LIGHTGBM, NETWORK],
            store=store,
            engine=lambda: InlineEngine(1),
            reporter=reporter,
        ).oofs
    for _ in range(2):  # the second time replaces the first
        root = write_curves(store, oofs.values(), "RMSE")
    for oof in oofs.values():
        for fold in range(experiment.folds.n_folds):
            result = store.read_fold(oof.model, oof.key, 0, (fold,))
            found = curves_of(root / oof.model / f"r0-f{fold}")
            steps, scores = zip(*found.pop("validation RMSE"), strict=True)
            assert list(steps) == result.steps.tolist()
            np.testing.assert_allclose(scores, result.curve, rtol=1e-6)
            if oof.model == NETWORK.name:
                _, losses = zip(*found.pop("training loss"), strict=True)
                np.testing.assert_allclose(losses, result.loss, rtol=1e-6)
                assert losses[-1] < losses[0]
            assert not found


@pytest.mark.slow
def test_the_command_says_where_the_curves_are(tmp_path: Path) -> None:
    command = ["cv", "house-prices", "--models", "lightgbm", "--set", "lightgbm.rounds=30"]
    done = comps(*command, "--folds", "2", "--tensorboard", cwd=tmp_path)
    folder = tmp_path / "runs" / "house-prices" / "tensorboard"
    assert "tensorboard --logdir" in done.err + done.out
    (of_model,) = folder.glob("lightgbm-*")
    assert sorted(path.name for path in of_model.iterdir()) == ["r0-f0", "r0-f1"]


@pytest.mark.parametrize("command", ["run", "cv", "compare"])
def test_without_tensorboard_nothing_is_trained(command: str, tmp_path: Path) -> None:
    environment = without("tensorboard", tmp_path)
    done = comps(command, "house-prices", "--tensorboard", cwd=tmp_path, env=environment, code=1)
    assert "competition-workbench[tensorboard]" in done.err
    assert not (tmp_path / "runs").exists()
