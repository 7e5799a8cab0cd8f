"""Attack on A2', several tokens: the rank of D_theta f by the last linear map at fixed points.

State and weights are drawn, and the last linear map is solved for. Derivatives are taken by complex
steps, and no formula for them is used.
"""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np

from ...arrays import Array
from ...attack.suite import Case, Drop, Suite, Undecided
from ...strategies.block_forms import SEEDS
from ..shared.complex_step import normalised
from ..shared.drawn_values import failing, is_seed, whole
from ..shared.ranks import ZERO, Parameters, derivative, rank
from .surjectivity import FIXED


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


SUITES = (
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
)
