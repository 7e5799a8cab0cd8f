"""Diagnose a batch of inputs in one run: a verdict for each row, and how often each occurs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import optree

from ...support.jsonable import jsonable
from ...support.progress_bar import progress_bar
from ...theory.outcome import Outcome
from ..arrays import Array
from ..loops.function_loop import FunctionLoop
from ..loops.protocol import LoopedMap, LoopError, advance, at, image, protected, start
from ..loops.structure import NAMESPACE
from ..orbits.diagnosis import Diagnosis
from ..orbits.follow import LOOPS, Followed, follow_batch
from ..spectra.linearisation import Linearisation
from ..spectra.row_spectra import row_agreement, row_radii
from .diagnose import PRODUCTS, concluded
from .investigation import COUPLED, Investigation
from .local_spectrum import LocalSpectrum


@dataclass(frozen=True)
class BatchDiagnosis:
    """What a loop does on each input of a batch.

    Args:
        rows: one diagnosis for each input, in their order.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, diagnose_batch
        >>> loop = FunctionLoop(lambda h, r: r * h * (1 - h), lambda r: np.full_like(r, 0.3))
        >>> found = diagnose_batch(loop, np.array([[2.5], [2.8], [3.2]]))
        >>> print(found.lines()[0])
        3 inputs: fixed-point 2, cycle 1 (mixed outcomes)
    """

    rows: tuple[Diagnosis, ...]

    @property
    def outcomes(self) -> dict[str, int]:
        """The number of inputs with each outcome, most frequent first."""
        return dict(Counter(str(row.outcome) for row in self.rows).most_common())

    def lines(self) -> list[str]:
        """A summary in words: outcomes, and the range of what was measured."""
        counts = ", ".join(f"{name} {count}" for name, count in self.outcomes.items())
        mixed = " (mixed outcomes)" if len(self.outcomes) > 1 else ""
        out = [f"{len(self.rows)} inputs: {counts}{mixed}"]
        for name, values in self._measured():
            low, middle, high = np.quantile(values, [0, 0.5, 1])
            out.append(f"{name}: median {middle:.4g}, from {low:.4g} to {high:.4g}")
        notes = Counter(note for row in self.rows for note in row.advice.split("; ") if note)
        out += [f"{note} ({count} inputs)" for note, count in notes.most_common(3)]
        return out

    def _measured(self) -> Iterator[tuple[str, list[float]]]:
        for name in ("rate", "residual"):
            values = [getattr(row, name) for row in self.rows if getattr(row, name) is not None]
            if finite := [v for v in values if np.isfinite(v)]:
                yield name, finite
        if rho := [r.rho.value for r in self.rows if r.rho is not None and r.multiplier is None]:
            yield "spectral radius", rho
        if of_cycles := [row.multiplier for row in self.rows if row.multiplier is not None]:
            yield "multiplier of the cycle", of_cycles

    def to_json(self) -> dict[str, Any]:
        """Plain JSON object."""
        rows = [row.to_json() for row in self.rows]
        return jsonable({"outcomes": self.outcomes, "rows": rows})


def diagnose_batch(
    loop: LoopedMap,
    e: Any,
    *,
    loops: int = LOOPS,
    limit: int | None = None,
    spectrum: bool = True,
    products: int = PRODUCTS,
    seed: int = 0,
    progress: bool = False,
) -> BatchDiagnosis:
    """Diagnose every input of a batch; the orbits are computed together.

    An orbit leaves the batch when it is decided. The rows must not influence each other, which is
    tested by computing one of them alone.

    Args:
        loop: Looped map whose step takes a batch: the first axis of every array of the state and
            of the input counts the inputs.
        e: The batch of inputs.
        loops: Iterations before the first look; at least 16.
        limit: Largest number of iterations; default 16 times `loops`.
        spectrum: Whether to measure the derivative of each row.
        products: Largest number of products with the Jacobian of a row for one spectral radius.
        seed: Seed of the eigenvalue solves and of the perturbations.
        progress: Whether to show a progress bar.

    Returns:
        A `Diagnosis` for each row, as `diagnose` gives it.

    Raises:
        LoopError: As in `diagnose`; also if the rows influence each other, or a part of the state
            or input has no rows.
        UsageError: If `loops` is below 16, or `limit` is below `loops`.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, diagnose_batch
        >>> loop = FunctionLoop(lambda h, r: r * h * (1 - h), lambda r: np.full_like(r, 0.3))
        >>> found = diagnose_batch(loop, np.array([[2.5], [3.2], [3.5], [3.9]]))
        >>> [str(row.outcome) for row in found.rows], found.rows[2].period
        (['fixed-point', 'cycle', 'cycle', 'aperiodic'], 4)
    """
    if not isinstance(loop, FunctionLoop):
        loop = FunctionLoop(loop.step, loop.initial)
    rows = loop.rowwise()
    with protected(rows), np.errstate(all="ignore"):
        batch = _Rows(rows, e)
        first, after = batch.h, batch.image
        followed = follow_batch(batch, loops, limit)
        cases = []
        for i in range(len(followed)):
            row = np.array([i])
            one, known = rows.take(e, row), (first[row], after[row])
            cases.append(Investigation(rows, one, loops, limit, products, seed, known))
            cases[-1].sized(followed[i].trajectory)
        if spectrum and not rows.timed:
            _measure_together(rows, e, cases, followed, products, seed)
        found = []
        pairs = zip(cases, followed, strict=True)
        for case, orbit in progress_bar(pairs, total=len(cases), shown=progress, unit="input"):
            row = concluded(case, orbit, spectrum)
            state = optree.tree_map(lambda leaf: leaf[0], row.state, namespace=NAMESPACE)
            found.append(replace(row, state=state))
    return BatchDiagnosis(tuple(found))


def _measure_together(
    loop: FunctionLoop,
    e: Any,
    cases: list[Investigation],
    followed: list[Followed],
    products: int,
    seed: int,
) -> None:
    """Measure the spectra at the last states of all bounded orbits at once.

    Rows whose derivative needs a closer look, and all rows where a product fails, are left to the
    measurements of one row.
    """
    bounded = [
        i for i, orbit in enumerate(followed) if orbit.diagnosis.outcome is Outcome.FIXED_POINT
    ]
    if len(bounded) < 2:
        return
    states = np.concatenate([cases[i].last_state(followed[i].trajectory) for i in bounded])
    inputs = loop.take(e, np.array(bounded))
    try:
        scale = min(cases[i].scale for i in bounded)
        j = Linearisation(loop, states, inputs, scale=scale)
        agreements = row_agreement(j, seed)
        radii = row_radii(j, budget=products, seed=seed)
        moved = _ignores_input(j, seed)
    except LoopError:
        return
    for k, (i, found, rho) in enumerate(zip(bounded, agreements, radii, strict=True)):
        case, t = cases[i], followed[i].trajectory
        if found.smooth and found.agrees and j.unit <= np.finfo(states.dtype).eps:
            h = case.last_state(t)
            later = case.later(h, len(t.steps))
            case.adopt(LocalSpectrum(h, rho, j.unit, j.rounding, later, smooth=True))
            case.ignores_input = None if moved is None else bool(moved[k])


def _ignores_input(j: Linearisation, seed: int) -> Array | None:
    """Which rows of the step do not use the input; None where it has no derivative."""
    try:
        v = np.random.default_rng(seed).standard_normal(j.input.shape)
        return np.logical_not(np.any(j.input_product(v).reshape(j.h.shape), axis=1))
    except LoopError:
        return None


class _Rows:
    """A batch of orbits as `follow_batch` advances them."""

    def __init__(self, loop: FunctionLoop, e: Any):
        self.loop, self.e, self.time = loop, e, 0
        self.h = start(at(loop, 0), e)
        self.image = image(at(loop, 0), self.h, e)
        self._check_independent()

    def _check_independent(self) -> None:
        """Raise `LoopError` if the step of one row depends on the others."""
        later = advance(at(self.loop, 1), self.image, self.e)
        places = ((0, self.h, self.image), (1, self.image, later))
        numbers = np.arange(len(self.h))
        # every two rows differ in a binary digit, so that one of the halves separates them
        for (time, h, whole), digit, value in product(
            places, range(len(numbers).bit_length() - 1), (0, 1)
        ):
            rows = numbers[(numbers >> digit) & 1 == value]
            alone = advance(at(self.loop, time), h[rows], self.loop.take(self.e, rows))
            gaps = np.linalg.norm(alone.astype(np.float64) - whole[rows], axis=1)
            sizes = np.linalg.norm(whole[rows].astype(np.float64), axis=1)
            apart = gaps > COUPLED * float(np.finfo(self.h.dtype).eps) * sizes
            if apart.any():
                i = int(np.argmax(apart))
                gap, size = float(gaps[i]), max(float(sizes[i]), 1e-300)
                raise LoopError(
                    "the rows of the batch influence each other: without half of the others, the"
                    f" step of row {rows[i]} differs by {gap / size:.0e} of its size; take what"
                    " mixes rows out of the step (batch statistics, attention over the batch), or"
                    " measure the batch as one state with diagnose(loop, e)"
                )

    def seen(self) -> Array:
        return self.h

    def advance(self) -> None:
        self.h = np.array(advance(at(self.loop, self.time), self.h, self.e), copy=True)
        self.time += 1

    def keep(self, kept: Array) -> None:
        self.h, self.e = self.h[kept], self.loop.take(self.e, kept)
