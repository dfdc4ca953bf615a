"""The functions behind the commands: they take values, return values, and print nothing.

What is public is named in `pipelines`.
"""
