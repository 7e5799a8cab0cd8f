"""Suites of the claims in `theory.mean_field`."""
