"""Spectra of the linearised step: eigenvalues, singular values, resolvent, sensitivity, Lyapunov
exponents.
"""
