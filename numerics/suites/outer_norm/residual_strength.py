"""Attacks on M1, the residual-strength lemma.

Fixed points are built by hand, for any g, and complex-step Jacobians taken at two strengths.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ....theory.outer_norm.falsifiers.residual_strength import STABLE, Tokens, tokens
from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...strategies.fractions import fractions, sizes, unimodulars
from ...strategies.spheres import arrays, matrices, rotations, show, spectra, spheres
from ..shared.assumed_spheres import RESOLVED, on_sphere
from ..shared.complex_step import UNIT, complex_step, normalised, tangent
from ..shared.predicates import PredicateJudge


@st.composite
def _fixed(draw: DrawFn, outward: bool = True, eps: bool = False, gain: bool = False) -> Case:
    """h fixed at strength a: g(x, e) = v + M (x - h) + q((x - h)^2) + B (e - e*), v = w h.

    With eps or gains v is what fixes h at a. `outward`: a + w >= 1/4 at both strengths, else a + w
    < 0 < a' + w.
    """
    d = draw(sizes(2, 4))
    h, a = draw(spheres(d)), draw(fractions(0, 2))
    more = a + draw(fractions(1 / 4, 4))
    s = draw(fractions(1 / 4, 3)) if outward else -draw(fractions(1 / 16, 1))
    if not outward:
        more = a - s + draw(fractions(1 / 4, 1))
    gains = np.ones(d)
    if gain:
        gains = draw(arrays(d, 1 / 2, 1))
        gains[0] += 1
        h = h * gains
    size = draw(fractions(1 / 4, 1)) if eps else 0.0
    if eps:  # |h|^2 = d - d eps/s^2
        s = s + 1
        h = h * np.sqrt(1 - size / s**2)
    return {
        "h": h,
        "value": s * h / gains - a * h,
        "gain": gains,
        "eps": size,
        "a": a,
        "more": more,
        "matrix": draw(matrices(d, 2)),
        "curve": draw(matrices(d, 1)),
        "recall": draw(matrices(d, 1)),
    }


def _outward(scale: float, low: float, high: float) -> bool:
    """Whether low + w > 0, beyond the rounding of the sum, and high is no smaller than low."""
    return low <= high and low + scale > RESOLVED * (abs(low) + abs(scale))


def _fixed_broken(case: Case) -> Iterator[str]:
    """h is fixed at a, or its negative is the image; at gain 1 and eps = 0 that is g(h) = w h.

    The distance is half of what the judge allows for rounding at either strength.
    """
    h, gain, eps, a = case["h"], case["gain"], case["eps"], case["a"]
    size, value = float(np.linalg.norm(h)), case["value"]
    w = float(value @ h) / size**2
    z = a * h + value
    image = np.sign(a + w) * gain * normalised(z, max(eps, 0.0))
    terms = abs(a + w) + abs(a) + float(np.linalg.norm(value)) / size
    moved = abs(a + w) * float(np.linalg.norm(image - h)) / size
    along = moved <= 16 * (len(h) + 2) * UNIT * terms
    if not (along and _outward(w, a, case["more"]) and len(h) > 1):
        yield "outward"
    if eps != 0:
        yield "eps_zero"
    if not (gain == 1).all():
        yield "gain_one"


def _g(case: Case, x: Array, e: Array) -> Array:
    gap = x - case["h"]
    return case["value"] + case["matrix"] @ gap + case["curve"] @ (gap * gap) + case["recall"] @ e


def _f(case: Case, a: float, x: Array, e: Array) -> Array:
    return case["gain"] * normalised(a * x + _g(case, x, e), case["eps"])


def _same_at_every_strength(case: Case) -> str | None:
    """f_a(h) = h at both strengths.

    At eps = 0, gain 1 the tangential Jacobian is (a + P Dg P)/(a + w), and S is the same.
    """
    h, d = case["h"], len(case["h"])
    none, size, sensitivities = np.zeros(d), float(np.linalg.norm(h)), []
    where = (
        f"h = {show(h)}, g(h) = {show(case['value'])}, Dg = {show(case['matrix'])}, gain"
        f" {show(case['gain'])}, eps = {case['eps']:g}"
    )
    inner = complex_step(lambda x: _g(case, x, none), h)
    w = float(case["value"] @ h) / size**2
    basis = tangent(h)
    cond, noise = 0.0, 0.0
    for a in (case["a"], case["more"]):
        moved = float(np.linalg.norm(_f(case, a, h, none) - h)) / size
        # z = a h + g(h) cancels up to (|a| + |w|)/|a + w|
        rounding = (
            32
            * (d + 2)
            * UNIT
            * (1 + (abs(a) + float(np.linalg.norm(case["value"])) / size) / abs(a + w))
        )
        if moved > rounding:
            return f"{where}: fixed at a = {case['a']:g}, moved by {moved:.4g} |h| at a = {a:g}"
        jacobian = complex_step(lambda x, a=a: _f(case, a, x, none), h)
        closed = (a * np.eye(d - 1) + basis.T @ inner @ basis) / (a + w)
        scale = 1 + float(np.linalg.norm(closed))
        error = float(np.abs(basis.T @ jacobian @ basis - closed).max())
        if error > rounding * scale:
            return (
                f"{where}: at a = {a:g} the tangential Jacobian is off (a + P Dg P)/(a + w) by"
                f" {error:.4g}"
            )
        gap = np.eye(d) - jacobian
        cond = max(cond, float(np.linalg.cond(gap)) * rounding * scale)
        if cond < 1e-3:  # P K cancels where K is parallel to h: its rounding is that of K
            change = (
                rounding
                * float(np.abs(case["gain"]).max() * np.linalg.norm(case["recall"]))
                / abs(a + w)
            )
            noise = max(noise, change * float(np.linalg.norm(np.linalg.inv(gap), 2)))
        sensitivities.append(
            np.linalg.solve(gap, complex_step(lambda e, a=a: _f(case, a, h, e), none))
            if cond < 1e-3
            else None
        )
    first, second = sensitivities
    if first is None or second is None:
        raise Undecided(f"{where}: I - J is singular to rounding, S does not exist")
    error = float(np.abs(first - second).max())
    if error > 8 * (cond * float(np.abs(first).max() + np.abs(second).max()) + noise):
        return f"{where}: S at a = {case['a']:g} and {case['more']:g} differ by {error:.4g}"
    return None


@st.composite
def _stable(draw: DrawFn) -> Case:
    """One state of any width, stable at a, and a' > a.

    P Dg P = mu (a + w) - a with a drawn spectrum mu inside the unit disc.
    """
    d = draw(sizes(2, 5))
    h, a, s = draw(spheres(d)), draw(fractions(0, 2)), draw(fractions(1 / 4, 3))
    v, inverse = draw(unimodulars(d - 1))
    inside = s * v @ draw(spectra(d - 1, 15 / 16)) @ inverse - a * np.eye(d - 1)
    more = a + draw(fractions(1 / 16, 8))
    basis, across = tangent(h), draw(arrays(d, -1, 1))
    matrix = (
        basis @ inside @ basis.T
        + np.outer(basis @ draw(arrays(d - 1, -1, 1)), h) / d
        + np.outer(h, across) / d
    )
    return {"states": h[None], "scales": np.array([s - a]), "matrix": matrix, "a": a, "more": more}


@st.composite
def _tokens(draw: DrawFn, equal: bool = True) -> Case:
    """Two tokens at d = 2, of equal scale (then as `_stable`) or of scales (w, 4w).

    The latter family has P Dg P = w [[-1, -7r], [1/r, 7]]; it is stable for 0 <= a < 4w and
    unstable beyond.
    """
    states = np.stack([draw(spheres(2)), draw(spheres(2))])
    a, w = draw(fractions(0, 2)), draw(fractions(1 / 4, 2))
    more = a + draw(fractions(1 / 16, 8))
    if equal:
        v, inverse = draw(unimodulars(2))
        inside = w * v @ draw(spectra(2, 15 / 16)) @ inverse - a * np.eye(2)
        scales = np.full(2, w - a)
    else:
        w = draw(fractions(1 / 2, 2))
        r = 2.0 ** draw(st.integers(-1, 1))
        a = w * draw(fractions(0, 3))
        more = w * draw(fractions(5, 9))
        inside, scales = w * np.array([[-1, -7 * r], [1 / r, 7]]), np.array([w, 4 * w])
    bases = np.zeros((4, 2))
    for i, h in enumerate(states):
        bases[2 * i : 2 * i + 2, i] = tangent(h)[:, 0]
    return {
        "states": states,
        "scales": scales,
        "matrix": bases @ inside @ bases.T,
        "a": a,
        "more": more,
    }


def _tokens_broken(case: Case) -> Iterator[str]:
    """The states are on the sphere; they are fixed by the form of the loop where a + w_i > 0."""
    scales, states = case["scales"], case["states"]
    if not (scales == scales[0]).all():
        yield "one_scale"
    outward = all(_outward(float(w), case["a"], case["more"]) for w in scales)
    if not (outward and on_sphere(states) and len(states) == len(scales)):
        yield "outward"


def _spectrum(case: Case, a: float) -> tuple[float, float]:
    """Tangential rho of the loop N(a h + w_i h_i + M (x - h)) at its state, by complex steps.

    Returned with how far rounding can move it.
    """
    states = case["states"]
    tokens, d = states.shape

    def f(x: Array) -> Array:
        inner = (case["matrix"] @ (x - states.ravel())).reshape(tokens, d)
        return normalised(
            a * x.reshape(tokens, d) + case["scales"][:, None] * states + inner
        ).ravel()

    if float(np.abs(f(states.ravel()) - states.ravel()).max()) > 1e-12:
        return np.inf, 0.0  # not fixed at this strength
    values, vectors = np.linalg.eig(complex_step(f, states.ravel()))
    spread = float(np.linalg.cond(vectors)) * float(np.abs(values).max())
    return float(np.abs(values).max()), 64 * tokens * d * UNIT * (1 + spread)


def _stays_stable(case: Case) -> str | None:
    first, error = _spectrum(case, case["a"])
    second, other = _spectrum(case, case["more"])
    where = f"h = {show(case['states'])}, w = {show(case['scales'])}, Dg = {show(case['matrix'])}"
    if first < 1 + error and second > 1 + other and not first < 1 - error:
        raise Undecided(f"{where}: rho = 1 to rounding at a = {case['a']:g}")
    if first < 1 - error and second > 1 + other:
        return (
            f"{where}: rho = {first:.6g} at a = {case['a']:g}, {second:.6g} at a = {case['more']:g}"
        )
    return None


@st.composite
def _far(draw: DrawFn, left: bool = True) -> Case:
    """a large: the eigenvalues of P Dg P lie left of w (or one lies right of it)."""
    d = draw(sizes(2, 4))
    h, w = draw(spheres(d)), draw(fractions(-1, 2))
    q = draw(rotations(d - 1))
    values = w + (-draw(arrays(d - 1, 1 / 4, 4)) if left else draw(arrays(d - 1, 1 / 4, 4)))
    turn = np.triu(np.ones((d - 1, d - 1)), 1) * draw(fractions(-2, 2))
    basis = tangent(h)
    matrix = basis @ q @ (np.diag(values) + turn - turn.T * (1 if left else 0)) @ q.T @ basis.T
    return {"states": h[None], "scales": np.array([w]), "matrix": matrix, "a": 0.0, "more": 2.0**10}


def _far_broken(case: Case) -> Iterator[str]:
    """Re nu < w beyond the rounding of nu, and a' is large: |nu|^2 <= a' (w - Re nu).

    The smaller strength is not judged.
    """
    yield from _tokens_broken({**case, "a": case["more"]})
    states, w = case["states"], float(case["scales"].min())
    count, d = states.shape
    basis = np.zeros((count * d, count * (d - 1)))
    for i, h in enumerate(states):
        basis[i * d : (i + 1) * d, i * (d - 1) : (i + 1) * (d - 1)] = tangent(h)
    inside = basis.T @ case["matrix"] @ basis
    values, vectors = np.linalg.eig(inside)
    rounding = 64 * count * d * UNIT * float(np.linalg.norm(inside) * np.linalg.cond(vectors))
    gap = w - float(np.real(values).max())
    far = float(np.abs(values).max()) ** 2 <= case["more"] * gap
    if not (gap > rounding and far):
        yield "left_of_scale"


def _stable_far_out(case: Case) -> str | None:
    """Re nu < w for all nu: stable at a = 2^10 (|nu| < 40, margin 1/4)."""
    rho, error = _spectrum(case, case["more"])
    if rho > 1 + error:
        return (
            f"h = {show(case['states'])}, w = {show(case['scales'])}, Dg = {show(case['matrix'])}:"
            f" rho = {rho:.8g} at a = {case['more']:g}"
        )
    return None


@st.composite
def _exact_tokens(draw: DrawFn, dropped: str = "") -> Case:
    """One token at d = 3, or two of scales w and 4 w in the family of `_tokens`."""
    w, a = draw(fractions(1 / 4, 2)), draw(fractions(0, 2))
    scales, update = np.array([w, w]), draw(arrays((2, 2), -2, 2))
    more = a + draw(fractions(1 / 16, 8))
    if dropped == "one_scale":
        scales, update = np.array([w, 4 * w]), w * np.array([[-1.0, -7.0], [1.0, 7.0]])
        a, more = w * draw(fractions(0, 3)), w * draw(fractions(5, 9))
    elif dropped == "outward":
        scales, update = scales - a - 4, -a * np.eye(2)
        more = a + 4 - w + draw(fractions(1 / 16, 1 / 2))
    return {"scales": scales, "update": update, "a": a, "more": more, "dropped": dropped}


def _exact(case: Case) -> Tokens:
    return tokens(case["scales"].tolist(), case["update"].tolist(), case["a"], case["more"])


SUITES = (
    Suite(
        "M1",
        "same point, spectrum and sensitivity",
        property="h is fixed at every a with a + w > 0; J_a = (a + P Dg P)/(a + w); S is the same",
        cases=_fixed,
        judge=_same_at_every_strength,
        broken=_fixed_broken,
        drops=(
            Drop("outward: a + w < 0", assumption="outward", cases=lambda: _fixed(outward=False)),
            Drop("eps_zero: eps > 0", assumption="eps_zero", cases=lambda: _fixed(eps=True)),
            Drop("gain_one: unequal gains", assumption="gain_one", cases=lambda: _fixed(gain=True)),
        ),
        evidence="closed form",
        cost=0.5,
    ),
    Suite(
        "M1",
        "stability survives",
        property="stable at a implies stable at every a' > a",
        cases=lambda: st.one_of(_stable(), _tokens()),
        judge=_stays_stable,
        broken=_tokens_broken,
        drops=(
            Drop(
                "one_scale: two tokens of scales w and 4w",
                assumption="one_scale",
                cases=lambda: _tokens(equal=False),
            ),
        ),
        evidence="sample",
        cost=0.7,
    ),
    Suite(
        "M1",
        "strong residual",
        property="Re nu < w for every nu in spec P Dg P: stable for large a",
        cases=_far,
        judge=_stable_far_out,
        broken=_far_broken,
        drops=(
            Drop(
                "Re nu < w: every nu beyond w",
                assumption="left_of_scale",
                cases=lambda: _far(left=False),
            ),
        ),
        evidence="sample",
        cost=0.5,
    ),
    Suite(
        "M1",
        "stability-exact",
        property="stable at a implies stable at every a' > a, by Jury's test in rationals",
        cases=_exact_tokens,
        judge=PredicateJudge(STABLE, _exact),
        drops=(
            Drop(
                "one_scale: scales w and 4w",
                assumption="one_scale",
                cases=lambda: _exact_tokens("one_scale"),
            ),
            Drop(
                "outward: a + w < 0", assumption="outward", cases=lambda: _exact_tokens("outward")
            ),
        ),
        evidence="closed form",
        cost=0.3,
        predicate=STABLE.name,
    ),
)
