"""What has been proved about one loop and one input: the data of a certificate, and its words."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from typing import Any, ClassVar, Self

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
        condition: C in |h_t - h*|_2 <= C q^(t/p) |h_0 - h*|_2 for every start in the ball and all
            multiples t of p.
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
        entered: iterations after which the orbit is in the contracted ball, an ellipsoid that
            contains the Euclidean one; there it stays, for a cycle after every p iterations.
        settled: t_0, from which the outputs are `classes`.
        classes: for t_0, t_0 + 1, ..., t_0 + p - 1 the class of each cell; none without a readout.
        margin: by how much the largest logit exceeds the others at least, over the ellipsoid and,
            for a cycle, its images; 0 without a readout.
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
    """How h* depends on the input embedding e.

    Args:
        rank: k, the number of singular values of S = dh*/de that are bounded from below; 0 without
            recall, where K = 0.
        least: a lower bound of the k-th singular value; 0 without recall.
        largest: an upper bound of the first; 0 without recall.
        constant_bits: without recall, the orbits from all initial states whose entries are within
            2^-constant_bits of those of h_0 have the same limit; None with recall.
    """

    rank: int
    least: float
    largest: float
    constant_bits: int | None = None


@dataclass(frozen=True, kw_only=True)
class Proved:
    """What is proved about one loop and one input.

    Args:
        attraction: part 1 and 2: existence, uniqueness and attraction.
        answer: part 3; None if it was not proved.
        dependence: part 4; None if it was not proved.
        unproved: for each part that was not proved, the reason.
    """

    attraction: Attraction
    answer: Answer | None
    dependence: Dependence | None
    unproved: dict[str, str]

    DERIVATIVE: ClassVar[str] = "differentiable in the embedding, and its derivative S"

    @property
    def complete(self) -> bool:
        """Whether all parts are proved."""
        return self.answer is not None and self.dependence is not None

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON data."""
        return {"version": VERSION, **asdict(self), "complete": self.complete}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The certificate of JSON data that `to_json` made.

        Raises:
            LoopstabError: a field is missing, unknown or of another type, or a part is neither
                there nor among the unproved ones.
        """
        try:
            given = {k: v for k, v in data.items() if k not in ("version", "complete")}
            if data["version"] != VERSION:
                raise LoopstabError(
                    f"the certificate has version {data['version']!r}, not {VERSION}: make it again"
                )
            attraction = Attraction(**given.pop("attraction"))
            answer, dependence = given.pop("answer"), given.pop("dependence")
            if answer is not None:
                answer = dict(answer)
                classes = tuple(tuple(map(int, row)) for row in answer.pop("classes"))
                answer = Answer(classes=classes, **answer)
            dependence = None if dependence is None else Dependence(**dependence)
            if "shape" in given:
                given["shape"] = tuple(map(int, given["shape"]))
            read = cls(attraction=attraction, answer=answer, dependence=dependence, **given)
            read._check()
            return read
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LoopstabError(
                f"the certificate cannot be read ({error}): the file was altered"
            ) from None

    def _check(self) -> None:
        for part in (self, self.attraction, self.answer, self.dependence):
            for field in () if part is None else fields(part):
                _check_type(field.name, str(field.type), getattr(part, field.name))
        missing = {k for k in ("answer", "dependence") if getattr(self, k) is None}
        if missing != set(self.unproved):
            raise ValueError(f"unproved are {sorted(missing)}, not {sorted(self.unproved)}")

    def sentences(self) -> list[str]:
        """The parts of the certificate in words, one sentence for each."""
        return [self._exists(), self._attracts(), self._answers(), self._depends()]

    def _exists(self) -> str:
        found, p = self.attraction, self.attraction.period
        what = "fixed point h*" if p == 1 else f"point h* of period {p}"
        return (
            f"Existence: the loop has exactly one {what} within {at_least(found.radius)} of the"
            f" center (Euclidean norm), and it lies within {at_most(found.error, 2)}."
        )

    def _attracts(self) -> str:
        found, p = self.attraction, self.attraction.period
        limit = "h*" if p == 1 else "the cycle of h*"
        after = "t iterations" if p == 1 else f"{p} t iterations"
        return (
            f"Attraction: from every state of that ball the loop converges to {limit}; after"
            f" {after} the distance from h* is at most {at_most(found.condition)} *"
            f" {at_most(found.rate, 6)}^t times the first one."
        )

    def _answers(self) -> str:
        found = self.answer
        if found is None:
            return f"Answer: not proved: {self.unproved['answer']}."
        if not found.classes:
            return (
                f"Answer: in exact arithmetic the orbit from h_0 is after {found.entered}"
                " iterations in an ellipsoid that contains that ball, and so it converges; there is"
                " no readout."
            )
        rest = (
            "the output is the one below, for any number of iterations"
            if found.constant
            else f"the outputs are the {len(found.classes)} below in turn, for ever"
        )
        p = self.attraction.period
        images = "" if p == 1 else " and its images"
        later = "from there on" if p == 1 else f"after every {p} more"
        return (
            f"Answer: in exact arithmetic the orbit from h_0 is after {found.entered} iterations,"
            f" and {later}, in an ellipsoid that contains that ball, and from iteration"
            f" {found.settled} on {rest}; over the ellipsoid{images} every logit margin is at least"
            f" {at_least(found.margin)}."
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
            f"Dependence on the input: h* is {self.DERIVATIVE}"
            f" has {found.rank} singular values of at least {at_least(found.least)}; the largest is"
            f" at most {at_most(found.largest)}."
        )


@dataclass(frozen=True, kw_only=True)
class LoopCertificate(Proved):
    """What is proved about one trained loop and one input.

    Args:
        attraction: part 1 and 2: existence, uniqueness and attraction.
        answer: part 3; None if it was not proved.
        dependence: part 4; None if it was not proved.
        unproved: for each part that was not proved, the reason.
        checkpoint: name of the checkpoint.
        weights: fingerprint of its weights and configuration.
        architecture: the architecture in words.
        task: the task.
        level: the level of the task of which the input is a sample.
        input: number of the sample; None for an input from elsewhere.
        cells: number of cells.
        width: state width.
    """

    checkpoint: str
    weights: str
    architecture: str
    task: str
    level: str
    input: int | None
    cells: int
    width: int


@dataclass(frozen=True, kw_only=True)
class ModuleCertificate(Proved):
    """What is proved about a user's own loop and one input.

    Args:
        attraction: part 1 and 2: existence, uniqueness and attraction.
        answer: part 3; None if it was not proved.
        dependence: part 4; None if it was not proved.
        unproved: for each part that was not proved, the reason.
        loop: name of the function, or of the class of the module.
        shape: shape of the state.
    """

    # functions such as relu have kinks
    DERIVATIVE = "Lipschitz in the input, and where it is differentiable its derivative S"

    loop: str
    shape: tuple[int, ...]


def at_least(x: float, digits: int = 3) -> str:
    """A lower bound in decimals, rounded down.

    Example:
        >>> from loopstab.models.certificates.certificate import at_least, at_most
        >>> at_least(0.012366), at_most(0.012361)
        ('0.0123', '0.0124')
    """
    return f"{float(Context(digits, ROUND_FLOOR).create_decimal_from_float(x)):.{digits}g}"


def at_most(x: float, digits: int = 3) -> str:
    """An upper bound in decimals, rounded up."""
    return f"{float(Context(digits, ROUND_CEILING).create_decimal_from_float(x)):.{digits}g}"


def _check_type(name: str, kind: str, value: Any) -> None:
    """Raise TypeError unless a number is of the kind that its field says."""
    types = {"int": int, "float": (int, float), "str": str}
    base = kind.removesuffix(" | None")
    wrong = base in types and (isinstance(value, bool) or not isinstance(value, types[base]))
    if wrong and not (value is None and base != kind):
        raise TypeError(f"{name} is {value!r}")
