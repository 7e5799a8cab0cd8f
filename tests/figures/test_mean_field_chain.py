"""The figure of the mean-field law: every line is that of a network, and the caption is true."""

from __future__ import annotations

from statistics import median

import pytest

from loopstab.paper_figures.drawings.mean_field_chain import DATA, TASKS, chains, mean_field_figure
from loopstab.paper_figures.drawings.record_files import read_record
from loopstab.theory.architecture import Recall


@pytest.fixture(scope="module")
def data():
    return read_record(DATA)


def test_lines_are_the_recorded_radii(data):
    figure = mean_field_figure(data)
    for axis, task in zip(figure.axes, TASKS, strict=True):
        drawn = [(line.get_gid(), list(line.get_ydata())) for line in axis.lines if line.get_gid()]
        expected = [
            (f"{recall} {dash}", radii)
            for stage, dash in (("initial", ":"), ("end", "-"))
            for recall, radii in chains(data, task, stage)
        ]
        assert drawn == expected
        records = [r for r in data["records"] if r["task"] == task and r["stage"] == "end"]
        assert len(chains(data, task, "end")) == sum(bool(r["points"]) for r in records)
        first = next(r for r in records if r["points"])
        assert chains(data, task, "end")[0][1][0] == median(p["rho"] for p in first["points"])


def test_the_caption_and_the_page_are_true(data):
    found = {
        (task, stage): chains(data, task, stage) for task in TASKS for stage in ("initial", "end")
    }
    assert {len(record["points"]) for record in data["records"]} <= {0, 1, 2}
    assert data["settings"]["inputs"] == 2
    assert all(law < rho for lines in found.values() for _, (rho, _, _, law) in lines)
    aligned = [
        (rho - rotated) / (rho - law) for _, (rho, rotated, _, law) in found["prefix-sums", "end"]
    ]
    assert median(aligned) > 0.7
    sudoku = found["sudoku-4x4", "end"]
    early = [one for task in TASKS for one in found[task, "initial"]]
    for recall, (rho, _, plain, law) in [*sudoku, *early]:
        share = (plain - law) / (rho - law)
        if recall is Recall.EXTERNAL:
            assert 0.3 < share < 0.7
        else:
            assert share > 0.85
    points = [(record, point) for record in data["records"] for point in record["points"]]
    assert all(point["stretch"] < point["law_stretch"] for _, point in points)
    assert all(point["coupling"] < 0.5 for _, point in points)
    radii = [
        point["radius"]
        for record, point in points
        if (record["task"], record["stage"]) == ("prefix-sums", "end")
    ]
    assert min(radii) == pytest.approx(1.6, abs=0.05)
    assert max(radii) == pytest.approx(5, abs=0.05)
