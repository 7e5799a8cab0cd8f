"""Loops without recall: A1-A5, M3, M6."""
