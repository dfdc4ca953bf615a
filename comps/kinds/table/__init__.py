"""Tables: numbers, levels, dates, texts beside them."""

from comps.kinds.table.competition import infer_table, table_competition
from comps.kinds.table.files import tables_of
from comps.kinds.table.given import Given, Inference, Inferred
from comps.kinds.table.inference import suggested_metrics

__all__ = [
    "Given",
    "Inference",
    "Inferred",
    "infer_table",
    "suggested_metrics",
    "table_competition",
    "tables_of",
]
