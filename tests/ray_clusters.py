"""Ray clusters of several nodes on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support import ROOT

# Small: the machine of the tests has other work for its memory.
STORE = 80 * 2**20


@contextmanager
def cluster_of(*cores: int, **head: Any) -> Iterator[Any]:
    """Start a cluster with a node of each number of cores, the first of them its head.

    Nothing is connected to it: its `address` is for that.
    """
    from ray.cluster_utils import Cluster

    cluster = Cluster()
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
