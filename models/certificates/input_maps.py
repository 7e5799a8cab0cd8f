"""The loop for one input as maps of states: on jets and on balls."""

from __future__ import annotations

from typing import Any

import flint
import numpy as np
from flint import arb

from ...numerics.arrays import Array
from ...numerics.enclosures.ball_array import BallArray
from ...numerics.enclosures.jet import Jet
from .enclosed_loop import EnclosedLoop


class InputMaps:
    """The loop for one input, on jets and on balls.

    Args:
        network: the loop.
        x: its input.
        period: number of iterations that make up the map whose fixed point is proved.
    """

    def __init__(self, network: EnclosedLoop, x: Array, period: int):
        self.network, self.x, self.period = network, x, period
        self._offset = network.offset(self.embedding)
        self._offsets: dict[int, Any] = {}
        self._matrices: dict[int, Any] = {}

    @property
    def embedding(self) -> Jet:
        """e, enclosed."""
        return self.network.encode(Jet.constant(self.x))

    def turn(self, h: Jet) -> list[Jet]:
        """The states after 0, 1, ..., period - 1 iterations."""
        out = [h]
        for _ in range(self.period - 1):
            out.append(self.network.advance(out[-1], self._offset))
        return out

    def jet(self, h: Jet) -> Jet:
        """The state after `period` iterations."""
        return self.network.advance(self.turn(h)[-1], self._offset)

    def start(self) -> BallArray:
        """h_0 at the precision of the context."""
        return self.network.start(self._encoded())

    def box(self, bits: int) -> BallArray:
        """All states whose entries are within 2^-bits of those of h_0."""
        h = self.start()
        around = np.full(h.shape, arb(0, arb(2) ** -bits), object)
        return BallArray(h.balls + around, self._matrices)

    def _encoded(self) -> BallArray:
        return self.network.encode(BallArray(BallArray.exact(self.x).balls, self._matrices))

    def advance(self, h: BallArray) -> BallArray:
        """One iteration on balls, at the precision of the context."""
        h = BallArray(h.balls, self._matrices)
        bits = flint.ctx.prec
        if bits not in self._offsets:
            self._offsets[bits] = self.network.offset(self._encoded())
        return self.network.advance(h, self._offsets[bits])

    def exact(self, h: BallArray) -> BallArray:
        """`period` iterations on balls."""
        for _ in range(self.period):
            h = self.advance(h)
        return h
