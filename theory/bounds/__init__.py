"""Explicit Lipschitz bounds of attention, MLP and norms, and of whole blocks."""
