"""Train on folds, blend, submit: the Python API of the workbench.

    from pipelines import run

    result = run("house-prices", time_limit="2m")
    result.leaderboard, result.oof["mlp"], result.blend, result.submission

What is not named here is private.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.api.board import Board, board
    from pipelines.api.checking import check_data
    from pipelines.api.choices import RowChoices, TrainingChoices
    from pipelines.api.comparing import Compared, compare
    from pipelines.api.comparing_all import ComparedAll, compare_all
    from pipelines.api.explaining import Explanation, explain
    from pipelines.api.export.folder import ExportedFolder, export
    from pipelines.api.exporting import Exported, export_oof
    from pipelines.api.history import History, Unused, clean, history
    from pipelines.api.imported import FoldsTable, Imported, folds_table, import_oof
    from pipelines.api.imported_folder import (
        ImportedFolder,
        ImportedMembers,
        import_folder,
        imported_members,
    )
    from pipelines.api.inferring import FileChoices, Found, Written, infer, init
    from pipelines.api.kaggle.fetching import Fetched, fetch
    from pipelines.api.kaggle.public_scores import Leaderboard, leaderboard
    from pipelines.api.kaggle.uploading import PreparedUpload, prepare_upload
    from pipelines.api.levels import blend_in_levels
    from pipelines.api.predicting import predict
    from pipelines.api.progress import (
        Finished,
        FitUpdate,
        Note,
        Planned,
        SearchPlanned,
        TrialRunning,
        TrialUpdate,
        Update,
        show_progress,
    )
    from pipelines.api.reporting import Report, report
    from pipelines.api.results import Result
    from pipelines.api.running import cross_validate, run
    from pipelines.api.scoring import Score, score
    from pipelines.api.search.tuning import TuneResult, tune
    from pipelines.api.stored import blend, load_run, submit
    from pipelines.checks import CheckReport
    from pipelines.trainers.networks.export import export_network

__all__ = [
    "Board",
    "CheckReport",
    "Compared",
    "ComparedAll",
    "Explanation",
    "Exported",
    "ExportedFolder",
    "Fetched",
    "FileChoices",
    "Finished",
    "FitUpdate",
    "FoldsTable",
    "Found",
    "History",
    "Imported",
    "ImportedFolder",
    "ImportedMembers",
    "Leaderboard",
    "Note",
    "Planned",
    "PreparedUpload",
    "Report",
    "Result",
    "RowChoices",
    "Score",
    "SearchPlanned",
    "TrainingChoices",
    "TrialRunning",
    "TrialUpdate",
    "TuneResult",
    "Unused",
    "Update",
    "Written",
    "blend",
    "blend_in_levels",
    "board",
    "check_data",
    "clean",
    "compare",
    "compare_all",
    "cross_validate",
    "explain",
    "export",
    "export_network",
    "export_oof",
    "fetch",
    "folds_table",
    "history",
    "import_folder",
    "import_oof",
    "imported_members",
    "infer",
    "init",
    "leaderboard",
    "load_run",
    "predict",
    "prepare_upload",
    "report",
    "run",
    "score",
    "show_progress",
    "submit",
    "tune",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: rooms below import values of others here."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pipelines.api import public

    return getattr(public, name)


def __dir__() -> list[str]:
    """Return the public names, which a notebook completes."""
    return __all__
