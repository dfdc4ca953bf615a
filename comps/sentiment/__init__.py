"""Kaggle "Bag of Words Meets Bags of Popcorn"."""
