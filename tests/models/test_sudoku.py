"""Sudoku: solver, generator, canonical form, reader, and batches, against known grids and slow
obvious twins.
"""

import itertools
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab.models.tasks.registry import make_task
from loopstab.models.tasks.sudoku import sudoku_file
from loopstab.models.tasks.sudoku import sudoku_task as sudoku
from loopstab.models.tasks.sudoku.solver import dig, random_grid, solve
from loopstab.models.tasks.sudoku.sudoku_task import SudokuTask
from loopstab.models.tasks.sudoku.symmetry import canonical, canonical_forms, complete, pair_table
from loopstab.models.tasks.table import MARK, Table
from loopstab.support.errors import LoopstabError, UsageError

WIKIPEDIA = (
    "530070000600195000098000060800060003400803001700020006060000280000419005000080079",
    "534678912672195348198342567859761423426853791713924856961537284287419635345286179",
)
ESCARGOT = (
    "100007090030020008009600500005300900010080002600004000300000010040000007007000300",
    "162857493534129678789643521475312986913586742628794135356478219241935867897261354",
)
MOST_CANONICAL = "123456789456789123789123456231564897564897231897231564312645978645978312978312645"


def digits(text):
    return [int(c) if c.isdecimal() else 0 for c in text]


CASES = [
    ("easy", WIKIPEDIA[0], 3, WIKIPEDIA[1], True),
    ("hard", ESCARGOT[0], 3, ESCARGOT[1], False),
    ("4x4", "1000003004000002", 2, "1324423124133142", True),
    ("complete", WIKIPEDIA[1], 3, WIKIPEDIA[1], True),
]


