"""J and K of loops with N after each of two sub-blocks, against finite differences."""

import math
import random

import pytest
import sympy as sp

D = 3


def _norm(z):
    s = math.sqrt(sum(x * x for x in z) / D)
    return [x / s for x in z], sp.Matrix(
        D, D, lambda i, j: ((i == j) - z[i] * z[j] / (D * s * s)) / s
    )


def _times(m, v):
    return [sum(m[i][j] * v[j] for j in range(D)) for i in range(D)]


def _add(*vectors):
    return [sum(x) for x in zip(*vectors, strict=True)]


def _run(recall, blocks, wx, we, h, e):
    """State after one loop of N(h + A h), with the two Jacobians DN on the way."""
    state, norms = (_add(_times(wx, h), _times(we, e)) if recall == "external" else h), []
    for block in blocks:
        read = _add(_times(wx, state), _times(we, e)) if recall == "internal" else state
        state, derivative = _norm(_add(state, _times(block, read)))
        norms.append(derivative)
    return state, norms


def _formula(recall, blocks, wx, we, norms):
    (a1, a2), one, wx, we = map(sp.Matrix, blocks), sp.eye(D), sp.Matrix(wx), sp.Matrix(we)
    n1, n2 = norms
    if recall == "external":
        both = n2 * (one + a2) * n1 * (one + a1)
        return both * wx, both * we
    return n2 * (one + a2 * wx) * n1 * (one + a1 * wx), n2 * (
        (one + a2 * wx) * n1 * a1 * we + a2 * we
    )


@pytest.mark.parametrize("recall", ["external", "internal"])
def test_two_normalised_sub_blocks(recall):
    rng = random.Random(recall)
    a1, a2, wx, we = ([[rng.gauss(0, 1) for _ in range(D)] for _ in range(D)] for _ in range(4))
    h, e = ([rng.gauss(0, 1) for _ in range(D)] for _ in range(2))
    _, norms = _run(recall, (a1, a2), wx, we, h, e)
    jacobian, recalled = _formula(recall, (a1, a2), wx, we, norms)
    step = 1e-6
    for column in range(D):
        bump = [step * (i == column) for i in range(D)]
        back = [-x for x in bump]
        by_state = [_run(recall, (a1, a2), wx, we, _add(h, b), e)[0] for b in (bump, back)]
        by_input = [_run(recall, (a1, a2), wx, we, h, _add(e, b))[0] for b in (bump, back)]
        for ends, wanted in ((by_state, jacobian), (by_input, recalled)):
            twin = [(x - y) / (2 * step) for x, y in zip(*ends, strict=True)]
            assert [float(x) for x in wanted[:, column]] == pytest.approx(twin, abs=1e-6)
    # 'J^ = DN(z) J' with the table's J, that is without DN_1, is another matrix
    one, b1, b2, w = sp.eye(D), *map(sp.Matrix, (a1, a2, wx))
    table = (one + b2) * (one + b1) * w if recall == "external" else (one + b2 * w) * (one + b1 * w)
    assert (norms[1] * table - jacobian).norm() > 0.1
