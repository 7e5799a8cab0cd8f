"""The evidence of the report is read from the shipped records as they say it."""

import json

import pytest

from loopstab.models.forecast.forecast_file import read_forecasts
from loopstab.models.forecast.measured_line import read_measured
from loopstab.models.forecast.near_point import LOOPS
from loopstab.models.zoo import zoo
from loopstab.paper_figures.drawings.record_files import FOLDER, read_record
from loopstab.paper_figures.report_page import duel_rules, shipped_records
from loopstab.paper_figures.report_page.forecast_rules import LONG
from loopstab.paper_figures.report_page.measured_loops import MeasuredLoop, at_the_end, of_line
from loopstab.paper_figures.report_page.recall_pairs import recall_tasks
from loopstab.paper_figures.report_page.shipped_records import shipped_evidence
from loopstab.paper_figures.report_page.statements import rows


@pytest.fixture(scope="module")
def evidence():
    return shipped_evidence([{"id": "A1", "verdict": "proved", "steps": []}], None)


def test_runs_are_those_of_the_zoo(evidence):
    assert [run.name for run in evidence.runs] == zoo.names()
    for run in evidence.runs[::9]:
        recorded = zoo.describe(run.name)["run"]
        assert run.last == recorded["accuracy"][run.level][-1]
        assert recorded["architecture"] == run.architecture


def test_loops_are_the_measured_lines(evidence):
    lines = [json.loads(text) for text in (FOLDER / "measured.jsonl").read_text().splitlines()]
    assert len(evidence.loops) == len(lines)
    for loop, line in zip(evidence.loops, lines, strict=True):
        found = line["reachability"]
        assert (loop.checkpoint, loop.stage, loop.level) == tuple(
            line[key] for key in ("checkpoint", "stage", "level")
        )
        assert loop.settled == found["outcomes"].get("fixed-point", 0)
        assert loop.inputs == found["inputs"]
        assert list(loop.rho) == [point["rho"] for point in found["points"]]
        assert loop.distinct == (
            line["input_dependence"]["distinct"],
            line["input_dependence"]["settled"],
        )
        assert len(loop.sensitivity) == sum(
            None not in (p["by_derivative"], p["by_differences"])
            for p in line["input_dependence"]["points"]
        )


def test_gradients_are_truncated_up_to_64_iterations():
    for line in read_measured(FOLDER / "measured.jsonl"):
        for gradient in line.geometry["gradients"]:
            assert max(map(int, gradient["errors"])) == 64


def test_the_forecast_of_a_line_is_its_most_probable_outcome(evidence):
    made = {f.key: f for f in read_forecasts(FOLDER / "forecasts.jsonl")}
    lines = read_measured(FOLDER / "measured.jsonl")
    for loop, line in zip(evidence.loops, lines, strict=True):
        if line.key in made:
            forecast = made[line.key]
            assert forecast.outcomes[loop.forecast] == max(forecast.outcomes.values())
            assert loop.excluded == forecast.excluded
        assert of_line(line).forecast is None


def test_longer_looks_are_those_of_the_sealed_file(evidence):
    made = {f.key: f for f in read_forecasts(FOLDER / "long_forecasts.jsonl")}
    keys = [(loop.checkpoint, loop.stage, loop.level) for loop in evidence.looked_longer]
    assert sorted(keys) == sorted(made)
    assert {f.sources["loops"] for f in made.values()} == {LONG}
    hindsight = {f.key: f for f in read_forecasts(FOLDER / "hindsight_forecasts.jsonl")}
    assert {f.sources["loops"] for f in hindsight.values()} == {LONG}
    first = read_forecasts(FOLDER / "forecasts.jsonl")
    assert {f.sources["loops"] for f in first} == {LOOPS}
    assert not set(made) & set(hindsight)
    assert {f.key for f in first} <= {*made, *hindsight}


def test_recall_is_compared_after_the_last_iteration(evidence):
    recorded = read_record("recall_accuracy.json")["tasks"]
    kept = [r for r in recorded if r["moment"] == "last" and r["norm"] in ("post", "peri")]
    assert [r.difference for r in evidence.recall] == [r["difference"] for r in kept]
    assert [r.interval for r in evidence.recall] == [tuple(r["interval"]) for r in kept]
    assert [r.pairs for r in evidence.recall] == [r["seeds"] for r in kept]
    assert len({(r.task, r.norm) for r in evidence.recall}) == len(kept)
    assert recall_tasks([]) == []


def test_without_records_nothing_is_known(monkeypatch, tmp_path):
    monkeypatch.setattr(shipped_records, "FOLDER", tmp_path)
    bare = shipped_evidence([], None)
    assert (bare.loops, bare.recall) == ([], [])
    verdicts = {row.statement.name: str(row.ruling.verdict) for row in rows(bare)}
    # accuracies rest on the zoo alone
    assert [verdicts.pop(name) for name in ("performance", "across")] == [
        str(rule(bare).verdict) for rule in (duel_rules.tracks, duel_rules.across)
    ]
    assert set(verdicts.values()) == {"open"}


def test_only_trained_loops_of_these_architectures_count():
    usual = {"level": "a", "task": "t", "outcomes": {}, "distinct": (0, 0)}
    usual |= {"rho": (), "sensitivity": (), "gradients": ()}
    loops = [
        MeasuredLoop("a", stage, architecture=architecture, **usual)
        for stage in ("initial", "end")
        for architecture in ("external/post", "external/peri")
    ]
    assert list(at_the_end(loops, "external/post", "internal/post")) == [loops[2]]
