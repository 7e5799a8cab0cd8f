"""Steps of a user whose phase diagrams are known, and one that is random."""

import numpy as np
from scipy.optimize import brentq


def scalar(h, e, a=1.0, b=1.0):
    return np.tanh(a * h + b * e)


def scalar_rho(a, b):
    """h = tanh(a h + b) has one root in (0, 1) for b > 0, and the orbit from 1 falls to it."""
    h = brentq(lambda h: np.tanh(a * h + b) - h, 0, 1, xtol=1e-15)
    return a * (1 - h**2)


AXES = {"x": "a:0:3", "y": ("b", 0.1, 1.0, "log"), "e": 1.0, "grid": (3, 4), "jobs": 1}

RNG = np.random.default_rng(0)


def random_step(h, e, a=1.0, b=1.0):
    return h / 2 + RNG.standard_normal(h.shape)
