"""Linearised loops of one and two sub-blocks, with and without a normalisation after each: J and K
of THEORY.md section 2 (N1).
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from ..kernel.algebra import Words

A1, A2, N1, N2, WX, WE, H, E = sp.symbols("A_1 A_2 N_1 N_2 W_x W_e h e", commutative=False)
"""linearised updates, Jacobians of the outer norms, state and input weights of the recall mix,
perturbations of state and input
"""

Pairs = Sequence[tuple[sp.Expr, sp.Expr]]


def _none(blocks: Pairs) -> sp.Expr:
    state = H
    for update, norm in blocks:
        state = norm * (state + update * state)
    return state


def _external(blocks: Pairs) -> sp.Expr:
    state = WX * H + WE * E
    for update, norm in blocks:
        state = norm * (state + update * state)
    return state


def _internal(blocks: Pairs) -> sp.Expr:
    state = H
    for update, norm in blocks:
        state = norm * (state + update * (WX * state + WE * E))
    return state


def one_sub_block() -> list[Words]:
    """h -> J h + K e for each recall, the output normalised by N_1."""
    block = [(A1, N1)]
    return [
        Words(_none(block), N1 * (1 + A1) * H),
        Words(_external(block), N1 * (1 + A1) * WX * H + N1 * (1 + A1) * WE * E),
        Words(_internal(block), N1 * (1 + A1 * WX) * H + N1 * A1 * WE * E),
    ]


def two_sub_blocks() -> list[Words]:
    """The same for two sub-blocks: without norms (the table), then with N after each."""
    one = sp.Integer(1)
    plain, normed = [(A1, one), (A2, one)], [(A1, N1), (A2, N2)]
    return [
        Words(_none(plain), (1 + A2) * (1 + A1) * H),
        Words(_external(plain), (1 + A2) * (1 + A1) * WX * H + (1 + A2) * (1 + A1) * WE * E),
        Words(
            _internal(plain),
            (1 + A2 * WX) * (1 + A1 * WX) * H + ((1 + A2 * WX) * A1 * WE + A2 * WE) * E,
        ),
        Words(_none(normed), N2 * (1 + A2) * N1 * (1 + A1) * H),
        Words(_external(normed), N2 * (1 + A2) * N1 * (1 + A1) * (WX * H + WE * E)),
        Words(
            _internal(normed),
            N2 * (1 + A2 * WX) * N1 * (1 + A1 * WX) * H
            + N2 * ((1 + A2 * WX) * N1 * A1 * WE + A2 * WE) * E,
        ),
    ]
