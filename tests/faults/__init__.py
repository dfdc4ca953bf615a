"""Faults on purpose: each script tries many and prints a table of what survived and what was lost.

`python -m tests.faults.kills --tries 50`, for example. `tests/test_faults.py` runs the short forms.
"""
