"""Attacks on R2, external recall with a bounded update.

Orbits are bounded where rho(W_x) < 1 and can diverge where rho(W_x) > 1; `unit_radius` has the
border between them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from scipy.linalg import cholesky, solve_discrete_lyapunov

from ....theory.architecture import Architecture
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...formulas import numeric
from ...loops.block_loop import random_loop
from ...strategies import fractions as draws
from ...strategies import matrix_strategies as matrices
from ..shared import assumed_recall as assumed
from ..shared.residual_stream import OFF_LATTICE, Stream, linear_updates, updates

FAR = 1e6
"""The size of a start, in units of the radius of the absorbing ball."""
ROUNDING = 1e-9
"""Relative slack of inequalities that can be attained; an iteration adds a few u, and 1e3 of them
less than 1e-12.
"""


def adapted(weight: Array) -> tuple[Array, float]:
    """Upper triangular T, and |T W T^{-1}|_2 < 1, for rho(W) < 1.

    T^T T = Sum (W^T/m)^k (W/m)^k with m = (1 + rho)/2. Raises `Undecided` where rounding could
    change 1 - |T W T^{-1}|_2 by more than a part in a thousand.
    """
    middle = (1 + np.abs(np.linalg.eigvals(weight)).max()) / 2
    try:
        t = cholesky(solve_discrete_lyapunov((weight / middle).T, np.eye(len(weight))))
    except np.linalg.LinAlgError:
        raise Undecided("rounding leaves no adapted norm") from None
    mu = float(np.linalg.norm(t @ weight @ np.linalg.inv(t), 2))
    slack = 10 * len(t) * np.finfo(float).eps * np.linalg.cond(t) * np.linalg.norm(weight, 2)
    if not slack < 1e-3 * (1 - mu):
        raise Undecided(f"rounding leaves no adapted norm: |W|_* = {mu:.6g} +- {slack:.2g}")
    return t, mu


@st.composite
def _unbounded(draw: Any, size: int) -> dict[str, Any]:
    """The update 8 z + b, which no norm bounds."""
    return linear_updates(
        (8 * np.sqrt(size) * np.eye(size), draw(draws.vectors(size, 2))), norm="raw"
    )


# --- rho(W_x) < 1: an absorbing ball
@st.composite
def _streams(draw: Any, radius: st.SearchStrategy[float], bounded: bool = True) -> Case:
    d = draw(draws.sizes(1, 3))
    case = draw(updates(d) if bounded else _unbounded(d))
    drive = draw(draws.vectors(d)) + OFF_LATTICE
    return {
        **case,
        "weight": draw(matrices.of_radius(d, radius)),
        "drive": drive,
        "from": draw(draws.directions(d)),
    }


def _comes_in(case: Case) -> str | None:
    """From far outside, |h_t|_* <= r + mu^t |h_0|_* at every iteration, r = C_*/(1 - mu).

    Where there is no adapted norm, the orbit is only asked whether |h| is ever halved.
    """
    stream = Stream.of(case)
    with np.errstate(over="ignore", invalid="ignore"):
        if assumed.radius(stream.weight) >= 1 - 1e-9:
            return _never_halved(stream, case["from"])
        t, mu = adapted(stream.weight)
        push = float(np.linalg.norm(t @ stream.drive) + np.linalg.norm(t, 2) * stream.bound())
        r = float(numeric("absorbing_radius")(mu, push))
        h = FAR * (1 + r) * case["from"] / np.linalg.norm(t @ case["from"])
        start = float(np.linalg.norm(t @ h))
        for loop in range(1, 201):
            h = stream.step(h)
            size, allowed = float(np.linalg.norm(t @ h)), r + mu**loop * start
            if not size <= allowed * (1 + ROUNDING * np.linalg.cond(t)):
                return (
                    f"|h|_* = {size:.6g} after {loop} loops, the ball of radius {r:.6g} allows"
                    f" {allowed:.6g} (mu = {mu:.4g})"
                )
    return None


def _never_halved(stream: Stream, direction: Array) -> str | None:
    h = start = FAR * (1 + stream.bound() + np.linalg.norm(stream.drive)) * direction
    for loop in range(200):
        h = stream.step(h)
        if np.linalg.norm(h) < np.linalg.norm(start) / 2:
            raise Undecided(
                f"no norm is adapted, but the orbit has come in to half its size by loop {loop + 1}"
            )
    return (
        f"from |h_0| = {np.linalg.norm(start):.4g}, |h| = {np.linalg.norm(h):.4g} after 200 loops,"
        " never below half of it"
    )


@st.composite
def _seeded(draw: Any, below: bool) -> Case:
    size, seed = draw(matrices.large(4, 12))
    radius = draw(draws.fractions(0.5, 0.875) if below else draws.fractions(1.125, 1.5))
    return {
        "size": 2 * (size // 2),
        "seed": seed,
        "tokens": draw(st.integers(1, 3)),
        "norm": draw(st.sampled_from(("pre", "peri"))),
        "activation": draw(st.sampled_from(("gelu", "tanh", "relu"))),
        "radius": radius,
        "departure": draw(draws.fractions(0, 2)),
        "scale": draw(draws.fractions(0.5, 4)),
    }


def _tokens_come_in(case: Case) -> str | None:
    """The same for attention and MLP on several tokens, in the max norm over tokens."""
    rng, width = np.random.default_rng(case["seed"]), case["size"]
    architecture = Architecture.parse(f"external/{case['norm']}")
    loop = random_loop(
        architecture,
        width,
        activation=case["activation"],
        scale=case["scale"],
        eps=1e-3,
        seed=case["seed"],
    )
    loop = replace(
        loop, w_x=matrices.of_seed(width, case["seed"], case["radius"], case["departure"])
    )
    e, h = rng.standard_normal((2, case["tokens"], width))
    drive = np.linalg.norm(e @ loop.w_e.T + loop.b, axis=1).max()
    size = np.sqrt(width)
    push = drive + (
        len(loop.blocks) * size
        if case["norm"] == "peri"
        else sum(block.bound(size) for block in loop.blocks)
    )
    below = case["radius"] < 1
    t, mu = adapted(loop.w_x) if below else (np.eye(width), case["radius"])
    r = float(numeric("absorbing_radius")(mu, np.linalg.norm(t, 2) * push)) if below else push
    h *= FAR * (1 + r) / np.linalg.norm(h @ t.T, axis=1).max()
    start = np.linalg.norm(h @ t.T, axis=1).max()
    for _ in range(60):
        h = loop.step(h, e)
    end, allowed = np.linalg.norm(h @ t.T, axis=1).max(), r + mu**60 * start if below else start / 2
    if not end <= allowed * (1 + ROUNDING * np.linalg.cond(t)):
        return (
            f"largest token |h|_* = {end:.6g} after 60 loops, allowed {allowed:.6g}, at the start"
            f" {start:.6g}"
        )
    return None


# --- rho(W_x) > 1: divergence from the escape set
@st.composite
def _escaping(draw: Any, rho: st.SearchStrategy[float], bounded: bool = True) -> Case:
    """A start beyond the escape radius, along the leading eigenvalue.

    W = V D V^{-1}, with the leading eigenvalue or pair of D first and alone.
    """
    d = draw(draws.sizes(1, 3))
    case = draw(updates(d) if bounded else _unbounded(d))
    r, (c, s) = draw(rho), draw(draws.turns())
    kind = draw(st.sampled_from(("+", "-", "pair") if d > 1 else ("+", "-")))
    k = 2 if kind == "pair" else 1
    rest = draw(draws.bulk(d - k, 0.75))
    lead = (
        np.array([[r * c, -r * s], [r * s, r * c]])
        if kind == "pair"
        else np.array([[r if kind == "+" else -r]])
    )
    form = np.block([[lead, np.zeros((k, d - k))], [np.zeros((d - k, k)), rest.form()]])
    v, inverse = draw(draws.unimodulars(d))
    case = {**case, "weight": v @ form @ inverse, "drive": draw(draws.vectors(d))}
    # on the leading coordinates y = inverse[:k] g the norm |y| grows by r exactly: mu = r, C_* =
    # |inverse[:k]| C
    push = np.linalg.norm(inverse[:k], 2) * Stream.of(case).bound()
    radius = float(numeric("escape_radius")(r, push)) if r > 1 else push
    shift = np.linalg.solve(case["weight"] - np.eye(d), case["drive"])
    beyond = draw(draws.fractions(1.0625, 4))
    return {**case, "start": v[:, 0] * beyond * (radius + 1e-3) - shift}


@st.composite
def _pulled(draw: Any, low: float, high: float) -> Case:
    """h' = w h - k h/|h| with w > 1 (d = 1, 2), whose escape radius k/(w - 1) is attained.

    The start is at `low` to `high` times that radius.
    """
    d = draw(draws.sizes(1, 2))
    w = draw(draws.fractions(1.125, 2))
    k = draw(draws.fractions(0.5, 4))
    start = (
        draw(draws.directions(d))
        * draw(draws.fractions(low, high))
        * float(numeric("escape_radius")(w, k))
    )
    return {
        **linear_updates((-k * np.eye(d), np.zeros(d))),
        "weight": w * np.eye(d),
        "drive": np.zeros(d),
        "start": start,
    }


def _rate(case: Case) -> str | None:
    """log |h| grows at the rate log rho over the second half of an orbit that grows by e^200."""
    stream, h = Stream.of(case), case["start"]
    rho = float(np.abs(np.linalg.eigvals(stream.weight)).max())
    loops = 2 * int(np.ceil(100 / abs(np.log(rho))))
    sizes = [float(np.linalg.norm(h))]
    for _ in range(loops):
        h = stream.step(h)
        if not np.abs(h).max() < 1e150:  # its square must not overflow
            break
        sizes.append(float(np.linalg.norm(h)))
    half = len(sizes) // 2
    if not sizes[-1] > 1e3 * (1 + sizes[0]):
        return (
            f"rho(W_x) = {rho:.6g}, |h_0| = {sizes[0]:.4g}: |h| = {sizes[-1]:.4g} after"
            f" {len(sizes) - 1} loops"
        )
    # |h_t| lies between |W^t v|/(1 + small) and its multiple by the condition number of the
    # eigenvectors
    slope = np.log(sizes[-1] / sizes[half]) / (len(sizes) - 1 - half)
    slack = np.log(2 * np.linalg.cond(np.linalg.eig(stream.weight)[1])) / (len(sizes) - 1 - half)
    if slack > np.log(rho) / 4:
        raise Undecided(
            f"the eigenvectors allow a slack of {slack:.3g} at the rate {np.log(rho):.3g}"
        )
    if abs(slope - np.log(rho)) > slack:
        return (
            f"log |h| grows by {slope:.6g} a loop, log rho(W_x) = {np.log(rho):.6g} (slack"
            f" {slack:.2g})"
        )
    return None


SUITES: tuple[Suite, ...] = (
    Suite(
        "R2",
        "absorbing",
        property=(
            "rho(W_x) < 1, bounded update: from afar every orbit comes into the ball of radius"
            " C_*/(1 - mu)"
        ),
        cases=lambda: _streams(draws.fractions(0, 0.9375)),
        judge=_comes_in,
        broken=assumed.absorbing,
        drops=(
            Drop(
                "rho(W_x) < 1",
                assumption="contractive",
                cases=lambda: _streams(draws.fractions(1, 2)),
            ),
            Drop(
                "the update is bounded",
                assumption="normalisation",
                cases=lambda: _streams(draws.fractions(0.25, 0.75), False),
            ),
        ),
        cost=2,
    ),
    Suite(
        "R2",
        "absorbing-tokens",
        property="the same for attention and MLP on several tokens, in the max norm over tokens",
        cases=lambda: _seeded(True),
        judge=_tokens_come_in,
        broken=assumed.absorbing_tokens,
        drops=(Drop("rho(W_x) < 1", assumption="contractive", cases=lambda: _seeded(False)),),
        cost=4,
    ),
    Suite(
        "R2",
        "divergence",
        property=(
            "rho(W_x) > 1: from beyond the escape radius C_*/(mu - 1), (1/t) log |h_t| -> log"
            " rho(W_x)"
        ),
        cases=lambda: st.one_of(_escaping(draws.fractions(1.125, 2)), _pulled(1.0625, 4)),
        judge=_rate,
        broken=assumed.diverging,
        drops=(
            Drop(
                "rho(W_x) > 1",
                assumption="expansive",
                cases=lambda: _escaping(draws.fractions(0.25, 0.75)),
            ),
            Drop(
                "the start is in the escape set",
                assumption="escaping",
                cases=lambda: _pulled(0.0625, 0.9375),
            ),
            Drop(
                "the update is bounded",
                assumption="normalisation",
                cases=lambda: _escaping(draws.fractions(1.125, 2), False),
            ),
        ),
        cost=3,
    ),
)
