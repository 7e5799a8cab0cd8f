"""Spectral measurements of a loop at a state: eigenvalues, singular values, resolvent and more."""
