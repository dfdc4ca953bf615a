"""Ray clusters of several nodes on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from pipelines.store import RunStore
from tests.support import ROOT

# Small: the machine of the tests has other work for its memory.
STORE = 80 * 2**20


@contextmanager
def cluster_of(*cores: int, **head: Any) -> Iterator[Any]:
    """Start a cluster with a node of each number of cores, the first of them its head.

    Nothing is connected to it: its `address` is for that.
    """
    from ray.cluster_utils import Cluster

    # Without handlers of signals, which only the main thread may set.
    cluster = Cluster(shutdown_at_exit=False)
    try:
        for number in cores:
            add_node(cluster, number, **(head if number is cores[0] else {}))
        yield cluster
    finally:
        cluster.shutdown()


def add_node(cluster: Any, cores: int, path: str = "", **more: Any) -> Any:
    """Add a node to a cluster; return it.

    Args:
        cluster: that gets it.
        cores: of the node.
        path: a folder where its processes look for modules first.
        **more: see `ray.cluster_utils.Cluster.add_node`.
    """
    where = os.pathsep.join(filter(None, [path, str(ROOT)]))
    return cluster.add_node(
        num_cpus=cores,
        object_store_memory=STORE,
        include_dashboard=False,
        env_vars={"PYTHONPATH": where},
        **more,
    )


def same_results(one: RunStore, other: RunStore) -> int:
    """Assert that two stores have the same predictions, to the byte; return how many files."""
    paths = sorted(path.relative_to(one.root) for path in one.root.glob("models/*/*/*.npz"))
    assert paths == sorted(
        path.relative_to(other.root) for path in other.root.glob("models/*/*/*.npz")
    )
    for path in paths:
        with np.load(one.root / path) as ours, np.load(other.root / path) as theirs:
            # Seconds are none of the predictions, nor is the length of a pickle, which follows from
            # which parts of a model happen to be one object.
            for name in set(ours.files) - {"__meta__", "seconds", "size"}:
                assert ours[name].tobytes() == theirs[name].tobytes(), (path, name)
    return len([path for path in paths if "test" not in path.name])
