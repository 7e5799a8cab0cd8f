"""Measurements of trained loops: accuracy, orbits, and predictions compared with what they do."""
