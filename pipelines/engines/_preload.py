"""Imports that every worker needs, made once in the server process that workers are forked from."""

import pandas  # noqa: F401
import sklearn.compose
import sklearn.linear_model  # noqa: F401
