"""Looped maps: the protocol of every measurement, and looped blocks with exact derivatives."""
