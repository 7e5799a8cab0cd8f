"""Plans of grids: which runs they stand for, what a wrong plan says, and the shipped plans."""

import dataclasses

import pytest

from loopstab.models.grid.plan import PLANS, Plan
from loopstab.models.tasks.chess.endgames import table
from loopstab.models.tasks.registry import make_task
from loopstab.models.tasks.sudoku.sudoku_task import SudokuTask
from loopstab.models.tasks.table import Table
from loopstab.support.errors import UsageError


def write(path, text):
    path.write_text(text)
    return path


def test_lists_expand_with_the_first_key_slowest_and_tasks_have_defaults_of_their_own(tmp_path):
    text = """
[defaults]
lr = [0.1, 0.2]
width = 8
[tasks.sudoku]
lr = [0.3]
steps = 7
[tasks.prefix-sums]
width = 16
[[runs]]
task = ["prefix-sums", "sudoku"]
seed = [1, 2]
width = 32
[[runs]]
task = "chess"
lr = 1
[[runs]]
task = "chess"
lr = 1.0
"""
    runs = Plan.load(write(tmp_path / "p.toml", text)).runs
    seen = [(r.lr, r.task, r.seed, r.width, r.steps) for r in runs]
    pre, sud = "prefix-sums", "sudoku"
    assert seen == [
        (0.1, pre, 1, 32, 2000),
        (0.1, pre, 2, 32, 2000),
        (0.3, sud, 1, 32, 7),
        (0.3, sud, 2, 32, 7),
        (0.2, pre, 1, 32, 2000),
        (0.2, pre, 2, 32, 2000),
        (1.0, "chess", 0, 8, 2000),
    ]


WRONG = [
    ("runs = 3", "line 1: runs must be tables"),
    ("[[runs]]\nseed = 0\nwidht = 64", "line 3: run 1: unknown key 'widht'"),
    (
        "[defaults]\nwidth = 8\n[[runs]]\nseed = 0\n[[runs]]\nseed = 1\nwidth = '64'",
        "line 7: run 2: width must be a whole number from 1 to 65536, not '64'",
    ),
    ("[[runs]]\nlr = true", "line 2: run 1: lr must be a finite number above 0 up to 1e+06, not"),
    ("[[runs]]\nseed = [0, 1.5]", "line 2: run 1: seed must be a whole number from 0 to"),
    ("[[runs]]\nlr = nan", "line 2: run 1: lr must be a finite number"),
    ("[[runs]]\nseed = 0\nlr = inf", "line 3: run 1: lr must be a finite number"),
    ("[[runs]]\nwidth = 9999999999", "line 2: run 1: width must be a whole number from 1 to 65536"),
    ("[[runs]]\nsteps = 1e3", "line 2: run 1: steps must be a whole number"),
    ("[[runs]]\nbits = 1979-05-27", "line 2: run 1: bits must be a whole number from 1"),
    (
        "[[runs]]\nbits = [[8]]",
        "line 2: run 1: bits must be a whole number from 1 to 100000, not a",
    ),
    ("[[runs]]\ntask = [[8]]", "line 2: run 1: task must be a text, not a list"),
    ("[[runs]]\ntask = 1979-05-27", "line 2: run 1: task must be a text, not a date"),
    ("[[runs]]\nwindow = -3", "line 2: run 1: window must be a whole number from 0"),
    (f"[[runs]]\nseed = 1{'0' * 3000}", "not a number of more than 20 digits"),
    (f"[[runs]]\nseed = 1{'0' * 5000}", "not a TOML file"),
    (f"[[runs]]\nseed = {'[' * 100_000}", "nested too deep"),
    (f"[[runs]]\nseed = {[0] * 1000}\nsteps = {[1] * 1000}", "stand for 1000000 runs, more than"),
    (
        f"[[runs]]\n{''.join(f'{k} = [1, 1, 1]; '.replace('; ', chr(10)) for k in 'abcdefghijkl')}",
        "stand for 531441 runs",
    ),
    (
        f"[tasks.kqk]\nseed = {[0] * 99_999}\n[[runs]]\ntask = ['kqk', 'krk']\nlr = [1, 2]",
        "stand for 200000 runs",
    ),
    (f"# {'x' * 2**20}", "it has more than 1048576 bytes"),
    ("[default]\nwidth = 8", "line 1: unknown key 'default'"),
    ("[tasks]\nsudoku = 3\n[[runs]]", "line 1: tasks must be tables"),
    ("[tasks.sudoku]\nsed = 3\n[[runs]]\ntask = 'sudoku'", "line 2: run 1: unknown key 'sed'"),
    ("name = 3\n[[runs]]", "line 1: name must be a text"),
    ("", "lists no run"),
    ("runs = []", "lists no run"),
    ("[[runs]]\nseed = []", "lists no run"),
    ("a = = 3", "not a TOML file"),
]


