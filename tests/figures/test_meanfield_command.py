"""The command meanfield: table, JSON, a file that is continued, and other settings refused."""

from __future__ import annotations

import json

import pytest

from loopstab.models.measure.mean_field_record import read_records
from loopstab.paper_figures.commands.meanfield import meanfield
from loopstab.support.errors import UsageError

NAME = "prefix-sums-16-internal-post-s1"


def test_records_are_printed_written_and_taken_from_the_file(capsys, tmp_path):
    out = tmp_path / "records.json"
    # an orbit of two iterations has not settled, so no Jacobian is measured
    assert meanfield((NAME,), inputs=1, loops=2, out=out, json_=True) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["checkpoint"], record["settled"], record["points"]) == (NAME, 0, [])
    before = out.read_bytes()
    assert meanfield((NAME,), inputs=1, loops=2, out=out) == 0
    assert "0/1" in capsys.readouterr().out  # settled of inputs
    assert out.read_bytes() == before
    assert f"loopstab meanfield {NAME} --inputs 1 --loops 2 --seed 0" in before.decode()
    settings, records = read_records(out)
    assert settings == {"inputs": 1, "loops": 2, "seed": 0}
    assert [r.stage for r in records] == ["end"]
    with pytest.raises(UsageError, match="other settings"):
        meanfield((NAME,), inputs=2, loops=2, out=out)


def test_the_beginning_of_a_run_is_measured_too(capsys):
    name = NAME.replace("s1", "s0")
    assert meanfield((name,), inputs=1, loops=2, initial=True, json_=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert [r["stage"] for r in found] == ["end", "initial"]


def test_a_task_with_a_data_file_is_refused(called):
    assert "chess-none-post-s0 needs a data file" in called(
        "meanfield", "chess-none-post-s0", status=2
    )
