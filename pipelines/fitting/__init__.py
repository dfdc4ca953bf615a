"""Fitting one model for some folds: transformed features, residuals, training."""
