"""Orbits that settle, cycle or move, against answers that are right or wrong."""

from types import SimpleNamespace

import pytest
import torch

from loopstab.models.measure.settled import settled_and_correct
from loopstab.models.measure.trained import TrainedLoop
from loopstab.models.zoo import zoo


class Context:
    """The context of a toy: what its step needs of each sample."""

    def __init__(self, kinds):
        self.kinds = kinds

    def of(self, keep):
        return Context(self.kinds[keep])


def turned_about(h, center):
    """A quarter turn of h - center."""
    moved = h - center
    return torch.stack((-moved[..., 1], moved[..., 0]), -1)


class Toy:
    """Samples by number: 0 settles at once, 1 slowly, 2 turns by a quarter, 3 by one radian, 4
    turns by a quarter and shrinks by 3 %.
    """

    encode = staticmethod(lambda x: x[:, :, None] * 0 + torch.tensor([1.0, 0.0]).double())
    initial = staticmethod(torch.clone)

    def __init__(self, kinds):
        self.kinds = kinds

    def prepare(self, e):
        return Context(self.kinds)

    def advance(self, h, context):
        kinds = context.kinds
        angle = torch.tensor([0.0, 0.0, torch.pi / 2, 1.0, torch.pi / 2], dtype=torch.float64)[
            kinds
        ][:, None]
        x, y = h[..., 0], h[..., 1]
        turned = torch.stack(
            (x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos()), -1
        )
        target = torch.tensor([1.0, 1.0]).double()
        rate = torch.tensor([0.0, 0.5, 1.0, 1.0, 1.0]).double()[kinds][:, None, None]
        around = torch.tensor([3.0, 0.0]).double()  # the spiral's center
        spiral = around + 0.97 * turned_about(h, around)
        made = torch.where(rate < 1, target + rate * (h - target), turned)
        return torch.where(kinds[:, None, None] == 4, spiral, made)

    def head(self, h):
        return h


def toy(kinds, right):
    kinds = torch.tensor(kinds)
    batch = SimpleNamespace(x=torch.zeros(len(kinds), 1), target=torch.tensor(right))
    task = SimpleNamespace(
        batch=lambda n, level, generator: batch, correct=lambda logits, target: target
    )
    return TrainedLoop(Toy(kinds), {}, task, "any")


def test_each_kind_of_orbit_is_counted_where_it_belongs():
    found = settled_and_correct(
        toy([0, 1, 1, 2, 3, 3, 3], [True, True, False, False, True, False, False]), 7, loops=60
    )
    assert found.counts == {
        ("settled", True): 2,
        ("settled", False): 1,
        ("cycle", False): 1,
        ("moving", True): 1,
        ("moving", False): 2,
    }
    assert found.inputs == 7


def test_an_orbit_that_needs_more_iterations_counts_as_moving():
    assert settled_and_correct(toy([1], [True]), 1, loops=10).of("moving", True) == 1
    assert settled_and_correct(toy([1], [True]), 1, loops=40).of("settled", True) == 1


@pytest.mark.parametrize(("name", "settled"), [("external-post-s1", True), ("none-peri-s2", False)])
def test_trained_loops(name, settled):
    trained = TrainedLoop.open(zoo.load(f"prefix-sums-16-{name}"), level="16")
    found = settled_and_correct(trained, inputs=8, loops=400)
    assert (found.of("settled", True) + found.of("settled", False) >= 6) == settled


def test_a_spiral_into_a_point_is_no_cycle():
    # after 560 iterations four of them return to below 1e-8 of the state, but one moves it further
    assert settled_and_correct(toy([4], [True]), 1, 560).of("moving", True) == 1
    assert settled_and_correct(toy([4], [True]), 1, 700).of("settled", True) == 1
