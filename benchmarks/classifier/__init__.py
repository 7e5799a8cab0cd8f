"""Labelled orbits: how often the outcome of an orbit is classified correctly where the truth is a
theorem.
"""
