"""The changes that are candidates for a loop, each with the claim that explains it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .change import Change


@dataclass(frozen=True)
class Candidate:
    """A change that may help.

    Args:
        name: its name.
        claim: the claim that explains it.
        because: what the claim says about it.
        change: what is tried; None where nothing can be.
        reason: why nothing is tried.
    """

    name: str
    claim: str
    because: str
    change: Change | None = None
    reason: str = ""


DAMP = (
    "damp",
    "S1",
    "damping keeps the fixed points, and some factor makes one attract exactly if the real part of"
    " every eigenvalue there is below 1.",
)
NORM = (
    "norm after the step",
    "N3",
    "an outer norm bounds the state, and the step contracts where its argument is long enough for"
    " its slope; where it is not, there can be 2-cycles.",
)
RECALL = (
    "add recall",
    "A3",
    "without recall a limit that is continuous in the input does not change with it nearby, if the"
    " fixed points are discrete.",
)
BOTH = (
    "add recall, norm after the step",
    "N3",
    "a normalised step whose recalled part outweighs the rest contracts to one fixed point for each"
    " input: for N(A h + B e) with |B e| = beta R, if beta > 2 |A|.",
)
SCALE = (
    "scale the input of the step",
    "L2",
    "stronger recall makes a post-norm transformer block contract, from a computable strength on;"
    " for other loops it is a trial.",
)
RESTART = (
    "start at 0",
    "A4",
    "a fixed point with rho < 1 attracts a ball of starts, so that the start can decide what is"
    " reached.",
)
NEWTON = (
    "solve",
    "h = f(h, e) by Newton",
    "kept",
    "A4",
    "under its hypotheses almost no start reaches a fixed point with rho > 1; it is there all the"
    " same, and can be solved for.",
)
ANDERSON = ("solve", "h = f(h, e) by Anderson", *NEWTON[2:])
STOP = (
    "fewer loops",
    "",
    "not reached",
    "L4",
    "where the orbit converges geometrically and the answer has a margin, it is constant from a"
    " computable loop on; otherwise nothing is known beyond the loops that were run.",
)
GATE = Candidate(
    "gate the residual (GRU cell)",
    "N8",
    "a gated residual keeps every orbit in a box, and every input then has a fixed point.",
    reason="needs training: the weights of the gates do not exist",
)


@dataclass(frozen=True)
class Facts:
    """What decides which changes are candidates.

    Args:
        unsettled: whether some input does not settle.
        slow: whether some input settles slowly.
        blind: whether the step does not read its input.
        inputless: whether the loop has no input.
        factor: the damping factor to try.
        recall: why nothing can be recalled; empty if something can.
        norm: why the state cannot be normalised; empty if it can.
        scale: why the input cannot be scaled; empty if it can.
        size: the usual root mean square of a state after the first step.
        at_zero: whether every orbit starts at 0 already.
    """

    unsettled: bool
    slow: bool
    blind: bool
    inputless: bool
    factor: float
    recall: str
    norm: str
    scale: str
    size: float
    at_zero: bool = False


def candidates(
    facts: Facts, strengths: Sequence[float], scales: Sequence[float]
) -> list[Candidate]:
    """The changes of the step that are tried or named, in a fixed order.

    Args:
        facts: what was found out about the loop.
        strengths: strengths of the recall that is added.
        scales: factors of the input that the step reads.

    Example:
        >>> from loopstab.numerics.verdicts.candidates import Facts, candidates
        >>> facts = Facts(True, False, False, False, 0.5, "", "", "", 1.0)
        >>> [one.name for one in candidates(facts, (1,), (4,)) if one.change][:2]
        ['damp', 'norm after the step']
    """
    moving = facts.unsettled or facts.slow
    settles = "" if moving else "every input settles without it"
    sizes = [1.0] if abs(facts.size - 1) < 0.1 or not facts.size > 0 else [1.0, facts.size]
    reads = "" if facts.blind else "the step reads its input already"
    recall = "the loop has no input" if facts.inputless else reads or facts.recall
    out = _scan(DAMP, [Change(damp=facts.factor)], settles)
    out += _scan(NORM, [Change(norm=size) for size in sizes], settles or facts.norm)
    out += _scan(RECALL, [Change(recall=tau) for tau in strengths], recall)
    both = [Change(recall=tau, norm=sizes[-1]) for tau in strengths]
    out += _scan(BOTH, both, recall or facts.norm)
    deaf = "the step does not read its input" if facts.blind or facts.inputless else ""
    scaled = [Change(scale=factor) for factor in scales if factor != 1]
    out += _scan(SCALE, scaled, settles or deaf or facts.scale)
    blind = "the input enters through the start alone" if facts.blind else ""
    there = "every orbit starts at 0 already" if facts.at_zero else ""
    out += _scan(RESTART, [Change(restart=True)], settles or blind or there)
    return [*out, GATE] if facts.unsettled else out


def _scan(words: tuple[str, str, str], changes: list[Change], reason: str) -> list[Candidate]:
    if reason or not changes:
        return [Candidate(*words, reason=reason or "no strength was given")]
    return [Candidate(*words, change) for change in changes]
