"""The commands of a figure are those that made its data, according to the data themselves."""

import re
import shlex
from functools import cache

import pytest

from loopstab.models.grid.plan import Plan
from loopstab.models.zoo import zoo
from loopstab.paper_figures.drawings import (
    accuracy_grid,
    boards,
    recall_and_norm,
    spectral_regimes,
    state_weights,
    zoo_accuracy,
)
from loopstab.paper_figures.drawings.gallery import gallery
from loopstab.paper_figures.drawings.measured_lines import MEASURE, shipped_measurements
from loopstab.paper_figures.drawings.record_files import FOLDER, read_record
from loopstab.theory.architecture import Recall

WHERE = {"out", "summary", "middle"}
"""Options that say where something is; they change no number."""


def expanded(word):
    """The words that a shell makes of {a,b}."""
    found = re.search(r"\{([^{}]*)\}", word)
    if not found:
        return [word]
    start, end = word[: found.start()], word[found.end() :]
    return [one for part in found[1].split(",") for one in expanded(start + part + end)]


def options(command):
    """The program of a command, and the set of the values of each of its options."""
    program, *parts = re.split(r" --(?=\w)", command)
    found = {}
    for name, *values in map(shlex.split, parts):
        found.setdefault(name, set()).update(one for v in values for one in expanded(v))
    return program, {name: values for name, values in found.items() if name not in WHERE}


def together(commands):
    """By program, the values of each option in any of the commands."""
    found = {}
    for program, own in map(options, commands):
        for name, values in own.items():
            found.setdefault(program, {}).setdefault(name, set()).update(values)
    return found


def recorded(name):
    """The commands that a data file names."""
    if name.endswith(".npz"):
        return []
    data = read_record(name)
    return [row["command"] for row in (data if isinstance(data, list) else [data])]


def phase_command(diagram):
    settings = " ".join(f"{name}={value:g}" for name, value in diagram.settings.items())
    return (
        f"loopstab phase --law {diagram.law} --set {settings} --draws {diagram.draws}"
        f" --grid {diagram.cells.rows}x{diagram.cells.cols} --seed {diagram.seed}"
    )


@pytest.mark.parametrize("name", [name for name, one in gallery().items() if one.data])
def test_data_name_the_commands_of_their_figure(name):
    figure = gallery()[name]
    given = together(figure.commands)
    for file in figure.data:
        for program, wanted in together(recorded(file)).items():
            assert given[program] == wanted
        if file.endswith((".json", ".jsonl")):
            assert recorded(file)
        assert (FOLDER / file).is_file()


def test_diagrams_are_made_by_the_commands_of_their_figure():
    commands = spectral_regimes.FIGURE.commands
    for diagram, command in zip(spectral_regimes.shipped_diagrams(), commands, strict=True):
        assert options(command) == options(phase_command(diagram))
        assert not diagram.independent
        assert diagram.depth == 0


def test_the_measured_checkpoints_within_their_training_are_made_by_a_command():
    made = expanded(re.search(r"for name in (\S+);", MEASURE[0])[1])
    assert set(made) == {one.checkpoint for one in shipped_measurements() if one.stage == "middle"}


@cache
def trainings(command):
    """The records of the shipped runs that a command trained."""
    runs = {name: zoo.describe(name)["run"] for name in zoo.names()}
    if repeated := re.search(r"for name in ([^;]+); do loopstab zoo repeat", command):
        return [runs[name] for word in repeated[1].split() for name in expanded(word)]
    if plan := re.search(r" --plan (\w+) ", command):
        of_plan = {spec.command() for spec in Plan.load(plan[1]).runs}
        return [run for run in runs.values() if run.get("command") in of_plan]
    return []


def grid_runs():
    return [
        run
        for task in dict.fromkeys(task for task, *_ in accuracy_grid.ROWS)
        for recall in Recall
        for norm in recall_and_norm.NORMS
        for run in accuracy_grid.grid_runs(task, recall, norm)
    ]


DRAWN = {
    "accuracy_grid": grid_runs,
    "boards": boards.board_runs,
    "recall_and_norm": lambda: [
        run for run in grid_runs() if run["task"] in ("prefix-sums", "sudoku-4x4")
    ],
    "zoo_accuracy": zoo_accuracy.plan_runs,
    "state_weights": lambda: [
        zoo.describe(point["name"])["run"]
        for recall in state_weights.RECALLS
        for point in state_weights.kept_shares(read_record(*state_weights.FIGURE.data), recall)
    ],
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_run_that_is_drawn_was_trained_by_a_command(name):
    """And each command trained one of them; all were evaluated up to 500 iterations."""
    runs, commands = DRAWN[name](), gallery()[name].commands
    trained = {command: trainings(command) for command in commands}
    assert all(any(run in own for own in trained.values()) for run in runs)
    for command, own in trained.items():
        assert any(run in own for run in runs) or " predict " in command
    assert {run["loops"][-1] for run in runs} == {500}
