"""Everything that `pipelines` names."""

from pipelines.api.comparing import Compared, ComparedAll, compare, compare_all
from pipelines.api.exporting import export_oof
from pipelines.api.history import clean, history
from pipelines.api.imported import folds_table, import_oof
from pipelines.api.progress import Update, show_progress
from pipelines.api.results import Result
from pipelines.api.running import cross_validate, run
from pipelines.api.scoring import score
from pipelines.api.stored import blend, load_run, submit
from pipelines.api.tuning import TuneResult, tune
from pipelines.trainers.networks.export import export_network

__all__ = [
    "Compared",
    "ComparedAll",
    "Result",
    "TuneResult",
    "Update",
    "blend",
    "clean",
    "compare",
    "compare_all",
    "cross_validate",
    "export_network",
    "export_oof",
    "folds_table",
    "history",
    "import_oof",
    "load_run",
    "run",
    "score",
    "show_progress",
    "submit",
    "tune",
]
