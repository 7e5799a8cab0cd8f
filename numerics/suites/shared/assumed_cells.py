"""Which assumptions of N8, the gated residual as an outer normaliser, fail at a case."""

from __future__ import annotations

import numpy as np

from ...attack.suite import Case
from .assumed_norm import LARGEST, within
from .assumed_spheres import norm
from .drawn_values import failing, shaped, square_size

LARGEST_ARGUMENT = 18.0
"""A bound of the arguments of gates and candidates, of which tanh is below 1 in double precision.
"""
OPEN = 3.0
"""A bound of the arguments of update gates in the cells whose fixed points are counted."""
STEEPEST = 12.0
"""The largest slope of a candidate on the line that is bisected."""
ULPS = 16
"""Ulps that rounding can move a state in one step of the cell."""


def broken_in_a_box(case: Case) -> tuple[str, ...]:
    """The assumptions that fail for a cell with its input, its start and the box of its start.

    Args:
        case: the weights u and v (3 d, d), c (3 d), block, w_x and w_e (d, d), e and start (d,),
            corners (k, d), eps, box, recall, residual and hidden, the factor of h.

    Returns:
        `cell` for another residual, `hidden` for another hidden argument, `inner_epsilon` for
        eps <= 0, `bounded_start` where the start leaves its box or a corner [-1, 1]^d, and `exact`
        unless no gate or candidate can round to 1 in the box.

    Example:
        >>> eye, none = np.eye(1), np.zeros((3, 1))
        >>> case = {"u": none, "v": none, "c": none[:, 0], "block": eye, "w_x": eye, "w_e": eye}
        >>> case |= {"e": eye[0], "start": eye[0], "corners": none, "box": 1.0, "eps": 1.0}
        >>> case |= {"recall": "none", "residual": "gru", "hidden": 1.0}
        >>> broken_in_a_box(case), broken_in_a_box(case | {"c": 40 + none[:, 0], "box": 0.5})
        ((), ('bounded_start', 'exact'))
    """
    d, box = square_size(case["block"]), case["box"]
    weights = {"u": (3 * d, d), "v": (3 * d, d), "c": (3 * d,), "w_x": (d, d), "w_e": (d, d)}
    states = {"e": (d,), "start": (d,), "corners": (np.shape(case["corners"])[0], d)}
    if d == 0 or not shaped(case, **weights, **states):
        return ("cell",)
    positive = within(box, 0, LARGEST)
    # products of norms, as the sums of a row may cancel in exact arithmetic only
    block, recalled = norm(case["block"]), 0.0
    if case["recall"] == "internal":
        recalled = norm(case["w_e"]) * float(np.linalg.norm(case["e"]))
        block *= norm(case["w_x"]) * np.sqrt(d) + recalled
    else:
        block *= np.sqrt(d)
    state = np.abs(case["v"]).sum(1) * (max(box, 1.0) if positive else 1.0)
    reach = block * np.linalg.norm(case["u"], axis=1) + state + np.abs(case["c"])
    return failing(
        cell=case["residual"] == "gru" and case["recall"] in ("none", "external", "internal"),
        hidden=case["hidden"] == 1,
        inner_epsilon=within(case["eps"], 0, LARGEST) and case["eps"] > 0,
        bounded_start=positive
        and bool((np.abs(case["start"]) <= box).all())
        and bool((np.abs(case["corners"]) <= 1).all()),
        exact=bool((reach <= LARGEST_ARGUMENT).all()),
    )


def broken_outside(case: Case) -> tuple[str, ...]:
    """The assumptions that fail for z = sigma(h) and n = tanh(c/2) outside the box.

    Args:
        case: start, c and precision.

    Returns:
        `bounded_start` unless |h| > 1, and `exact` unless the step (1 - z)(|h| - |n|) towards 0 is
        more than 16 ulps of h in the precision.

    Example:
        >>> broken_outside({"start": 17.0, "c": 0.0, "precision": "float32"})
        ('exact',)
        >>> broken_outside({"start": 17.0, "c": 0.0, "precision": "float64"})
        ()
    """
    size, c = abs(case["start"]), case["c"]
    exact = case["precision"] in ("float32", "float64") and within(c, -LARGEST, LARGEST)
    if exact:
        step = (size - abs(np.tanh(c / 2))) / (1 + np.exp(case["start"]))
        exact = bool(step > ULPS * float(np.finfo(case["precision"]).eps) * size)
    return failing(bounded_start=within(size, 1, LARGEST) and size > 1, exact=exact)


def broken_at_saturation(case: Case) -> tuple[str, ...]:
    """`exact` unless every operation is done in 24 or 53 bits, 1/16 or more from the limit.

    Args:
        case: bits, offset and rounded.

    Example:
        >>> broken_at_saturation({"bits": 24, "offset": 1.0, "rounded": True})
        ('exact',)
    """
    return failing(
        exact=case["rounded"] is False
        and case["bits"] in (24, 53)
        and within(abs(case["offset"]), 1 / 16, LARGEST)
    )


def broken_with_frozen_reset(case: Case) -> tuple[str, ...]:
    """The assumptions that fail for a cell without input whose reset gates are 1/2.

    Args:
        case: v (3 d, d), c (3 d,), start (d,) and hidden, the factor of h.

    Returns:
        `one_cell` if a reset gate is not 1/2, `hidden` for another hidden argument,
        `bounded_start` for a start outside the box, and `exact` unless the arguments of update
        gates are at most 3 in the box, and those of candidates such that rounding is small.

    Example:
        >>> case = {"v": np.zeros((3, 1)), "c": np.zeros(3), "start": np.ones(1), "hidden": 2.0}
        >>> broken_with_frozen_reset(case)
        ('hidden',)
    """
    d = np.size(case["start"])
    if not shaped(case, v=(3 * d, d), c=(3 * d,), start=(d,)):
        return ("one_cell",)
    reach = np.abs(case["v"]).sum(1) + np.abs(case["c"])
    return failing(
        one_cell=not reach[:d].any(),
        hidden=case["hidden"] == 1,
        bounded_start=bool((np.abs(case["start"]) <= 1).all()),
        exact=bool((reach[d : 2 * d] <= OPEN).all())
        and bool((reach[2 * d :] <= 2 * LARGEST_ARGUMENT).all()),
    )


def broken_on_a_line(case: Case) -> tuple[str, ...]:
    """The assumptions that fail for n(h) = tanh(w - c h/sqrt(h^2 + inner)) at d = 1.

    Args:
        case: c, w and inner.

    Returns:
        `cell` unless 0 < |w| < c, `inner_epsilon` unless inner > 0 and the slope, at most
        c/sqrt(inner), is at most 12, so that neighbouring doubles have neighbouring values, and
        `exact` where rounding of the argument would count.

    Example:
        >>> broken_on_a_line({"c": 1.0, "w": 0.5, "inner": 0.0})
        ('inner_epsilon',)
    """
    c, w, inner = case["c"], case["w"], case["inner"]
    return failing(
        cell=0 < abs(w) < c,
        inner_epsilon=within(inner, 0, LARGEST) and c * c <= STEEPEST**2 * inner,
        exact=within(c, 0, LARGEST_ARGUMENT),
    )
