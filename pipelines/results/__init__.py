"""Results as values: fits, out-of-fold predictions, imported members, rows held out."""
