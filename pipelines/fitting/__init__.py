"""Fitting one model for some folds: preparation of rows, training, what is trained together."""
