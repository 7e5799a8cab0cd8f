"""Changes of loops whose effect is known in closed form."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopstab import FunctionLoop, LoopError, UsageError, advise
from loopstab.numerics.verdicts.change import Change
from loopstab.numerics.verdicts.changed_loop import EPS, ChangedLoop

QUICK = {"loops": 200, "limit": 400, "products": 100}


def row(found, name, step=""):
    """The only row of that name whose step has that text."""
    (one,) = [r for r in found.rows if r.name == name and step in r.step]
    return one


def linear(*slopes):
    a = np.array(slopes)
    return FunctionLoop(lambda h, e: a * h + e, np.zeros_like)


@pytest.mark.parametrize(("slopes", "factor"), [((-1.2, -1.2), 1 / 2.2), ((-1.2, 0.5), 2 / 2.7)])
def test_damping_has_the_best_factor(slopes, factor):
    """For real eigenvalues from l to m the best factor is 2/(2 - l - m)."""
    found = advise(linear(*slopes), np.array([[1.0, 2.0], [3.0, 1.0]]), **QUICK)
    damp = row(found, "damp")
    assert damp.step == f"h' = h + {factor:.3g} (f(h, e) - h)"
    radius = max(abs(1 - factor + factor * a) for a in slopes)
    assert damp.after.rho == pytest.approx((radius, radius), abs=2e-4)
    assert damp.before.rho == pytest.approx((1.2, 1.2), abs=1e-6)
    assert damp.change.damp == pytest.approx(factor, rel=1e-4)
    assert (damp.rank, damp.fixed_points, damp.claim) == (1, "kept", "S1")
    assert damp.verdict == "2 of 2 inputs settle instead of 0"
    assert row(found, "solve", "Newton").after.settled == 2


def test_damping_mends_a_two_cycle():
    flip = FunctionLoop(lambda h, e: -1.2 * np.tanh(h) + 0 * e, lambda e: 0.3 + 0 * e)
    found = advise(flip, np.zeros((2, 3)), **QUICK)
    assert found.before.counts == {"2-cycle": 2}
    damp = row(found, "damp")
    assert damp.after.counts == {"fixed-point": 2}
    assert damp.after.rho == pytest.approx((0, 0), abs=2e-3)
    assert found.tried[0].name == "damp"
    newton = row(found, "solve", "Newton")
    assert newton.after.rho == pytest.approx((1.2, 1.2), abs=1e-6)
    assert "2 of 2 have rho > 1" in newton.verdict


def test_recall_makes_the_limit_depend_on_the_input():
    """h' = a (h + tau e) + c has the limit (c + a tau e)/(1 - a), and c/(1 - a) without recall."""
    a, c = 0.5, np.array([1.0, 2.0])
    inputs = np.array([[1.0, 0.0], [0.0, 3.0], [1.0, 1.0]])
    found = advise(FunctionLoop(lambda h, e: a * h + c, np.copy), inputs, strengths=(0.5, 2))
    assert found.before.one_state
    assert found.problems == (
        "the step does not read its input, which enters through the start alone",
    )
    for tau in (0.5, 2):
        recall = row(found, "add recall", f"{tau} x")
        shift = a * tau * np.linalg.norm(inputs, axis=1) / np.linalg.norm(c)
        assert recall.moved == pytest.approx(tuple(shift), rel=1e-6)
        assert (recall.after.states, recall.rank, recall.fixed_points) == (3, 1, "moved")
        assert recall.after.rho == pytest.approx((a,) * 3, abs=1e-6)
        assert "they end at 3 states instead of 1" in recall.verdict
        assert "retrain" in recall.needs
    assert row(found, "damp").reason == "every input settles without it"
    assert row(found, "fewer loops").rank > 2


@pytest.mark.parametrize("batch", [True, False])
def test_equal_inputs_do_not_show_that_the_limit_ignores_them(batch):
    """With recall the limit of h/2 + e is 2e: it is one state because the inputs are one."""
    inputs = np.ones((3, 2)) if batch else [np.ones(2)] * 3
    found = advise(FunctionLoop(lambda h, e: h / 2 + e, np.zeros_like), inputs)
    assert (found.before.settled, found.before.states) == (3, 1)
    assert found.before.useful == 3
    assert all("whatever the input" not in tried.verdict for tried in found.tried)


