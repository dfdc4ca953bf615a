"""Kinds of data that a competition of the user's is made of."""
