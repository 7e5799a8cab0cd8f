"""Hypothesis strategies whose counterexamples shrink to short fractions."""
