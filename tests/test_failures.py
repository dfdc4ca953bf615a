"""What is left to submit when models fail or the time is over."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from comps.base import Model, WorkbenchError
from pipelines.api.failures import check_submittable, check_trained, reasons
from pipelines.crossval import CrossValidation
from tests.support import FOREST, MEAN, RIDGE, TINY, kfold
from tests.test_blend import member

ROOT = Path("runs") / "tiny"


def outcome(
    trained: Sequence[Model],
    failures: Mapping[str, str] | None = None,
    left_out: Sequence[str] = (),
) -> CrossValidation:
    oofs = {model.name: member(model.name, np.zeros(12), folds=kfold(12)) for model in trained}
    failed = dict(failures or {})
    logs = {name: ROOT / "errors" / f"{name}.log" for name in failed}
    return CrossValidation(oofs=oofs, failures=failed, logs=logs, left_out=list(left_out))


def test_a_failure_is_one_line_with_its_log() -> None:
    found = reasons(outcome([], {"ridge": "Error: no\n such thing\n"}))
    assert found == [("ridge", f"Error: no such thing (log: {ROOT / 'errors' / 'ridge.log'})")]


def test_nothing_to_submit_is_left_where_every_other_model_failed() -> None:
    failed = outcome([MEAN], {"ridge": "unwell", "forest": "burnt"})
    message = re.escape(f"'mean' failed, so no submission is written. ridge: unwell (log: {ROOT}")
    with pytest.raises(WorkbenchError, match=message) as caught:
        check_submittable(TINY, [MEAN, RIDGE, FOREST], failed)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("models", "found", "cause"),
    [
        ([MEAN], outcome([MEAN]), "asked for alone"),
        ([MEAN, RIDGE], outcome([MEAN], left_out=["ridge"]), "the time was over"),
        (
            [MEAN, RIDGE, FOREST],
            outcome([MEAN], {"ridge": "unwell"}, ["forest"]),
            "the time was over",
        ),
    ],
)
def test_a_baseline_alone_is_submitted_with_a_warning(
    models: Sequence[Model], found: CrossValidation, cause: str
) -> None:
    warning = check_submittable(TINY, models, found)
    assert warning is not None
    assert f"that of the baseline 'mean' alone: {cause}" in warning


@pytest.mark.parametrize("trained", [[MEAN, RIDGE], [RIDGE]])
def test_another_model_than_the_baseline_needs_no_warning(trained: Sequence[Model]) -> None:
    found = outcome(trained, {"forest": "burnt"})
    assert check_submittable(TINY, [MEAN, RIDGE, FOREST], found) is None


def test_nothing_trained_names_the_first_reason_or_the_time() -> None:
    with pytest.raises(WorkbenchError, match=r"No model was trained\. ridge: unwell \(log: runs"):
        check_trained(outcome([], {"ridge": "unwell", "forest": "burnt"}))
    with pytest.raises(WorkbenchError, match=r"No model was trained\. The time limit is too short"):
        check_trained(outcome([], left_out=["ridge"]))
    check_trained(outcome([MEAN]))
