"""The gated residual of a looped block: a GRU cell and its derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arrays import Array


@dataclass(frozen=True)
class GRUCell:
    """The gated recurrent unit h' = (1 - z) n + z h, with the gates of torch.nn.GRUCell (N8).

    r and z are sigmoid(U x + V h + c) and n = tanh(U_n x + r (V_n h + c_n)); the rows of r, z and n
    stand in this order.

    Args:
        u: input weights U, of shape (3 d, d).
        v: hidden weights V, of shape (3 d, d).
        c: biases, of shape (3 d,).
    """

    u: Array
    v: Array
    c: Array

    def gates(self, x: Array, h: Array) -> tuple[Array, Array, Array, Array]:
        """r, z, n and the hidden part V_n h + c_n of the candidate."""
        d = h.size
        ux, vh = self.u @ x, self.v @ h + self.c
        gates = 1 / (1 + np.exp(-(ux[: 2 * d] + vh[: 2 * d])))
        r, z = gates[:d], gates[d:]
        return r, z, np.tanh(ux[2 * d :] + r * vh[2 * d :]), vh[2 * d :]

    def __call__(self, x: Array, h: Array) -> Array:
        """The new state."""
        _, z, n, _ = self.gates(x, h)
        return (1 - z) * n + z * h
