"""Tables: a competition from DataFrames."""

from comps.kinds.table.competition import table_competition

__all__ = ["table_competition"]
