"""The quick report as a whole: every part is there, self-contained, and the numbers on the page are
those of the JSON.
"""

import json
import re
from dataclasses import replace

import pytest

from loopstab.numerics.attack.budget import PROFILES
from loopstab.numerics.attack.runner import attack_all
from loopstab.numerics.suites import find_suites
from loopstab.paper_figures.report_page import measurements, sections, write
from loopstab.paper_figures.report_page.write import write_report
from loopstab.theory.claims import ledger

CLAIMS = ("A1", "R1", "R4", "N1", "N3", "M1", "N6")
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
    assert not re.search(r'(?:src|href)="(?!data:|#)', html)
    assert "<script" not in html
    assert 'name="viewport"' in html
    assert html.count("<img") == 9


def test_summary_stands_in_the_json_and_on_the_page(report):
    data = json.loads((report[1] / "report.json").read_text())
    assert len(data["summary"]) == 6
    assert data["summary"] == report[0].lines
    assert {c["id"]: c["verdict"] for c in data["claims"]} == dict.fromkeys(CLAIMS, "proved")
    assert {"seed", "versions", "phase", "crossvalidation", "live_training", "checkpoints"} <= set(
        data
    )


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
    assert '<td>A1</td><td class="good">survived</td>' in html
    assert data["attacks"]["line"] == report[0].lines[-1]
    for text in (row["cases"], data["attacks"]["cases"], report[0].lines[-1], html):
        assert "results.jsonl, not run here" in text
    assert data["attacks"]["judged_again"] == 3
    assert "3 stored counterexamples, those with a hypothesis dropped among them" in html
