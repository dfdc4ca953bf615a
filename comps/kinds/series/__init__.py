"""Series: a value to forecast some steps ahead, of one or many series."""

from comps.kinds.series.competition import (
    infer_series,
    series_competition,
    suggested_series_metrics,
)
from comps.kinds.series.given import Said

__all__ = ["Said", "infer_series", "series_competition", "suggested_series_metrics"]
