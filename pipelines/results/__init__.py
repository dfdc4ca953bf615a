"""Values that training leaves: results of fits, out-of-fold predictions, imports, rows held out."""
