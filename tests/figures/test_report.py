"""The quick report as a whole: every part is there, self-contained, and the numbers on the page are those of the JSON."""

import json
import re

import pytest

from paper_figures.report import write_report


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    return write_report(out, quick=True, progress=False), out


def test_page_is_self_contained(report):
    html = (report[1] / "index.html").read_text()
    assert not re.search(r'(?:src|href)="(?!data:)', html)
    assert "<script" not in html
    assert 'name="viewport"' in html
    assert html.count("<img") == 6


def test_summary_stands_in_the_json_and_on_the_page(report):
    data = json.loads((report[1] / "report.json").read_text())
    assert len(data["summary"]) == 5
    assert data["summary"] == report[0].lines
    assert {c["id"] for c in data["claims"]} >= {"A1", "R1", "R4", "N1", "N3", "M1", "N6"}
    assert {"seed", "versions", "phase", "crossvalidation", "live_training", "checkpoints"} <= set(data)


def test_every_shipped_checkpoint_is_cross_validated(report):
    data = json.loads((report[1] / "report.json").read_text())
    measured = {r["architecture"]: r for r in data["crossvalidation"]}
    assert {"internal/post", "external/post", "internal/peri", "none/post"} <= set(measured)
    assert all(sum(r["outcomes"].values()) == r["inputs"] for r in measured.values())
    assert measured["internal/peri"]["majority"] == "drift"
    assert measured["external/post"]["majority"] == "fixed-point"
