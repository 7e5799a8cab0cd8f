"""Attacks on the claims of the family residuals."""