def test_a_norm_bounds_a_drift():
    """N(h + e) has the fixed point e/rms(e), where rho = R/(R + |e|) with R = sqrt(d)."""
    e = np.array([[1.0, 2.0, 2.0], [2.0, -1.0, 0.5]])
    found = advise(FunctionLoop(lambda h, e: h + e, lambda e: np.ones_like(e)), e, **QUICK)
    assert found.before.counts == {"drift": 2}
    norm = row(found, "norm after the step", "h' = N(")
    sizes = np.linalg.norm(e, axis=1)
    assert norm.after.rho == pytest.approx(tuple(3**0.5 / (3**0.5 + sizes)), abs=1e-6)
    assert (norm.rank, norm.after.states, norm.claim) == (1, 2, "N3")
    assert row(found, "damp").after.settled == 0
    assert row(found, "solve", "Newton").after.counts == {"no fixed point found": 2}


def test_a_norm_that_makes_a_two_cycle_is_shown_as_it_is():
    """N(-a h + b) with |b| = beta R contracts for beta > 2 a, and for less there are 2-cycles (N3).

    Seven inputs have a = 1.5 and beta = 4, and explode without the norm. One has a = 0.9 and
    beta = 1: it settles without the norm.
    """
    directions = np.random.default_rng(0).standard_normal((8, 4))
    directions *= 2 / np.linalg.norm(directions, axis=1, keepdims=True)  # R = sqrt(4)
    a, beta = np.full((8, 1), 1.5), np.full((8, 1), 4.0)
    a[3], beta[3] = 0.9, 1.0
    loop = FunctionLoop(
        lambda h, e: -e[:, -1:] * h + e[:, :-1],
        lambda e: np.broadcast_to([1.0, -2.0, 0.5, 3.0], (len(e), 4)).copy(),
    )
    found = advise(loop, np.concatenate((beta * directions, a), axis=1), **QUICK)
    assert found.before.counts == {"explosion": 7, "fixed-point": 1}
    norm = row(found, "norm after the step", "h' = N(")
    assert norm.verdict == "7 of 8 inputs settle instead of 1; 1 became a 2-cycle"
    assert norm.after.outcomes[3] == "2-cycle"
    rho = [value for i, value in enumerate(norm.after.rho) if i != 3]
    assert rho == pytest.approx([1.5 / (4 - 1.5)] * 7, abs=1e-6)
    assert row(found, "damp").after.settled == 8
    assert norm.rank > row(found, "damp").rank


@pytest.mark.parametrize("start", [0.0, 0.5])
def test_a_start_at_0_is_tried_where_it_is_another_one(start):
    loop = FunctionLoop(lambda h, e: e - 1.2 * np.tanh(h), lambda e: np.full_like(e, start))
    rows = [row for row in advise(loop, GOOD / 5, loops=200).rows if row.name == "start at 0"]
    assert [bool(row.tried) for row in rows] == [start != 0]
    assert [row.reason for row in rows] == ["" if start else "every orbit starts at 0 already"]


def test_a_good_loop_needs_no_change():
    found = advise(linear(0.5, -0.3), np.eye(2), **QUICK)
    assert (found.rows, found.problems, found.before.settled) == ((), (), 2)
    assert str(found).endswith("nothing needs a change")


def test_chaos():
    """The logistic map at r has the fixed point 1 - 1/r with the eigenvalue 2 - r."""
    r = np.array([[3.9], [3.8], [2.8]])
    loop = FunctionLoop(lambda h, r: r * h * (1 - h), lambda r: np.full_like(r, 0.3))
    found = advise(loop, r, **QUICK)
    assert found.before.outcomes == ("aperiodic", "aperiodic", "fixed-point")
    assert found.before.rho == pytest.approx((1.9, 1.8, 0.8), abs=1e-5)
    damp = row(found, "damp")
    assert damp.after.settled == 3
    assert damp.rank == 1
    factor = 2 / (2 + 1.9 + 1.8)  # for the eigenvalues -1.9 and -1.8
    assert f"{factor:.3g}" in damp.step
    assert "sign" in row(found, "norm after the step").reason
    assert row(found, "gate the residual (GRU cell)").reason.startswith("needs training")


def test_a_slow_loop_is_solved():
    found = advise(linear(0.995, 0.5), np.eye(2) + 1, loops=200, limit=200)
    assert any("more than 1000 iterations" in text for text in found.problems)
    newton = row(found, "solve", "Newton")
    assert newton.verdict == "a fixed point is found for 2 of 2 inputs that settle slowly"
    assert newton.after.rho == pytest.approx((0.995, 0.995), abs=1e-6)


def test_slow_inputs_beside_moving_ones_are_not_said_to_move():
    """h' = m h + 1 with m = 0.995, which is slow, and m = -1.2, which explodes."""
    slopes = np.array([[0.995], [-1.2]])
    found = advise(FunctionLoop(lambda h, m: m * h + 1, np.zeros_like), slopes, loops=200)
    assert found.before.counts == {"fixed-point": 1, "explosion": 1}
    newton = row(found, "solve", "Newton").verdict
    assert newton.startswith(
        "a fixed point is found for 2 of 2 inputs that do not settle or settle slowly"
    )


