"""A job as bytes, for a process of this machine or of another one."""

from __future__ import annotations

import tempfile

import cloudpickle

from comps.base import UsageError
from pipelines.engines.jobs import Job


def packed_job(job: Job) -> bytes:
    """Return a job as bytes; functions and classes of a notebook or a script go along by value.

    Raises:
        UsageError: if a value that they hold cannot leave this process.
    """
    try:
        content: bytes = cloudpickle.dumps(job, protocol=5)
    except OSError as error:
        # Rows in memory go by a file of their own.
        raise UsageError(
            f"Model '{job.model.member}' cannot be sent to a worker process: {error}. The folder "
            f"for temporary files, {tempfile.gettempdir()}, needs room for the rows; set TMPDIR "
            "to another one."
        ) from error
    except Exception as error:
        raise UsageError(
            f"Model '{job.model.member}' cannot be sent to a worker process: {error}. Make what it "
            "holds inside its function, or train in this process: engine='inline', --engine inline."
        ) from error
    return content
