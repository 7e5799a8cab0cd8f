"""Random test material with a stated property: spectra, matrices, inputs, activations and looped
blocks, each from a seed.

Samplers take a NumPy generator and return arrays. The same vocabulary as Hypothesis strategies,
whose counterexamples shrink to short fractions, stands in `loopstab.numerics.strategies.fractions`
and `loopstab.numerics.strategies.matrix_strategies` (they need the `test` extra).
"""

from .inputs import clustered, scaled, sphere
from .matrices import (
    departure,
    ginibre,
    haar,
    jordan,
    low_rank,
    near_jordan,
    non_normal,
    normal,
    rotation,
    symmetric,
    unimodular,
)
from .prescribed_spectra import Spectrum, disc, near_critical, rotations

__all__ = [
    "Spectrum",
    "clustered",
    "departure",
    "disc",
    "ginibre",
    "haar",
    "jordan",
    "low_rank",
    "near_critical",
    "near_jordan",
    "non_normal",
    "normal",
    "rotation",
    "rotations",
    "scaled",
    "sphere",
    "symmetric",
    "unimodular",
]
