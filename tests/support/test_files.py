"""Files are written whole or not at all, and requests that cannot work are refused."""

import json
import os

import pytest

from loopstab.support.errors import LoopstabError, UsageError, check_seed_and_jobs
from loopstab.support.files import output_folder, write_atomic, write_json


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path):
    target = tmp_path / "result.json"
    target.write_text("old")
    assert write_atomic(target, "new\u03c1") == target
    assert target.read_bytes() == "new\u03c1".encode()
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch, step):
    target = tmp_path / "result.json"
    target.write_text("old")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    with pytest.raises(LoopstabError, match=r"result.json: No space left .* untouched"):
        write_atomic(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/full", path)])
def test_a_device_a_pipe_and_a_folder_are_not_replaced(tmp_path, make):
    target = tmp_path / "result.json"
    make(target)
    before = os.lstat(target)
    with pytest.raises(LoopstabError, match="no regular file; choose another"):
        write_atomic(target, "new")
    assert os.path.samestat(before, os.lstat(target))
    assert list(tmp_path.iterdir()) == [target]


def test_json_has_no_nan(tmp_path):
    path = write_json(tmp_path / "a.json", {"x": [1, 2.5]})
    assert json.loads(path.read_text()) == {"x": [1, 2.5]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"x": float("nan")})
    assert json.loads(path.read_text()) == {"x": [1, 2.5]}


def test_an_output_folder_is_created_or_refused(tmp_path):
    assert output_folder(tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UsageError, match="choose another --out"):
        output_folder(tmp_path / "file")


@pytest.mark.parametrize(("seed", "jobs"), [(-1, 1), (0, 0), (0, -2)])
def test_seeds_and_jobs_that_libraries_refuse(seed, jobs):
    with pytest.raises(UsageError, match=rf"not {seed} and {jobs}"):
        check_seed_and_jobs(seed, jobs)


@pytest.mark.parametrize(("seed", "jobs"), [(0, 1), (2**40, -1)])
def test_seeds_and_jobs_that_work(seed, jobs):
    check_seed_and_jobs(seed, jobs)
