"""From what is wrong with a loop to changes of it, each tried on the given weights if it can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...support.errors import UsageError, check_seed_and_jobs
from ...support.progress_bar import progress_bar
from ..loops.protocol import LoopedMap, protected
from ..orbits.follow import looks
from .advice import Advice, ranked
from .baseline import Baseline
from .candidates import candidates
from .input_set import InputSet, TrialLimits
from .loop_facts import loop_facts, problems
from .state_reader import StateReader
from .trials import change_row, solve_rows, stop_rows

LOOPS, LATER = 500, 4
"""Iterations before the first look, and how many times as many before the last."""
PRODUCTS = 300
"""Largest number of products with J for one spectral radius."""
STRENGTHS = (0.25, 1.0, 4.0)
"""Strengths of the recall that is added, and factors of the recall that there is."""


def advise(
    loop: LoopedMap,
    inputs: Any = None,
    *,
    readout: Callable[[Any], Any] | None = None,
    correct: Callable[[int, Any], bool] | None = None,
    strengths: Sequence[float] = STRENGTHS,
    scales: Sequence[float] = STRENGTHS,
    stops: Sequence[int] = (),
    loops: int = LOOPS,
    limit: int | None = None,
    products: int = PRODUCTS,
    seed: int = 0,
    progress: bool = False,
) -> Advice:
    """Try changes of a loop on the weights that it has, and tell what each of them does.

    Candidates that keep the fixed points: damping, with the factor that the eigenvalues ask for;
    another start; Newton's and Anderson's method instead of iteration. Candidates that move them:
    an RMSNorm after the step, recall that is added to the state, both, and a factor of the input
    that the step reads. And stopping earlier. Which of them are candidates depends on what is
    wrong: inputs that do not settle, a step that does not read its input, or slow convergence.

    What each of them does is shown as it is, also where it makes things worse. Nothing is promised
    for other inputs, or after training. The loop, its arrays and its model are left as they were.

    Args:
        loop: Looped map with `initial(e)` and `step(h, e)` (`LoopedMap`).
        inputs: A batch, in which the first axis of every array of the state and of the input counts
            the inputs; or a list of inputs, each of which the step takes by itself; default None,
            for a loop without input.
        readout: The answer as a function of the state of one input (as in `Diagnosis.state`), an
            array of integers, truth values or text; default None: answers are not compared.
        correct: Whether the answer at a state is right, as a function of the number of the input
            and of the state; default None: unknown.
        strengths: Strengths tau of the recall that is added, h' = f(h + tau x, e); x is the input
            where it has the shape of the state, and otherwise the first state.
        scales: Factors of the input that the step reads, h' = f(h, tau e).
        stops: Numbers of iterations after which to stop, beside those that the orbits suggest.
        loops: Iterations before the first look at an orbit; at least 16.
        limit: Largest number of iterations; default 4 times `loops`.
        products: Largest number of products with the Jacobian for one spectral radius.
        seed: Seed of the solvers and of perturbations.
        progress: Whether to show a progress bar of the trials.

    Returns:
        The rows of all candidates in the order of what they did, as an `Advice`.

    Raises:
        LoopError: If the map returns the wrong shape, type or dtype, or a random result, or the
            inputs of the batch influence each other.
        UsageError: If `loops` is below 16, `limit` below `loops`, the seed, a strength, a factor or
            a stop is out of range, the list of inputs is empty, or `readout` returns floats.

    Example:
        >>> import numpy as np
        >>> from loopstab import FunctionLoop, advise
        >>> flip = FunctionLoop(lambda h, e: e - 1.2 * np.tanh(h), np.zeros_like)
        >>> found = advise(flip, np.array([[0.1], [0.2]]))
        >>> found.before.counts, found.rows[0].name, found.rows[0].verdict
        ({'2-cycle': 2}, 'damp', '2 of 2 inputs settle instead of 0')
    """
    check_seed_and_jobs(seed)
    limit = LATER * loops if limit is None else limit
    looks(loops, limit)
    for what, values, least in (("strength", strengths, 0), ("factor", scales, 0)):
        for value in values:
            if not least < value < np.inf:
                raise UsageError(f"a {what} of the recall must be positive and finite, not {value}")
    for stop in stops:
        if not 1 <= stop <= loops:
            raise UsageError(f"a stop must be a number of iterations from 1 to {loops}, not {stop}")
    if products < 1:
        raise UsageError(f"advise needs at least 1 product with the Jacobian, not {products}")
    with protected(loop), np.errstate(all="ignore"):
        limits = TrialLimits(loops, limit, products, seed)
        given = InputSet(loop, inputs)
        base = Baseline(given, limits, StateReader(given, readout, correct))
        facts = loop_facts(base)
        wrong = problems(base, facts)
        if not wrong:
            return Advice(base.effect, (), ())
        planned = candidates(facts, strengths, scales)
        bar = progress_bar(planned, shown=progress, unit="change")
        rows = [change_row(base, candidate) for candidate in bar]
        rows += [*solve_rows(base), *stop_rows(base, stops)]
    return Advice(base.effect, wrong, ranked(rows))
