"""Closed forms of the family local."""
