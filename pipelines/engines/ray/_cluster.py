"""The connection to a cluster: made when there is work, checked before any of it begins."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from comps.base import UsageError, WorkbenchError, counted
from pipelines.basics.hardware import available_cores
from pipelines.basics.native_errors import silent_native_code
from pipelines.engines.ray import _versions

# Seconds until a node has to say which versions it has; the first process there starts meanwhile.
_ANSWER = 120.0
# And until the head takes a connection.
_CONNECTED = 10.0
# A store for rows and results takes a part of a machine's memory; what is more goes to disk.
_STORE_SHARE, _MOST_STORE = 0.2, 8 * 2**30


@dataclass(frozen=True)
class Node:
    """A machine of the cluster that executes jobs.

    Attributes:
        name: its id.
        host: its name, for people.
        cores: that Ray gives to jobs.
        gpus: the same.
        memory: the same, in bytes.
    """

    name: str
    host: str
    cores: int
    gpus: float
    memory: float


class Cluster:
    """A connection to a cluster, or to a new one of this machine.

    Args:
        address: "auto" for the cluster that this machine belongs to, or that of its head; None
            takes the former, where there is one, or starts one.

    Raises:
        UsageError: if there is none, or its versions are others than here.
    """

    def __init__(self, address: str | None) -> None:
        # Ray reads it when it is imported. It would write of each process that dies to the standard
        # output, which is for results.
        os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".*")
        import ray

        self._owned = not ray.is_initialized()
        if self._owned:
            _connect(address)
        try:
            self.versions = _versions.versions()
            _check_versions(self.versions, self.nodes)
        except BaseException:
            self.close()
            raise

    def nodes(self) -> list[Node]:
        """Return the machines that execute jobs."""
        import ray

        found = [
            Node(
                told["NodeID"],
                told["NodeManagerHostname"],
                int(told["Resources"].get("CPU", 0)),
                told["Resources"].get("GPU", 0.0),
                told["Resources"].get("memory", 0.0),
            )
            for told in ray.nodes()
            if told["Alive"]
        ]
        return [node for node in found if node.cores]

    def close(self) -> None:
        """Leave the cluster, unless the user's own code had joined it; one of ours ends."""
        import ray

        if self._owned:
            ray.shutdown()


def _connect(address: str | None) -> None:
    import ray

    if address is not None and address.startswith("ray://"):
        raise UsageError(
            f"--address {address} is that of Ray's client, which jobs cannot be sent through. Run "
            "the command on a machine of the cluster: --address auto."
        )
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Options of every way to connect: nothing is printed between our own lines.
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    named = address or os.environ.get("RAY_ADDRESS")
    if named is not None and not _answers(named):
        raise _no_cluster(named)
    # Ray writes of each attempt, and of a machine without a network.
    with _own_signals(), silent_native_code():
        try:
            ray.init(address=named or "auto", **quiet)
        # Whoever does not know the token is told so at once, or after many attempts.
        except (ConnectionError, ray.exceptions.AuthenticationError) as error:
            if named is not None:
                raise (_no_token if _wants_token(error) else _no_cluster)(named) from error
            cores = len(available_cores())
            ray.init(
                address="local",
                num_cpus=cores,
                include_dashboard=False,
                object_store_memory=_store_bytes(),
                **quiet,
            )
        except ValueError as error:
            if "address" not in str(error).lower():
                raise
            raise UsageError(
                f"{_called(named or '')} cannot be the address of a Ray cluster: auto, or "
                "HOST:PORT of its head, was expected."
            ) from error
        except RuntimeError as error:
            if "mismatch" not in str(error).lower():
                raise
            told = " ".join(str(error).split())
            raise UsageError(f"The cluster cannot be used from here: {told}") from error


def _answers(address: str) -> bool:
    """Whether somebody listens at HOST:PORT; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        return True
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECTED).close()
    except OSError:
        return False
    return True


def _called(address: str) -> str:
    """Return an address with what named it, if that was the environment."""
    named = os.environ.get("RAY_ADDRESS") == address
    return f"{address} ($RAY_ADDRESS)" if named else address


def _no_cluster(address: str) -> UsageError:
    where = "on this machine (auto)" if address == "auto" else f"at {_called(address)}"
    named = "unset RAY_ADDRESS" if os.environ.get("RAY_ADDRESS") else "leave out --address"
    return UsageError(
        f"There is no Ray cluster {where}. Start one with 'ray start --head', or {named}: one of "
        "this machine is started then."
    )


def _wants_token(error: BaseException | None) -> bool:
    """Whether a cluster refused this process because of its token."""
    while error is not None:
        if "AuthenticationError" in f"{type(error).__name__}: {error}":
            return True
        error = error.__cause__ or error.__context__
    return False


def _no_token(address: str) -> UsageError:
    return UsageError(
        f"The Ray cluster at {_called(address)} wants its token, and the one of this machine is "
        "missing, not used or another one. Copy ~/.ray/auth_token of the head to the same place "
        "here, and set RAY_AUTH_MODE=token."
    )


def _store_bytes() -> int:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(int(memory * _STORE_SHARE), _MOST_STORE)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep what this process does when it is ended; Ray would end it its own way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        with suppress(TypeError):  # a handler that was not set from Python
            signal.signal(signal.SIGTERM, before)


def _check_versions(here: Mapping[str, str], nodes: Callable[[], list[Node]]) -> None:
    """Check that every node has the versions of this process.

    Args:
        here: these versions.
        nodes: returns the nodes that are there now; one may leave meanwhile.

    Raises:
        UsageError: if one has not, or there is no node.
        WorkbenchError: if one does not answer.
    """
    import ray
    from ray import cloudpickle
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    found = nodes()
    if not found:
        raise UsageError(
            "No machine of the cluster has cores for jobs: add one with 'ray start --address'."
        )
    # By value: a node without this package, or with another version of it, answers, too.
    cloudpickle.register_pickle_by_value(_versions)
    try:
        ask = ray.remote(_versions.versions)
        asked = {
            ask.options(
                num_cpus=0,
                max_retries=2,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node.name, soft=False),
            ).remote(): node
            for node in found
        }
    finally:
        cloudpickle.unregister_pickle_by_value(_versions)
    ready, late = ray.wait(list(asked), num_returns=len(asked), timeout=_ANSWER)
    if late:
        hosts = ", ".join(sorted({asked[ref].host for ref in late}))
        raise WorkbenchError(
            f"{counted(len(late), 'machine')} of the cluster did not answer within {_ANSWER:g} s: "
            f"{hosts}. Look at 'ray status', or take them out of the cluster."
        )
    for ref in ready:
        node = asked[ref]
        try:
            different = _versions.differences(dict(here), ray.get(ref))
        except ray.exceptions.RayError as error:
            if node.name not in {other.name for other in nodes()}:
                # It left before it could answer.
                return _check_versions(here, nodes)
            raise WorkbenchError(
                f"The machine {node.host} of the cluster cannot say which versions it has "
                f"({str(error).splitlines()[0]}). Look at 'ray status', or take it out of the "
                "cluster."
            ) from error
        if different:
            raise unlike(node.host, different)
    return None


def unlike(host: str, different: list[str]) -> UsageError:
    """Return the error that a machine has other versions than this process."""
    return UsageError(
        f"The machine {host} of the cluster has other versions than this one: "
        f"{', '.join(different)}. The models would not be the same. Install there what is "
        "installed here, and run the same command again."
    )
