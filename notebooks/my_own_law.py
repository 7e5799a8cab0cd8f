# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # My own law: where does damping help?
#
# A *phase diagram* shows what a loop does as two of its parameters vary. This notebook draws one
# for a step that you write yourself, with your own formula over it if you have one. The question
# here: a loop that does not settle can be damped, so that each iteration goes only a part d of the
# way, h' = h + d (f(h) - h). The fixed points stay where they are. Does the loop settle then?
#
# ## 1. A loop that turns back
# The state is one number, and the step f(h) = tanh(e - g h) turns back from where it is: the larger
# h, the smaller f(h). Its *gain* g says how hard. The arguments of the step after the state h and
# the input e are its parameters, and any two of them can be the axes.
#
# There is a closed form: one fixed point, where f has the slope -g (1 - h^2). The damped step has
# the slope 1 - d (1 + g (1 - h^2)) there, and the loop settles where its modulus, the spectral
# radius rho, is below 1.

# %%
# %matplotlib inline
import numpy as np
from scipy.optimize import brentq

from loopstab import phase_diagram

INPUT = 0.3


def turning(h, e, gain=1.0, damping=1.0):
    return h + damping * (np.tanh(e - gain * h) - h)


def rho_turning(gain, damping):
    h = brentq(lambda h: np.tanh(INPUT - gain * h) - h, -1, 1)
    return abs(1 - damping * (1 + gain * (1 - h**2)))


turns = phase_diagram(
    turning,
    x="gain:0.1:8",
    y="damping:0.05:1",
    e=INPUT,
    initial=0.0,
    rho=rho_turning,
    grid=(12, 14),
    jobs=1,
)
turns.plot("outcome")

# %% [markdown]
# Without damping (the upper edge, d = 1) the loop settles only for small gains; beyond, it flips
# between two states. For every gain there is a factor d small enough. The thick line is where the
# formula says rho = 1, and the border of the measured outcomes follows it cell by cell. (A cell is
# *undecided* where the orbit settles too slowly to tell: that happens next to the line.)
#
# The rho that is measured at the fixed points, with derivatives of the step, against the formula:

# %%
print(f"largest difference below 1e-6: {np.nanmax(np.abs(turns.disagreement)) < 1e-6}")
turns.plot("rho")

# %% [markdown]
# The blue valley is where rho is 0: there the damped step is a step of Newton's method. Above it,
# with a larger d, the loop overshoots; below it, it creeps.
#
# ## 2. A loop that mixes
# Now the state has 32 entries, and the step mixes them by a random matrix W: f(h) = tanh(g W h).
# `weights` draws W; every cell gets the same one. At the fixed point 0 the derivative of the damped
# step is (1 - d) + d g W. For large matrices the eigenvalues of W fill the unit disk evenly (the
# circular law), so the eigenvalues of the step fill the disk around 1 - d with radius d g. The
# largest modulus is 1 - d + d g.


# %%
def random_matrix(rng, width=32):
    return rng.normal(size=(width, width)) / np.sqrt(width)


def mixing(h, e, weights, gain=1.0, damping=1.0):
    return h + damping * (np.tanh(gain * weights @ h) - h)


def rho_mixing(gain, damping):  # at the fixed point 0, for large width
    return np.where(gain < 1, 1 - damping + damping * gain, np.nan)


mixes = phase_diagram(
    mixing,
    x="gain:0.1:2.1",
    y="damping:0.1:1",
    weights=random_matrix,
    rho=rho_mixing,
    settings={"width": 32},
    grid=(6, 8),
    jobs=1,
)
print(f"the formula is off by up to {np.nanmax(np.abs(mixes.disagreement)):.2f}")
mixes.plot("outcome")

# %% [markdown]
# Here damping does not help: the border stands upright at a gain of about 1, whatever d is. The
# reason is where the eigenvalues lie. Damping moves each eigenvalue of f on a straight line towards
# 1. One that lies far to the left, as in the first loop, comes into the unit disk on its way. One
# with a real part above 1 never does (claim S1), and the disk of W reaches as far to the right as
# to the left. Beyond the border most orbits are *aperiodic*: they neither settle nor repeat. Next
# to it, and for small d, some orbits are too slow to tell.
#
# ## Your turn
# Put your own step in, with the parameters that you can choose, and leave `rho` out if you have no
# formula. `loopstab phase --law mine.py --x gain:0.1:8 --y damping:0.05:1` does the same from the
# shell for a file that defines `step`, and how-to *Draw a phase diagram* lists what else can be
# given.
