"""Which assumptions of R3 and M4 fail at a case of a residual stream without external recall.

A limit is judged after finitely many iterations. So a case is undecided unless the sink, its rate
and the start lie where these iterations suffice; the ranges are those of the strategies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...arrays import Array
from ...attack.suite import Case
from .assumed_recall import ROUNDING, eigenvalues, require, sized, streams
from .assumed_spheres import norm
from .complex_step import tangent
from .residual_stream import NORMS

UNIT = 1e-12
"""How far the length of a direction may be from 1, and a relation of short fractions from exact."""


def _free(case: Case) -> bool:
    """`bounded_update`: h' = h + U(h), pre or peri, with nothing added to the stream before U."""
    d = len(case["drive"])
    added = np.array_equal(case["weight"], np.eye(d)) and not np.any(case["drive"])
    return added and case["norm"] in NORMS[:2] and case["eps"] >= 0 and not case["outer_norm"]


def _linear(case: Case) -> list[tuple[Array, Array]]:
    """(A, b) of each sub-block, u(n) = A n + b on unit directions n; undecided for other ones."""
    streams(case)
    plain = case["activation"] == "identity" and case["norm"] == "pre" and case["eps"] >= 0
    require(plain and (case["gain"] == 1).all(), "only linear updates of N(z) are judged")
    require(not np.any(case["inner_bias"]), "only updates without an inner bias are judged")
    r = np.sqrt(len(case["drive"]))
    triples = zip(case["outer"], case["inner"], case["outer_bias"], strict=True)
    return [(outer @ inner * r, bias) for outer, inner, bias in triples]


def no_rest(case: Case) -> Iterator[str]:
    """For steps A n + b, which are at least sigma_min(A) ||A^{-1} b| - 1| long at eps = 0."""
    parts, d = _linear(case), len(case["drive"])
    sized(case, start=(d,))
    if not _free(case):
        yield "bounded_update"
    if len(parts) != 1:
        yield "one_sub_block"
    if case["eps"] != 0:
        yield "eps_zero"
    scale = float(np.linalg.norm(case["outer"]) + np.linalg.norm(case["outer_bias"]))
    generic = True
    for a, b in parts:
        sizes = np.linalg.svd(a, compute_uv=False)
        require(sizes[-1] >= 1e-6 * sizes[0] > 0, "a linear part is singular")
        gap = abs(float(np.linalg.norm(np.linalg.solve(a, b))) - 1)
        if gap <= UNIT * sizes[0] / sizes[-1]:
            generic = False
        else:
            lost = 1e-12 * (np.linalg.norm(case["start"]) + 200 * scale)
            require(sizes[-1] * gap > 1e-8 * scale + lost, "the least step is not above rounding")
    if not generic:
        yield "generic_bias"


def peri_step(case: Case) -> Iterator[str]:
    """For steps of normalised updates."""
    streams(case)
    d, gain = len(case["drive"]), np.abs(case["gain"])
    sized(case, start=(d,))
    require(case["norm"] == "peri", "only peri sub-blocks are judged")
    if not _free(case):
        yield "bounded_update"
    if len(case["inner"]) != 1:
        yield "one_sub_block"
    if case["eps"] != 0:
        yield "eps_zero"
    if gain.min() == 0:
        yield "gain_without_zeros"
    else:
        reach = np.linalg.norm(case["start"]) + 10 + 20 * len(case["inner"]) * gain.max()
        require(gain.min() > 1e-10 * reach, "the least step is not above rounding")


def linear_growth(case: Case) -> Iterator[str]:
    """For updates that fill a sphere of values: of radius Sum |A_i| around Sum b_i at most, and
    exactly that for one sub-block.
    """
    parts, d = _linear(case), len(case["drive"])
    sized(case, start=(d,))
    if not _free(case):
        yield "bounded_update"
    for (a, _), outer, inner in zip(parts, case["outer"], case["inner"], strict=True):
        size = norm(outer) * norm(inner) * np.sqrt(d)
        round_ = np.abs(a.T @ a - size**2 * np.eye(d)).max() <= ROUNDING * size**2
        require(round_, "a linear part is no multiple of an orthogonal matrix")
    radius = sum(norm(a) for a, _ in parts)
    centre = float(np.linalg.norm(sum(b for _, b in parts)))
    require(abs(centre - radius) > ROUNDING * (centre + radius), "0 is on the edge of the hull")
    if centre < radius:
        require(len(parts) == 1, "the hull of two sub-blocks is not known")
        yield "outside_hull"


