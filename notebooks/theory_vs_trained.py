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
# theory says how fast its loop settles, and how the limit moves with the input. Here the loop is run
# on a few inputs, and for each of them prediction and measurement are put side by side. The page
# *Vocabulary* explains the terms.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
import torch

from loopstab import Linearisation, Weights, numeric, predict, spectral_radius
from loopstab.models.measure.trained import TrainedLoop
from loopstab.models.zoo import zoo

trained = TrainedLoop.open(zoo.load("prefix-sums-16-internal-post-s1"))
run = trained.meta["run"]
print(f"{run['architecture']}, {run['parameters']} parameters, trained on {trained.level} bits")

# %% [markdown]
# ## What the claims say
# From the architecture alone they say little: the state lives on a compact set, so orbits stay
# bounded (N2). What more they say depends on what is measured. If the spectral radius rho at the fixed
# point that is reached is below 1, the limit is smooth in the input (L1), and the distance to it
# shrinks by the factor rho in each iteration.

# %%
for weights in (Weights(), Weights(rho=0.9)):
    said = predict(trained.model.config.architecture, weights)
    print("not excluded:", ", ".join(sorted(said.allowed)), said.claims)
    print("  input:", said.input_dependence or "nothing said")

# %% [markdown]
# ## Each input has a rate of its own
# Four random inputs are followed in float64 until they stand still. At each fixed point rho is
# computed from the Jacobian; the orbit is not used for that. From rho follows the number of iterations
# from a relative step of 1e-4 to one of 1e-8.

# %%
INPUTS, COARSE, FINE = 4, 1e-4, 1e-8
loop, embeddings = trained.loop_and_input(seed=1, inputs=INPUTS)
orbits, radii = [], []
for e in embeddings:
    e = e[None]
    h, steps = loop.initial(e), []
    for _ in range(400):
        before, h = h, loop.step(h, e)
        steps.append(np.linalg.norm(h - before) / np.linalg.norm(before))
        if steps[-1] < 1e-14:
            break
    orbits.append(np.array(steps))
    radii.append(spectral_radius(Linearisation(loop, h, e)).value)

for steps, rho in zip(orbits, radii, strict=True):
    first, last = (int(np.flatnonzero(steps < tol)[0]) for tol in (COARSE, FINE))
    expected = float(numeric("iterations_to_tolerance")(rho, FINE, steps[first]))
    print(f"rho = {rho:.4f}: {last - first} iterations measured, {expected:.1f} predicted")

# %%
figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
for number, (steps, rho) in enumerate(zip(orbits, radii, strict=True)):
    (measured,) = axis.semilogy(np.arange(1, len(steps) + 1), steps, lw=2, alpha=0.6)
    first = int(np.flatnonzero(steps < COARSE)[0])
    t = np.arange(len(steps) - first)
    axis.semilogy(
        first + 1 + t,
        steps[first] * rho**t,
        "--",
        color=measured.get_color(),
        label=f"input {number}: rho = {rho:.3f}",
    )
axis.set(xlabel="iteration", ylabel="relative step", ylim=(1e-14, None))
axis.set_title("Solid: measured. Dashed: falls by rho in each iteration")
axis.legend()
plt.show()

# %% [markdown]
# Every dashed line has the slope of *its own* input. A line with the median rho would fit none of
# them. Where a solid line turns away from its dashed one near the end, rounding has taken over.
#
# ## The limit moves with the input
# L1 gives the derivative of the limit, S = (I - J)^-1 K. A small change of the embedding is pushed
# through S, and beside that through the loop itself.

# %%
from loopstab import sensitivity

generator = np.random.default_rng(0)
for e in embeddings[:2]:
    e = e[None]
    h = loop.initial(e)
    for _ in range(400):
        h = loop.step(h, e)
    direction = generator.normal(size=e.shape)
    direction /= np.linalg.norm(direction)
    predicted = sensitivity(Linearisation(loop, h, e), direction).value
    size, moved = 1e-5, h
    for _ in range(400):
        moved = loop.step(moved, e + size * direction)
    measured = (moved - h) / size
    gap = np.linalg.norm(measured - predicted.reshape(h.shape)) / np.linalg.norm(measured)
    print(f"|S v| = {np.linalg.norm(predicted):.4f}, by differences it is off by {gap:.1e}")

# %% [markdown]
# ## The answer does not change any more
# Once the state is close enough to its limit, the answer is that of the limit for ever (L4). The
# accuracy on 256 sequences, from the record of the run:

# %%
for level, curve in run["accuracy"].items():
    at = {loops: f"{curve[run['loops'].index(loops)]:.3f}" for loops in (5, 10, 30, 100, 500)}
    print(f"{level} bits:", at)
