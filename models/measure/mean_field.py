"""The mean-field laws N6 and N7 read off a trained block: where it lies on their map, and why the
laws are right or wrong there.

N6 is about h' = N(a h + A h + beta e) with a Gaussian matrix A of scale sigma. At a fixed point h
of a loop with outer norm, h' = N(z(h)), the same numbers are defined for any block: J_z = dz/dh, a
the mean of its diagonal, A = J_z - a I, sigma = |A|_F / sqrt(N), which is the radius of the
spectrum of a Gaussian matrix with that norm, and beta = |z - J_z h| / |h|. The law then predicts
the stretch s = |z| / |h| = a + sqrt(sigma^2 + beta^2) and the spectral radius rho = (a + sigma)/s.

Four spectral radii lead from the measurement to the law, each without one more property of the
trained block:

1. `rho`: the loop as it is;
2. `rotated`: A is replaced by Q_1 D Q_2: its singular values stay, and the directions that it reads
   are rotated at random against those that it writes;
3. `plain`: (a + sigma)/s with the measured s, so that the gains and the unequal scales of the
   tokens are gone too;
4. `law`: s is that of the law, so that a h, A h and the rest are orthogonal.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import ortho_group
from torch import Tensor

from ...numerics.arrays import Array
from ...numerics.formulas import numeric
from ...support.errors import UsageError
from ..network.transformer import Block, LoopedTransformer, SubBlock


@dataclass(frozen=True)
class EffectiveBlock:
    """A trained block on the map of N6, at one fixed point.

    Attributes:
        a: residual strength, the mean of the diagonal of J_z.
        sigma: scale of the rest of J_z.
        beta: size of what does not depend on the state, relative to the state.
        stretch: s = |z| / |h|.
        law_stretch: the s of the law.
        rho: spectral radius of the loop.
        rotated: the same with A between random rotations.
        plain: (a + sigma)/s.
        law: spectral radius of the law.
        radius: spectral radius of A over sigma, 1 for a large Gaussian matrix.
        rank: (sum s_i^2)^2 / sum s_i^4 of the singular values of A, over their number: 1/2 for a
            large Gaussian matrix.
        coupling: share of |A|_F^2 that leads from one token to another.
    """

    a: float
    sigma: float
    beta: float
    stretch: float
    law_stretch: float
    rho: float
    rotated: float
    plain: float
    law: float
    radius: float
    rank: float
    coupling: float


@torch.no_grad()
def effective_block(model: LoopedTransformer, h: Array, e: Array, seed: int = 0) -> EffectiveBlock:
    """Measure a, sigma and beta of a loop with outer norm at a fixed point, and compare the laws.

    Args:
        model: the loop, in float64, with an outer norm.
        h: a fixed point, (1, cells, width).
        e: the embedding of its input, (1, cells, width).
        seed: seed of the random rotations; default 0.

    Returns:
        The place on the map with the four spectral radii; everything is measured, by LAPACK.

    Raises:
        UsageError: the loop has no outer norm.

    Example:
        >>> import numpy as np, torch
        >>> from loopstab.models.measure.mean_field import effective_block
        >>> from loopstab.models.network.model_config import ModelConfig
        >>> from loopstab.models.network.transformer import LoopedTransformer
        >>> model = LoopedTransformer(ModelConfig(width=8, heads=2)).double()
        >>> h = e = np.random.default_rng(0).normal(size=(1, 3, 8))
        >>> found = effective_block(model, h, e)
        >>> bool(np.isclose(found.law, (found.a + found.sigma) / found.law_stretch))
        True
    """
    state, given, size = torch.from_numpy(h), torch.from_numpy(e), h.size
    with _without_last_norm(model) as last:
        z = model.step(state, given)
        jacobian = torch.func.jacrev(lambda x: model.step(x, given), chunk_size=64)(state)
    assert last.outer is not None
    outer = torch.func.jacrev(last.outer)(z[0])
    assert isinstance(jacobian, Tensor)
    assert isinstance(outer, Tensor)
    jz, derivative = (matrix.reshape(size, size).numpy() for matrix in (jacobian, outer))
    return effective(jz, derivative, z.numpy().ravel(), h.ravel(), h.shape[1], seed)


def effective(
    jz: Array, derivative: Array, z: Array, h: Array, tokens: int, seed: int = 0
) -> EffectiveBlock:
    """The same from the derivatives, of N entries with the tokens one after the other.

    Args:
        jz: derivative of z by h, (N, N).
        derivative: derivative of the outer norm at z, (N, N).
        z: the state before the outer norm, (N,).
        h: the fixed point, (N,).
        tokens: number of tokens.
        seed: seed of the random rotations; default 0.
    """
    size, norm = len(h), float(np.linalg.norm(h))
    a = float(np.diag(jz).mean())
    rest = jz - a * np.eye(size)
    sigma = float(np.linalg.norm(rest)) / size**0.5
    beta = float(np.linalg.norm(z - jz @ h)) / norm
    stretch = float(np.linalg.norm(z)) / norm
    left, values, right = np.linalg.svd(rest)
    turned = left @ (values[:, None] * (ortho_group.rvs(size, random_state=seed) @ right))
    weights = values**2
    return EffectiveBlock(
        a=a,
        sigma=sigma,
        beta=beta,
        stretch=stretch,
        law_stretch=float(numeric("mean_field_scale")(a, sigma, beta)),
        rho=_radius(derivative @ jz),
        rotated=_radius(derivative @ (a * np.eye(size) + turned)),
        plain=(a + sigma) / stretch,
        law=float(numeric("mean_field_rho")(a, sigma, beta)),
        radius=_radius(rest) / sigma,
        rank=float(weights.sum() ** 2 / (weights**2).sum()) / size,
        coupling=_coupling(rest, tokens),
    )


def require_outer_norm(model: LoopedTransformer) -> None:
    """Raise `UsageError` unless the loop has an outer norm."""
    if not model.config.architecture.outer_norm:
        raise UsageError(
            f"{model.config.name} has no outer norm, of which N6 and N7 speak: give a loop with"
            " norm post or sandwich"
        )


@contextmanager
def _without_last_norm(model: LoopedTransformer) -> Iterator[SubBlock]:
    """The last operation of the step is left out while this context is active."""
    block = model.blocks[-1]
    assert isinstance(block, Block)
    require_outer_norm(model)
    last = block.mlp
    last.norms_sum = False
    try:
        yield last
    finally:
        last.norms_sum = True


def _radius(matrix: Array) -> float:
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def _coupling(matrix: Array, tokens: int) -> float:
    width = len(matrix) // tokens
    blocks = (matrix.reshape(tokens, width, tokens, width) ** 2).sum((1, 3))
    return float(1 - np.trace(blocks) / blocks.sum())
