"""Tables: numbers, levels, dates, texts beside them."""

from comps.kinds.table.competition import infer_table, table_competition
from comps.kinds.table.files import tables_of
from comps.kinds.table.given import Given, Inference, Inferred
from comps.kinds.table.inference import suggested_metrics
from comps.kinds.table.written import competition_file

__all__ = [
    "Given",
    "Inference",
    "Inferred",
    "competition_file",
    "infer_table",
    "suggested_metrics",
    "table_competition",
    "tables_of",
]
