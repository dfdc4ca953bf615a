"""Jobs on a Ray cluster: as tasks of one machine or of many, which share no disk.

A job goes to a worker with what it needs, and its results come back one by one while it goes on.
The process that started the run is the only one that writes the store.
"""

from pipelines.engines.ray._engine import RayEngine

__all__ = ["RayEngine"]
