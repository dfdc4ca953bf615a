"""The vocabulary that every room shares: `Competition`, `Dataset`, `Metric`, `Model` and others."""

from comps.base.checks import Check, Finding, NotSuitedError, Severity, Subject
from comps.base.competition import Competition, Dataset, Task
from comps.base.counts import CountScore, class_counts, label_counts
from comps.base.cuts import Cuts, Rule, decided, labels_of
from comps.base.errors import (
    AmbiguousError,
    BusyError,
    CodeError,
    DataError,
    MissingPackageError,
    OwnCodeError,
    StoreError,
    TrackingError,
    UsageError,
    WorkbenchError,
    counted,
    own_code_error,
    place_of,
    range_of,
    size_of,
    some,
    unknown_name,
)
from comps.base.forecasts import Forecasts
from comps.base.images import Images
from comps.base.labels import class_columns, label_number, same_label
from comps.base.losses import LEAST_PROBABILITY, log_loss, root_mean_squared_error
from comps.base.mapped import read_mapped, write_for, write_mapped
from comps.base.metric import (
    IDENTITY,
    LOG1P,
    Loss,
    Metric,
    Prediction,
    Scale,
    predicted_classes,
    ranked_classes,
)
from comps.base.model import Family, Model, parse_setting
from comps.base.names import (
    base_name,
    file_name,
    member_name,
    names_a_folder,
    parse_member,
    split_names,
)
from comps.base.places import cache_root, data_root, user_cache_root
from comps.base.rows import Features, RowSet, join_rows, take
from comps.base.transformer import Transformer
from comps.base.truth import Target, Truth
from comps.base.values import JSON, Array, Params
from comps.base.windows import Windows

__all__ = [
    "IDENTITY",
    "JSON",
    "LEAST_PROBABILITY",
    "LOG1P",
    "AmbiguousError",
    "Array",
    "BusyError",
    "Check",
    "CodeError",
    "Competition",
    "CountScore",
    "Cuts",
    "DataError",
    "Dataset",
    "Family",
    "Features",
    "Finding",
    "Forecasts",
    "Images",
    "Loss",
    "Metric",
    "MissingPackageError",
    "Model",
    "NotSuitedError",
    "OwnCodeError",
    "Params",
    "Prediction",
    "RowSet",
    "Rule",
    "Scale",
    "Severity",
    "StoreError",
    "Subject",
    "Target",
    "Task",
    "TrackingError",
    "Transformer",
    "Truth",
    "UsageError",
    "Windows",
    "WorkbenchError",
    "base_name",
    "cache_root",
    "class_columns",
    "class_counts",
    "counted",
    "data_root",
    "decided",
    "file_name",
    "join_rows",
    "label_counts",
    "label_number",
    "labels_of",
    "log_loss",
    "member_name",
    "names_a_folder",
    "own_code_error",
    "parse_member",
    "parse_setting",
    "place_of",
    "predicted_classes",
    "range_of",
    "ranked_classes",
    "read_mapped",
    "root_mean_squared_error",
    "same_label",
    "size_of",
    "some",
    "split_names",
    "take",
    "unknown_name",
    "user_cache_root",
    "write_for",
    "write_mapped",
]
