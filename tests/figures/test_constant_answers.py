"""The figure of proved answers: t_0 against the last change, and what is shipped."""

from legible import assert_legible

from loopstab.paper_figures.drawings.constant_answers import DATA, constant_answers_figure
from loopstab.paper_figures.drawings.record_files import read_record


def test_points_are_the_certificates():
    row = {"checkpoint": "a", "architecture": "none/post", "last_change": 7, "settled": 9}
    rows = [{**row, "entered": 50}, {**row, "checkpoint": "b", "last_change": 3, "entered": 20}]
    figure = constant_answers_figure(rows)
    assert_legible(figure)
    (axis,) = figure.axes
    points = {p.get_gid(): p.get_xydata().tolist() for p in axis.lines if p.get_gid()}
    assert points == {"a": [[7, 9]], "b": [[3, 9]]}
    assert_legible(constant_answers_figure([]))


def test_no_shipped_certificate_is_refuted_by_its_float_orbit():
    rows = read_record(DATA)
    assert rows
    for row in rows:
        assert row["last_change"] <= row["settled"] <= row["entered"]
        assert row["command"].startswith("python benchmarks/certificates.py")
