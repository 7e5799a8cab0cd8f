"""Suites of the claims in `theory.recall`."""
