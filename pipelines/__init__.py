"""Pipelines: folds, cross-validation, trainers, the run store, and the engines that run jobs."""