@pytest.mark.parametrize(("text", "words"), WRONG, ids=[words for _, words in WRONG])
def test_wrong_plans(text, words, tmp_path):
    file = write(tmp_path / "p.toml", text)
    with pytest.raises(UsageError) as error:
        Plan.load(file)
    assert words in str(error.value)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    """Files of the right kinds: 4x4 grids for sudoku, endgames for chess."""
    folder = tmp_path_factory.mktemp("data")
    small = table(("Q",))
    chess = Table.build(
        small.cells, small.difficulty, small.split, small.line, {**small.meta, "kind": "chess"}
    )
    return {
        "sudoku": SudokuTask.generated(2, rows=400).table.save(folder / "sudoku.safetensors"),
        "chess": chess.save(folder / "chess.safetensors"),
    }


@pytest.mark.parametrize(("name", "count"), [("paper", 480), ("core", 72)])
def test_shipped_plans(name, count, stand_ins):
    shipped = Plan.load(name)
    ids = shipped.check(stand_ins)  # builds every run's configuration
    assert len(ids) == len(set(ids)) == count
    recall, norm = zip(*(r.architecture.split("/", 1) for r in shipped.runs), strict=True)
    assert (set(recall), set(norm)) == (
        {"internal", "external", "none", "fixed"},
        {"pre", "peri", "peri/gru", "post"},
    )
    for run in shipped.runs:
        assert (run.width, run.heads, run.batch, run.precision) == (256, 8, 500, "bf16")
        schedule = run.config(make_task(run.task, data=stand_ins.get(run.task))).schedule
        assert schedule.kind == (
            "length-curriculum"
            if name == "core" and run.task == "prefix-sums" and "fixed" not in run.architecture
            else "fixed-steps"
        )
        assert getattr(schedule, "loops", 30) == (1 if "fixed" in run.architecture else 30)
    if name == "core":
        for n in range(0, 72, 3):
            assert len({r.architecture for r in shipped.runs[n : n + 3]}) == 1
    else:
        assert sum(r.task == "sudoku" for r in shipped.runs) == 16 * 4 * 3


@pytest.mark.parametrize(("name", "count"), [("desk", 35), ("lease", 25)])
def test_plans_of_the_recipe_compare_recall_at_one_gradient_form(name, count, stand_ins):
    """Every run without recall has partners with recall that differ in nothing else."""
    shipped = Plan.load(name)
    ids = shipped.check(stand_ins)
    assert len(ids) == len(set(ids)) == count
    for run in shipped.runs:
        if run.architecture.startswith("none/"):
            for recall in ("internal/", "external/"):
                assert (
                    dataclasses.replace(run, architecture=run.architecture.replace("none/", recall))
                    in shipped.runs
                )
    first = shipped.runs[0]
    assert (first.supervision, first.positions, first.optimizer) == ("each", "one-hot", "muon")


def test_core_compares_recall_at_one_gradient_form(stand_ins):
    runs = Plan.load("core").runs
    for run in runs:
        if run.architecture.startswith("none/"):
            for recall in ("internal/", "external/"):
                other = dataclasses.replace(
                    run,
                    architecture=run.architecture.replace("none/", recall),
                    encoder_gradient="full",
                )
                assert other in runs


def test_every_shipped_plan_loads():
    assert {p.stem for p in PLANS.glob("*.toml")} >= {"cpu", "core", "desk", "lease", "paper"}
    assert all(Plan.load(p.stem).runs for p in PLANS.glob("*.toml"))
    with pytest.raises(UsageError, match=r"shipped plans \(core, cpu, desk, lease, paper\)"):
        Plan.load("nano")
