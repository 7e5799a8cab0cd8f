"""The canonical form of sudoku grids, against known classes and a slow obvious twin."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_sudokus import WIKIPEDIA, digits

from loopstab.models.tasks.sudoku.solver import random_grid, solve
from loopstab.models.tasks.sudoku.symmetry import canonical, canonical_forms, complete, pair_table
from loopstab.support.errors import UsageError

MOST_CANONICAL = "123456789456789123789123456231564897564897231897231564312645978645978312978312645"


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
