"""What every room may use: fingerprints, seeds, files, processes, hardware; nothing of models."""
