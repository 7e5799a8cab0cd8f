"""Attacks on A2': ranks of D_theta f at constructed fixed points, by complex steps.

A fixed point is put where it is wanted: state and weights are drawn, and the last bias (or, for
several tokens, the last linear map) is solved for. Every map here is analytic, so a complex step
gives its derivative to rounding, and no formula for it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import hypothesis.strategies as st
import numpy as np

from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...strategies.block_forms import SEEDS, matrix, nonzero_matrix, nonzero_vector, vector
from ..shared.complex_step import complex_step, normalised
from ..shared.drawn_values import failing, is_seed, on_grid, shaped, whole

FIXED, ZERO, CLEAR = 1e-10, 1e-11, 1e-7
"""Largest residual of a fixed point; singular values, relative to the largest, below which they
count as 0 and above which they do not.
"""

WEIGHTS = ("V1", "V2", "v1", "W1", "W2")
"""The weights of a block beside its gains and its last bias."""

Parameters = Mapping[str, Array]


def derivative(
    f: Callable[[Parameters], Array], parameters: Parameters, names: tuple[str, ...]
) -> Array:
    """D f by the named parameters, (size of f, number of parameters)."""
    parts = []
    for name in names:
        value = parameters[name]

        def moved(x: Array, name: str = name, shape: tuple[int, ...] = value.shape) -> Array:
            return f({**parameters, name: x.reshape(shape)}).ravel()

        parts.append(complex_step(moved, value.ravel()))
    return np.concatenate(parts, axis=1)


def rank(m: Array) -> tuple[int, Array]:
    """The rank and the relative singular values.

    Raises `Undecided` if one of them is neither clear of 0 nor 0.
    """
    sizes = np.linalg.svd(m, compute_uv=False)
    if not np.isfinite(sizes).all():
        raise Undecided
    relative = sizes / sizes[0] if sizes[0] > 0 else sizes
    if ((relative > ZERO) & (relative < CLEAR)).any():
        raise Undecided
    return int((relative >= CLEAR).sum()), relative


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


def _ranked(case: Case, names: tuple[str, ...], dimension: int) -> str | None:
    h, p = solved(case)
    residual = np.abs(block(case, h, p) - h).max()
    if not residual <= FIXED * (1 + np.abs(h).max()):
        raise Undecided
    found, sizes = rank(derivative(lambda q: block(case, h, q), p, names))
    if found >= dimension:
        return None
    elsewhere = rank(
        derivative(lambda q: block(case, h + 1 / np.arange(3, 3 + h.size), q), p, names)
    )[0]
    smallest = sizes[min(dimension, len(sizes)) - 1]
    return (
        f"D_theta f by {', '.join(names)} has rank {found} < {dimension} at the fixed point"
        f" {np.round(h, 6).tolist()} (relative singular value {smallest:.0e}), and rank {elsewhere}"
        " beside it"
    )


def _last_bias(case: Case) -> str | None:
    """The last bias is onto R^d."""
    return _ranked(case, ("b",), case["state"].size)


def _sphere(case: Case) -> str | None:
    """eps = 0: the last bias is onto the tangent space (post, sandwich).

    For peri, bias and gain together are onto R^d.
    """
    d = case["state"].size
    if case["norm"] != "peri":
        return _ranked(case, ("b",), d - 1)
    return _ranked(case, (*WEIGHTS, "b") if case["gain_free"] else ("b", "gain"), d)


def _last_layer(case: Case) -> tuple[Array, Array, Array]:
    """Tokens, their updates before the last layer, and its hidden activations a_i."""
    count, d, k = int(case["tokens"]), int(case["d"]), int(case["hidden"])
    rng = np.random.default_rng(int(case["seed"]))
    h = rng.standard_normal((count, d))
    mix = rng.standard_normal((d, d))
    w1 = rng.standard_normal((k, d))
    c = rng.standard_normal(k)
    if case["equal"]:
        h[1] = h[0]
    update = normalised(h, 0.25) @ mix.T + normalised(h, 0.25).mean(0)
    return h, update, np.tanh(normalised(h + update, 0.25) @ w1.T + c)


def _tokens(case: Case) -> str | None:
    """(W2, b2) has rank L d at a fixed point of L tokens.

    The loop is uniform attention, then the MLP h + W2 tanh(W1 N(h) + c) + b2.
    """
    count, d, k = int(case["tokens"]), int(case["d"]), int(case["hidden"])
    h, update, activations = _last_layer(case)
    last = np.linalg.lstsq(np.column_stack((activations, np.ones(count))), -update, rcond=None)[0]
    if count > k + 1:  # no last map undoes the updates of so many tokens: none at all
        update, last = np.zeros_like(update), np.zeros_like(last)
    p = {"W2": last[:-1], "b2": last[-1]}

    def f(q: Parameters) -> Array:
        return h + update + activations @ q["W2"] + q["b2"]

    if not np.abs(f(p) - h).max() <= FIXED * (1 + np.abs(last).max()):
        raise Undecided
    names = ("b2",) if case["bias_only"] else ("W2", "b2")
    found, _ = rank(derivative(f, p, names))
    if found == count * d:
        return None
    return f"D_theta f by {', '.join(names)} has rank {found} of {count} x {d} at the fixed point"


def _step_of_peri(case: Case) -> str | None:
    """|h' - h| >= sqrt(d) min |gain| for h' = h + gain N(u(N(h)))."""
    h, eps, gain = case["state"], case["eps"], case["gain"]
    x = np.tanh(case["W1"] @ normalised(h, eps))
    b = case["v1"] if eps == 0 else -case["W2"] @ x
    u = case["W2"] @ x + b
    if not np.abs(u).max() > (1e-9 if eps == 0 else -1):
        raise Undecided  # the map is not defined, or rounding decides
    step = float(np.linalg.norm(gain * normalised(u, eps)))
    bound = np.sqrt(h.size) * np.abs(gain).min()
    if step >= bound * (1 - 1e-12):
        return None
    return f"|h' - h| = {step:.3g} < sqrt(d) min |gain| = {bound:.3g}"


NORMS = ("pre", "peri", "post", "sandwich", "gru")
EPSILONS = (1.0, 0.25, 0.0625)


def _fits(case: Case, least: int) -> bool:
    """Whether state and weights are sixteenths up to 2, in least to 3 dimensions.

    The judge tells a rank from rounding for such values only.
    """
    d, k = case["state"].size, case["v1"].size
    shapes = {"gain": (d,), "direction": (d,), "V2": (d, k), "W1": (k, d), "W2": (d, k)}
    rows = d if case["norm"] == "gru" else k
    return (
        case["norm"] in NORMS
        and least <= d <= 3
        and 1 <= k <= 3
        and shaped(case, state=(d,), v1=(k,), V1=(rows, d), **shapes)
        and all(on_grid(case[name], 2) for name in WEIGHTS)
        and all(on_grid(case[name], 2, least=1 / 16) for name in ("state", "direction", "v1"))
    )


def _without_zeros(case: Case) -> bool:
    """Whether no gain vanishes: sixteenths from 1/16 to 2; pre and gru have none after the map."""
    return on_grid(case["gain"], 2, least=1 / 16)


def _broken_for_last_bias(case: Case) -> tuple[str, ...]:
    return failing(
        smooth=_fits(case, 1),
        gains=_without_zeros(case),
        epsilon=case["eps"] in EPSILONS,
        learned_gains=not case["gain_free"],
    )


def _broken_on_sphere(case: Case) -> tuple[str, ...]:
    return failing(
        smooth=_fits(case, 2) and case["norm"] in ("peri", "post", "sandwich"),
        gains=_without_zeros(case),
        epsilon=case["eps"] == 0,
        learned_gains=not case["gain_free"],
    )


def _broken_for_tokens(case: Case) -> tuple[str, ...]:
    """The vectors (a_i, 1) are dependent where their rank is smaller in float64."""
    count, k = case["tokens"], case["hidden"]
    drawn = whole(count, 2, 4) and whole(case["d"], 2, 3) and whole(k, 1, 4)
    if not drawn or not is_seed(case["seed"]):
        return ("smooth",)
    activations = _last_layer(case)[2]
    extended = np.column_stack((activations, np.ones(len(activations))))
    sizes = np.linalg.svd(extended, compute_uv=False)
    full = len(sizes) == count and sizes[-1] > 2 * ZERO * sizes[0]
    return failing(independent=full, whole_map=not case["bias_only"])


def _broken_for_one_sub_block(case: Case) -> tuple[str, ...]:
    """Without external recall the stream carries h itself, as the judge has it."""
    d, k = case["state"].size, len(case["W1"])
    shapes = {"gain": (d,), "W1": (k, d), "W2": (d, k), "v1": (d,)}
    drawn = (
        1 <= d <= 4
        and 1 <= k <= 3
        and shaped(case, state=(d,), **shapes)
        and on_grid(case["state"], 2, least=1 / 16)
        and all(on_grid(case[name], 2) for name in ("W1", "W2"))
        and bool((np.abs(case["v1"]) <= 3).all())
    )
    return failing(smooth=drawn, gains=_without_zeros(case), epsilon=case["eps"] == 0)


@st.composite
def _block(
    draw: st.DrawFn,
    norms: tuple[str, ...] = NORMS,
    eps: tuple[float, ...] = EPSILONS,
    least: int = 1,
    **flags: bool,
) -> Case:
    """Weights of sixteenths.

    `zero_gain`: one gain vanishes; `gain_free`: gains are fixed to 1, and are no parameters.
    """
    d = draw(st.integers(least, 3))
    k = draw(st.integers(1, 3))
    gain = np.ones(d) if flags.get("gain_free") else draw(nonzero_vector(d))
    if flags.get("zero_gain"):
        gain[draw(st.integers(0, d - 1))] = 0
    norm = draw(st.sampled_from(norms))
    # without zeros where gains are fixed, so that other states do reach every direction
    weights = nonzero_matrix if flags.get("gain_free") else matrix
    return {
        "norm": norm,
        "eps": draw(st.sampled_from(eps)),
        "gain": gain,
        "gain_free": bool(flags.get("gain_free")),
        "state": draw(nonzero_vector(d)),
        "direction": draw(nonzero_vector(d)),
        "V1": draw(weights(d if norm == "gru" else k, d)),
        "v1": draw(nonzero_vector(k)),
        "V2": np.eye(d, k) + draw(matrix(d, k, 4)),
        "W1": draw(weights(k, d)),
        "W2": draw(weights(d, k)),
    }


@st.composite
def _many(draw: st.DrawFn, kind: str = "") -> Case:
    """L tokens, hidden width k >= L - 1, all random.

    `kind`: `equal` tokens, too `many` of them, or the `bias` alone.
    """
    count = draw(st.integers(2, 4))
    k = 1 if kind == "many" else draw(st.integers(count - 1, 4))
    return {
        "tokens": max(count, 3) if kind == "many" else count,
        "d": draw(st.integers(2, 3)),
        "hidden": k,
        "seed": draw(SEEDS),
        "equal": kind == "equal",
        "bias_only": kind == "bias",
    }


@st.composite
def _one_sub_block(draw: st.DrawFn, eps: float = 0.0) -> Case:
    d, k = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    return {
        "eps": eps,
        "gain": draw(nonzero_vector(d)),
        "state": draw(nonzero_vector(d)),
        "W1": draw(matrix(k, d)),
        "W2": draw(matrix(d, k)),
        "v1": draw(vector(d)) + np.eye(d)[0] / 7,
    }


SUITES = (
    Suite(
        "A2'",
        "last-bias",
        property=(
            "one token, eps > 0, gains without zeros: the last bias (gru: the candidate bias) has"
            " rank d at fixed points"
        ),
        cases=_block,
        judge=_last_bias,
        broken=_broken_for_last_bias,
        drops=(
            Drop(
                "gains without zeros",
                lambda: _block(("peri", "post", "sandwich"), zero_gain=True),
                "gains",
            ),
            Drop("eps > 0", lambda: _block(("post", "sandwich"), (0.0,)), "epsilon"),
        ),
        evidence="complex step",
        cost=2,
        predicate="last_bias",
    ),
    Suite(
        "A2'",
        "sphere",
        property=(
            "one token, eps = 0: the last bias has rank d - 1 (post, sandwich), bias and gain rank"
            " d (peri, two sub-blocks) at fixed points"
        ),
        cases=lambda: _block(("peri", "post", "sandwich"), (0.0,), 2),
        judge=_sphere,
        broken=_broken_on_sphere,
        drops=(
            Drop(
                "gains learned: gain-free peri has rank d - 1 at fixed points",
                lambda: _block(("peri",), (0.0,), 2, gain_free=True),
                "learned_gains",
            ),
        ),
        evidence="complex step",
        cost=3,
        predicate="bias_and_gain",
    ),
    Suite(
        "A2'",
        "tokens",
        property=(
            "L tokens with independent (a_i, 1): the last linear map (W2, b2) has rank L d at"
            " fixed points"
        ),
        cases=_many,
        judge=_tokens,
        broken=_broken_for_tokens,
        drops=(
            Drop("independent: no equal tokens", lambda: _many("equal"), "independent"),
            Drop("independent: L <= hidden + 1", lambda: _many("many"), "independent"),
            Drop(
                "the whole last map, not the shared bias alone", lambda: _many("bias"), "whole_map"
            ),
        ),
        evidence="complex step",
        predicate="last_map",
    ),
    Suite(
        "A2'",
        "peri-steps",
        property=(
            "peri with one sub-block, eps = 0: |h' - h| >= sqrt(d) min |gain|, so no fixed point"
        ),
        cases=_one_sub_block,
        judge=_step_of_peri,
        broken=_broken_for_one_sub_block,
        drops=(Drop("eps = 0", lambda: _one_sub_block(0.25), "epsilon"),),
        evidence="closed form",
        predicate="one_sub_block",
    ),
)
