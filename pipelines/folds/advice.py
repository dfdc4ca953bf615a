"""What to do where the training rows of a fold lack a class."""

from __future__ import annotations


def more_even(scheme: str, units: int, *, grouped: bool, otherwise: str) -> str:
    """Return the advice: a scheme that spreads the class over the folds, if there is one.

    Args:
        scheme: of the folds.
        units: groups with rows of the class, or rows where there are no groups.
        grouped: whether there are groups.
        otherwise: the advice where no scheme helps.

    >>> more_even("kfold", 3, grouped=False, otherwise="Leave it out.")
    "Use the scheme 'stratified', which spreads the rows of each class over the folds."
    >>> more_even("stratified", 3, grouped=False, otherwise="Leave it out.")
    'Leave it out.'
    """
    better = "stratified-grouped" if grouped else "stratified"
    if units > 1 and scheme in {"kfold", "stratified", "grouped"} - {better}:
        return f"Use the scheme '{better}', which spreads the rows of each class over the folds."
    return otherwise
