"""The figure of the mean-field law: every line is that of a network, and the caption is true."""

from __future__ import annotations

from statistics import median

import pytest

from loopstab.paper_figures.drawings.mean_field_chain import DATA, TASKS, chains, mean_field_figure
from loopstab.paper_figures.drawings.record_files import read_record


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


def shares(data, task: str) -> list[tuple[float, float]]:
    """For each network the steps from the loop to its rotation, and from there to the law."""
    return [
        (rho - rotated, rotated - law) for _, (rho, rotated, _, law) in chains(data, task, "end")
    ]


def test_the_caption_is_true(data):
    sums, sudoku = (shares(data, task) for task in TASKS)
    assert all(law < 1.05 * rho for t in TASKS for _, (rho, _, _, law) in chains(data, t, "end"))
    assert median(first / (first + second) for first, second in sums) > 0.7
    assert median(second / (first + second) for first, second in sudoku) > 0.7
    stretches = [
        (point["stretch"], point["law_stretch"])
        for record in data["records"]
        if record["task"] == "sudoku-4x4" and record["stage"] == "end"
        for point in record["points"]
    ]
    assert all(measured < law for measured, law in stretches)
