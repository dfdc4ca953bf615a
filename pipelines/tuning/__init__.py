"""Tuning: searches by Optuna and KerasTuner, scored by cross-validation."""

from pipelines.tuning._base import Result, Search, State, Trial

__all__ = ["Result", "Search", "State", "Trial"]
