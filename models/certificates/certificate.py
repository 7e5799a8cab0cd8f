"""What has been proved about one loop and one input: the data of a certificate, and its words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from ...support.errors import LoopstabError

VERSION = 1
"""Version of the certificate's fields."""


@dataclass(frozen=True)
class Attraction:
    """A fixed point of f (or of f^p), unique in a ball that it attracts.

    Args:
        period: p; 1 for a fixed point.
        radius: radius of a Euclidean ball about the center.
        error: a bound of the Euclidean distance of the fixed point from the center.
        rate: q < 1.
        condition: C in |h_t - h*|_2 <= C q^(t/p) |h_0 - h*|_2 for every start in the ball.
    """

    period: int
    radius: float
    error: float
    rate: float
    condition: float


@dataclass(frozen=True)
class Answer:
    """The outputs of the orbit from h_0, in exact arithmetic, for ever.

    Args:
        entered: iterations after which the orbit is in the contracted ball.
        settled: t_0, from which the outputs are `classes`.
        classes: for t_0, t_0 + 1, ..., t_0 + p - 1 the class of each cell.
        margin: by how much the largest logit exceeds the others at least, over the ball.
    """

    entered: int
    settled: int
    classes: tuple[tuple[int, ...], ...]
    margin: float

    @property
    def constant(self) -> bool:
        """Whether the output never changes again."""
        return len(set(self.classes)) == 1


@dataclass(frozen=True)
class Dependence:
    """How the limit depends on the input embedding.

    Args:
        rank: k, the number of singular values of S = dh*/de that are bounded from below; 0 without
            recall, where K = 0.
        least: a lower bound of the k-th singular value; 0 without recall.
        largest: an upper bound of the first; 0 without recall.
        constant_bits: without recall, the limit is the same for all embeddings whose entries are
            within 2^-constant_bits of e; None with recall.
    """

    rank: int
    least: float
    largest: float
    constant_bits: int | None = None


@dataclass(frozen=True)
class LoopCertificate:
    """What is proved about one trained loop and one input.

    Args:
        checkpoint: name of the checkpoint.
        weights: fingerprint of its weights and configuration.
        architecture: the architecture in words.
        task: the task.
        level: the level of the task of which the input is a sample.
        input: number of the sample; None for an input from elsewhere.
        cells: number of cells.
        width: state width.
        attraction: part 1 and 2: existence, uniqueness and attraction.
        answer: part 3; None if it was not proved.
        dependence: part 4; None if it was not proved.
        unproved: for each part that was not proved, the reason.
    """

    checkpoint: str
    weights: str
    architecture: str
    task: str
    level: str
    input: int | None
    cells: int
    width: int
    attraction: Attraction
    answer: Answer | None
    dependence: Dependence | None
    unproved: dict[str, str]

    @property
    def complete(self) -> bool:
        """Whether all parts are proved."""
        return not self.unproved

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON data."""
        return {"version": VERSION, **asdict(self), "complete": self.complete}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The certificate of JSON data that `to_json` made.

        Raises:
            LoopstabError: a field is missing, unknown or of another type.
        """
        try:
            fields = {k: v for k, v in data.items() if k not in ("version", "complete")}
            if data["version"] != VERSION:
                raise LoopstabError(
                    f"the certificate has version {data['version']!r}, not {VERSION}: make it again"
                )
            attraction = Attraction(**fields.pop("attraction"))
            answer, dependence = fields.pop("answer"), fields.pop("dependence")
            if answer is not None:
                classes = tuple(tuple(map(int, row)) for row in answer.pop("classes"))
                answer = Answer(classes=classes, **answer)
            dependence = None if dependence is None else Dependence(**dependence)
            return cls(attraction=attraction, answer=answer, dependence=dependence, **fields)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LoopstabError(
                f"the certificate cannot be read ({error}): the file was altered"
            ) from None

    def sentences(self) -> list[str]:
        """The parts of the certificate in words, one sentence for each."""
        return [self._exists(), self._attracts(), self._answers(), self._depends()]

    def _exists(self) -> str:
        found, p = self.attraction, self.attraction.period
        what = "fixed point h*" if p == 1 else f"point h* of period {p}"
        return (
            f"Existence: the loop has exactly one {what} within {found.radius:.3g} of the center"
            f" (Euclidean norm), and it lies within {found.error:.2g}."
        )

    def _attracts(self) -> str:
        found, p = self.attraction, self.attraction.period
        each = "iteration" if p == 1 else f"{p} iterations"
        return (
            f"Attraction: from every state of that ball the loop converges to h*; after t times"
            f" {each} the distance is at most {found.condition:.3g} * {found.rate:.6g}^t times the"
            " first one."
        )

    def _answers(self) -> str:
        found = self.answer
        if found is None:
            return f"Answer: not proved: {self.unproved['answer']}."
        rest = (
            "the output is the one below, for any number of iterations"
            if found.constant
            else f"the outputs are the {len(found.classes)} below in turn, for ever"
        )
        return (
            "Answer: in exact arithmetic the orbit from h_0 enters the contracted ball at"
            f" iteration {found.entered}, and from iteration {found.settled} on {rest}; over the"
            f" ball every logit margin is at least {found.margin:.3g}."
        )

    def _depends(self) -> str:
        found = self.dependence
        if found is None:
            return f"Dependence on the input: not proved: {self.unproved['dependence']}."
        if found.constant_bits is not None:
            return (
                "Dependence on the input: K = 0 exactly, since the input does not enter the loop,"
                " and the limit is the same for every initial state whose entries are within"
                f" 2^-{found.constant_bits} of those of h_0."
            )
        return (
            f"Dependence on the input: the limit is differentiable in the embedding, and its"
            f" derivative S has {found.rank} singular values of at least {found.least:.3g}; the"
            f" largest is at most {found.largest:.3g}."
        )
