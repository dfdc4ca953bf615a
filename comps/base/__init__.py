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
from comps.base.losses import LEAST_PROBABILITY, log_loss, root_mean_squared_error
from comps.base.metric import (
    IDENTITY,
    LOG1P,
    Array,
    Loss,
    Metric,
    Prediction,
    Scale,
    predicted_classes,
)
from comps.base.model import Family, Model, parse_setting
from comps.base.names import base_name, file_name, member_name, parse_member, split_names
from comps.base.places import data_root
from comps.base.rows import join_rows, take
from comps.base.windows import Windows

__all__ = [
    "IDENTITY",
    "LEAST_PROBABILITY",
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
    "base_name",
    "data_root",
    "file_name",
    "join_rows",
    "log_loss",
    "member_name",
    "parse_member",
    "parse_setting",
    "predicted_classes",
    "root_mean_squared_error",
    "some",
    "split_names",
    "take",
    "unknown_name",
]
