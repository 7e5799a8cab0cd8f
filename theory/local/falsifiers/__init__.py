"""Exact cases of the local theorems: their sentences as predicates, and witnesses against them."""
