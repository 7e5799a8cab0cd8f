"""Many puzzles solved: the answers, whether they are the only ones, and how hard they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....support.progress_bar import progress_bar
from ..table_source import Malformed
from .solver import solve

MOST_GUESSES = 10_000
"""Guesses, some seconds, after which a puzzle is left undecided; published ones need hundreds."""


@dataclass(frozen=True)
class Solved:
    """What our solver found of many puzzles.

    Attributes:
        answer: (puzzles, cells), the first solution, or zeros where there is none.
        solutions: (puzzles,), 0, 1, or 2 for several; -1 where the search gave up.
        guesses: (puzzles,), guesses of the search, which looks for a second solution.
        rounds: (puzzles,), its rounds of filling cells that have one candidate.
    """

    answer: NDArray[np.uint8]
    solutions: NDArray[np.int64]
    guesses: NDArray[np.int64]
    rounds: NDArray[np.int64]

    @classmethod
    def of(cls, question: NDArray, box: int, progress: bool = False) -> Solved:
        """Solve puzzles (puzzles, cells) with 0 for a blank."""
        answer = np.zeros(question.shape, dtype=np.uint8)
        counts = np.zeros((3, len(question)), dtype=np.int64)
        for i, cells in enumerate(
            progress_bar(question, shown=progress, unit="puzzle", desc="solving")
        ):
            found = solve(cells.tolist(), box, most_guesses=MOST_GUESSES)
            decided = found.decided or len(found.grids) > 1
            counts[:, i] = len(found.grids) if decided else -1, found.guesses, found.rounds
            if found.grids:
                answer[i] = found.grids[0]
        return cls(answer, *counts)

    def good(self, line: NDArray, malformed: Malformed) -> NDArray[np.bool_]:
        """The puzzles with exactly one solution, (puzzles,); `malformed` takes note of the others.

        A valid grid that has the clues of such a puzzle is its solution, and needs no comparison.
        """
        reasons = {
            0: "the puzzle has no solution",
            2: "the puzzle has more than one solution",
            -1: f"the puzzle is not solved after {MOST_GUESSES} guesses",
        }
        for i in np.flatnonzero(self.solutions != 1):
            malformed.add(int(line[i]), reasons[int(self.solutions[i])])
        return self.solutions == 1

    def difficulty(self, good: NDArray[np.bool_]) -> tuple[NDArray[np.int64], str]:
        """How hard each puzzle is, (puzzles,), and the unit: guesses, or where all good ones need
        equally many, the rounds of singles.
        """
        guessed = len(np.unique(self.guesses[good])) > 1
        values, unit = (self.guesses, "guesses") if guessed else (self.rounds, "rounds of singles")
        return np.minimum(values, 2**16 - 1), unit

    def account(self, gives: dict[str, str]) -> dict[str, Any]:
        """A JSON object: how many puzzles have one, several or no solution or are undecided, and
        what the solver gives for which reason.
        """
        names = {"unique": 1, "several": 2, "none": 0, "undecided": -1}
        return {
            **{name: int((self.solutions == k).sum()) for name, k in names.items()},
            "gives": gives,
        }
