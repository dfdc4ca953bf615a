"""Competitions: what they ask for, their data, and their model zoos."""
