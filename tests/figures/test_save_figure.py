import errno
import os
from xml.etree import ElementTree

import matplotlib as mpl
import pytest

from loopstab import LoopstabError, UsageError
from loopstab.paper_figures.drawings.residual_decay import residual_figure
from loopstab.paper_figures.drawings.save import DPI, save_figure
from loopstab.paper_figures.drawings.style import WIDTH


def test_writes_png_svg_and_pdf_and_equal_figures_give_equal_bytes(tmp_path):
    first = save_figure(residual_figure([]), tmp_path / "deep" / "a")
    second = save_figure(residual_figure([]), tmp_path / "b")
    assert [p.name for p in first] == ["a.png", "a.svg", "a.pdf"]
    for p, q in zip(first, second, strict=True):
        assert p.read_bytes() == q.read_bytes()
    assert first[2].read_bytes().startswith(b"%PDF")
    assert ElementTree.parse(first[1]).getroot().tag.endswith("svg")
    picture = mpl.image.imread(first[0])
    assert picture.shape[1] == round(WIDTH * DPI)
    assert picture[..., :3].min() < 0.5 < picture[..., :3].max()


def test_dots_in_the_name_are_kept(tmp_path):
    assert [p.name for p in save_figure(residual_figure([]), tmp_path / "a.5")] == [
        "a.5.png",
        "a.5.svg",
        "a.5.pdf",
    ]


def test_only_the_kinds_that_are_asked_for(tmp_path):
    assert save_figure(residual_figure([]), tmp_path / "a", ["svg"]) == [tmp_path / "a.svg"]
    assert [p.name for p in tmp_path.iterdir()] == ["a.svg"]


def test_a_file_where_the_folder_should_be_is_a_usage_error(tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(UsageError, match="cannot write to"):
        save_figure(residual_figure([]), tmp_path / "file" / "a")
    assert (tmp_path / "file").read_text() == "kept"


def test_no_file_name_is_a_usage_error():
    with pytest.raises(UsageError, match="cannot name figure files"):
        save_figure(residual_figure([]), "/")


def test_a_full_disk_leaves_the_earlier_picture(tmp_path, monkeypatch):
    paths = save_figure(residual_figure([]), tmp_path / "a")
    before = [path.read_bytes() for path in paths]

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LoopstabError, match="No space left on device"):
        save_figure(residual_figure([]), tmp_path / "a")
    assert [path.read_bytes() for path in paths] == before
    assert sorted(tmp_path.iterdir()) == sorted(paths)
