"""Closed forms of the family residuals."""
