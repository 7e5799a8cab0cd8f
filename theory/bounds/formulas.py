"""Closed forms of the family bounds."""
