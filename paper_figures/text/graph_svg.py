"""The graph of the claims as a picture that is drawn without a script, with a table that says the
same.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from itertools import groupby

from .claim_graph import FORMULA, KINDS, MENTION, SHARED, WORDS, ClaimGraph, Edge, Node

WIDTH, HEIGHT, GAP, ROW, MARGIN = 62, 34, 74, 52, 26
"""sizes of a box and the distances between boxes, in pixels"""
LEGEND = 34
"""height of the legend"""
SHADES = ((0.6, "#eff3ff"), (0.7, "#bdd7e7"), (0.8, "#6baed6"), (0.9, "#3182bd"), (1.01, "#08519c"))
"""upper ends of the share of steps that a machine checks, and the colours for it"""
LIGHT = 3
"""number of shades on which the text is dark"""
DASHES = {FORMULA: "", WORDS: "", MENTION: "6 4", SHARED: "1.5 4"}
BORDERS = {"proved": "#57606a", "undecided": "#c05a00", "refuted": "#a40e26"}
MEANING = (
    "Each box is a claim with the share of its steps that a machine checks. An arrow says that a"
    " claim uses another: a step is built from a formula of the other claim, or a hypothesis or a"
    " step names it; it is dashed where only the statement names it. A dotted line joins two claims"
    " with steps whose content one function builds. Arrows are read off the ledger and say what to"
    " read first; the kernel takes no claim from another, each has all steps of its own proof. An"
    " orange border marks a claim that is undecided."
)
"""what boxes, colours and arrows mean"""

Position = dict[str, tuple[float, float]]


def graph_html(graph: ClaimGraph, link: Callable[[str], str]) -> str:
    """The picture, what it means, and the table, as one line of HTML.

    Args:
        graph: the graph.
        link: the address of a claim, by its id.
    """
    return (
        f'<figure class="claim-graph"><div class="scroll">{_svg(graph, link)}</div>'
        f"<figcaption>{escape(MEANING)}</figcaption></figure>"
        f"<details><summary>The graph as a table</summary>{_table(graph, link)}</details>"
    )


def _svg(graph: ClaimGraph, link: Callable[[str], str]) -> str:
    places = _places(graph)
    width = max(x for x, _ in places.values()) + WIDTH + MARGIN + GAP // 2
    height = max(y for _, y in places.values()) + HEIGHT + MARGIN + LEGEND
    drawn = "".join(_edge(edge, places) for edge in graph.edges)
    boxes = "".join(_box(node, *places[node.id], link(node.id)) for node in graph.nodes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="Which claim uses which; the table below says the same">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="currentColor"/></marker>'
        f"</defs>{drawn}{boxes}{_legend(height - LEGEND)}</svg>"
    )


def _places(graph: ClaimGraph) -> Position:
    """The corner of each box: a column for each letter, in the order of the ledger."""
    places = {}
    for column, (_, group) in enumerate(groupby(graph.nodes, lambda node: node.id[0])):
        for row, node in enumerate(group):
            places[node.id] = (MARGIN + column * (WIDTH + GAP), MARGIN + row * ROW)
    return places


def _box(node: Node, x: float, y: float, link: str) -> str:
    shade = next(number for number, (end, _) in enumerate(SHADES) if node.share < end)
    ink = "#1b1f24" if shade < LIGHT else "#fff"
    border, wide = BORDERS[node.verdict], 1 if node.verdict == "proved" else 3
    title = (
        f"{node.id} {node.title}: {node.verdict}; a machine checks {node.checked} of {node.steps}"
        " steps"
    )
    return (
        f'<a href="{escape(link)}"><title>{escape(title)}</title><rect x="{x}" y="{y}"'
        f' width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{SHADES[shade][1]}" stroke="{border}"'
        f' stroke-width="{wide}"/><text x="{x + WIDTH / 2}" y="{y + 15}" text-anchor="middle"'
        f' font-size="13" font-weight="600" fill="{ink}">{escape(node.id)}</text>'
        f'<text x="{x + WIDTH / 2}" y="{y + 28}" text-anchor="middle" font-size="11"'
        f' fill="{ink}">{node.share:.0%}</text></a>'
    )


def _edge(edge: Edge, places: Position) -> str:
    (x, y), (u, v) = places[edge.source], places[edge.target]
    arrow = edge.kind != SHARED
    # edges leave a box above or below its middle, so that those in opposite directions differ
    y, v = y + HEIGHT / 2 + (6 if v > y else -6), v + HEIGHT / 2 + (6 if y > v else -6)
    if x == u:  # arrows bulge to the right of a column, dotted lines to the left
        side = WIDTH if arrow else 0
        bulge = (14 + abs(v - y) / 9) * (1 if arrow else -1)
        path = f"M{x + side} {y}C{x + side + bulge} {y} {u + side + bulge} {v} {u + side} {v}"
    else:
        start, end = (x + WIDTH, u) if u > x else (x, u + WIDTH)
        middle = (end - start) / 2
        path = f"M{start} {y}C{start + middle} {y} {end - middle} {v} {end} {v}"
    dashes = f' stroke-dasharray="{DASHES[edge.kind]}"' if DASHES[edge.kind] else ""
    tip = ' marker-end="url(#tip)"' if arrow else ""
    return (
        f'<path d="{path}" fill="none" stroke="currentColor" stroke-width="1.3"'
        f' opacity="{0.8 if arrow else 0.6}"{dashes}{tip}/>'
    )


def _legend(y: float) -> str:
    parts, low = [], 0.0
    for number, (end, colour) in enumerate(SHADES):
        x = MARGIN + number * 126
        text = f"{low:.0%} to {min(end, 1):.0%}" if number else f"below {end:.0%}"
        parts.append(
            f'<rect x="{x}" y="{y}" width="16" height="12" fill="{colour}" stroke="#57606a"/>'
            f'<text x="{x + 22}" y="{y + 10}" font-size="11" fill="currentColor">{text}</text>'
        )
        low = end
    return "".join(parts)


def _table(graph: ClaimGraph, link: Callable[[str], str]) -> str:
    head = "".join(
        f"<th>{name}</th>" for name in ("claim", "machine-checked", "uses", "is used by")
    )
    rows = "".join(
        f'<tr><td><a href="{escape(link(node.id))}">{escape(node.id)}</a> {escape(node.title)}</td>'
        f"<td>{node.checked} of {node.steps} steps ({node.share:.0%}); {node.verdict}</td>"
        f"<td>{_uses(node, graph)}</td><td>{_users(node, graph)}</td></tr>"
        for node in graph.nodes
    )
    kinds = "".join(f"<li><b>{kind}</b>: {escape(text)}</li>" for kind, text in KINDS.items())
    return (
        f'<ul>{kinds}</ul><div class="scroll"><table class="docutils">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _uses(node: Node, graph: ClaimGraph) -> str:
    parts = []
    for edge in graph.edges:
        if node.id in (edge.source, edge.target) and edge.kind == SHARED:
            other = edge.target if node.id == edge.source else edge.source
            number = len(edge.places)
            steps = f"{number} step{'' if number == 1 else 's'}"
            parts.append(f"shares {steps} with {escape(other)}")
        elif node.id == edge.source:
            names = f" in {', '.join(edge.places)}" if edge.places else ""
            parts.append(f"<b>{escape(edge.target)}</b> ({edge.kind}{escape(names)})")
    return "; ".join(parts) or "no other claim"


def _users(node: Node, graph: ClaimGraph) -> str:
    found = [e.source for e in graph.edges if e.target == node.id and e.kind != SHARED]
    return escape(", ".join(found)) or "none"
