"""Whether the largest entry of a vector is the same over a whole ball (claim L4)."""

from __future__ import annotations

import numpy as np

from ..arrays import Array
from .ball_array import BallArray
from .jet import Jet
from .rounding import UNIT, row_norms, up


def margins(logits: Jet, answer: Array) -> Array:
    """How far the answer's logit is above every other one, at least, anywhere on the ball.

    Args:
        logits: jet of shape (cells, classes).
        answer: the class of each cell, (cells,).

    Returns:
        For each cell a lower bound of the margin, which is positive where the answer is proved.

    Example:
        >>> import numpy as np
        >>> from loopstab.numerics.enclosures.jet import Jet
        >>> from loopstab.numerics.enclosures.margins import margins
        >>> y = Jet.coordinates(np.array([[1.0, 0.0]]), np.eye(2), 0.1)
        >>> round(float(margins(y, np.array([0]))[0]), 3)
        0.859
    """
    cells = np.arange(len(answer))
    mid, rad, spread = logits.mid, logits.rad, logits.spread
    gap = mid[cells, answer][:, None] - mid
    # the gap is rounded, and so is what the error leaves of it
    error = rad[cells, answer][:, None] + rad + 2 * UNIT * np.abs(gap)
    if logits.gradient is not None:
        gradient = logits.gradient[cells, answer][:, None] - logits.gradient
        slope = row_norms(gradient) * (1 + UNIT) + spread[cells, answer][:, None] + spread
        error = error + logits.radius * up(slope, 2)
    lowest = gap - up(error, 4)
    lowest[cells, answer] = np.inf
    return lowest.min(-1)


def answer_of(logits: BallArray, width: Array | float = 0.0) -> Array | None:
    """The class of the largest logit of each cell; None where that is not proved.

    Args:
        logits: (cells, classes), enclosed.
        width: for each logit, a further error in the 2-norm sense of `Jet.reach`.
    """
    mid = logits.mid
    far = up(logits.distance(mid) + width, 1)
    answer = mid.argmax(-1)
    cells = np.arange(len(answer))
    lower = (mid - far)[cells, answer]
    upper = mid + far
    upper[cells, answer] = -np.inf
    return answer if bool((lower > upper.max(-1)).all()) else None
