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
largest = np.nanmax(np.abs(turns.disagreement))
print(f"largest difference below 1e-6: {largest < 1e-6}")
turns.plot("rho")

# %% [markdown]
# The blue valley is where rho is 0: there the damped step is a step of Newton's method. Above it,
# with a larger d, the loop overshoots; below it, it creeps.
#
# ## 2. A loop that rotates
# Now the state has two entries, and the step rotates it by an angle t and stretches it by 1.5: f(h)
# = tanh(1.5 R h), where R is the rotation. At the fixed point 0 the eigenvalues of f are 1.5
# exp(it) and 1.5 exp(-it), of modulus 1.5: without damping 0 repels, whatever the angle. Those of
# the damped step are 1 - d + 1.5 d exp(it) and its conjugate. The input plays no part here but to
# be the first state.


# %%
def rotating(h, e, angle=90.0, damping=1.0):  # the angle in degrees
    t = np.radians(angle)
    rotated = np.array(
        [
            np.cos(t) * h[0] - np.sin(t) * h[1],
            np.sin(t) * h[0] + np.cos(t) * h[1],
        ]
    )
    return h + damping * (np.tanh(1.5 * rotated) - h)


def rho_rotating(angle, damping):  # at the fixed point 0
    return np.abs(
        1 - damping + 1.5 * damping * np.exp(1j * np.radians(angle))
    )


rotates = phase_diagram(
    rotating,
    x="angle:0:180",
    y="damping:0.05:1",
    e=np.array([0.1, 0.2]),
    rho=rho_rotating,
    grid=(10, 12),
    jobs=1,
)
rotates.plot("outcome")

# %% [markdown]
# The thick line is again where the formula says rho = 1, and to its right the orbits settle at 0.
# Damping moves each eigenvalue of f on a straight line towards 1. One whose real part is below 1
# enters the unit disk on its way, one whose real part is above 1 never does (claim S1). Here the
# real part is 1.5 cos(t), which is below 1 for angles above 48 degrees: the thick line ends there.
# Below that angle no d makes the orbit settle at 0. It winds around it (*aperiodic*: it neither
# settles nor repeats), or repeats after some iterations (*cycle*), or, in the first column, settles
# at another fixed point.
#
# So look at the eigenvalues before you damp: to the left of 1 it helps, to the right it does not.
#
# ## Your turn
# Put your own step in, with the parameters that you can choose, and leave `rho` out if you have no
# formula. `loopstab phase --law mine.py --x gain:0.1:8 --y damping:0.05:1` does the same from the
# shell for a file that defines `step`, and how-to *Draw a phase diagram* lists what else can be
# given.
