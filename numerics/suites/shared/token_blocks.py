"""Blocks that act on one token, and fixed points that are put where they are wanted.

State and weights are given, and the last bias is solved for. Every map is analytic, so that a
complex step gives its derivative to rounding.
"""

from __future__ import annotations

import numpy as np

from ...arrays import Array
from ...attack.suite import Case
from .complex_step import normalised
from .ranks import Parameters

WEIGHTS = ("V1", "V2", "v1", "W1", "W2")
"""The weights of a block beside its gains and its last bias."""


def block(case: Case, h: Array, p: Parameters) -> Array:
    """One iteration for one token.

    A fixed first sub-block v, then u(x) = W2 tanh(W1 x) + b; for `gru` one cell with candidate bias
    b.
    """
    norm, eps = case["norm"], case["eps"]

    def v(x):
        return p["V2"] @ np.tanh(p["V1"] @ x + p["v1"])

    def u(x):
        return p["W2"] @ np.tanh(p["W1"] @ x) + p["b"]

    if norm == "gru":
        x = np.tanh(p["W1"] @ normalised(h, eps))
        gate = 1 / (1 + np.exp(-(p["V1"] @ h)))
        return (1 - gate) * np.tanh(p["W2"] @ x + p["b"]) + gate * h
    if norm == "pre":
        middle = h + v(normalised(h, eps))
        return middle + u(normalised(middle, eps))
    if norm == "peri":
        middle = h + p["gain1"] * normalised(v(normalised(h, eps)), eps)
        return middle + p["gain"] * normalised(u(normalised(middle, eps)), eps)
    inner = (lambda x: normalised(x, eps)) if norm == "sandwich" else (lambda x: x)
    middle = normalised(h + v(inner(h)), eps)
    return p["gain"] * normalised(middle + u(inner(middle)), eps)


def solved(case: Case) -> tuple[Array, Parameters]:
    """A state and the parameters whose last bias makes it fixed."""
    norm, eps, h, gain = case["norm"], case["eps"], case["state"], case["gain"]
    p = {name: case[name] for name in WEIGHTS} | {
        "gain": gain,
        "b": np.zeros(h.size),
        "gain1": gain / 2,
    }
    if norm == "gru":
        h = np.tanh(h)
        return h, {**p, "b": np.arctanh(h) - p["W2"] @ np.tanh(p["W1"] @ normalised(h, eps))}
    if norm in ("post", "sandwich"):
        z, h = h, gain * normalised(h, eps)
        # with b = 0 the last argument of N is not yet z
        inner = (lambda x: normalised(x, eps)) if norm == "sandwich" else (lambda x: x)
        middle = normalised(h + p["V2"] @ np.tanh(p["V1"] @ inner(h) + p["v1"]), eps)
        return h, {**p, "b": z - middle - p["W2"] @ np.tanh(p["W1"] @ inner(middle))}
    first = p["V2"] @ np.tanh(p["V1"] @ normalised(h, eps) + p["v1"])
    if norm == "pre":
        return h, {**p, "b": -first - p["W2"] @ np.tanh(p["W1"] @ normalised(h + first, eps))}
    if eps == 0:  # both outputs on the sphere: the gains, or the directions, must agree
        direction = normalised(first, 0) if case["gain_free"] else -normalised(case["direction"], 0)
        p["gain1"] = gain if case["gain_free"] else -gain * direction / normalised(first, 0)
        wanted = -normalised(first, 0) if case["gain_free"] else direction
    else:
        wanted = -normalised(first, eps) / 2
        wanted = wanted * np.sqrt(eps / (1 - np.mean(wanted**2)))
    middle = h + p["gain1"] * normalised(first, eps)
    return h, {**p, "b": wanted - p["W2"] @ np.tanh(p["W1"] @ normalised(middle, eps))}