def test_solvers_of_an_orbit_that_overflows_find_nothing():
    """h' = h^2 + e has no real fixed point for e > 1/4, and squares of its states overflow."""
    found = advise(FunctionLoop(lambda h, e: h * h + e, np.zeros_like), np.ones((2, 3)), loops=500)
    assert found.before.counts == {"explosion": 2}
    for method in ("Newton", "Anderson"):
        assert row(found, "solve", method).after.counts == {"no fixed point found": 2}


def test_a_step_that_fails_is_not_said_to_ignore_its_input():
    failing = FunctionLoop(lambda h, e: h / 0 + e, np.zeros_like)
    found = advise(failing, np.array([[1.0, 2.0], [3.0, 1.0]]), **QUICK)
    assert found.before.counts == {"non-finite": 2}
    assert found.problems == ("2 of 2 inputs do not settle",)
    assert row(found, "add recall").reason == "the step reads its input already"


def test_a_list_of_inputs_is_as_good_as_a_batch():
    inputs = np.array([[0.5, -0.2], [0.1, 0.3]])
    flip = FunctionLoop(lambda h, e: e - 1.5 * np.tanh(h), np.zeros_like)
    batch, each = (advise(flip, given, **QUICK) for given in (inputs, list(inputs)))
    assert [r.name for r in batch.rows] == [r.name for r in each.rows]
    for a, b in zip(batch.rows, each.rows, strict=True):
        assert (a.step, a.verdict, a.rank, a.reason) == (b.step, b.verdict, b.rank, b.reason)
        if a.tried:
            known = [x for x in a.after.rho if x is not None]
            assert known == pytest.approx([x for x in b.after.rho if x is not None], abs=1e-5)


def test_the_answer_is_constant_from_the_loop_on_that_is_known():
    """h_t = 1 - 4/2^t is positive from t = 3 on."""
    loop = FunctionLoop(lambda h, e: h / 2 + 0.5, np.copy)
    found = advise(
        loop,
        np.full((2, 1), -3.0),
        readout=lambda h: h > 0,
        correct=lambda i, h: h[0] > (0, 2)[i],
        stops=(1,),
        **QUICK,
    )
    rows = [r for r in found.rows if r.name == "fewer loops"]
    by_stop = {r.stop: r for r in rows}
    answer = by_stop[3]
    assert answer.step == "h_t at t = 3"
    assert answer.verdict.startswith("from there on no answer changes in the run")
    assert (answer.unchanged, answer.after.right) == (1, 0.5)
    early = by_stop[1]
    assert early.cost == "1 evaluation of f"
    assert (early.unchanged, early.after.right, early.before.right) == (0, 0, 0.5)
    assert early.moved == pytest.approx((2, 2))
    assert "0 of 2 answers are right instead of 1" in early.verdict


def nested(h, e):
    return {"a": e - 1.3 * np.tanh(h["a"]), "b": h["b"] / 2}


STRANGE = {
    "a nested state": (
        FunctionLoop(nested, lambda e: {"a": 0 * e, "b": 1 + 0 * e}),
        np.array([[0.2, 0.1], [0.4, 0.3]]),
    ),
    "the time": (
        FunctionLoop(lambda h, e, t: 0.2 - 1.5 * np.tanh(h) + e * 0.5**t, lambda e: 1 + 0 * e),
        np.array([[0.2], [0.4]]),
    ),
    "no input": (FunctionLoop(lambda h: -1.3 * np.tanh(h), np.array([1.0, 0.5])), None),
    "float32": (
        FunctionLoop(lambda h, e: e - np.float32(1.3) * np.tanh(h), np.zeros_like),
        np.array([[0.2, 0.1], [0.4, 0.3]], np.float32),
    ),
}


@pytest.mark.parametrize("name", STRANGE)
def test_loops_as_users_have_them(name):
    found = advise(*STRANGE[name], **QUICK)
    assert set(found.before.outcomes) == {"2-cycle"}
    assert row(found, "damp").after.settled == len(found.before.outcomes)
    if name == "a nested state":
        assert "several parts" in row(found, "norm after the step").reason
    if name == "the time":
        assert all("no fixed point" in r.reason for r in found.rows if r.name == "solve")
    if name == "no input":
        assert row(found, "add recall").reason == "the loop has no input"


