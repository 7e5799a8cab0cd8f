"""Suites of the claims in `theory.outer_norm`."""
