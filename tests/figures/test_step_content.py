"""What a step checked, in every medium, and the graph of the claims."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from loopstab import check, ledger
from loopstab.paper_figures.text.appendix import appendix
from loopstab.paper_figures.text.claim_graph import (
    FORMULA,
    MENTION,
    SHARED,
    WORDS,
    ClaimGraph,
    Edge,
    Node,
    claim_graph,
)
from loopstab.paper_figures.text.claim_html import claim_html
from loopstab.paper_figures.text.claim_words import summary
from loopstab.paper_figures.text.graph_svg import graph_html
from loopstab.paper_figures.text.ledger_listing import print_claim
from loopstab.paper_figures.text.step_content import latex_items, text_lines, totals
from loopstab.paper_figures.text.step_html import html_details
from loopstab.theory.kernel.proof import EVALUATED, REDUCED

CHOSEN = ("A3", "N1", "N3", "M1", "M5")


def item(kind, checked, latex="x < y", text="x < y"):
    return {"kind": kind, "text": text, "latex": latex, "checked": checked}


def claim(name):
    return next(claim for claim in ledger() if claim.id == name)


@pytest.fixture(scope="module")
def reports():
    return [check(claim(name)) for name in CHOSEN]


def test_every_check_is_printed_in_every_medium(reports, capsys):
    tex = appendix([report.to_json() for report in reports])
    for report in reports:
        page = claim_html(report.to_json())
        print_claim(report)
        out = "".join(capsys.readouterr().out.split())
        for step in report.to_json()["steps"]:
            assert html_details(step) in page
            for line in text_lines(step):
                assert "".join(line.split()) in out
            for line in latex_items(step):
                assert line in tex
            shown = [i for i in step["content"] if i["kind"] in ("equation", "sentence", "bound")]
            assert html_details(step).count('<div class="formula">') == len(shown)
            assert bool(shown) == step["machine_checked"]


def test_formulas_are_well_formed(reports):
    for report in reports:
        html = claim_html(report.to_json()).replace("&nbsp;", " ").replace("<br>", "<br/>")
        ElementTree.fromstring(html)


TOTALS = [
    ([], ""),
    ([item("equation", REDUCED)], "1 equation"),
    ([item("equation", EVALUATED)] * 2, "0 equations (and 2 evaluated when built)"),
    (
        [item("sentence", "z3 and cvc5"), item("sentence", "z3")],
        "2 sentences (1 by z3 and cvc5, 1 by z3 alone)",
    ),
    ([item("bound", "a ball of 160 bits", "")], "1 bound"),
    ([item("theorem", ""), item("hypothesis", "by x")], ""),
]


@pytest.mark.parametrize(("content", "words"), TOTALS)
def test_totals(content, words):
    assert totals([{"content": content}]) == words


def test_a_formula_that_cannot_be_drawn_is_printed_as_text():
    step = {"content": [item("equation", REDUCED, r"\dots = y", "a < b")]}
    assert "<code>a &lt; b</code>" in html_details(step)
    assert "a < b" in latex_items(step)[0]
    unknown = {"content": [item("equation", REDUCED, r"\unheardof", "a < b")]}
    assert "<code>a &lt; b</code>" in html_details(unknown)


def test_the_summary_names_what_is_not_proved(reports):
    data = [report.to_json() for report in reports]
    assert "5 claims, 5 of them proved." in summary(data)
    data[0]["verdict"] = "undecided"
    assert "4 of them proved; A3 is undecided." in summary(data)


# the graph


def edges(*claims):
    reports = [check(claim).to_json() for claim in claims]
    return {(e.source, e.target, e.kind): e.places for e in claim_graph(claims, reports).edges}


def test_edges_are_read_off_the_claims():
    m1, n1, n3 = claim("M1"), claim("N1"), claim("N3")
    assert ("N3", "N1", FORMULA) in edges(n1, n3)
    first, *others = m1.assumptions
    named = replace(first, statement=f"{first.statement}, as in N1")
    assert edges(n1, replace(m1, assumptions=(named, *others))) == {
        ("M1", "N1", WORDS): (first.name,)
    }
    said = replace(m1, statement=f"{m1.statement} See N1.")
    assert edges(n1, said) == {("M1", "N1", MENTION): ()}
    assert not edges(n1, replace(m1, notes=("N1 is another claim",)))
    assert {kind for _, _, kind in edges(m1, replace(m1, id="M11"))} >= {SHARED}


def test_the_picture_and_the_table_show_every_claim_and_edge(reports):
    data = [report.to_json() for report in reports]
    graph = claim_graph([report.claim for report in reports], data)
    html = graph_html(graph, lambda name: f"#{name}")
    picture, _, table = html.partition("</figure>")
    assert "<script" not in html
    arrows = [edge for edge in graph.edges if edge.kind != SHARED]
    assert picture.count('marker-end="url(#tip)"') == len(arrows)
    for node in graph.nodes:
        assert picture.count(f'href="#{node.id}"') == table.count(f'href="#{node.id}"') == 1
        assert f"{node.checked} of {node.steps} steps" in table
    for edge in arrows:
        assert f"<b>{edge.target}</b> ({edge.kind}" in table


def test_shares_have_their_shades():
    nodes = tuple(Node(f"A{n}", "t", "proved", n, 10) for n in range(11))
    html = graph_html(ClaimGraph(nodes, (Edge("A0", "A1", WORDS, ("s",)),)), str)
    for node in nodes:
        assert f"{node.share:.0%}</text>" in html
