"""Cross-validation: models and folds, on an engine, from and into the store."""

from pipelines.crossval.cross_validation import CrossValidation, Reporter, cross_validate

__all__ = ["CrossValidation", "Reporter", "cross_validate"]
