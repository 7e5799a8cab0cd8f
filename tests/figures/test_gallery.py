"""The figures that are drawn from shipped data are found in their modules."""

import json
import sys

import pytest
from legible import assert_legible

from loopstab import UsageError
from loopstab.paper_figures import drawings
from loopstab.paper_figures.commands.figures import figures
from loopstab.paper_figures.drawings import gallery as module
from loopstab.paper_figures.drawings.gallery import gallery
from loopstab.paper_figures.drawings.record_files import read_record

TOY = '''
"""A toy figure."""
from loopstab.paper_figures.drawings.gallery import GalleryFigure
from loopstab.paper_figures.drawings.style import new_figure, styled

@styled
def toy_figure():
    """A straight line."""
    figure = new_figure(2)
    figure.add_subplot().plot([0, 1], [0, 1])
    return figure

FIGURE = GalleryFigure(toy_figure, "A toy & its line.", section={section!r}, text={text!r})
'''


@pytest.fixture
def with_toy(tmp_path, monkeypatch):
    """One more module in the room, as a contributor would add it."""

    def add(section, text=""):
        (tmp_path / "toy.py").write_text(TOY.format(section=section, text=text))
        monkeypatch.setattr(module, "__file__", str(tmp_path / "gallery.py"))
        monkeypatch.setattr(drawings, "__path__", [str(tmp_path)])
        monkeypatch.delitem(sys.modules, f"{drawings.__name__}.toy", raising=False)

    yield add
    sys.modules.pop(f"{drawings.__name__}.toy", None)


def test_every_figure_has_a_caption_and_a_section():
    found = gallery()
    assert {"boards", "stable_sets", "zoo_accuracy"} <= set(found)
    assert list(found) == sorted(found)
    for figure in found.values():
        assert figure.caption.endswith(".")
        assert figure.section


@pytest.mark.parametrize("name", gallery())
def test_every_figure_is_legible_at_the_width_of_a_column(name):
    assert_legible(gallery()[name].draw())


def test_the_data_of_every_figure_are_shipped_with_their_commands():
    for figure in gallery().values():
        assert all(read_record(name) for name in figure.data)
        assert figure.commands or not figure.data


def test_a_new_module_is_drawn_by_the_command(with_toy, tmp_path, capsys):
    with_toy("A toy section")
    assert figures(out=tmp_path / "out", json_=True) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["name"], row["caption"]) == ("toy", "A toy & its line.")
    assert (row["data"], row["commands"]) == ([], [])
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        ".lock",
        "toy.png",
        "toy.svg",
        "toy.pdf",
    }


def test_unknown_names_are_wrong_requests(tmp_path):
    with pytest.raises(UsageError, match="no figure 'toy': use one of accuracy_grid"):
        figures(("toy",), out=tmp_path)
    assert not list(tmp_path.iterdir())
