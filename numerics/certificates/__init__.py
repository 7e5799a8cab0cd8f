"""Certified fixed points: interval arithmetic, Krawczyk's test, branches over inputs, counts."""
