"""The run store: results of fits by key, and records of commands."""

from pipelines.store._mirror import address_of, is_folder
from pipelines.store.keys import Experiment, result_key
from pipelines.store.run_store import FORMAT, RunStore, error_log, folds_file_name

__all__ = [
    "FORMAT",
    "Experiment",
    "RunStore",
    "address_of",
    "error_log",
    "folds_file_name",
    "is_folder",
    "result_key",
]
