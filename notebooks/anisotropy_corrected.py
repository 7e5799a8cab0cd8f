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
# # The anisotropy table, corrected
#
# How unequal (anisotropic) are the two weights of a loop that is just stable? Take the scalar loop
# with state weight x and update weight y, draw both from a Gaussian with standard deviation s, and
# move (x, y) to the nearest stable point. A published table gives the mean log-ratio |log(|x|/|y|)|
# of that point. Here the same draws are moved exactly (*exact*), and once more by a search that
# goes downhill along the border of the stable set (*descent*). Beside them stands the mean over all
# draws (*law*), an integral that claim R4 proves.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np

from loopstab.numerics.anisotropy.nearest_points import (
    descend,
    nearest_stable,
)
from loopstab.numerics.anisotropy.table import anisotropy
from loopstab.theory.architecture import Recall

# 10,000 draws for each scale, seed 0: those of the published table
rows = anisotropy()
print("recall      s  published  descent    exact      law")
for row in rows:
    print(
        f"{row.recall:9}{row.scale:4}",
        f"{row.published.log_ratio:10.4f}{row.descent.log_ratio:9.4f}",
        f"{row.exact.log_ratio:8.4f}{row.law.log_ratio:9.4f}",
    )

# %% [markdown]
# At small s published, descent and exact agree to every digit; the law differs from them by the
# chance of 10,000 draws (the rows of one recall scale the same draws, so most differ to the same
# side). Where descent and exact differ, which is at large s, the published numbers lie nearer to
# those of the descent, which starts at the draw's own x. Such a descent can end in a local minimum,
# although a point on an axis or on the other side is nearer. How often?

# %%
print(f"of {rows[0].draws} descents:")
print("recall      s    stuck  where an axis is nearest")
for row in rows:
    print(
        f"{row.recall:9}{row.scale:4} {row.stuck:8} {row.stuck_on_axis:10}"
    )

# %% [markdown]
# ## One draw
# Of 4000 draws with s = 2, the one that the descent leaves furthest behind: the draw, where the
# descent takes it, and the nearest stable point.

# %%
rng = np.random.default_rng(0)
x, y = 2 * rng.normal(size=(2, 4000))
near, found = (
    nearest_stable(Recall.INTERNAL, x, y),
    descend(Recall.INTERNAL, x, y),
)
far = [np.hypot(x - u, y - v) for u, v in (near, found)]
k = int(np.argmax(far[1] - far[0]))
figure, axis = plt.subplots(figsize=(4.4, 4.2), layout="constrained")
grid = np.linspace(-6, 6, 601)
X, Y = np.meshgrid(grid, grid)
axis.contourf(
    X,
    Y,
    (-2 < X * Y) & (X * Y < 0),
    levels=[0.5, 1.5],
    colors=["#cfe3f1"],
)
for (u, v), distance, name, marker in (
    (near, far[0], "nearest", "C0o"),
    (found, far[1], "descent", "C1s"),
):
    axis.plot(
        [x[k], u[k]], [y[k], v[k]], "--", color=marker[:2], lw=1
    )
    axis.plot(
        u[k],
        v[k],
        marker,
        label=f"{name}: distance {distance[k]:.2f}",
    )
axis.plot(x[k], y[k], "k*", ms=10, label="draw")
axis.set(
    xlabel="x",
    ylabel="y",
    title="shaded: stable, -2 < xy < 0 (internal recall)",
)
axis.legend()
plt.show()

# %% [markdown]
# ## Published against exact
# The bars are two standard errors of the exact mean.

# %%
figure, axes = plt.subplots(
    1, 2, figsize=(8, 3.2), layout="constrained"
)
for axis, recall in zip(
    axes, (Recall.INTERNAL, Recall.EXTERNAL), strict=True
):
    own = [row for row in rows if row.recall is recall]
    scales = [row.scale for row in own]
    axis.semilogx(
        scales,
        [row.law.log_ratio for row in own],
        "-",
        label="exact law",
    )
    axis.errorbar(
        scales,
        [row.exact.log_ratio for row in own],
        yerr=[2 * row.exact.log_ratio_error for row in own],
        fmt="o",
        ms=4,
        label="exact, 2 standard errors",
    )
    axis.semilogx(
        scales,
        [row.published.log_ratio for row in own],
        "x",
        label="published",
    )
    axis.set(
        title=f"{recall} recall",
        xlabel="standard deviation s",
        ylabel="mean log-ratio",
    )
axes[1].legend(loc="upper left")
plt.show()
