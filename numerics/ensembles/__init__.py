"""Random test material with a stated property, drawn from a seed: spectra, matrices and inputs.

Samplers take a NumPy generator and return arrays. The same vocabulary as Hypothesis strategies,
whose counterexamples shrink to short fractions, stands in `loopstab.numerics.strategies` (which
needs the `test` extra).
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
