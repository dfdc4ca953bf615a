"""Cross-validation: models are trained on folds by an engine, and results are kept in the store."""

from pipelines.crossval.cross_validation import CrossValidation, Reporter, cross_validate

__all__ = ["CrossValidation", "Reporter", "cross_validate"]
