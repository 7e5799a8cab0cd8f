"""Drift of loops with a bounded update: R3, M4."""
