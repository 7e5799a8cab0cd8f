"""Random test material with a stated property: spectra, matrices, inputs, activations and looped blocks, each from a seed.

Samplers take a NumPy generator and return arrays. The same vocabulary as Hypothesis strategies, whose counterexamples shrink to short
fractions, stands in `numerics.ensembles.strategies` and `numerics.ensembles.matrix_strategies` (they need the `test` extra).
"""

from numerics.ensembles.activations import ACTIVATIONS, Activation
from numerics.ensembles.blocks import MLP, Attention, SubBlock
from numerics.ensembles.dual import Dual
from numerics.ensembles.inputs import clustered, scaled, sphere
from numerics.ensembles.loops import BlockLoop, random_loop
from numerics.ensembles.matrices import (
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
from numerics.ensembles.spectra import Spectrum, disc, near_critical, rotations

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "Activation",
    "Attention",
    "BlockLoop",
    "Dual",
    "Spectrum",
    "SubBlock",
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
    "random_loop",
    "rotation",
    "rotations",
    "scaled",
    "sphere",
    "symmetric",
    "unimodular",
]
