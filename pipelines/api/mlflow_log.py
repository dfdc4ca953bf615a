"""Logs a run to MLflow, by a client of its own: what the user set up globally stays as it is."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from comps.base import MissingPackageError, TrackingError
from pipelines.api.tracking import Entry
from pipelines.basics.addresses import without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient

# What MLflow's service takes in one request, and how long texts may be.
_MOST_METRICS, _MOST_PARAMS = 1000, 100
_MOST_LETTERS, _LONGEST_NAME = 5000, 250
_NO_NAME = re.compile(r"[^\w\-. /:]")
_SETTINGS = {
    # A server that is not there should be known in seconds; MLflow tries for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    # Standard output is for results.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def check_server(uri: str) -> None:
    """Check that runs can be logged, before anything is trained.

    Args:
        uri: of the tracking server, as MLflow takes it.

    Raises:
        MissingPackageError: if MLflow is not installed.
        TrackingError: if the server does not answer.
    """
    with _client(uri) as client:
        client.search_experiments(max_results=1)


def log_run(uri: str, experiment: str, whole: Entry, members: Sequence[Entry]) -> str:
    """Log a run, with a run below it for each member.

    Args:
        uri: of the tracking server, as MLflow takes it.
        experiment: its name; it is made where it is missing.
        whole: of the run.
        members: of its members.

    Returns:
        MLflow's number of the run.

    Raises:
        MissingPackageError: if MLflow is not installed.
        TrackingError: if the server cannot take it.
    """
    with _client(uri) as client:
        found = client.get_experiment_by_name(experiment)
        number = client.create_experiment(experiment) if found is None else found.experiment_id
        run = _log(client, number, whole)
        for member in members:
            _log(client, number, member, {"mlflow.parentRunId": run})
        return run


def _log(
    client: MlflowClient, experiment: str, entry: Entry, tags: Mapping[str, str] | None = None
) -> str:
    """Log one entry; it is marked as failed where this is interrupted."""
    of_run = {_name(key): value[:_MOST_LETTERS] for key, value in entry.tags.items()}
    made = client.create_run(experiment, run_name=entry.name, tags={**of_run, **(tags or {})})
    run: str = made.info.run_id
    status = "FAILED"
    try:
        _write(client, run, entry)
        status = "FINISHED"
    finally:
        client.set_terminated(run, status)
    return run


def _write(client: MlflowClient, run: str, entry: Entry) -> None:
    from mlflow.entities import Metric, Param

    params = [Param(_name(key), value[:_MOST_LETTERS]) for key, value in entry.params.items()]
    for some in _portions(params, _MOST_PARAMS):
        client.log_batch(run, params=some)
    now = int(time.time() * 1000)
    metrics = [Metric(_name(key), value, now, step) for key, value, step in entry.metrics]
    for some in _portions(metrics, _MOST_METRICS):
        client.log_batch(run, metrics=some)
    for folder, files in entry.files.items():
        for file in files:
            client.log_artifact(run, str(file), folder or None)


def _portions(values: list[Any], most: int) -> Iterator[list[Any]]:
    for begin in range(0, len(values), most):
        yield values[begin : begin + most]


def _name(text: str) -> str:
    """Return a name with the letters alone that MLflow takes.

    >>> _name("what (is) it?")
    'what _is_ it_'
    """
    return _NO_NAME.sub("_", text)[:_LONGEST_NAME]


@contextlib.contextmanager
def _client(uri: str) -> Iterator[MlflowClient]:
    """Return a client, whose errors are told in the user's words."""
    if find_spec("mlflow") is None:
        raise MissingPackageError("mlflow", "mlflow")
    before = dict(os.environ)
    # What the user says of it counts.
    os.environ.update({name: value for name, value in _SETTINGS.items() if name not in before})
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            yield MlflowClient(tracking_uri=uri)
        except (MlflowException, OSError, ImportError) as error:
            first = str(error).strip().splitlines()[0][:300].rstrip(".")
            told = without_password(f"MLflow at {uri} cannot be used: {first}.")
            raise TrackingError(
                f"{told} Name its server, such as http://127.0.0.1:5000, or leave out --mlflow."
            ) from error
    finally:
        for name in _SETTINGS.keys() - before.keys():
            os.environ.pop(name, None)
