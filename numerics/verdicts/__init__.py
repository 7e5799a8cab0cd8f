"""Verdicts: what an orbit does, reconciled with the derivative where it ends."""
