"""Looped maps: the protocol of every measurement, and linear and transformer-like loops with exact
derivatives.
"""