def region(case: Case) -> Iterator[str]:
    """For fixed points of two sub-blocks in the plane; the judge asks whether one is fixed."""
    parts = _linear(case)
    sized(case, start=(2,))
    require(len(parts) == 2 and len(case["drive"]) == 2, "two sub-blocks in the plane are judged")
    if not _free(case):
        yield "bounded_update"
    if case["eps"] != 0:
        yield "eps_zero"


def _tilt(start: Array, sink: Array) -> float:
    """The tangent of the angle between the start and the sink; infinite beyond a right angle."""
    along = float(start @ sink)
    across = float(np.linalg.norm(start - along * sink))
    return across / along if along > 0 else np.inf


def _normal(m: Array) -> bool:
    return (
        np.abs(m @ m.T - m.T @ m).max(initial=0) <= ROUNDING * (1 + np.abs(m).max(initial=0)) ** 2
    )


def one_over_t(case: Case) -> Iterator[str]:
    """For u = A n, whose sink is the eigenvector of the simple real eigenvalue that leads, if there
    is one; and for u = -k n + b, whose sink is b/|b|.
    """
    parts, start = _linear(case), case["start"]
    d = len(start)
    sized(case, start=(d,))
    require(d >= 2 and len(parts) == 1 and case["eps"] == 0, "one sub-block, eps = 0 is judged")
    require(np.linalg.norm(start) > ROUNDING, "the start has no direction")
    if not _free(case):
        yield "bounded_update"
    sink: Any = None
    (a, b), size = parts[0], norm(parts[0][0])
    if np.any(b):
        require(np.abs(a - a[0, 0] * np.eye(d)).max() <= UNIT * size, "u = A n + b is too general")
        sink, growth = b / np.linalg.norm(b), float(np.linalg.norm(b) + a[0, 0])
    else:
        values = eigenvalues(a)
        top = float(np.real(values).max())
        leads = values[np.real(values) >= top - ROUNDING * size]
        growth = top
        if len(leads) == 1:
            computed, vectors = np.linalg.eig(a)
            along = np.real(vectors[:, np.argmin(np.abs(computed - leads[0]))])
            sink = along / np.linalg.norm(along) * (1 if along @ start >= 0 else -1)
        else:
            yield "sink"
    require(abs(growth) >= 0.01 * size, f"the growth {growth:.3g} is too near 0")
    if growth < 0:
        yield "outward"
    if sink is not None and growth > 0:
        basis = tangent(sink)
        slopes, across = basis.T @ a @ basis, float(np.linalg.norm(sink @ a @ basis))
        below = np.abs(np.linalg.eigvals(slopes)).max() <= growth * (0.5 + ROUNDING)
        require(_normal(slopes / growth) and below, "the sink attracts too slowly")
        near = _tilt(start, sink) <= 0.18 and across <= 1.4143 * growth
        require(near and 2 <= np.linalg.norm(start) / growth <= 8, "the start is not near the sink")


def settling(case: Case) -> Iterator[str]:
    """For planar tokens, whose directions follow V_i/a_i to first order."""
    k = len(case["growths"])
    sized(case, growths=(k,), slopes=(k, k), angles=(k,))
    growths, slopes, angles = case["growths"], case["slopes"], np.abs(case["angles"])
    require(k and 0 < angles.max() <= 0.125, "the tokens are not near the sink")
    require(np.abs(growths).min() > 1e-3 * np.abs(slopes).max() > 0, "a growth is too near 0")
    top = float(np.real(eigenvalues(slopes)).max())
    require(abs(top) > 1e-3 * np.abs(slopes).max(), "the sink is hardly one")
    if k != 1:
        yield "one_token"
    if top > 0:
        yield "sink"
    if growths.min() < 0:
        yield "outward"
    flow = slopes / growths[:, None]
    rate = float(np.linalg.eigvals(flow).real.max())
    require(rate > 1e-3 or rate <= -0.5, f"the tokens settle too slowly, like t^{rate:.3g}")
    require(norm(flow) <= (32 if k > 1 else 5), "the tokens turn too fast for their start")


