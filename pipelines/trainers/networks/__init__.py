"""Keras networks: one program for all folds on JAX, fold by fold on the other backends."""
