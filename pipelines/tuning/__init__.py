"""Tuning: searches by Optuna and KerasTuner, scored by cross-validation."""

from pipelines.tuning._base import Search, State, Trial, TrialResult

__all__ = ["Search", "State", "Trial", "TrialResult"]
