"""Kaggle's "Dogs vs. Cats": photographs in, the probability of a dog out."""
