"""Tables of sudoku puzzles, generated and read, and the batches of the task."""

import numpy as np
import pytest
import torch

from loopstab.models.tasks.registry import make_task
from loopstab.models.tasks.sudoku import sudoku_file
from loopstab.models.tasks.sudoku import sudoku_task as sudoku
from loopstab.models.tasks.sudoku.solver import solve
from loopstab.models.tasks.sudoku.sudoku_task import SudokuTask
from loopstab.models.tasks.sudoku.symmetry import canonical, complete
from loopstab.models.tasks.table import MARK, Table
from loopstab.support.errors import LoopstabError, UsageError


@pytest.mark.parametrize(("box", "rows"), [(2, 400), (3, 30)])
def test_generated_tables(box, rows):
    table = sudoku.generate(box, rows, seed=3)
    assert (
        table.fingerprint
        == sudoku.generate(box, rows, seed=3).fingerprint
        != sudoku.generate(box, rows, seed=4).fingerprint
    )
    answer, given = table.cells % MARK, table.cells >= MARK
    assert complete(answer, box).all()
    question = answer * given
    assert len(np.unique(question, axis=0)) == len(question)
    for q, a, d in zip(question.tolist(), answer.tolist(), table.difficulty.tolist(), strict=True):
        found = solve(q, box)
        assert found.grids == [a]
        assert d == (found.rounds if box == 2 else found.guesses)
        assert box == 3 or found.guesses == 0  # singles solve every 4x4 puzzle
    assert_disjoint(table, box)


def assert_disjoint(table, box):
    form = [tuple(row) for row in canonical(table.cells % MARK, box).tolist()]
    levels = {level: {form[i] for i in table.rows(level)} for level in ("train", "easy", "hard")}
    assert all(levels.values())
    assert not levels["train"] & (levels["easy"] | levels["hard"])
    assert (
        table.difficulty[table.rows("train")].max()
        <= table.meta["cut"]
        < table.difficulty[table.rows("hard")].min()
    )
    assert table.difficulty[table.rows("easy")].max() <= table.meta["cut"]


def test_disjoint_up_to_relabelling_only():
    table = sudoku.generate(2, 400, disjoint="relabelling")
    names = sudoku.relabelled(table.cells % MARK)
    assert (names[:, :4] == [1, 2, 3, 4]).all()
    assert table.meta["grids"] == 12
    train, rest = (
        {tuple(names[i]) for i in range(len(names)) if (table.split[i] == 0) == side}
        for side in (True, False)
    )
    assert not train & rest


def test_real_data(real_file, tmp_path):
    """All 60000 real puzzles: counts as published beside them, no grid shared, a small file, and
    our solver on a sample.
    """
    table = sudoku_file.read(real_file("sudoku_rated.csv.gz"))
    assert (table.meta["rows_checked"], table.meta["malformed"], table.meta["left_out"]) == (
        60_000,
        0,
        0,
    )
    assert np.quantile(
        table.difficulty, [0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1]
    ).tolist() == [0, 0, 0, 2, 11, 38, 54, 92, 497]
    assert table.meta["cut"] == 18 == np.quantile(table.difficulty, 0.8)
    answer = table.cells % MARK
    assert len(np.unique(answer, axis=0)) == 59_771
    assert_disjoint(table, 3)
    assert table.save(tmp_path / "s.safetensors").stat().st_size < 10e6
    guesses, rating = [], []
    for i in np.random.default_rng(0).choice(60_000, 200, replace=False):
        found = solve((answer[i] * (table.cells[i] >= MARK)).tolist(), 3)
        assert found.grids == [answer[i].tolist()]
        guesses.append(found.guesses)
        rating.append(table.difficulty[i])
    ranks = [np.unique(v, return_inverse=True)[1] for v in (guesses, rating)]
    assert np.corrcoef(*ranks)[0, 1] > 0.6  # another solver, the same order of difficulty


@pytest.fixture(scope="module")
def task():
    return make_task("sudoku-4x4")


def test_batches(task):
    assert SudokuTask.generated(2).table is task.table
    assert (task.name, task.levels, task.difficulty) == (
        "sudoku-4x4",
        ("train", "easy", "hard"),
        "rounds of singles",
    )
    assert [task.count(level) for level in task.levels] == [
        len(task.table.rows(level)) for level in task.levels
    ]
    for level in task.levels:
        batch = task.batch(64, level, torch.Generator().manual_seed(1))
        again = task.batch(64, level, torch.Generator().manual_seed(1))
        assert torch.equal(batch.x, again.x)
        assert torch.equal(batch.target, again.target)
        assert batch.x.shape == (64, 16, task.shape.channels)
        assert batch.x.dtype == torch.get_default_dtype()
        assert batch.target.dtype == torch.int64
        assert (batch.x.sum(-1) == 1).all()
        clue = batch.x.argmax(-1)
        assert ((clue == 0) | (clue == batch.target + 1)).all()
        assert complete((batch.target + 1).numpy(), 2).all()
        assert solve(clue[0].tolist(), 2).grids == [(batch.target[0] + 1).tolist()]
    whole = task.take("hard", 0, task.count("hard"))
    assert len(whole.x) == task.count("hard")
    with pytest.raises(UsageError, match="no level 'test'"):
        task.batch(1, "test", torch.Generator())
    with pytest.raises(UsageError, match="at least one"):
        task.batch(0, "easy", torch.Generator())


def test_loss_and_correct(task):
    batch = task.take("easy", 0, 5)
    logits = torch.nn.functional.one_hot(batch.target, 4).double()
    assert task.correct(logits, batch.target).all()
    expected = -torch.log(torch.e ** torch.tensor(1.0) / (torch.e + 3))
    assert task.loss(logits, batch.target).item() == pytest.approx(expected.item())
    logits[2, 7] = logits[2, 7].roll(1)
    assert task.correct(logits, batch.target).tolist() == [True, True, False, True, True]


def test_file_round_trip(task, tmp_path):
    back = SudokuTask.load(task.table.save(tmp_path / "t.safetensors"))
    assert back.fingerprint() == task.fingerprint()
    assert torch.equal(back.take("easy", 3, 9).x, task.take("easy", 3, 9).x)
    raw = bytearray((tmp_path / "t.safetensors").read_bytes())
    raw[-20_000] ^= 1
    (tmp_path / "t.safetensors").write_bytes(raw)
    with pytest.raises(LoopstabError, match="altered"):
        Table.load(tmp_path / "t.safetensors")
