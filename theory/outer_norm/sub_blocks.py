"""Steps of N1 with the linearised loops of one and two sub-blocks: their J and K.

The loops have a normalisation after each sub-block, or none; `docs/vocabulary.md` defines J and K.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from ..kernel.algebra import Words, letters

A1, A2, N1, N2, WX, WE, H, E = letters("A_1 A_2 N_1 N_2 W_x W_e h e")
"""the letters, two by two: the linearised updates, the Jacobians of the outer norms, the weights of
state and input in the recall, and the perturbations of state and input
"""

SubBlocks = Sequence[tuple[sp.Expr, sp.Expr]]
"""the update and the norm of each sub-block"""


def _none(blocks: SubBlocks) -> sp.Expr:
    state = H
    for update, norm in blocks:
        state = norm * (state + update * state)
    return state


def _external(blocks: SubBlocks) -> sp.Expr:
    state = WX * H + WE * E
    for update, norm in blocks:
        state = norm * (state + update * state)
    return state


def _internal(blocks: SubBlocks) -> sp.Expr:
    state = H
    for update, norm in blocks:
        state = norm * (state + update * (WX * state + WE * E))
    return state


def one_sub_block() -> list[Words]:
    """h -> J h + K e for one sub-block followed by N_1, for each kind of recall."""
    block = [(A1, N1)]
    return [
        Words(_none(block), N1 * (1 + A1) * H),
        Words(_external(block), N1 * (1 + A1) * WX * H + N1 * (1 + A1) * WE * E),
        Words(_internal(block), N1 * (1 + A1 * WX) * H + N1 * A1 * WE * E),
    ]


def two_sub_blocks() -> list[Words]:
    """The same for two sub-blocks: without norms, as in the table, then with a norm after each."""
    one = sp.Integer(1)
    plain, normed = [(A1, one), (A2, one)], [(A1, N1), (A2, N2)]
    first, second = 1 + A1 * WX, 1 + A2 * WX
    return [
        Words(_none(plain), (1 + A2) * (1 + A1) * H),
        Words(_external(plain), (1 + A2) * (1 + A1) * WX * H + (1 + A2) * (1 + A1) * WE * E),
        Words(_internal(plain), second * first * H + (second * A1 * WE + A2 * WE) * E),
        Words(_none(normed), N2 * (1 + A2) * N1 * (1 + A1) * H),
        Words(_external(normed), N2 * (1 + A2) * N1 * (1 + A1) * (WX * H + WE * E)),
        Words(
            _internal(normed),
            N2 * second * N1 * first * H + N2 * (second * N1 * A1 * WE + A2 * WE) * E,
        ),
    ]
