"""Rigorous enclosures of whole networks: values, gradients and orbits with all rounding bounded."""
