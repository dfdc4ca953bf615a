"""optuna-dashboard opens the study that a search leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from pipelines import tune
from tests.tables import own, table


def asked(app: Any, path: str, query: str = "") -> Any:
    """Return what the dashboard answers to its own page."""
    request: dict[str, Any] = {"PATH_INFO": path, "QUERY_STRING": query}
    setup_testing_defaults(request)
    statuses: list[str] = []
    body = b"".join(app(request, lambda status, headers, *more: statuses.append(status)))
    assert statuses == ["200 OK"], body
    return json.loads(body)


def test_the_dashboard_opens_the_study(tmp_path: Path) -> None:
    dashboard = pytest.importorskip("optuna_dashboard")
    choices: dict[str, Any] = {"folds": 3, "engine": "inline", "runs": tmp_path}
    found = tune(own(table(60)), "ridge", trials=3, outer=0, prune=False, **choices)
    app = dashboard.wsgi(f"sqlite:///{tmp_path / 'own' / 'tuning' / 'optuna.db'}")
    (study,) = asked(app, "/api/studies")["study_summaries"]
    assert study["study_name"] == "own-ridge-outer-0"
    trials = asked(app, f"/api/studies/{study['study_id']}", "after=0")["trials"]
    values = {trial["number"]: trial["values"][0] for trial in trials}
    assert values == {result.trial.number: pytest.approx(result.score) for result in found.results}
    for trial, result in zip(trials, found.results, strict=True):
        (alpha,) = trial["params"]
        assert alpha["name"] == "alpha"
        assert float(alpha["param_external_value"]) == pytest.approx(result.trial.params["alpha"])
