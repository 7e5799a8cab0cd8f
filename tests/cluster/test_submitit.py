"""A plan through submitit's local executor: the same folders and results as the grid.

`slurm.sh` runs the same on a real Slurm.
"""

import json

import pytest

from loopstab.models.grid.cluster import Request, submit_grid
from loopstab.models.grid.plan import Plan
from loopstab.models.grid.workers import RUNS
from loopstab.models.training.run_spec import RunSpec
from loopstab.support.errors import UsageError

TINY = {"width": 16, "heads": 2, "batch": 4, "bits": 4, "steps": 4, "polish": 2, "eval_size": 4}


def test_local_executor(tmp_path):
    pytest.importorskip("submitit")
    plan = Plan("two", (RunSpec(**TINY), RunSpec(**TINY, architecture="external/peri")))
    ids = plan.check({})
    broken = tmp_path / RUNS / ids[0] / "state.safetensors"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"no checkpoint")
    report = submit_grid(plan, tmp_path, executor="local", progress=False)
    assert (report.done, report.left, list(report.failed)) == (1, 0, [ids[0]])
    assert "corrupt or truncated" in report.failed[ids[0]]
    broken.unlink()
    assert submit_grid(plan, tmp_path, executor="local", progress=False).done == 2
    assert [
        json.loads(line)["id"] for line in (tmp_path / "results.jsonl").read_text().splitlines()
    ] == ids


def test_without_slurm_or_submitit(tmp_path, monkeypatch):
    plan = Plan("one", (RunSpec(**TINY),))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="loopstab grid run"):
        submit_grid(plan, tmp_path / "out", progress=False)
    monkeypatch.setitem(__import__("sys").modules, "submitit", None)
    with pytest.raises(UsageError, match="pip install"):
        submit_grid(plan, tmp_path / "out", progress=False)
    with pytest.raises(UsageError, match="at_once"):
        Request(at_once=0)
