"""Judges that draw random numbers from a seed: a deviation counts once further seeds confirm it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from ...attack.case import digest, to_json
from ...attack.suite import Case
from .drawn_values import MOST_SEEDS

FALSE_ALARMS = 1e-9
"""The expected number of false alarms among all cases that a suite can judge."""
DIGESTS = 2**64
"""The number of digests of cases, on which alone the further seeds depend."""


@dataclass(frozen=True)
class Confirmed:
    """A judge whose refutation of a case must recur at further seeds, derived from the case.

    Whoever searches through 2^31 seeds finds one whose draws deviate by chance, at any level that
    one sample can reach. The further seeds are hashes of the case, its own seed included, so nobody
    can choose them: they are like new draws. There are at most `DIGESTS` = 2^64 rows of them. A row
    of n seeds deviates by chance with the probability `chance`^n, so that 2^64 chance^n false
    alarms are expected among all cases whatsoever. The judge asks for the least n that makes this
    smaller than `FALSE_ALARMS` = 1e-9: n >= 28.3/log10(1/chance), which is 4 for 4e-8 and 6 for
    1e-5. The first deviation, at the seed of the case, is not counted, since it can be sought.

    A judge of a claim about every draw needs no such confirmation, and would lose power by it.

    Args:
        judge: the judge of one sample, which draws from the field `seed` of the case.
        chance: an upper bound of the probability that it refutes a true claim at a random seed.

    Example:
        >>> import numpy as np
        >>> def judge(case):
        ...     x = np.random.default_rng(case["seed"]).standard_normal() + case["mean"]
        ...     return f"x = {x:.3g}" if abs(x) > 4 else None
        >>> confirmed, case = Confirmed(judge, 1e-4), {"seed": 755, "mean": 0.0}
        >>> confirmed.times, judge(case), confirmed(case)
        (8, 'x = -4.38', None)
        >>> confirmed({"seed": 0, "mean": 100.0})
        'x = 100; so it is at 8 further seeds'
    """

    judge: Callable[[Case], str | None]
    chance: float

    @property
    def times(self) -> int:
        """The number of further seeds."""
        return math.ceil(math.log(FALSE_ALARMS / DIGESTS) / math.log(self.chance))

    def seeds(self, case: Case) -> Iterator[int]:
        """The further seeds of a case."""
        name = digest(to_json(case))
        for number in range(1, self.times + 1):
            hashed = sha256(f"{name}/{number}".encode()).digest()
            yield int.from_bytes(hashed[:8]) % MOST_SEEDS

    def __call__(self, case: Case) -> str | None:
        """The judge's words if the case and each of its copies at a further seed is refuted.

        Raises `Undecided` where the judge does so before a copy passes.
        """
        words = self.judge(case)
        if words is None:
            return None
        for seed in self.seeds(case):
            if self.judge({**case, "seed": seed}) is None:
                return None
        return f"{words}; so it is at {self.times} further seeds"
