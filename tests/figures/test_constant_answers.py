"""The figure of proved answers: t_0 against the last change, and what is shipped."""

import numpy as np
import pytest
from legible import assert_legible
from matplotlib.backends.backend_agg import FigureCanvasAgg

from loopstab.paper_figures.drawings.constant_answers import (
    APART,
    DATA,
    FIGURE,
    constant_answers_figure,
)
from loopstab.paper_figures.drawings.record_files import read_record


def test_points_are_the_certificates():
    row = {"checkpoint": "a", "architecture": "none/post", "last_change": 7, "settled": 9}
    rows = [
        {**row, "entered": 50},
        {**row, "checkpoint": "b", "last_change": 3, "entered": 20},
        {**row, "checkpoint": "c", "settled": 7, "entered": 60},
    ]
    figure = constant_answers_figure(rows)
    assert_legible(figure)
    (axis,) = figure.axes
    points = {p.get_gid(): p.get_xydata().tolist() for p in axis.lines if p.get_gid()}
    assert points == {"a": [[7, 9]], "b": [[3, 9]], "c": [[7, 7]]}
    FigureCanvasAgg(figure).draw()
    marks = {p.get_gid(): p for p in axis.lines if p.get_gid()}
    where = {name: p.get_transform().transform(p.get_xydata())[0] for name, p in marks.items()}
    assert (where["c"] - where["a"])[0] == pytest.approx(APART * figure.dpi / 72)
    np.testing.assert_allclose(where["b"], axis.transData.transform((3, 9)))
    assert_legible(constant_answers_figure([]))


def test_no_shipped_certificate_is_refuted_by_its_float_orbit():
    rows = read_record(DATA)
    same = sum(row["settled"] == row["last_change"] for row in rows)
    assert same == len(rows)
    assert f"In all {same} the two are equal" in FIGURE.caption
    assert all(row["entered"] > 5 * row["settled"] for row in rows)
    for row in rows:
        assert row["last_change"] <= row["settled"] <= row["entered"]
        assert row["command"].startswith("python benchmarks/certificates.py")
