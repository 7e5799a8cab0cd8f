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
# # Theory against a trained loop
#
# A looped transformer with internal recall and outer normalisation was trained on prefix sums. The
# theory says how fast its loop settles, and how the limit moves with the input. Here the loop is
# run on a few inputs, and for each of them prediction and measurement are put side by side. The
# page *Vocabulary* explains the terms.

# %%
# %matplotlib inline
import textwrap

import matplotlib.pyplot as plt
import numpy as np

from loopstab import (
    Linearisation,
    Weights,
    leading_eigenvalues,
    numeric,
    predict,
    sensitivity,
)
from loopstab.models.measure.trained import TrainedLoop
from loopstab.models.zoo import zoo

trained = TrainedLoop.open(
    zoo.load("prefix-sums-16-internal-post-s1")
)
run = trained.meta["run"]
print(f"{run['architecture']}, {run['parameters']} parameters")
print(f"trained on {trained.level} bits")

# %% [markdown]
# ## What the claims say
# From the architecture alone they say little: the state lives on a compact set, so orbits stay
# bounded (N2). What more they say depends on what is measured. If the spectral radius rho at the
# fixed point that is reached is below 1, the limit is smooth in the input (L1), and the distance to
# it shrinks in the end by the factor rho in each iteration.

# %%
for weights in (Weights(), Weights(rho=0.9)):
    said = predict(trained.model.config.architecture, weights)
    allowed, claims = sorted(said.allowed), ", ".join(said.claims)
    print(f"by {claims}, not excluded:", ", ".join(allowed))
    dependence = said.input_dependence or "nothing said"
    dependence = f"  the limit and the input: {dependence}"
    print(textwrap.fill(dependence, 70, subsequent_indent="  "))

# %% [markdown]
# ## Each input has a rate of its own
# Four random inputs are followed in float64 until they stand still. At each fixed point rho is
# computed from the Jacobian; the orbit is not used for that. From rho follows the number of
# iterations from a relative step of 1e-4 to one of 1e-8. (rho is the modulus of the largest
# eigenvalue of J, the derivative of the step by the state; the next modulus stands beside it, a
# complex pair counted once.)

# %%
INPUTS, COARSE, FINE = 4, 1e-4, 1e-8
loop, embeddings = trained.loop_and_input(seed=1, inputs=INPUTS)
orbits, radii, seconds = [], [], []
for e in embeddings:
    e = e[None]
    h, steps = loop.initial(e), []
    for _ in range(400):
        before, h = h, loop.step(h, e)
        steps.append(
            np.linalg.norm(h - before) / np.linalg.norm(before)
        )
        if steps[-1] < 1e-14:
            break
    orbits.append(np.array(steps))
    moduli = np.abs(
        leading_eigenvalues(Linearisation(loop, h, e)).value
    )
    radii.append(moduli[0])
    seconds.append(moduli[moduli < moduli[0] * (1 - 1e-9)][0])

for steps, rho, second in zip(orbits, radii, seconds, strict=True):
    first, last = (
        int(np.flatnonzero(steps < tol)[0]) for tol in (COARSE, FINE)
    )
    expected = float(
        numeric("iterations_to_tolerance")(rho, FINE, steps[first])
    )
    print(
        f"rho = {rho:.3f}, next {second:.3f}: iterations measured",
        f"{last - first}, predicted {expected:.1f}",
    )

# %%
figure, axes = plt.subplots(
    2,
    2,
    figsize=(7.5, 5.2),
    sharex=True,
    sharey=True,
    layout="constrained",
)
for number, (axis, steps, rho) in enumerate(
    zip(axes.flat, orbits, radii, strict=True)
):
    axis.semilogy(
        np.arange(1, len(steps) + 1), steps, lw=2, label="measured"
    )
    first = int(np.flatnonzero(steps < COARSE)[0])
    t = np.arange(len(steps) - first)
    axis.semilogy(
        first + 1 + t,
        steps[first] * rho**t,
        "k--",
        label="falls by rho",
    )
    axis.set(
        title=f"input {number}: rho = {rho:.3f}", ylim=(1e-14, None)
    )
for axis in axes[1]:
    axis.set(xlabel="iteration")
for axis in axes[:, 0]:
    axis.set(ylabel="relative step")
axes[0, 0].legend()
plt.show()

# %% [markdown]
# On this scale a straight line is a constant factor. Every orbit ends in one, and rho predicts the
# number of iterations to within two. What differs between the inputs: rho is the factor *in the
# end*, when the slowest part of the error is all that is left. Where the next eigenvalue is clearly
# smaller, the slope is rho (input 1). Where it is nearly as large (inputs 0 and 3), the part that
# falls faster is still a good share of the step, and the step falls a little faster than by rho.
# Where the largest eigenvalues are a complex pair (input 2), the step swings about the line.
#
# ## The limit moves with the input
# L1 gives the derivative of the limit, S = (I - J)^-1 K. A small change of the embedding is pushed
# through S, and beside that through the loop itself: by how much is S v off, relative to what the
# loop does?

# %%
generator = np.random.default_rng(0)
for e in embeddings[:2]:
    e = e[None]
    h = loop.initial(e)
    for _ in range(400):
        h = loop.step(h, e)
    direction = generator.normal(size=e.shape)
    direction /= np.linalg.norm(direction)
    predicted = sensitivity(
        Linearisation(loop, h, e), direction
    ).value
    size, moved = 1e-5, h
    for _ in range(400):
        moved = loop.step(moved, e + size * direction)
    measured = (moved - h) / size
    gap = np.linalg.norm(measured - predicted.reshape(h.shape))
    gap /= np.linalg.norm(measured)
    print(f"|S v| = {np.linalg.norm(predicted):.4f}, off by {gap:.1e}")

# %% [markdown]
# ## When the state has settled, so has the answer
# Once the state is close enough to its limit, the answer is that of the limit for ever (L4). The
# share of 256 sequences with every bit right, from the record of the run, after 5 to 500
# iterations:

# %%
shown = (5, 10, 30, 100, 500)
print("iterations", *(f"{loops:6}" for loops in shown))
for level, curve in run["accuracy"].items():
    at = [curve[run["loops"].index(loops)] for loops in shown]
    print(f"{level} bits   ", *(f"{share:6.3f}" for share in at))
