"""Usual values that the command line shows in its help; importing them imports nothing else."""

# Share of the training rows that a search never sees, to check its winner on.
OUTER_SHARE = 0.25
