"""Orbits of a loop and their outcomes: following, fitting, deciding."""
