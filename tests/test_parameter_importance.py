"""How much each parameter of a search mattered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pipelines.tuning import State, Trial, TrialResult
from pipelines.tuning.stored import importance_of


def trials(score: Any, count: int = 40) -> list[TrialResult]:
    """Return trials of a rate, a kind and layers, whose score is a function of them."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(count):
        params = {
            "rate": float(10 ** rng.uniform(-4, 0)),
            "kind": str(rng.choice(["a", "b"])),
            "layers": [[8], [8, 4], [16]][int(rng.integers(3))],
            "wide": bool(rng.integers(2)),
            "same": 3,
        }
        made.append(TrialResult(Trial(number, params), State.COMPLETE, score(params)))
    return made


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("rate", lambda params: np.log(params["rate"])),
        ("kind", lambda params: (params["kind"] == "a") + 1e-6 * params["rate"]),
        ("layers", lambda params: len(params["layers"]) + 1e-6 * params["rate"]),
        ("wide", lambda params: params["wide"] + 1e-6 * params["rate"]),
    ],
)
def test_what_the_score_follows_from_is_the_most_important(name: str, score: Any) -> None:
    found = importance_of(trials(score))
    assert sum(found.values()) == pytest.approx(1)
    assert found[name] > 0.8
    assert "same" not in found
    assert importance_of(trials(score)) == found


def test_trials_without_a_score_or_a_parameter_do_not_count() -> None:
    made = trials(lambda params: np.log(params["rate"]))
    lost = TrialResult(Trial(90, {"rate": 1.0, "kind": "z"}), State.PRUNED)
    assert importance_of([*made, lost]) == importance_of(made)
    short = TrialResult(Trial(91, {"rate": 0.5}), State.COMPLETE, 0.3)
    assert set(importance_of([*made, short])) == {"rate"}


def test_few_trials_say_nothing() -> None:
    made = trials(lambda params: params["rate"], 3)
    assert importance_of(made) == {} and importance_of([]) == {}
    equal = trials(lambda params: 0.5)
    assert importance_of(equal) == {}
    alike = [TrialResult(Trial(n, {"x": 1}), State.COMPLETE, n / 9) for n in range(9)]
    assert importance_of(alike) == {}
