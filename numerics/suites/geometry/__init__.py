"""Suites of the claims in `theory.geometry`."""
