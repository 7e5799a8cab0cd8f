"""Geometry of the sets of stable parameters and the bifurcations at their edges: R4."""
