"""`loopstab crossvalidate --zoo`: requests that are refused, the choice of runs, and the scores."""

import json
from pathlib import Path

import pytest

from loopstab.models.forecast import measured_file
from loopstab.models.forecast.forecast_file import read_forecasts
from loopstab.models.forecast.measured_line import read_measured, write_measured
from loopstab.models.forecast.measured_scores import score
from loopstab.models.zoo import zoo
from loopstab.paper_figures.commands.crossvalidate import _staged

RECORDS = Path(__file__).parents[2] / "paper_figures" / "records"

WRONG = [
    (("internal-post", "--zoo"), "not both"),
    (("--out", "measured.jsonl"), "belong to --zoo"),
    (("--only", "kqk-*"), "belong to --zoo"),
    (("--zoo", "--out", "measured.json"), "lines of JSON"),
    (("--zoo", "--only", "no-such-*"), "no shipped checkpoint"),
    (("--zoo", "--only", "internal-post", "--middle", "nowhere"), "no folder nowhere"),
    (("--zoo", "--data", "sudoku"), "write TASK=FILE"),
    (("--zoo", "--forecasts", "none.jsonl"), "there is no none.jsonl"),
    (("--data", "a", "--data", "b"), "several data files"),
]


@pytest.mark.parametrize(("words", "told"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_wrong_requests(called, tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    errors = called("crossvalidate", *words, status=2)
    assert told in errors
    assert errors.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_stages_of_the_zoo(tmp_path):
    """Seed 0 of the plan cpu also before training; what was trained half-way where it is given."""
    half = tmp_path / "kqk-none-post-s1" / "model.safetensors"
    half.parent.mkdir()
    half.touch()
    jobs, left_out = _staged({}, "kqk-none-post-s*", tmp_path)
    assert [(job.checkpoint, job.stage) for job in jobs] == [
        ("kqk-none-post-s0", "initial"),
        ("kqk-none-post-s0", "end"),
        ("kqk-none-post-s1", "middle"),
        ("kqk-none-post-s1", "end"),
        ("kqk-none-post-s2", "end"),
    ]
    assert not left_out
    jobs, left_out = _staged({}, "*w256*", None)
    assert not jobs
    assert left_out
    everything, left_out = _staged({"sudoku": "s", "chess": "c"}, "*", None)
    assert {job.checkpoint for job in everything} == set(zoo.names())
    assert not left_out


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """The command with shipped lines in the place of measurements."""
    lines = [one for one in read_measured(RECORDS / "measured.jsonl") if one.stage == "end"][:2]

    def instead(jobs, out, **_):
        if out is not None:
            write_measured(out, lines)
        return lines

    monkeypatch.setattr(measured_file, "measure_all", instead)
    return lines


def test_scores_are_printed_for_every_stage(called, measured, tmp_path):
    words = ("--forecasts", RECORDS / "forecasts.jsonl", "--out", tmp_path / "m.jsonl", "--json")
    found = json.loads(called("crossvalidate", "--zoo", *words))
    assert [(one["checkpoint"], one["level"]) for one in found["measured"]] == [
        (one.checkpoint, one.level) for one in measured
    ]
    expected = score(read_forecasts(RECORDS / "forecasts.jsonl"), measured, "end").to_json()
    assert found["scores"] == {"end": json.loads(json.dumps(expected))}
    text = called("crossvalidate", "--zoo", *words[:-1])
    assert "always fixed point" in text
    assert "orbits x outcomes" in text


def test_without_forecasts_nothing_is_scored(called, measured):
    assert json.loads(called("crossvalidate", "--zoo", "--json"))["scores"] == {}


def test_forecasts_that_were_changed_are_refused(called, measured, tmp_path):
    for name in ("forecasts.jsonl", "forecasts.sha256"):
        (tmp_path / name).write_bytes((RECORDS / name).read_bytes())
    with (tmp_path / "forecasts.jsonl").open("a") as file:
        file.write("\n")
    told = called("crossvalidate", "--zoo", "--forecasts", tmp_path / "forecasts.jsonl", status=1)
    assert "does not agree with forecasts.sha256" in told
