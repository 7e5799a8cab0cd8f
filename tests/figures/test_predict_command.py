"""The command `predict`: what it refuses, what it keeps, and what it writes."""

import dataclasses
import json

import pytest

from loopstab.models.forecast import near_point
from loopstab.models.forecast.band import Band
from loopstab.models.forecast.forecast import Forecast, Sensitivity90
from loopstab.models.forecast.forecast_file import read_forecasts, write_forecasts
from loopstab.models.zoo import zoo
from loopstab.paper_figures.cli import main
from loopstab.paper_figures.commands import predict as command

NAME = "prefix-sums-16-internal-post-s1"


def forecast(name=NAME, level="16", stage="end"):
    return Forecast(
        checkpoint=name,
        stage=stage,
        level=level,
        task="prefix-sums",
        architecture="internal/post",
        seed=1,
        weights=zoo.load(name).checksum(),
        outcomes={"fixed-point": 0.75, "cycle": 0.25},
        excluded=(),
        rate=Band(0.5, 0.4, 0.6),
        loops=None,
        sensitivity=Sensitivity90("unknown"),
        truncation_rate=None,
        constant_after=None,
        kept=0.5,
        longer=0.5,
        fixed_point_by_cosine=1.0,
        sampled={"fixed-point": 4},
        reason="",
        claims=("N2",),
        sources={"seed": 0, "loops": 64, "inputs": 8},
        command="loopstab predict",
    )


@pytest.fixture
def quick(monkeypatch):
    """Predictions without computing; returns what was asked for."""
    asked = []

    def predicted(one, data, effort, command):
        asked.append(one)
        sources = {**effort._asdict(), "inputs": effort.inputs or 8}
        made = [forecast(one.name, level, one.stage) for level in ("16", "32")]
        return [dataclasses.replace(f, command=command, sources=sources) for f in made]

    monkeypatch.setattr(command, "_predicted", predicted)
    return asked


def run(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(["predict", *map(str, words)])
    return ended.value.code, capsys.readouterr()


def test_lines_that_stand_are_kept(quick, capsys, tmp_path):
    out = tmp_path / "a.jsonl"
    assert run(capsys, NAME, "--out", out, "--json")[0] == 0
    first = out.read_bytes()
    words = [NAME, "prefix-sums-16-internal-post-s0", "--out", out, "--json"]
    code, printed = run(capsys, *words)
    assert code == 0
    assert [one.name for one in quick] == [NAME, words[1]]
    assert out.read_bytes().startswith(first)
    assert len(json.loads(printed.out)) == len(read_forecasts(out)) == 4
    assert read_forecasts(out)[0].command == f"loopstab predict {NAME} --seed 0"


def test_lines_of_other_weights_are_refused(quick, capsys, tmp_path):
    other = dataclasses.replace(forecast(), weights=64 * "0")
    out = write_forecasts(tmp_path / "a.jsonl", [other])
    code, printed = run(capsys, NAME, "--out", out)
    assert code == 2
    assert "was made from other weights: choose another --out" in printed.err
    assert not quick


def test_lines_of_other_options_are_refused(quick, capsys, tmp_path):
    out = tmp_path / "a.jsonl"
    assert run(capsys, NAME, "--loops", 512, "--inputs", 24, "--out", out, "--json")[0] == 0
    (line, *_) = read_forecasts(out)
    assert line.command == f"loopstab predict {NAME} --seed 0 --loops 512 --inputs 24"
    for words in ([], ["--loops", 512], ["--loops", 512, "--inputs", 24, "--seed", 1]):
        code, printed = run(capsys, NAME, "--out", out, *words)
        assert code == 2
        assert "was made with --seed 0 --loops 512 --inputs 24: choose another" in printed.err
    assert len(quick) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((NAME, "--loops", "16"), "needs 32 to 10000 iterations, not 16"),
        ((NAME, "--inputs", "0"), "needs 1 to 256 other inputs, not 0"),
        ((NAME, "--only", "kqk-*"), "--only belongs to --zoo: add it"),
        (("--zoo", "--only", "nothing-*"), "is called 'nothing-*'"),
        ((), "name checkpoints, or give --zoo"),
        ((NAME, "--zoo"), "name checkpoints, or give --zoo"),
        (("nothing",), "no shipped checkpoint 'nothing'"),
        ((NAME, "--out", "a.txt"), "name --out a.jsonl"),
        (("chess-none-post-s0",), "chess-none-post-s0 needs a data file"),
        ((NAME, "--seed", "-1"), "needs a seed from 0"),
    ],
)
def test_wrong_requests(capsys, words, message):
    code, printed = run(capsys, *words)
    assert code == 2
    assert message in printed.err


def test_part_of_the_zoo(quick, capsys):
    assert run(capsys, "--zoo", "--only", "kqk-none-*-s1", "--json")[0] == 0
    assert sorted(one.name for one in quick) == ["kqk-none-peri-s1", "kqk-none-post-s1"]


def test_the_whole_zoo(quick, capsys, monkeypatch):
    """The checkpoints whose data file is missing are named; some are predicted untrained, too."""
    code, printed = run(capsys, "--zoo")
    assert code == 0
    assert "not predicted, because --data TASK=FILE is missing: chess-external" in printed.out
    stages = {
        stage: [one.name for one in quick if one.stage == stage] for stage in ("initial", "end")
    }
    needs = {"chess", "sudoku"}
    assert set(stages["end"]) == {
        name for name in zoo.names() if zoo.describe(name)["run"]["task"] not in needs
    }
    assert len(stages["initial"]) == 24
    assert all(zoo.plan_of(name) == "cpu" and name.endswith("s0") for name in stages["initial"])


def test_the_default_is_that_of_the_search():
    assert command.LOOPS == near_point.LOOPS