def _turner(case: Case, *starts: str) -> Iterator[str]:
    """`sink` and `outward` of a `Turner`; V vanishes at its sink by construction."""
    d, m = case["recall"].shape
    sized(case, 1.0, w1=(d, d), w2=(d, d), e0=(m,))
    sized(case, 2.0, recall=(d, m), growth=())
    sized(case, slope=(), **dict.fromkeys(starts, (d,)))
    require(2 <= d <= 3 and 1 <= m <= 2, "its size is not a drawn one")
    sink, a, slope = case["sink"], case["growth"], case["slope"]
    require(abs(np.linalg.norm(sink) - 1) <= UNIT, "the sink is no direction")
    require(abs(a) >= 1, "the growth is too near 0")
    kept = (1 - np.tanh(case["w1"] @ sink + case["recall"] @ case["e0"]) ** 2)[:, None]
    basis, eye = tangent(sink), np.eye(d)
    dv = basis.T @ (slope * eye + case["w2"] @ (kept * case["w1"]) - a * eye) @ basis
    top = float(np.linalg.eigvalsh((dv + dv.T) / 2).max())
    stable = top <= (-3 * a if a > 0 else a) * (1 - ROUNDING)
    require(stable or np.linalg.eigvals(dv).real.max() >= -ROUNDING, "the sink attracts too slowly")
    if not stable:
        yield "sink"
    if a < 0:
        yield "outward"
    for start in (case[name] for name in starts):
        far = 2 * (abs(slope) + abs(a)) * (1 - ROUNDING) <= np.linalg.norm(start) <= 73 * abs(a)
        require(far and _tilt(start, sink) <= 0.18, "the start is not near the sink")


def derivative(case: Case) -> Iterator[str]:
    """For the derivative of the limit direction by the input."""
    yield from _turner(case, "start")


def constancy(case: Case) -> Iterator[str]:
    """For the limit directions of two inputs."""
    sized(case, e1=(len(case["e0"]),))
    yield from _turner(case, "start", "other")
    if np.any(case["recall"]):
        yield "recall_free"


def rate(case: Case) -> Iterator[str]:
    """For |n_t - n*| = O(t^{-mu/a}), n* the field `sink` and a its growth, which are verified."""
    parts, sink, a = _linear(case), case["sink"], case["a"]
    d, size = len(sink), sum(norm(m) + float(np.linalg.norm(b)) for m, b in parts)
    sized(case, start=(d,), sink=(d,), a=())
    require(_free(case) and d >= 2, "a residual stream without recall is judged")
    matrix, bias = sum(m for m, _ in parts), sum(b for _, b in parts)
    moved = np.abs(matrix @ sink + bias - a * sink).max()
    require(abs(np.linalg.norm(sink) - 1) <= UNIT, "the sink is no direction")
    require(moved <= ROUNDING * size and abs(a) >= 0.01 * size, "V(n*) is not 0, or a is wrong")
    basis = tangent(sink)
    slopes = basis.T @ matrix @ basis / abs(a)
    values = np.linalg.eigvals(slopes)
    gap = float(np.sign(a) - np.real(values).max())  # (a - nu)/|a|
    across = np.abs(sink @ matrix @ basis).max()
    simple = _normal(slopes) and across <= ROUNDING * size and np.ptp(np.real(values)) <= 1.001
    require(simple and np.abs(values.imag).max() <= 1.001, "the linear part is too general")
    require(abs(gap) >= 0.2, "the sink is hardly one")
    if gap < 0:
        yield "sink"
    if a < 0:
        yield "outward"
    if len(parts) != 1:
        yield "one_sub_block"
    if case["eps"] != 0:
        yield "eps_zero"
    require(gap < 0 or 0.5 - ROUNDING <= gap <= 4 + ROUNDING, f"mu/a = {gap:.3g} is extreme")
    far = 8 <= np.linalg.norm(case["start"]) / abs(a) <= 12
    require(far and _tilt(case["start"], sink) <= 0.09, "the start is not near the sink")
