"""Lipschitz bounds of blocks from their weights, and how strong recall makes them contract."""
