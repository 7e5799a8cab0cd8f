"""Drift of loops with a bounded update: claims R3 and M4."""
