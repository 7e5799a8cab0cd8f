# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Theory against a trained loop
#
# A looped transformer with internal recall and outer normalisation was trained on prefix sums. The theory says what its
# loop should do; here the loop is run and measured, and the two are drawn together.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
import torch

from loopstab.models.zoo import zoo
from loopstab.models.network.checkpoint import load_model
from loopstab.models.measure.crossvalidate import (COARSE, FINE, crossvalidate)
from loopstab import numeric
from loopstab import (Weights, predict)

NAME = "internal-post"
model, meta = load_model(zoo.load(NAME), torch.float64)
print(meta["run"]["architecture"], meta["run"]["parameters"], "parameters, trained up to", meta["run"]["level_reached"], "bits")

# %% [markdown]
# ## The prediction
# It needs the architecture only: the state lives on a compact set, and recall with outer normalisation is expected to
# give a reachable fixed point.

# %%
prediction = predict(model.config.architecture, Weights())
print("expected:", prediction.expected, "| not excluded:", ", ".join(sorted(prediction.allowed)))
print(prediction.reason, prediction.claims)

# %% [markdown]
# ## The measurement
# 32 random inputs, 300 loops in float64. Outcomes are decided by the decay of the residual, spectral radii by Arnoldi
# iteration on exact Jacobian products.

# %%
result = crossvalidate(zoo.load(NAME), inputs=32, loops=300, spectra=4)
print("outcomes:", result.outcomes)
for c in result.convergence:
    print(f"rho = {c.rho:.4f} (eigen-residual {c.rho_residual:.1e}), rate of the residual {c.slope_rate:.4f}, "
          f"loops {c.measured_loops} measured, {c.predicted_loops and round(c.predicted_loops, 1)} predicted")
for line in result.mismatches:
    print("mismatch:", line)

# %% [markdown]
# ## Both in one picture
# The line falls like rho^t, drawn from the loop at which the relative step is first below the coarse tolerance.

# %%
steps = np.array(result.residual_curve)
figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
axis.semilogy(np.arange(1, len(steps) + 1), np.maximum(steps, 1e-17), label="measured (median)")
below = np.flatnonzero(steps < COARSE)
if result.rho and len(below):
    start = below[0]
    count = int(numeric("iterations_to_tolerance")(result.rho, FINE, steps[start]))
    t = np.arange(count + 1)
    axis.semilogy(start + 1 + t, steps[start] * result.rho**t, "--", label=f"predicted, rho = {result.rho:.3f}")
axis.set(xlabel="loop", ylabel="relative step", title=f"{result.architecture}, {result.level} bits")
axis.legend()
plt.show()

# %% [markdown]
# Accuracy is constant once the residual is below the logit margins (X1):

# %%
print(f"whole sequences right: {result.accuracy_30:.3f} after 30 loops, {result.accuracy_500:.3f} after 500")
