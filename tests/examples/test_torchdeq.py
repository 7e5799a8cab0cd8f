"""A deep equilibrium model of torchdeq: its solver and its spectral radius against ours."""

import pytest
import torch

pytest.importorskip("torchdeq", reason="needs torchdeq: pip install 'loopstab[test]'")
from loopstab import spectral_radius

PAGE = "torchdeq"


@pytest.mark.parametrize(("gain", "outcome"), [(1, "fixed-point"), (2.5, "cycle")])
def test_the_radius_at_the_equilibrium_is_that_of_the_dense_jacobian(page, dense, gain, outcome):
    loop, x, z, info, found, apart = page.measure(gain)
    assert info["abs_lowest"].item() < 1e-9  # the solver converged in both cases
    assert str(found.outcome) == outcome
    assert (apart < 1e-8) == (outcome == "fixed-point")
    values = dense(lambda h: loop.torch_step(h, x), z)
    leading = values[values.abs().argmax()]
    rho = leading.abs().item()
    assert spectral_radius(loop, z.numpy(), x).value == pytest.approx(rho, rel=1e-9)
    theirs = info["sradius"].item()
    if leading.imag.abs() < 1e-9:
        assert theirs == pytest.approx(rho, rel=1e-3)
    else:
        assert theirs < 1 < rho  # their estimate has the wrong side of 1


def test_the_damping_that_is_advised_makes_the_equilibrium_attract(page, dense):
    loop, x, z, _, found, _ = page.measure(2.5)
    assert found.period == 2
    a = float(found.action.split("a = ")[1].split()[0])
    damped = torch.abs(1 + a * (dense(lambda h: loop.torch_step(h, x), z) - 1)).max()
    assert damped < 1
    assert f"to {damped:.3g})" in found.action
