"""Which assumptions of N3 and N5, contraction under the outer normalisation, fail at a case."""

from __future__ import annotations

import numpy as np

from ...arrays import Array
from ...attack.suite import Case
from .assumed_norm import LARGEST, SMALLEST, sized, within
from .assumed_spheres import ROUNDING, at_most, norm, on_sphere
from .complex_step import UNIT
from .drawn_values import failing, shaped, square_size, whole

AMPLIFIED = 32
"""How many times smaller than l R the bound r may be: rounding is amplified by that."""
LONGEST, SHORTEST_RATE, LONGEST_RATE = 12, 2.0**-10, 31 / 32
"""Loops, and the least and largest kappa, for which the rounding of gradients is known."""
MOST_LOOPS = 64
"""Most loops of any case."""
ULPS = 16
"""Ulps by which kappa may miss the constant that norms of A and b give."""


def _bounds(matrix: Array, drive: Array, sphere: bool) -> tuple[float, float]:
    """(l, r) of G(h) = A phi(h) + b with phi = tanh or the identity, where |h_j| <= R.

    They are l = max_i sum_j |A_ij|_2 and r = min_i |b_i| - R sum_j |A_ij|_2; on the `sphere` of one
    token also r = R sigma_min(A) - |b|.
    """
    tokens, d = drive.shape
    parts = matrix.reshape(tokens, d, tokens, d)
    slopes = np.array([sum(norm(parts[i, :, j]) for j in range(tokens)) for i in range(tokens)])
    sizes, radius = np.linalg.norm(drive, axis=1), np.sqrt(d)
    least = float((sizes - slopes * radius).min())
    if sphere and tokens == 1:
        smallest = float(np.linalg.svd(matrix, compute_uv=False)[-1])
        least = max(least, radius * smallest - float(sizes[0]))
    return float(slopes.max()), least


def broken_in_sub_blocks(case: Case, small: bool = False) -> tuple[str, ...]:
    """The assumptions that fail for sub-blocks h <- N(A h + b) or N(A tanh h + b).

    l and r are compared with norms of A and b, so r is refused where it holds for other reasons.

    Args:
        case: matrices (m, L d, L d), drives (m, L, d), slopes (m,) and radii (m,), the l and r that
            are claimed, probes (k, L, d), gain, eps, norm and saturates.
        small: whether the property needs kappa < 1.

    Returns:
        `lower_bound` unless 0 < r <= |G|, and |G| >= l R/32; `lipschitz_update` unless A != 0 and
        Lip G <= l; `eps_zero` for eps < 0, or probes beside the sphere; `outer_norm`, `gain_one`
        and, with `small`, that where they fail.

    Example:
        >>> e, one = np.array([[[1.0, 1.0]]]), np.ones(1)
        >>> case = {"matrices": -np.eye(2)[None], "drives": 3 * e, "probes": e, "slopes": one}
        >>> case |= {"radii": 2 * one, "gain": 1.0, "eps": 0.0, "norm": True, "saturates": False}
        >>> broken_in_sub_blocks(case), broken_in_sub_blocks(case | {"radii": 3 * one, "gain": 2.0})
        ((), ('lower_bound', 'gain_one'))
    """
    drives = np.asarray(case["drives"])
    m, tokens, d = drives.shape if drives.ndim == 3 else (0, 0, 0)
    count = np.shape(case["probes"])[0]
    if not (0 < m <= 2 and d >= 2) or not shaped(
        case,
        matrices=(m, tokens * d, tokens * d),
        slopes=(m,),
        radii=(m,),
        probes=(count, tokens, d),
    ):
        return ("lower_bound",)
    eps, slopes, radii, radius = case["eps"], case["slopes"], case["radii"], float(np.sqrt(d))
    lengths = np.linalg.norm(drives, axis=2)
    lower, lipschitz = sized(lengths / radius) and bool((radii > 0).all()), True
    sphere = not case["saturates"] and eps == 0
    for k, (matrix, drive) in enumerate(zip(case["matrices"], drives, strict=True)):
        slope, least = _bounds(matrix, drive, sphere)
        room = ROUNDING * float(lengths[k].max())
        lower = lower and radii[k] <= least + room and least >= slope * radius / AMPLIFIED
        lipschitz = lipschitz and at_most(slope, slopes[k]) and sized(slope)
    held = within(eps, 0, LARGEST)
    rate = float(np.prod(radius * slopes / np.sqrt(radii**2 + d * eps))) if held else np.inf
    return failing(
        lower_bound=bool(lower),
        lipschitz_update=bool(lipschitz),
        eps_zero=held and all(on_sphere(probe) for probe in case["probes"]),
        outer_norm=bool(case["norm"]),
        gain_one=case["gain"] == 1,
        **({"small": rate < 1} if small else {}),
    )


