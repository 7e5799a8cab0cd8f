"""Certificates: theorems about one trained loop and one input, proved in rigorous arithmetic."""
