"""Outer normalisation and the bounds that it gives: claims N1-N5, N8, M1, M2, M5."""
