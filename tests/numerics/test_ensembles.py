"""Samplers keep the property they promise; blocks agree with differences and with linear twins."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linear_loops import as_block_loop, linear_loop

from loopstab import check_loop
from loopstab.numerics.ensembles import (
    Spectrum,
    clustered,
    departure,
    disc,
    ginibre,
    haar,
    jordan,
    low_rank,
    near_critical,
    near_jordan,
    non_normal,
    normal,
    rotation,
    rotations,
    scaled,
    sphere,
    symmetric,
    unimodular,
)
from loopstab.numerics.loops.activations import ACTIVATIONS
from loopstab.numerics.loops.block_loop import random_loop
from loopstab.numerics.loops.dual import Dual
from loopstab.numerics.loops.sub_blocks import DualAttention, DualMLP
from loopstab.support.errors import UsageError
from loopstab.theory.activations import ACTIVATIONS as TABLE
from loopstab.theory.architecture import Architecture, Residual

SPECTRA = {
    "disc": lambda rng, d: disc(rng, d, 0.8),
    "all real": lambda rng, d: disc(rng, d, 1.3, 0),
    "all pairs": lambda rng, d: disc(rng, d, 1.3, d // 2),
    "just below critical": lambda rng, d: near_critical(rng, d, -1e-3),
    "just above critical": lambda rng, d: near_critical(rng, d, 1e-3),
    "rotations": lambda rng, d: rotations(rng, d, 0.95),
}
RADII = dict(zip(SPECTRA, (0.8, 1.3, 1.3, 0.999, 1.001, 0.95), strict=True))


def distance(found, wanted):
    """The largest distance in a greedy matching of two spectra.

    It is exact while the distances are small compared with the gaps.
    """
    left, worst = list(found), 0.0
    for value in sorted(wanted, key=lambda z: (z.real, z.imag)):
        nearest = min(left, key=lambda z: abs(z - value))
        left.remove(nearest)
        worst = max(worst, abs(nearest - value))
    return worst


@pytest.mark.parametrize("size", [1, 2, 3, 8, 31])
@pytest.mark.parametrize("kind", SPECTRA)
def test_spectrum_radius_and_departure(kind, size):
    rng = np.random.default_rng(size)
    spectrum = SPECTRA[kind](rng, size)
    assert (spectrum.size, len(spectrum.values())) == (size, size)
    assert spectrum.radius == pytest.approx(RADII[kind], rel=1e-12)
    assert distance(np.linalg.eigvals(spectrum.form()), spectrum.values()) < 1e-12
    wanted = 0.0 if size < 3 else 3.0
    for m, henrici in ((normal(rng, spectrum), 0.0), (non_normal(rng, spectrum, wanted), wanted)):
        values, vectors = np.linalg.eig(m)
        assert (
            distance(values, spectrum.values())
            < 1e-13 * np.linalg.cond(vectors) * max(1, np.linalg.norm(m)) * size
        )
        # Schur's triangle belongs to a neighbour of m, whose eigenvalues differ by rounding x
        # condition
        assert departure(m) == pytest.approx(
            henrici, abs=1e-13 * np.linalg.cond(vectors) * np.linalg.norm(m) * size
        )
        assert np.linalg.norm(m) ** 2 - np.linalg.norm(spectrum.values()) ** 2 == pytest.approx(
            henrici**2, abs=1e-10
        )
        commutator = m @ m.T - m.T @ m
        assert (np.linalg.norm(commutator) < 1e-12) == (henrici == 0)


@pytest.mark.parametrize("size", [1, 2, 5, 20])
def test_orthogonal_symmetric_rank_unimodular(size):
    rng = np.random.default_rng(size)
    q = haar(rng, size)
    assert np.abs(q @ q.T - np.eye(size)).max() < 1e-13
    values = rng.standard_normal(size)
    s = symmetric(rng, values)
    assert np.array_equal(s, s.T)
    assert np.abs(np.linalg.eigvalsh(s) - np.sort(values)).max() < 1e-13
    for rank in {0, size // 2, size}:
        sizes = np.linalg.svd(low_rank(rng, size, rank), compute_uv=False)
        assert ((sizes[:rank] > 0.49) & (sizes[:rank] < 2.01)).all()
        assert (sizes[rank:] < 1e-14).all()
    v, inverse = unimodular(rng, size)
    assert np.array_equal(v @ inverse, np.eye(size))
    assert np.array_equal(v, np.rint(v))


def test_haar_has_the_moments_of_haar_measure():
    # E (tr Q)^2 = 1 and E tr Q = 0; without the correction of signs QR gives a negative trace
    rng = np.random.default_rng(0)
    traces = np.array([np.trace(haar(rng, 4)) for _ in range(4000)])
    assert abs(traces.mean()) < 5 / np.sqrt(4000)
    assert abs((traces**2).mean() - 1) < 5 * np.std(traces**2) / np.sqrt(4000)


def test_ginibre_scale():
    m = ginibre(np.random.default_rng(0), 300, 0.7)
    assert np.abs(np.linalg.eigvals(m)).max() == pytest.approx(0.7, rel=0.05)
    assert ginibre(np.random.default_rng(0), 300, 0.7, 50).std() == pytest.approx(
        0.7 / np.sqrt(50), rel=0.03
    )


def test_jordan_blocks_are_exact_and_near_ones_have_the_roots():
    rng = np.random.default_rng(1)
    m = jordan(rng, (0.5, 3), (-1.0, 1))
    nilpotent = m - 0.5 * np.eye(4)
    ranks = [np.linalg.matrix_rank(np.linalg.matrix_power(nilpotent, k)) for k in (1, 2, 3, 4)]
    assert ranks == [3, 2, 1, 1]
    assert np.array_equal(np.linalg.matrix_power(nilpotent, 3) @ (m + np.eye(4)), np.zeros((4, 4)))
    for gap in (1e-3, 0.1):
        found = np.linalg.eigvals(near_jordan(rng, 0.9, 4, gap))
        assert distance(found, 0.9 + gap * np.exp(0.5j * np.pi * np.arange(4))) < 1e-3 * gap
    assert np.array_equal(rotation(0.0, 2.0), 2 * np.eye(2))


@given(st.integers(0, 2**31 - 1), st.integers(1, 12))
@settings(max_examples=25, database=None, derandomize=True, deadline=None)
def test_same_seed_same_matrix(seed, size):
    one, two = (
        non_normal(rng, disc(rng, size), float(size > 2))
        for rng in map(np.random.default_rng, (seed, seed))
    )
    assert np.array_equal(one, two)


def test_inputs():
    rng = np.random.default_rng(2)
    assert np.allclose(np.linalg.norm(sphere(rng, 50, 7), axis=1), np.sqrt(7), atol=1e-13)
    x = clustered(rng, 60, 8, 3, 0.1)
    assert np.allclose(np.linalg.norm(x, axis=1), np.sqrt(8), atol=1e-13)
    cosines = x @ x.T / 8
    same = np.equal.outer(np.arange(60) % 3, np.arange(60) % 3)
    assert cosines[same].min() > 0.95
    lengths = np.linalg.norm(scaled(rng, 500, 4, 0.1, 10), axis=1) / 2
    assert 0.1 <= lengths.min() < 0.12
    assert 8 < lengths.max() <= 10


def test_every_activation_of_the_theory_is_evaluated_on_arrays():
    assert set(ACTIVATIONS) == set(TABLE)
    assert all(name == activation.scalar.name for name, activation in ACTIVATIONS.items())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_arrays_and_numbers_agree(name):
    arrays, numbers = ACTIVATIONS[name], TABLE[name]
    x = np.linspace(-6, 6, 101)
    for k in (1.0, 1.75):
        steep = numbers.steepened(k)
        np.testing.assert_allclose(arrays(x, k), [steep.value(v) for v in x], atol=1e-15)
        slopes = [steep.derivative(v) for v in x]
        np.testing.assert_allclose(arrays.derivative(x, k), slopes, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("name", ["tanh", "sin", "relu"])
def test_moments_without_closed_forms_are_averaged_by_quadrature(name):
    known = ACTIVATIONS[name]
    bare = replace(known, scalar=replace(known.scalar, moments=()))
    np.testing.assert_allclose(bare.moments(1.5), known.moments(1.5), rtol=1e-9)
    if known.scalar.shifted:
        shifted = known.moments(1.5, 0.75, 0.5)
        np.testing.assert_allclose(bare.moments(1.5, 0.75, 0.5), shifted, rtol=1e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    f = ACTIVATIONS[name]
    x = np.linspace(-6, 6, 1000)
    assert np.abs(f(x + 1e-5) - f(x - 1e-5) - 2e-5 * f.derivative(x)).max() < 1e-13
    assert f(np.zeros(1))[0] == 0
    small = np.concatenate((x, x / 1e4))
    ratio = np.abs(f(small)) / np.abs(small)
    assert 0.99 * f.slope < ratio.max() <= f.slope * (1 + 1e-12)
    assert np.abs(f(x)).max() <= f.bound
    assert np.isinf(f.bound) == (np.abs(f(np.array([-1e3, 1e3]))).max() > 2)


ATTENTIONS = {
    "mlp": lambda rng: DualMLP.random(rng, 6, 10, ACTIVATIONS["gelu"], 2.0),
    "mlp erf": lambda rng: DualMLP.random(rng, 6, 4, ACTIVATIONS["erf"], 2.0),
    "attention": lambda rng: DualAttention.random(rng, 6, 2, 1e-3, 2.0),
}


@pytest.mark.parametrize("name", ATTENTIONS)
def test_bound_of_a_sub_block(name):
    rng = np.random.default_rng(3)
    block = ATTENTIONS[name](rng)
    for x in 3 * rng.standard_normal((200, 5, 6)):
        u = block(Dual.constant(x)).value
        assert np.linalg.norm(u, axis=1).max() <= block.bound(np.linalg.norm(x, axis=1).max())


def test_attention_is_the_softmax_average_of_values():
    rng = np.random.default_rng(4)
    block, x = DualAttention.random(rng, 6, 3, 1e-2), rng.standard_normal((4, 6))
    slow = np.zeros((4, 6))
    for i in range(4):
        heads = []
        for head in range(3):
            part = slice(2 * head, 2 * head + 2)

            def normed(z):
                return z / np.sqrt(np.mean(z * z) + 1e-2)

            q = normed((block.w_q @ x[i])[part])
            weights = np.exp([q @ normed((block.w_k @ y)[part]) / np.sqrt(2) for y in x])
            heads.append(
                sum(w * (block.w_v @ y)[part] for w, y in zip(weights, x, strict=True))
                / weights.sum()
            )
        slow[i] = block.w_o @ np.concatenate(heads)
    assert np.abs(block(Dual.constant(x)).value - slow).max() < 1e-14


@pytest.mark.parametrize("architecture", Architecture.all(), ids=str)
def test_block_loop(architecture):
    loop = random_loop(architecture, 6, activation="tanh", eps=1e-2, seed=5)
    rng = np.random.default_rng(6)
    e, h, v = rng.standard_normal((3, 3, 6))
    check_loop(loop, e)
    step = 1e-6
    found = loop.jvp(h, e, v), loop.input_jvp(h, e, v)
    slow = (loop.step(h + step * v, e) - loop.step(h - step * v, e)) / (2 * step)
    by_input = (loop.step(h, e + step * v) - loop.step(h, e - step * v)) / (2 * step)
    for fast, difference in zip(found, (slow, by_input), strict=True):
        assert np.abs(fast - difference).max() < 1e-8 * (1 + np.abs(difference).max())
    assert np.abs(loop.jacobian(h, e) @ v.ravel() - found[0].ravel()).max() < 1e-12
    # the linear twin
    linear = linear_loop(architecture, 6, eps=1e-2, seed=7)
    twin = as_block_loop(linear)
    assert np.abs(twin.step(h[0], e[0]) - linear.step(h[0], e[0])).max() < 1e-13
    assert np.abs(twin.jvp(h[0], e[0], v[0]) - linear.jvp(h[0], e[0], v[0])).max() < 1e-12
    # tokens that meet linear sub-blocks do not see each other
    assert (
        np.abs(
            twin.step(h, e) - np.stack([linear.step(x, y) for x, y in zip(h, e, strict=True)])
        ).max()
        < 1e-13
    )
    if architecture.outer_norm and architecture.residual is Residual.ADD:
        assert (np.linalg.norm(loop.step(h, e), axis=1) < np.sqrt(6)).all()


BAD = {
    "empty disc": lambda rng: disc(rng, 0),
    "too many pairs": lambda rng: disc(rng, 3, 1.0, 2),
    "no radius": lambda rng: near_critical(rng, 3, -1.0),
    "pair below the axis": lambda rng: Spectrum((), ((0.0, -1.0),)),
    "departure without a place": lambda rng: non_normal(rng, Spectrum((0.5,)), 1.0),
    "rank": lambda rng: low_rank(rng, 3, 4),
    "no Jordan block": lambda rng: jordan(rng),
    "spread": lambda rng: clustered(rng, 5, 3, 2, 1.0),
    "lengths": lambda rng: scaled(rng, 5, 3, 2.0, 1.0),
    "heads": lambda rng: DualAttention.random(rng, 5, 2, 1e-3),
    "activation": lambda rng: random_loop(Architecture.parse("none/pre"), 4, activation="unknown"),
    "sub-block": lambda rng: random_loop(Architecture.parse("none/pre"), 4, sub_blocks=("conv",)),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line(name):
    with pytest.raises(UsageError) as error:
        BAD[name](np.random.default_rng(0))
    assert "\n" not in str(error.value)
