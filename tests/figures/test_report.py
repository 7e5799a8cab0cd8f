"""The quick report as a whole: every part is there, self-contained, and the numbers on the page are
those of the JSON.
"""

import json
import re
from collections import Counter
from dataclasses import replace
from html import unescape

import pytest

from loopstab.numerics.attack.budget import PROFILES
from loopstab.numerics.attack.runner import attack_all
from loopstab.numerics.suites import find_suites
from loopstab.paper_figures.drawings.gallery import gallery
from loopstab.paper_figures.report_page import measurements, sections, write
from loopstab.paper_figures.report_page.statements import LINK, STATEMENTS
from loopstab.paper_figures.report_page.write import write_report
from loopstab.paper_figures.text.claim_html import claim_link
from loopstab.theory.claims import ledger

CLAIMS = ("A1", "R1", "N1", "N3", "M1")
"""Those that the page checks here; all of them are checked by the tests of the ledger."""
INPUTS = 4
"""Random inputs per checkpoint."""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    out, attacks = tmp_path_factory.mktemp("report"), tmp_path_factory.mktemp("attack")
    few = PROFILES["quick"].limited(examples=10)
    list(attack_all(find_suites(["A1"])[:1], few, out=attacks))
    with pytest.MonkeyPatch.context() as patch:
        for module in (measurements, sections):
            patch.setattr(module, "ledger", lambda: [c for c in ledger() if c.id in CLAIMS])
        patch.setattr(write, "QUICK", replace(measurements.QUICK, inputs=INPUTS))
        return write_report(out, quick=True, attacks=attacks, progress=False), out


def test_page_is_self_contained(report):
    html = (report[1] / "index.html").read_text()
    assert not re.search(r'(?:src|srcset|action|data)="(?!data:)', html)
    assert not re.search(r'<link [^>]*href="(?!data:)|url\((?!#)|@import|<script|<iframe', html)
    assert set(re.findall(r'<a href="(?!#)([^"]*)"', html)) == {LINK}  # opened by the reader
    assert 'name="viewport"' in html
    assert html.count("<img") == len(gallery()) + 5
    assert (report[1] / "index.html").stat().st_size <= 10_000_000


def test_summary_stands_in_the_json_and_on_the_page(report):
    data = json.loads((report[1] / "report.json").read_text())
    html = unescape((report[1] / "index.html").read_text())
    assert len(data["summary"]) == 6
    assert all(line in html for line in data["summary"])
    assert data["summary"] == report[0].lines
    assert {c["id"]: c["verdict"] for c in data["claims"]} == dict.fromkeys(CLAIMS, "proved")
    assert {"seed", "versions", "phase", "crossvalidation", "live_training", "checkpoints"} <= set(
        data
    )


def test_statements_stand_on_the_page_as_in_the_json(report):
    html = unescape((report[1] / "index.html").read_text())
    data = json.loads((report[1] / "report.json").read_text())
    assert [row["name"] for row in data["statements"]] == [s.name for s in STATEMENTS]
    for row in data["statements"]:
        start = html.index(f'<div class="statement" id="{row["name"]}">')
        own = html[start:].partition("</details>")[0]
        texts = (row["quote"], row["because"], row["rule"], row["trained"]["text"])
        assert all(text in own for text in (*texts, row["proof"]["text"], row["attack"]["text"]))
        assert f">{row['verdict']}</b>" in own
        for claim in row["claims"]:
            assert f">{claim}</a>" in own
        # claims that this test leaves out, and those that are not proved, decide nothing
        lacking = set(row["claims"]) - set(CLAIMS)
        assert not lacking or row["verdict"] != "holds with a hypothesis"
    counts = Counter(row["verdict"] for row in data["statements"])
    said = data["summary"][0].lower()
    assert all(f"{verdict}: {n}" in said for verdict, n in counts.items())


def test_every_link_to_a_claim_has_its_section(report):
    html = (report[1] / "index.html").read_text()
    targets = set(re.findall(r' id="(claim-[^"]*)"', html))
    assert {claim_link(claim)[1:] for claim in CLAIMS} == targets


def test_the_sentence_counts_the_mismatches_that_are_listed(report):
    html = unescape((report[1] / "index.html").read_text())
    data = json.loads((report[1] / "report.json").read_text())
    found = data["mismatches"]
    n = len(found)
    assert f"What did not fit: {n} entr{'y' if n == 1 else 'ies'} (" in data["summary"][1]
    assert html.count(data["summary"][1]) == 2
    section = html.partition("<h2>What did not fit</h2>")[2].partition("<h2>")[0]
    assert section.count("<li>") == n
    for m in found:
        assert f"{m['where']}: {m['count']} of {m['asked']} {m['what']}" in section


def test_every_shipped_checkpoint_is_cross_validated(report):
    data = json.loads((report[1] / "report.json").read_text())
    measured = {r["architecture"]: r for r in data["crossvalidation"]}
    assert {"internal/post", "external/post", "internal/peri", "none/post"} <= set(measured)
    assert all(sum(r["outcomes"].values()) == r["inputs"] == INPUTS for r in measured.values())
    assert measured["internal/peri"]["majority"] == "drift"
    assert measured["external/post"]["majority"] == "fixed-point"


def test_certified_counts_stand_in_the_json(report):
    counts = json.loads((report[1] / "report.json").read_text())["certified_counts"]
    assert {(c["size"], c["gain"]) for c in counts} == {
        (d, g) for d in (1, 2) for g in (1.0, 2.0, 4.0, 8.0)
    }
    assert all(
        c["undecided"] == c["index_violations"] == 0
        and sum(c["histogram"].values()) == c["networks"]
        for c in counts
    )


def test_results_of_attacks_stand_on_the_page(report):
    html = (report[1] / "index.html").read_text()
    data = json.loads((report[1] / "report.json").read_text())
    (row,) = data["attacks"]["claims"]
    assert (row["claim"], row["verdict"], row["cases tried"]) == ("A1", "survived", 10)
    cells = '<td data-label="claim">A1</td><td data-label="verdict" class="good">survived</td>'
    assert cells in html
    assert data["attacks"]["line"] == report[0].lines[3]
    for text in (row["cases"], data["attacks"]["cases"], report[0].lines[3], html):
        assert "results.jsonl, not run here" in text
    assert data["attacks"]["judged_again"] == 3
    assert "3 stored counterexamples, those with a hypothesis dropped among them" in html
