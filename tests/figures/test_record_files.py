"""Data files are read as what they are; a damaged one is named."""

import io

import numpy as np
import pytest

from loopstab import LoopstabError
from loopstab.paper_figures.drawings.record_files import read_record


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_json_lines_and_arrays(tmp_path):
    (tmp_path / "a.json").write_text('{"n": 1}')
    (tmp_path / "a.jsonl").write_text('{"n": 1}\n\n{"n": 2}\n')
    (tmp_path / "a.npz").write_bytes(npz(x=np.arange(3)))
    assert read_record("a.json", tmp_path) == {"n": 1}
    assert read_record("a.jsonl", tmp_path) == [{"n": 1}, {"n": 2}]
    np.testing.assert_array_equal(read_record("a.npz", tmp_path)["x"], [0, 1, 2])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b"{"),
        ("a.json", b'{"n": NaN}'),
        ("a.jsonl", b'{"n": 1}\n{"n": \n'),
        ("a.npz", b"no archive"),
        ("a.npz", b""),
        ("a.npz", npz(x=np.arange(3))[:-30]),
        ("a.npz", npz(x=np.array([{}], dtype=object))),
        ("b.json", None),
    ],
)
def test_damaged_files_are_named(name, content, tmp_path):
    """An array of Python objects is a pickle, which is never loaded."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(LoopstabError, match=rf"cannot read the data file .*{name} .*install"):
        read_record(name, tmp_path)
