"""The fixed point as a layer: gradients against unrolled loops, differences and closed forms."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from loopstab import FixedPointWarning, LoopError, TorchLoop, fixed_point
from loopstab.models.loops.equilibrium_solvers import iterate, solve_adjoint

ROUNDING = 1e-12
"""Two solutions of one linear system differ so much, with the alignment of their memory."""


def drawn(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def contraction(n=5, factor=0.6):
    torch.manual_seed(0)
    layer = nn.Linear(n, n).double()
    with torch.no_grad():
        layer.weight.mul_(factor / torch.linalg.matrix_norm(layer.weight, 2))
    return layer


@pytest.mark.parametrize("solver", ["anderson", "iteration"])
def test_gradients_equal_those_of_many_iterations(solver):
    layer, e = contraction(), drawn(3, 5).requires_grad_()
    loop = TorchLoop(lambda h, e: torch.tanh(layer(h) + e), torch.zeros_like)
    weights = drawn(3, 5, seed=1)
    z = fixed_point(loop, e, solver=solver)
    found = torch.autograd.grad((z * weights).sum(), [e, *layer.parameters()])
    h = torch.zeros_like(e)
    for _ in range(200):
        h = torch.tanh(layer(h) + e)
    wanted = torch.autograd.grad((h * weights).sum(), [e, *layer.parameters()])
    torch.testing.assert_close(z, h, rtol=1e-10, atol=1e-12)
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


def test_gradients_pass_gradcheck():
    layer, e = contraction(3), drawn(3).requires_grad_()
    loop = TorchLoop(
        lambda s, e: (torch.tanh(layer(s[1]) + e), 0.5 * s[0] * s[1]), lambda e: (0 * e, 0 * e + 1)
    )

    assert torch.autograd.gradcheck(lambda e: fixed_point(loop, e), (e,), nondet_tol=ROUNDING)
    a = torch.full((), 0.4, dtype=torch.float64, requires_grad=True)
    scaled = TorchLoop(lambda h, e: torch.sin(a * h) + e, torch.zeros_like)
    assert torch.autograd.gradcheck(
        lambda e, _: fixed_point(scaled, e), (e, a), nondet_tol=ROUNDING
    )


def test_gradients_go_to_inputs_in_dicts_and_through_complex_states():
    w = torch.tensor([[0.3 + 0.4j, 0.1], [0.2j, -0.5]], dtype=torch.complex128)
    x = drawn(2).requires_grad_()
    loop = TorchLoop(lambda h, e: w @ h + e["x"] * (1 + 1j), lambda e: 0j * e["x"])
    z = fixed_point(loop, {"x": x, "n": np.arange(2)})
    wanted = torch.linalg.solve(torch.eye(2) - w, x * (1 + 1j))
    torch.testing.assert_close(z, wanted)
    (found,) = torch.autograd.grad(z.abs().sum(), x)
    torch.testing.assert_close(found, torch.autograd.grad(wanted.abs().sum(), x)[0])


def test_a_second_backward_pass_and_a_start():
    layer, e = contraction(), drawn(5).requires_grad_()
    loop = TorchLoop(lambda h, e: torch.tanh(layer(h) + e), torch.zeros_like)
    z = fixed_point(loop, e)
    first = torch.autograd.grad(z.sum(), e, retain_graph=True)[0]
    again = torch.autograd.grad(z.sum(), e, retain_graph=True)[0]
    torch.testing.assert_close(again, first, rtol=ROUNDING, atol=ROUNDING)
    torch.testing.assert_close(fixed_point(loop, e, h=z.detach(), limit=1), z)
    with torch.no_grad():
        assert not fixed_point(loop, e).requires_grad
    with pytest.raises(LoopError, match="second derivatives"):
        torch.autograd.grad(z.sum(), e, create_graph=True)


def test_a_small_equilibrium_model_learns():
    torch.manual_seed(0)
    core, read = nn.Linear(8, 8), nn.Linear(8, 1)
    with torch.no_grad():
        core.weight.mul_(0.5)
    loop = TorchLoop(lambda h, e: torch.tanh(core(h) + e), torch.zeros_like)
    encoder = nn.Linear(4, 8)
    x = drawn(64, 4).float()
    y = torch.sin(x.sum(1, keepdim=True))
    parameters = [*core.parameters(), *read.parameters(), *encoder.parameters()]
    optimizer, losses = torch.optim.Adam(parameters, lr=0.02), []
    for _ in range(20):
        loss = ((read(fixed_point(loop, encoder(x), tol=1e-5)) - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert core.weight.grad.abs().max() > 0
    assert losses[-1] < 0.5 * losses[0]
    assert all(b < a for a, b in pairwise(losses))


def test_warnings_have_the_numbers():
    shift = TorchLoop(lambda h, e: h + e, torch.zeros_like)
    with pytest.warns(FixedPointWarning, match="no fixed point within 20") as caught:
        fixed_point(shift, torch.ones(2), limit=20, solver="iteration")
    assert caught[0].message.residual > 1e-3
    a = torch.tensor([2.0, 0.5], dtype=torch.float64, requires_grad=True)
    repelling = TorchLoop(lambda h, e: a * h + e, lambda e: e.clone())
    z = fixed_point(repelling, torch.ones(2).double())
    torch.testing.assert_close(z, torch.tensor([-1.0, 2.0]).double())
    with pytest.warns(FixedPointWarning, match="repels: rho of J is about 2") as caught:
        (found,) = torch.autograd.grad(z.sum(), a)
    assert caught[0].message.rho == pytest.approx(2)
    torch.testing.assert_close(found, torch.tensor([1.0, 4.0]).double())
    singular = TorchLoop(lambda h, e: h + 0 * e, lambda e: e.clone())
    e = torch.ones(2).double().requires_grad_()
    with pytest.warns(FixedPointWarning, match="linear system"):
        fixed_point(singular, e).sum().backward()


def test_refusals():
    timed = TorchLoop(lambda h, e, t: h / (1 + t), torch.zeros_like)
    with pytest.raises(LoopError, match="depends on the time"):
        fixed_point(timed, torch.ones(2))
    loop = TorchLoop(lambda h, e: h / 2, torch.zeros_like)
    with pytest.raises(LoopError, match="no solver 'newton'"):
        fixed_point(loop, torch.ones(2), solver="newton")  # type: ignore[arg-type]


def test_a_solved_fixed_point_leaves_the_model_in_training():
    net = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).double()
    loop = TorchLoop(lambda h, e: 0.1 * net(h) + e, torch.zeros_like)
    fixed_point(loop, drawn(8, 4), tol=1e-6)
    assert int(net[1].num_batches_tracked) > 0  # a layer in training updates its statistics


@pytest.mark.parametrize("n", [1, 3, 60])
def test_the_solvers_against_dense_twins(n):
    matrix = drawn(n, n) / (2 * n**0.5)
    g = drawn(n, seed=1)
    wanted = torch.linalg.solve(torch.eye(n) - matrix, g)
    solved = solve_adjoint(lambda u: matrix @ u, g, 1e-12, 500)
    torch.testing.assert_close(solved.value, wanted, rtol=1e-9, atol=1e-10)
    assert solved.residual <= 1e-12
    if n < 10:
        rho = float(torch.linalg.eigvals(matrix).abs().max())
        assert solved.rho == pytest.approx(rho, rel=1e-6)
    for memory in (0, 5):
        found = iterate(lambda h: matrix @ h + g, torch.zeros(n).double(), 1e-13, 2000, memory)
        torch.testing.assert_close(found.value, wanted, rtol=1e-8, atol=1e-9)
    plain, fast = (iterate(lambda h: matrix @ h + g, 0 * g, 1e-10, 2000, m) for m in (0, 5))
    assert fast.evaluations <= plain.evaluations


def test_no_right_hand_side_no_work():
    solved = solve_adjoint(lambda u: u, torch.zeros(3), 1e-6, 10)
    assert (solved.residual, solved.evaluations) == (0.0, 0)
