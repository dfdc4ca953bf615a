"""A worker process: executes jobs until its pipe is closed.

Keras reads its backend, and numeric libraries read their number of threads, when they
are imported. A worker is therefore started with its environment and kept for the next job.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from comps.base import WorkbenchError
from pipelines.engines._base import Event, Failed, Progress
from pipelines.engines._outcome import failure, now_and_then, outcome_of, without_job
from pipelines.engines._sockets import short_sockets

if TYPE_CHECKING:
    from pipelines.engines.jobs import Job

# The last one is XLA's, which else takes all cores that a process may use (`DefaultThreadPoolSize`
# in xla/pjrt/utils.cc); how it divides sums among threads decides the last bits of a network.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")


def process_context() -> Any:
    """Return how worker processes are started.

    Forking this process could hang the worker, for libraries may have threads here. A server
    process that has imported what all workers need, and run nothing, can be forked safely
    and at once; where there is none (Windows, or no room for its socket), each worker imports
    everything itself.
    """
    if not _has_server():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pipelines.engines._preload"])
    return context


def _has_server() -> bool:
    return "forkserver" in multiprocessing.get_all_start_methods() and short_sockets()


def start_server(threads: int) -> None:
    """Start the server process, so that it imports while this process does other work."""
    if _has_server():
        from multiprocessing.forkserver import ensure_running

        process_context()
        with worker_environment(threads), deaf_to_interrupts():
            ensure_running()


def worker_variables(threads: int) -> dict[str, str]:
    """Return the environment that a worker process is started with."""
    values = {name: str(threads) for name in _THREAD_VARIABLES}
    values["TF_CPP_MIN_LOG_LEVEL"] = "3"
    # Memory of a card as it is needed: other programs, and other libraries, may use the card too.
    values["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    values["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    # TensorFlow turns oneDNN on by itself only where a processor has instructions for networks;
    # with AVX2 alone a convolutional network trains 1.5 times as fast with it, too.
    values["TF_ENABLE_ONEDNN_OPTS"] = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1")
    return values


@contextlib.contextmanager
def worker_environment(threads: int) -> Iterator[None]:
    """Set the environment for processes that are started within the context."""
    values = worker_variables(threads)
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """Block SIGINT for processes that are started within the context.

    Ctrl-C reaches every process of the terminal. One that begins would show a traceback before it
    can say that it leaves interrupts to the main process, which gets its own after the context.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing.resource_tracker import ensure_running

    # It unblocks the signal when it begins, which it would do within the context.
    ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def without_main() -> Iterator[None]:
    """Hide the program from a process started meanwhile, which would run it again.

    Python does that so that functions of a script can be found, and asks for a main guard. Jobs
    carry such functions with them.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def serve(pipe: Connection, cores: Sequence[int], environment: Mapping[str, str]) -> None:
    """Receive jobs and send events until the other side closes the pipe."""
    os.environ.update(environment)
    # Ctrl-C reaches every process of the terminal; the main process decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A library's advice to programmers is no news for whoever runs a competition.
    warnings.simplefilter("ignore")
    limit_threads(len(cores))
    _die_with_parent()
    if cores and hasattr(os, "sched_setaffinity"):
        # Jobs side by side stay out of each other's way.
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, cores)
    while True:
        try:
            backend, content = pipe.recv(), pipe.recv_bytes()
            begin_keras(backend)
            try:
                job = pickle.loads(content)
            except Exception as error:  # a module that is not found here, for example
                pipe.send_bytes(pickle.dumps((Failed, failure(error))))
                continue
            _execute(job, pipe)
        except (EOFError, ConnectionError):
            return


def begin_keras(backend: str | None) -> None:
    """Import Keras on a backend before a function of a job imports it on the usual one."""
    if backend is not None:
        from pipelines.trainers.networks._keras_backend import import_keras

        # What is wrong is an error of the job, which says it again.
        with contextlib.suppress(WorkbenchError):
            import_keras(backend)


def limit_threads(threads: int) -> None:
    """Limit the thread pools to this worker's share, which the server process did not know."""
    from threadpoolctl import threadpool_limits

    os.environ.update({name: str(threads) for name in _THREAD_VARIABLES})
    threadpool_limits(threads)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _send(pipe: Connection, event: Event) -> None:
    pipe.send_bytes(pickle.dumps(without_job(event)))


def _execute(job: Job, pipe: Connection) -> None:
    def tell(step: int, score: float) -> None:
        _send(pipe, Progress(job, step, score))

    _send(pipe, outcome_of(job, now_and_then(tell)))