@pytest.mark.parametrize(
    ("question", "box", "answer", "by_singles"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_known_puzzles(question, box, answer, by_singles):
    for hidden in (True, False):
        found = solve(digits(question), box, hidden=hidden)
        assert found.grids == [digits(answer)]
    assert (solve(digits(question), box).guesses == 0) == by_singles


def brute_force(cells, box):
    """Every completion, by trying digits cell after cell."""
    n = box * box
    if 0 not in cells:
        return [list(cells)]
    i = cells.index(0)
    seen = {
        cells[j]
        for j in range(n * n)
        if j // n == i // n
        or j % n == i % n
        or (j // n // box, j % n // box) == (i // n // box, i % n // box)
    }
    return [
        grid
        for d in range(1, n + 1)
        if d not in seen
        for grid in brute_force([*cells[:i], d, *cells[i + 1 :]], box)
    ]


@pytest.mark.parametrize("hidden", [True, False])
def test_solver_against_brute_force(hidden):
    rng = random.Random(0)
    unique = 0
    for _ in range(60):
        grid = random_grid(2, rng)
        puzzle = [d if rng.random() < 0.35 else 0 for d in grid]
        found = solve(puzzle, 2, limit=10_000, hidden=hidden).grids
        assert sorted(found) == sorted(brute_force(puzzle, 2))
        unique += len(found) == 1
    assert 5 < unique < 55


def test_contradictions_and_limits():
    assert solve([1, 1] + [0] * 14, 2).grids == []
    assert (
        solve([1, 2, 3, 0] + [0, 0, 0, 4] + [0] * 8, 2).grids == []
    )  # the fourth cell has no digit left
    assert len(solve([0] * 16, 2).grids) == 2
    assert len({tuple(g) for g in solve([0] * 16, 2, limit=1000).grids}) == 288
    for cells, box in (([0] * 80, 3), ([5] + [0] * 15, 2), ([0] * 16, 1)):
        with pytest.raises(UsageError):
            solve(cells, box)


@pytest.mark.parametrize("box", [2, 3])
def test_dug_puzzles_are_unique_and_minimal(box):
    rng = random.Random(1)
    for _ in range(20 if box == 2 else 2):
        grid = random_grid(box, rng)
        assert complete(np.array([grid]), box).all()
        puzzle = dig(grid, box, 0, rng)
        assert solve(puzzle, box).grids == [grid]
        for i in np.flatnonzero(puzzle):
            assert len(solve([*puzzle[:i], 0, *puzzle[i + 1 :]], box).grids) == 2


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


def test_singles_solve_every_4x4_puzzle():
    """By exhaustion: all sets of clues of one grid of each of the two classes. So guesses rate no
    4x4 puzzle; rounds do.
    """
    classes = np.unique(canonical(np.array(solve([0] * 16, 2, limit=1000).grids), 2), axis=0)
    rounds = set()
    for grid in classes.tolist():
        for clues in range(1 << 16):
            found = solve([d if clues >> i & 1 else 0 for i, d in enumerate(grid)], 2, hidden=False)
            assert (len(found.grids) == 1) == (found.guesses == 0)
            if found.guesses == 0:
                assert clues.bit_count() >= 4
                rounds.add(found.rounds)
    assert rounds == {1, 2, 3, 4, 5, 6}


# Canonical form


def symmetry(grid, box, rng):
    """A random image of a grid, built from the definition of the group."""
    n = box * box

    def lines():
        bands = rng.sample(range(box), box)
        return [b * box + i for b in bands for i in rng.sample(range(box), box)]

    image = np.array(grid).reshape(n, n)[lines()][:, lines()]
    if rng.random() < 0.5:
        image = image.T
    return np.array([0, *rng.sample(range(1, n + 1), n)])[image].reshape(-1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([2, 3]))
def test_canonical_form_is_invariant_and_idempotent(seed, box):
    rng = random.Random(seed)
    grid = random_grid(box, rng)
    form = canonical(np.array([grid]), box)
    images = np.array([symmetry(grid, box, rng) for _ in range(5)])
    assert (canonical(images, box) == form).all()
    assert (canonical(form, box) == form).all()


def smallest_image(grid, box):
    """Twin: every first row and column order, digits renamed, the other rows sorted as far as the
    bands allow.
    """
    n = box * box
    best = None
    inner = list(itertools.permutations(range(box)))
    orders = [
        [s * box + c for s, cols in zip(stacks, within, strict=True) for c in cols]
        for stacks in inner
        for within in itertools.product(inner, repeat=box)
    ]
    for square in (np.array(grid).reshape(n, n), np.array(grid).reshape(n, n).T):
        for first in range(n):
            for order in orders:
                name = {d: i + 1 for i, d in enumerate(square[first, order].tolist())}
                rows = [[name[d] for d in row] for row in square[:, order].tolist()]
                bands = sorted(sorted(rows[b * box : b * box + box]) for b in range(box))
                image = [d for band in bands for row in band for d in row]
                best = image if best is None or image < best else best
    return best


@pytest.mark.parametrize("box", [2, 3])
def test_canonical_form_against_its_twin(box):
    rng = random.Random(5)
    for _ in range(12 if box == 2 else 1):
        grid = random_grid(box, rng)
        assert canonical(np.array([grid]), box)[0].tolist() == smallest_image(grid, box)


def test_known_classes():
    """288 grids of 4x4 in 2 classes of 96 and 192; the 9x9 grid with most automorphisms (648) is
    the smallest of all.
    """
    form, automorphisms = canonical_forms(np.array(solve([0] * 16, 2, limit=1000).grids), 2)
    kinds, which = np.unique(form, axis=0, return_inverse=True)
    assert np.bincount(which.reshape(-1)).tolist() == [96, 192]
    group = 2 * (2 * 2 * 2) ** 2 * 24
    assert all(
        group // n == np.bincount(which.reshape(-1))[w]
        for n, w in zip(automorphisms, which.reshape(-1), strict=True)
    )
    assert len(kinds) == 2
    rng = random.Random(0)
    shaken = symmetry(digits(MOST_CANONICAL), 3, rng)
    form, automorphisms = canonical_forms(np.array([shaken]), 3)
    assert "".join(map(str, form[0])) == MOST_CANONICAL
    assert automorphisms.tolist() == [648]
    assert len(pair_table(3).codes) == 12096


def test_canonical_form_separates_a_class_from_its_neighbour():
    """Swapping two digits inside two rows of a stack keeps a grid valid and, here, leaves its
    class.
    """
    grid = np.array(digits(WIKIPEDIA[1])).reshape(9, 9)
    rows, cols = next(
        ((r, s), (c, d))
        for c, d in itertools.combinations(range(9), 2)
        for r, s in itertools.combinations(range(9), 2)
        if grid[r, c] == grid[s, d]
        and grid[r, d] == grid[s, c]
        and (c // 3 == d // 3) != (r // 3 == s // 3)
    )
    other = grid.copy()
    other[np.ix_(rows, cols)] = grid[np.ix_(rows, cols)][::-1]
    both = np.stack((grid.reshape(-1), other.reshape(-1)))
    assert complete(both, 3).all()
    forms = canonical(both, 3)
    assert not np.array_equal(*forms)


@pytest.mark.parametrize("bad", [[[1] * 16], [[0] * 16]])
def test_canonical_form_needs_complete_grids(bad):
    with pytest.raises(UsageError, match="complete"):
        canonical(np.array(bad), 2)
    with pytest.raises(UsageError, match="box 2 or 3"):
        canonical(np.zeros((1, 256)), 4)


# Reader


def csv_of(tmp_path, rows, header="source,question,answer,rating"):
    path = tmp_path / "s.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def rows_of(count, seed=0):
    """Valid 4x4 rows; the rating counts up."""
    rng = random.Random(seed)
    out = []
    for i in range(count):
        grid = random_grid(2, rng)
        question = "".join(str(d) if rng.random() < 0.5 else "." for d in grid)
        out.append(f"here,{question},{''.join(map(str, grid))},{i}")
    return out


BAD_ROWS = [
    (f"x,{'.' * 80},{WIKIPEDIA[1]},1", "question has 80 characters"),
    (f"x,{'.' * 16},{WIKIPEDIA[1]},1", "answer has 81 characters, not 16"),
    ("x,5...............,1234341221434321,1", "question holds '5'"),
    ("x,................,123434122143432.,1", "answer holds '.'"),
    ("x,................,1234341221434322,1", "not a valid grid"),
    ("x,2...............,1234341221434321,1", "clues contradict the answer"),
    ("x,1...............,1234341221434321,-1", "rating is '-1'"),
    ("x,1...............,1234341221434321,many", "rating is 'many'"),
    (f"x,1...............,1234341221434321,{'9' * 5000}", "rating is '999"),
    ("x,1...............,1234341221434321", "3 fields"),
    ('"x,1...............', "not a CSV row"),
    ("x,\xff...............,1234341221434321,1", "question holds"),
]


@pytest.mark.parametrize(("row", "message"), BAD_ROWS, ids=[m for _, m in BAD_ROWS])
def test_malformed_rows(tmp_path, row, message):
    good = rows_of(400)
    table = sudoku_file.read(csv_of(tmp_path, [*good[:7], row, *good[7:]]))
    assert (table.meta["malformed"], table.meta["rows_checked"]) == (1, 401)
    assert table.meta["malformed_lines"][0][0] == 9
    assert message in table.meta["malformed_lines"][0][1]
    with pytest.raises(UsageError, match=rf"s.csv:2: .*{message}.*more than 1 %"):
        sudoku_file.read(csv_of(tmp_path, [row, *good[:50]]))
    with pytest.raises(UsageError, match=r"s.csv:2: "):
        sudoku_file.read(csv_of(tmp_path, [row]))


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (
            "source,board,answer,rating",
            rows_of(3),
            r"s.csv:1: 'source,board,answer,rating' does not say where to find puzzle: .*--columns",
        ),
        ("source,question,answer,rating", [], "holds no rows"),
        (
            "source,question,answer,rating",
            ["x,.234341221434321,1234341221434321,4"] * 9,
            "same difficulty",
        ),
        (
            "source,question,answer,rating",
            [*rows_of(3), f"x,{WIKIPEDIA[0]},{WIKIPEDIA[1]},9"],
            "a grid of 81 cells in a file of 16",
        ),
    ],
)
def test_bad_files(tmp_path, header, rows, message):
    with pytest.raises(UsageError, match=message) as error:
        sudoku_file.read(csv_of(tmp_path, rows, header))
    assert error.value.exit_status == 2
    assert "\n" not in str(error.value)


def test_further_columns_quotes_zeros_and_line_ends(tmp_path):
    rows = rows_of(60)
    plain = sudoku_file.read(csv_of(tmp_path, rows))
    other = [f'"a, b",{r.split(",", 1)[1].replace(".", "0")},7.5' for r in rows]
    path = tmp_path / "o.csv"
    path.write_bytes(
        ("\ufeffsource,question,answer,rating,more\r\n" + "\r\n".join(other) + "\r\n\r\n").encode()
    )
    assert sudoku_file.read(path).fingerprint == plain.fingerprint


# Task


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
