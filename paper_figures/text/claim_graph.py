"""Which claim uses which, read off the ledger itself, and the share of each that is checked."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...theory.formulas import formula
from ...theory.kernel.claim import Claim

FORMULA, WORDS, MENTION, SHARED = "formula", "words", "mention", "shared"
KINDS = {
    FORMULA: "a step is built from a formula that belongs to the other claim",
    WORDS: "a hypothesis or a step names the other claim",
    MENTION: "only the statement names the other claim",
    SHARED: "the two claims have steps whose content one function builds",
}
"""what an edge of each kind means; where several hold, the first is drawn"""


@dataclass(frozen=True)
class Edge:
    """That a claim refers to another one.

    Args:
        source: id of the claim that refers.
        target: id of the claim that is referred to; for `shared` the later one in the ledger.
        kind: a key of `KINDS`.
        places: names of the steps and hypotheses of the source that refer to the target.
    """

    source: str
    target: str
    kind: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class Node:
    """A claim in the graph.

    Args:
        id: its id.
        title: its title.
        verdict: proved, refuted or undecided.
        checked: the number of steps that a machine checks.
        steps: the number of steps.
    """

    id: str
    title: str
    verdict: str
    checked: int
    steps: int

    @property
    def share(self) -> float:
        """The share of the steps that a machine checks."""
        return self.checked / self.steps


@dataclass(frozen=True)
class ClaimGraph:
    """The claims, and how they refer to each other.

    Args:
        nodes: the claims, in the order of the ledger.
        edges: at most one of the directed kinds and one `shared` for each pair.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def claim_graph(claims: Sequence[Claim], reports: Sequence[Mapping[str, Any]]) -> ClaimGraph:
    """The graph of checked claims.

    Args:
        claims: the claims.
        reports: their checks as JSON objects, in the same order.
    """
    nodes = tuple(
        Node(
            report["id"],
            report["title"],
            report["verdict"],
            sum(step["machine_checked"] for step in report["steps"]),
            len(report["steps"]),
        )
        for report in reports
    )
    return ClaimGraph(nodes, tuple(_directed(claims)) + tuple(_shared(claims)))


def _directed(claims: Sequence[Claim]) -> Iterator[Edge]:
    ids = [claim.id for claim in claims]
    longest_first = sorted(ids, key=len, reverse=True)
    names = re.compile(rf"(?<![\w'])(?:{'|'.join(map(re.escape, longest_first))})(?![\w'])")
    for claim in claims:
        found: dict[str, dict[str, list[str]]] = {FORMULA: {}, WORDS: {}, MENTION: {}}
        for step in claim.steps:
            for owner in _owners(step.build):
                found[FORMULA].setdefault(owner, []).append(step.name)
        for part in (*claim.assumptions, *claim.steps):
            for other in names.findall(part.statement):
                found[WORDS].setdefault(other, []).append(part.name)
        for other in names.findall(claim.statement):
            found[MENTION].setdefault(other, [])
        for other in ids:
            kinds = [kind for kind, targets in found.items() if other in targets]
            if kinds and other != claim.id:
                places = [name for kind in kinds for name in found[kind][other]]
                yield Edge(claim.id, other, kinds[0], tuple(dict.fromkeys(places)))


def _function(build: Callable[..., Any] | None) -> Any:
    """The function behind the content of a step; None for a step without content."""
    while isinstance(build, partial):
        build = build.func
    return build


def _owners(build: Callable[..., Any] | None) -> set[str]:
    """The claims to which the formulas belong that the function of a step names."""
    function = _function(build)
    if function is None:
        return set()
    named = re.findall(r'\bformula\(\s*"(\w+)"', inspect.getsource(function))
    return {formula(name).claim for name in named}


def _shared(claims: Sequence[Claim]) -> Iterator[Edge]:
    built: dict[str, dict[Any, str]] = {}
    for claim in claims:
        functions = {_function(step.build): step.name for step in claim.steps if step.build}
        built[claim.id] = {(f.__module__, f.__qualname__): name for f, name in functions.items()}
    for number, first in enumerate(claims):
        for second in claims[number + 1 :]:
            common = [
                name
                for function, name in built[first.id].items()
                if function in built[second.id] and "<lambda>" not in function[1]
            ]
            if common:
                yield Edge(first.id, second.id, SHARED, tuple(common))
