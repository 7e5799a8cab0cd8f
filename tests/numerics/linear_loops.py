"""Twins of the loops in loopstab.numerics.loops: linear sub-blocks on one token, every Jacobian in
closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loopstab import Architecture, Residual, UsageError
from loopstab.numerics.arrays import Array
from loopstab.numerics.loops.block_loop import BlockLoop
from loopstab.numerics.loops.gru_cell import GRUCell
from loopstab.numerics.loops.rms_norm import rms_norm, rms_norm_jacobian
from loopstab.numerics.loops.sub_blocks import DualMLP


@dataclass(frozen=True)
class TokenNorm:
    """N with its gain and eps."""

    gain: Array
    eps: float

    def __call__(self, z: Array) -> Array:
        """N(z)."""
        return rms_norm(z, self.gain, self.eps)

    def jacobian(self, z: Array) -> Array:
        """DN(z)."""
        return rms_norm_jacobian(z, self.gain, self.eps)


def gru_jacobians(cell: GRUCell, x: Array, h: Array) -> tuple[Array, Array]:
    """Derivatives by x and by h, (d, d) each."""
    d = h.size
    r, z, n, m = cell.gates(x, h)
    dr, dz, dn = r * (1 - r), z * (1 - z), (1 - z) * (1 - n * n)
    u_r, u_z, u_n = cell.u[:d], cell.u[d : 2 * d], cell.u[2 * d :]
    v_r, v_z, v_n = cell.v[:d], cell.v[d : 2 * d], cell.v[2 * d :]
    by_x = dn[:, None] * (u_n + (m * dr)[:, None] * u_r) + ((h - n) * dz)[:, None] * u_z
    by_h = (
        dn[:, None] * (r[:, None] * v_n + (m * dr)[:, None] * v_r)
        + ((h - n) * dz)[:, None] * v_z
        + np.diag(z)
    )
    return by_x, by_h


@dataclass(frozen=True)
class LinearLoop:
    """Looped map on (d,) with sub-blocks u_i(x) = A_i x: recall mix W_x, W_e, b; norms with gain
    and eps; gru cells.

    h_0 = e. External recall: z = W_x h + W_e e + b carries the residual stream (but is never a
    gru's hidden argument); internal: the mix enters each sub-block.
    """

    architecture: Architecture
    blocks: tuple[Array, ...]
    w_x: Array
    w_e: Array
    b: Array
    norm: TokenNorm
    cells: tuple[GRUCell, ...] = ()
    strengths: tuple[float, ...] = (0.25, 0.75)
    decay: float = 0.375

    def initial(self, e: Array) -> Array:
        """h_0 = e."""
        return np.array(e, copy=True)

    def step(self, h: Array, e: Array) -> Array:
        """One loop."""
        return self._run(h, e, None)[0]

    def jacobian(self, h: Array, e: Array) -> Array:
        """D_h step, (d, d), in closed form."""
        out = self._run(h, e, np.eye(h.size))[1]
        assert out is not None
        return out

    def jvp(self, h: Array, e: Array, v: Array) -> Array:
        """J v."""
        out = self._run(h, e, v)[1]
        assert out is not None
        return out

    def _run(self, h: Array, e: Array, dh: Array | None) -> tuple[Array, Array | None]:
        """The step and, for tangents dh of shape (d,) or (d, k), its derivative along them."""
        arch = self.architecture
        outer = arch.outer_norm
        recalled = self.w_e @ e + self.b
        source, dsource = h, dh
        if arch.residual is Residual.DECAY:
            h, dh = self.decay * h, None if dh is None else self.decay * dh
            source, dsource = h + recalled if arch.recall.in_stream else h, dh
            h = source
        elif arch.recall.in_stream:
            source, dsource = self.w_x @ h + recalled, None if dh is None else self.w_x @ dh
            if arch.residual is not Residual.GRU:
                h, dh = source, dsource
        for i, a in enumerate(self.blocks):
            x, dx = source, dsource
            if arch.inner_norm:
                x, dx = self.norm(x), None if dx is None else self.norm.jacobian(x) @ dx
            if arch.recall.in_update:
                x, dx = self.w_x @ x + recalled, None if dx is None else self.w_x @ dx
            u, du = a @ x, None if dx is None else a @ dx
            if arch.norm.on_update:
                u, du = self.norm(u), None if du is None else self.norm.jacobian(u) @ du
            if arch.residual is not Residual.GRU:
                scaled = arch.residual is Residual.SCALED
                kept, added = (1 - self.strengths[i], self.strengths[i]) if scaled else (1, 1)
                new = kept * h + added * u
                dnew = None if dh is None or du is None else kept * dh + added * du
            else:
                new, dnew = self.cells[i](u, h), None
                if dh is not None and du is not None:
                    by_x, by_h = gru_jacobians(self.cells[i], u, h)
                    dnew = by_x @ du + by_h @ dh
            if outer:
                new, dnew = self.norm(new), None if dnew is None else self.norm.jacobian(new) @ dnew
            h = source = new
            dh = dsource = dnew
        return h, dh


def linear_loop(
    architecture: Architecture,
    width: int,
    *,
    sub_blocks: int = 2,
    scale: float = 1.0,
    recall: float = 1.0,
    eps: float = 1e-6,
    seed: int = 0,
) -> LinearLoop:
    """Draw a `LinearLoop` with Ginibre blocks of spectral radius about `scale` and recall matrices
    of about `recall`.
    """
    if width < 1 or sub_blocks not in (1, 2):
        raise UsageError(
            f"a linear loop needs width >= 1 and 1 or 2 sub-blocks, not {width} and {sub_blocks}"
        )
    rng = np.random.default_rng(seed)

    def ginibre(rows: int = 1) -> Array:
        return rng.standard_normal((rows * width, width)) / np.sqrt(width)

    cells: Sequence[GRUCell] = ()
    if architecture.residual is Residual.GRU:
        cells = [
            GRUCell(ginibre(3), ginibre(3), rng.standard_normal(3 * width))
            for _ in range(sub_blocks)
        ]
    return LinearLoop(
        architecture,
        tuple(scale * ginibre() for _ in range(sub_blocks)),
        recall * ginibre(),
        recall * ginibre(),
        rng.standard_normal(width) / 10,
        TokenNorm(np.ones(width), eps),
        tuple(cells),
    )


@dataclass(frozen=True)
class MeanFieldLoop:
    """The law of N6: h' = N(a h + A h + beta e) on the sphere of radius sqrt(d) (eps = 0, gain 1);
    abs(e) = sqrt(d).
    """

    a: float
    matrix: Array
    beta: float

    def initial(self, e: Array) -> Array:
        """h_0 = e."""
        return np.array(e, copy=True)

    def step(self, h: Array, e: Array) -> Array:
        """One loop."""
        z = self.a * h + self.matrix @ h + self.beta * e
        return z / np.sqrt(np.mean(z * z))

    def jvp(self, h: Array, e: Array, v: Array) -> Array:
        """J v (N1: the radial part of z is removed, the rest divided by its scale)."""
        z = self.a * h + self.matrix @ h + self.beta * e
        w = self.a * v + self.matrix @ v
        return (w - z * (z @ w) / (z @ z)) / np.sqrt(np.mean(z * z))

    def jacobian(self, h: Array, e: Array) -> Array:
        """D_h step, (d, d)."""
        z = self.a * h + self.matrix @ h + self.beta * e
        g = self.a * np.eye(h.size) + self.matrix
        return (g - np.outer(z, z @ g) / (z @ z)) / np.sqrt(np.mean(z * z))


def as_block_loop(loop: LinearLoop) -> BlockLoop:
    """The same map with sub-blocks A_i x, on one token or several."""
    blocks = tuple(DualMLP.linear(a) for a in loop.blocks)
    gain, eps = loop.norm.gain, loop.norm.eps
    mix = loop.w_x, loop.w_e, loop.b
    others = loop.cells, loop.strengths, loop.decay
    return BlockLoop(loop.architecture, blocks, *mix, gain, eps, *others)
