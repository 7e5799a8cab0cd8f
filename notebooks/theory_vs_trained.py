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
# theory predicts what its loop does. Here the loop is run and measured, and prediction and
# measurement are drawn in one picture. `docs/vocabulary.md` explains the terms.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
import torch

from loopstab import Weights, numeric, predict
from loopstab.models.measure.crossvalidate import crossvalidate
from loopstab.models.measure.comparison import COARSE, FINE
from loopstab.models.network.checkpoint import load_model
from loopstab.models.zoo import zoo

NAME = "internal-post"
model, meta = load_model(zoo.load(NAME), torch.float64)
run = meta["run"]
print(f"{run['architecture']}, {run['parameters']} parameters, up to {run['level_reached']} bits")

# %% [markdown]
# ## The prediction
# From the architecture alone the claims say little: the state lives on a compact set, so orbits are
# bounded. What more they say depends on what is measured. If the spectral radius at the fixed point
# that is reached is below 1, the limit is smooth in the input (claim L1).

# %%
for weights in (Weights(), Weights(rho=0.9)):
    prediction = predict(model.config.architecture, weights)
    print("not excluded:", ", ".join(sorted(prediction.allowed)), prediction.claims)
    print(prediction.reason, "| input:", prediction.input_dependence or "nothing said")

# %% [markdown]
# ## The measurement
# The loop is iterated 300 times in float64, on 32 random inputs. The decay of the residual decides
# the outcome of an orbit. Spectral radii are computed by Arnoldi iteration on exact products with
# the Jacobian.

# %%
result = crossvalidate(zoo.load(NAME), inputs=32, loops=300, spectra=4)
print("outcomes:", result.outcomes)
for c in result.convergence:
    predicted = f"{c.predicted_loops:.1f}" if c.predicted_loops else "none"
    print(
        f"rho = {c.rho:.4f} (eigen-residual {c.rho_residual:.1e}),"
        f" rate of the residual {c.slope_rate:.4f},"
        f" iterations: {c.measured_loops} measured, {predicted} predicted"
    )
for line in result.mismatches:
    print("mismatch:", line)

# %% [markdown]
# ## Both in one picture
# The predicted line falls like rho^t. It starts at the iteration at which the relative step is
# first below the coarse tolerance.

# %%
steps = np.array(result.residual_curve)
figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
axis.semilogy(np.arange(1, len(steps) + 1), np.maximum(steps, 1e-17), label="measured (median)")
below = np.flatnonzero(steps < COARSE)
if result.rho and len(below):
    start = below[0]
    count = int(numeric("iterations_to_tolerance")(result.rho, FINE, steps[start]))
    t = np.arange(count + 1)
    line = steps[start] * result.rho**t
    axis.semilogy(start + 1 + t, line, "--", label=f"predicted, rho = {result.rho:.3f}")
title = f"{result.architecture}, {result.level} bits"
axis.set(xlabel="iteration", ylabel="relative step", title=title)
axis.legend()
plt.show()

# %% [markdown]
# The answer no longer changes once the residual is below the margins of the logits (X1), so the
# accuracy is constant from there on:

# %%
print(
    f"exact-match accuracy: {result.accuracy_30:.3f} after 30 iterations,"
    f" {result.accuracy_500:.3f} after 500"
)