def broken_in_sharp_example(case: Case) -> tuple[str, ...]:
    """The assumptions that fail for h <- N(-a h + beta e) with l = a and r = (beta - a) R.

    Args:
        case: that of `broken_in_sub_blocks`.

    Returns:
        Its assumptions; besides `lipschitz_update` unless A = -l I, `lower_bound` unless r is what
        it says, and `plane` at d = 1. beta >= 3 a/2, so that a chord is short for its image too.

    Example:
        >>> e, one = np.array([[[1.0, 1.0]]]), np.ones(1)
        >>> case = {"matrices": -np.eye(2)[None], "drives": 3 * e, "probes": e, "slopes": one}
        >>> case |= {"radii": one, "gain": 1.0, "eps": 0.0, "norm": True, "saturates": False}
        >>> broken_in_sharp_example(case | {"radii": 8**0.5 * one}), broken_in_sharp_example(case)
        ((), ('lower_bound',))
    """
    d = np.shape(case["drives"])[-1]
    if d == 1:
        return ("plane",)
    if not shaped(case, matrices=(1, d, d), drives=(1, 1, d), slopes=(1,), radii=(1,)):
        return ("lipschitz_update",)
    a, size = -float(case["matrices"][0, 0, 0]), float(np.linalg.norm(case["drives"]))
    least = size - a * np.sqrt(d)
    exact = np.array_equal(case["matrices"][0], -a * np.eye(d)) and a >= SMALLEST
    attained = size >= a * np.sqrt(d) * 1.5 * (1 - ROUNDING)
    here = failing(
        lower_bound=attained and abs(case["radii"][0] - least) <= ROUNDING * size,
        lipschitz_update=exact and not case["saturates"] and at_most(case["slopes"][0], a),
        eps_zero=case["eps"] == 0,
    )
    return (*broken_in_sub_blocks(case), *here)


def broken_in_cycles(case: Case) -> tuple[str, ...]:
    """The assumptions that fail for the 2-cycles of h <- N(-a h + beta e).

    Args:
        case: a, ratio = beta/a, e (d,), and t, the tangent of the angle between start and e.

    Returns:
        `below` unless 1/4 <= beta/a <= 15/8, where 1200 loops are enough; `plane` unless the start
        is off the line of e in d >= 2; and `eps_zero` for e beside the sphere or a size a at which
        rounding counts.

    Example:
        >>> case = {"a": 1.0, "ratio": 1.0, "e": np.ones(2), "t": 0.0}
        >>> broken_in_cycles(case), broken_in_cycles(case | {"t": 1.0, "ratio": 3.0})
        (('plane',), ('below',))
    """
    e = case["e"]
    return failing(
        below=within(case["ratio"], 1 / 4, 15 / 8),
        plane=np.ndim(e) == 1 and np.size(e) >= 2 and within(abs(case["t"]), 1 / 4, 2),
        eps_zero=on_sphere(e) and within(case["a"], 1 / 16, 16),
    )


def broken_in_gradients(case: Case, start_fixed: bool = False) -> tuple[str, ...]:
    """The assumptions that fail for T loops of h' = N(A h + b + theta v) at theta = 0.

    Args:
        case: matrix (d, d), drive, start, direct v and start_gradient (d,), loops T, kept and
            kappa.
        start_fixed: whether the property needs dh_0/dtheta = 0.

    Returns:
        `uniform` unless l R/(|b| - l R) <= kappa <= 31/32 with l = |A|, and T <= 12;
        `differentiable` where complex steps are not exact to rounding; `on_sphere` unless |h_0| = R
        and its derivative is tangent; and, with `start_fixed`, that unless the derivative is 0 and
        1 <= kept <= T.

    Example:
        >>> e, none = np.ones(2), np.zeros(2)
        >>> case = {"matrix": -np.eye(2), "drive": 3 * e, "start": e, "direct": e, "kept": 1}
        >>> case |= {"start_gradient": none, "loops": 2, "kappa": 0.5}
        >>> broken_in_gradients(case), broken_in_gradients(case | {"start": 2 * e, "kappa": 0.25})
        ((), ('uniform', 'on_sphere'))
    """
    d = square_size(case["matrix"])
    if d < 2 or not shaped(case, drive=(d,), start=(d,), direct=(d,), start_gradient=(d,)):
        return ("differentiable",)
    start, moved, kappa = case["start"], case["start_gradient"], case["kappa"]
    slope, radius = norm(case["matrix"]), float(np.sqrt(d))
    size, moving = float(np.linalg.norm(case["drive"])), float(np.linalg.norm(moved))
    direct, least = float(np.linalg.norm(case["direct"])), size - slope * radius
    whole_loops = whole(case["loops"], 1, MOST_LOOPS)
    uniform = (
        within(kappa, SHORTEST_RATE, LONGEST_RATE)
        and slope * radius * (1 - ULPS * UNIT) <= kappa * least
        and whole(case["loops"], 1, LONGEST)
    )
    holds = {
        "uniform": uniform,
        "differentiable": whole_loops
        and sized(size / radius)
        and within(slope, 0, LARGEST)
        and (not case["direct"].any() or sized(direct))
        and moving <= LARGEST,
        "on_sphere": on_sphere(start) and abs(float(start @ moved)) <= ROUNDING * radius * moving,
    }
    if start_fixed:
        holds["start_fixed"] = (
            not moved.any() and whole_loops and whole(case["kept"], 1, case["loops"])
        )
    return failing(**holds)
