"""What trained models learned: which columns matter, how, and for which rows.

Everything is asked of models of folds about rows that they were not trained on.
"""
