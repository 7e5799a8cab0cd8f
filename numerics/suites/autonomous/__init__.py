"""Suites of the claims in `theory.autonomous`."""
