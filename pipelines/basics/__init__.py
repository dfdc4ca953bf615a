"""Helpers that know nothing of models: fingerprints, seeds, files, processes, hardware."""
