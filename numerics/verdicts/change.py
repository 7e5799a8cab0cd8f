"""A change of the step of a loop that can be tried on given weights, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """The step h' = (1 - damp) h + damp N(f(h + recall x, scale e)), and its start.

    x is what is recalled of the input, in the shape of the state (`ChangedLoop`), and N the
    RMSNorm over the last axis, of a given root mean square.

    Args:
        damp: the factor of the damping; 1 for none.
        recall: the strength of the recall that is added; 0 for none.
        scale: the factor of the input that the step reads; 1 for none.
        norm: the root mean square of the state after N; None for no norm.
        restart: whether the orbit starts at 0 instead of h_0.

    Example:
        >>> from loopstab.numerics.verdicts.change import Change
        >>> Change(damp=0.5).formula, Change(damp=0.5).keeps
        ("h' = h + 0.5 (f(h, e) - h)", True)
        >>> Change(recall=2, norm=1).formula, Change(recall=2, norm=1).keeps
        ("h' = N(f(h + 2 x, e))", False)
    """

    damp: float = 1.0
    recall: float = 0.0
    scale: float = 1.0
    norm: float | None = None
    restart: bool = False

    @property
    def keeps(self) -> bool:
        """Whether the fixed points of the loop stay where they are."""
        return not self.recall and self.scale == 1 and self.norm is None

    @property
    def formula(self) -> str:
        """The step in symbols."""
        state = f"h + {self.recall:.3g} x" if self.recall else "h"
        given = "e" if self.scale == 1 else f"{self.scale:.3g} e"
        step = f"f({state}, {given})"
        if self.norm is not None:
            step = f"N({step})" if self.norm == 1 else f"{self.norm:.3g} N({step})"
        if self.damp != 1:
            step = f"h + {self.damp:.3g} ({step} - h)"
        return f"h' = {step}" + (", h_0 = 0" if self.restart else "")