def test_the_table_and_the_json_say_the_same():
    found = advise(linear(-1.2, 0.3), np.array([[1.0, 2.0]]), **QUICK)
    text, out = str(found), json.loads(json.dumps(found.to_json()))
    assert [r["name"] for r in out["rows"]] == [r.name for r in found.rows]
    for r in found.rows:
        assert (r.verdict if r.tried else r.reason) in text
        assert r.claim in text
    assert "no promise" in text
    changes = {r["name"]: r["change"] for r in out["rows"]}
    assert changes["damp"]["damp"] == row(found, "damp").change.damp
    assert next(r["change"]["norm"] for r in out["rows"] if r["name"].startswith("norm")) == 1
    assert changes["fewer loops"] is None
    ranks = [r.rank for r in found.tried]
    assert ranks == sorted(ranks)
    assert all(r.rank is None for r in found.rows if not r.tried)


def test_ties_have_one_rank():
    found = advise(linear(-1.2, -1.2), np.eye(2), **QUICK)
    best = [r for r in found.rows if r.rank == 1]
    assert {r.after.useful for r in best} == {2}
    assert len(best) >= 2
    assert min(r.rank for r in found.tried if r.rank > 1) == len(best) + 1


@given(
    st.floats(0.1, 1),
    st.floats(0, 3),
    st.floats(0.2, 3),
    st.none() | st.floats(0.5, 3),
    st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=40)
def test_a_changed_step_is_its_formula(damp, recall, scale, norm, seed):
    """Against the formula, entry by entry."""
    h, e = np.random.default_rng(seed).standard_normal((2, 3, 4))
    loop = FunctionLoop(lambda h, e: np.sin(h) + e, np.copy)
    change = Change(damp, recall, scale, norm)
    found = ChangedLoop(loop, change, lambda e: e).step(h, e)
    assert change.keeps == (recall == 0 and scale == 1 and norm is None)
    for i in range(3):
        z = [np.sin(h[i, k] + recall * e[i, k]) + scale * e[i, k] for k in range(4)]
        if norm is not None:
            mean = sum(x * x for x in z) / 4
            z = [norm * x / (mean + EPS * norm**2) ** 0.5 for x in z]
        wanted = [h[i, k] + damp * (z[k] - h[i, k]) for k in range(4)]
        assert found[i] == pytest.approx(wanted, rel=1e-12, abs=1e-12)


GOOD = np.ones((2, 2))
BAD = {
    "few loops": ({"loops": 5}, "at least 16"),
    "a limit below": ({"loops": 100, "limit": 50}, "below the first look"),
    "no strength": ({"strengths": (0.0,)}, "positive and finite"),
    "an infinite factor": ({"scales": (np.inf,)}, "positive and finite"),
    "a stop at 0": ({"stops": (0,)}, "from 1 to"),
    "a negative seed": ({"seed": -1}, "seed"),
    "no products": ({"products": 0}, "at least 1 product"),
    "floats": ({"readout": lambda h: h}, "readout returned float64"),
    "a readout that fails": ({"readout": lambda h: h.nothing}, "readout raised AttributeError"),
    "a judge that fails": ({"correct": lambda i, h: h.nothing}, "correct raised AttributeError"),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_requests_are_one_line(name):
    options, text = BAD[name]
    with pytest.raises(UsageError, match=text) as caught:
        advise(linear(-1.2, 1.0), GOOD, **options)
    assert "\n" not in str(caught.value)


def test_wrong_inputs_are_one_line():
    with pytest.raises(UsageError, match="list of inputs is empty"):
        advise(linear(1, 1), [])
    mixing = FunctionLoop(lambda h, e: h - h.mean(axis=0) + e, np.zeros_like)
    with pytest.raises(LoopError, match=r"influence each other.*give a list"):
        advise(mixing, np.array([[1.0], [2.0]]))
    single = FunctionLoop(lambda h, e: np.ones((3, 3)) @ h + e, np.zeros_like)
    with pytest.raises(LoopError, match="give a list"):
        advise(single, np.ones(3))
    random = np.random.default_rng(0)
    with pytest.raises(LoopError, match="differ"):
        advise(FunctionLoop(lambda h, e: random.standard_normal(2) + e, np.copy), [np.ones(2)])


def test_the_examples_of_the_how_to_run(tmp_path):
    """They print what the page says: damping mends all eight inputs."""
    guide = (Path(__file__).resolve().parents[2] / "docs/howto/advise.md").read_text()
    code = "\n".join(re.findall(r"```python\n(.*?)```", guide, re.DOTALL))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "8 of 8 inputs do not settle" in done.stdout
    assert "damp {'fixed-point': 8} the fixed points stay" in done.stdout
