"""What a loop must offer on enclosures so that it can be certified."""

from __future__ import annotations

from typing import Any, Protocol

from ...numerics.enclosures.operations import E, Enclosure


class EnclosedLoop(Protocol):
    """A loop h_{t+1} = f(h_t, e) on enclosures."""

    @property
    def recall(self) -> bool:
        """Whether the input enters the loop."""
        ...

    def encode(self, x: E) -> E:
        """The embedding e of an input."""
        ...

    def start(self, e: E) -> E:
        """The initial state h_0."""
        ...

    def offset(self, e: Enclosure) -> Any:
        """What of an iteration depends on e alone."""
        ...

    def advance(self, h: E, offset: Any) -> E:
        """One iteration with a prepared offset."""
        ...

    def head(self, h: E) -> E | None:
        """The logits of a state, (cells, classes); None where the loop has no readout."""
        ...

    def rank(self, size: int) -> int | None:
        """How many singular values of S = dh*/de can differ from 0, for a state of that size.

        It is None where that is not known in advance.
        """
        ...
