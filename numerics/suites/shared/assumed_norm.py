"""Which assumptions of N1, the Jacobian of the outer normalisation, fail at a case."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...attack.suite import Case
from .assumed_spheres import norm, on_sphere
from .drawn_values import failing, shaped, square_size

SMALLEST, LARGEST = 2.0**-20, 2.0**20
"""Sizes between which complex steps of 1e-30 are exact to rounding, and nothing overflows."""
CANCELLED = 16
"""How many times smaller than its terms a state before the norm may be."""


def within(value: Any, low: float, high: float) -> bool:
    """Whether a value is a number, not a boolean, in [low, high].

    Example:
        >>> within(0.5, 0, 1), within(True, 0, 1), within("0", 0, 1)
        (True, False, False)
    """
    return type(value) in (int, float) and low <= value <= high


def sized(x: Any, low: float = SMALLEST) -> bool:
    """Whether the moduli of all entries are in [low, 2^20].

    Example:
        >>> sized(np.array([1.0, -2.0])), sized(np.array([1.0, 0.0]))
        (True, False)
    """
    size = np.abs(x)
    return bool(((size >= low) & (size <= LARGEST)).all())


def broken_at_a_point(case: Case, needed: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The assumptions that fail at z, gain, eps and a direction.

    Args:
        case: z, gain and direction (d,), and eps.
        needed: the assumptions of the property besides `regular`.

    Returns:
        `regular` unless 2^-20 <= s <= 2^20, no gain is 0, and the direction is on the sphere, as
        the tolerance of difference quotients presumes; and those of `needed` that fail.

    Example:
        >>> one = np.ones(2)
        >>> case = {"z": 0 * one, "gain": one, "eps": 0.0, "direction": one}
        >>> broken_at_a_point(case), broken_at_a_point(case | {"eps": 1.0}, ("eps_zero",))
        (('regular',), ('eps_zero',))
    """
    z, gain, eps = case["z"], case["gain"], case["eps"]
    if not shaped(case, z=(np.size(z),), gain=(np.size(z),), direction=(np.size(z),)):
        return ("regular",)
    holds = {
        "regular": within(eps, 0, LARGEST)
        and sized(np.sqrt(np.mean(z * z) + eps))
        and sized(gain)
        and on_sphere(case["direction"]),
        "gain_one": bool((gain == 1).all()),
        "eps_zero": eps == 0,
    }
    return failing(**{name: holds[name] for name in ("regular", *needed)})


def broken_in_a_loop(case: Case) -> tuple[str, ...]:
    """The assumptions that fail for a post-normalised loop of affine sub-blocks.

    Args:
        case: recall, h, e and gain (d,), blocks (m, d, d), w_x and w_e (d, d), and eps.

    Returns:
        `regular` unless the state before each norm is at least 1/16 of its terms (otherwise the
        rounding of these terms is no rounding of the state), |W_x| >= 1/2 (the tolerance is in
        units of it) and |W_e||e| <= |W_x||h|; `single_norm`, `gain_one` and `eps_zero` where they
        fail.

    Example:
        >>> one, eye = np.ones(2), np.eye(2)
        >>> case = {"recall": "none", "h": one, "e": one, "gain": one, "eps": 0.0}
        >>> case |= {"blocks": eye[None], "w_x": eye, "w_e": eye}
        >>> broken_in_a_loop(case), broken_in_a_loop(case | {"blocks": -eye[None]})
        ((), ('regular',))
    """
    d, blocks = square_size(case["w_x"]), case["blocks"]
    if d < 2 or not shaped(
        case, h=(d,), e=(d,), gain=(d,), blocks=(np.shape(blocks)[0], d, d), w_e=(d, d)
    ):
        return ("regular",)
    h, eps = case["h"], case["eps"]
    recalled = norm(case["w_e"]) * float(np.linalg.norm(case["e"]))
    here = norm(case["w_x"]) * float(np.linalg.norm(h))
    regular = (
        case["recall"] in ("none", "external", "internal")
        and len(blocks) > 0
        and sized(np.linalg.norm(h))
        and 1 / 2 <= norm(case["w_x"]) <= LARGEST
        and recalled <= here
    )
    for k, a in enumerate(blocks):
        mixed = case["w_x"] @ h + case["w_e"] @ case["e"]
        if case["recall"] == "external" and k == 0:
            h = mixed
        z = h + a @ (mixed if case["recall"] == "internal" else h)
        size, least = float(np.linalg.norm(z)), (1 + norm(a)) * (here + recalled) / CANCELLED
        regular = regular and size >= least and sized(size)
        h = z / max(size, SMALLEST) * np.sqrt(d)
    return failing(
        regular=regular,
        single_norm=len(blocks) == 1,
        gain_one=bool((case["gain"] == 1).all()),
        eps_zero=eps == 0,
    )
