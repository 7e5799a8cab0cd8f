"""A phase diagram through submitit's local executor: the same samples as without it."""

import numpy as np
import pytest

from loopstab import phase_diagram
from loopstab.numerics.phase import cluster
from loopstab.support.errors import LoopstabError, UsageError

REQUEST = {"x": "beta:1:5:log", "grid": (2, 2), "settings": {"width": 20}}


def test_local_executor(tmp_path):
    pytest.importorskip("submitit")
    found = phase_diagram(
        **REQUEST,
        cache=tmp_path / "samples",
        workforce=cluster(tmp_path / "jobs", executor="local"),
    )
    assert found.measured == 4
    np.testing.assert_array_equal(found.rho, phase_diagram(**REQUEST, jobs=1).rho)
    assert phase_diagram(**REQUEST, cache=tmp_path / "samples").measured == 0


def test_the_reason_of_a_failed_job_is_reported(tmp_path):
    pytest.importorskip("submitit")
    cache = tmp_path / "samples"
    cache.mkdir()

    def lose_the_folder(tasks):
        cache.rmdir()
        return cluster(tmp_path / "jobs", executor="local")(tasks)

    with pytest.raises(LoopstabError, match=r"1 of 1 jobs failed: cannot write"):
        phase_diagram(**REQUEST, cache=cache, workforce=lose_the_folder)


def test_without_folder_slurm_or_submitit(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="needs a folder"):
        phase_diagram(**REQUEST, workforce=cluster(tmp_path, executor="local"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="without --cluster"):
        phase_diagram(**REQUEST, cache=tmp_path / "samples", workforce=cluster(tmp_path / "jobs"))
    monkeypatch.setitem(__import__("sys").modules, "submitit", None)
    with pytest.raises(UsageError, match="pip install"):
        phase_diagram(**REQUEST, cache=tmp_path / "samples", workforce=cluster(tmp_path / "jobs"))
