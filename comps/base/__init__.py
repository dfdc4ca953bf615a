"""The vocabulary that every room shares: `Competition`, `Dataset`, `Metric`, `Model` and others."""

from comps.base.competition import Competition, Dataset, Task
from comps.base.errors import (
    BusyError,
    CodeError,
    DataError,
    MissingPackageError,
    StoreError,
    UsageError,
    WorkbenchError,
    some,
    unknown_name,
)
from comps.base.images import Images
from comps.base.metric import IDENTITY, LOG1P, Array, Loss, Metric, Prediction, Scale
from comps.base.model import Family, Model, parse_setting
from comps.base.places import data_root
from comps.base.rows import join_rows
from comps.base.windows import Windows

__all__ = [
    "IDENTITY",
    "LOG1P",
    "Array",
    "BusyError",
    "CodeError",
    "Competition",
    "DataError",
    "Dataset",
    "Family",
    "Images",
    "Loss",
    "Metric",
    "MissingPackageError",
    "Model",
    "Prediction",
    "Scale",
    "StoreError",
    "Task",
    "UsageError",
    "Windows",
    "WorkbenchError",
    "data_root",
    "join_rows",
    "parse_setting",
    "some",
    "unknown_name",
]
