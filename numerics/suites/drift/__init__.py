"""Suites of the claims in `theory.drift`."""
