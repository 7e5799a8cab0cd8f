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
# # A tour of the trained loops
#
# The package ships looped transformers trained on prefix sums, sudoku and chess, each with the record
# of its training. This notebook shows what they do with the number of iterations, by recall and norm.
# No weight is read until the last section.

# %%
# %matplotlib inline
from collections import Counter, defaultdict

import matplotlib.pyplot as plt
import numpy as np

from loopstab.models.network.run_record import samples_of, shares, task_of
from loopstab.models.zoo import zoo
from loopstab.numerics.proportion import wilson

runs = {name: zoo.describe(name)["run"] for name in zoo.names()}
for task, number in Counter(task_of(run) for run in runs.values()).items():
    print(f"{number:3} runs of {task}")

# %% [markdown]
# ## Longer sequences and more iterations
# Prefix sums up to 16 bits, three seeds of each architecture. The tables show the share of sequences
# that are right in every cell after 500 iterations, as the mean over seeds with the least and the
# most: at the trained length, at twice and at four times that length.

# %%
ARCHITECTURES = [
    f"{recall}/{norm}" for norm in ("post", "peri") for recall in ("none", "external", "internal")
]


def seeds_of(task, architecture):
    """The runs of an architecture with the form of the gradient that three seeds share."""
    return [
        run
        for name, run in runs.items()
        if name.startswith(f"{task}-{architecture.replace('/', '-')}-s")
    ]


def table(task, levels):
    print(f"{'':14}", *(f"{level:>22}" for level in levels))
    for architecture in ARCHITECTURES:
        cells = []
        for level in levels:
            last = [shares(run, level).last for run in seeds_of(task, architecture)]
            cells.append(f"{np.mean(last):.3f} ({min(last):.3f} to {max(last):.3f})")
        print(f"{architecture:14}", *(f"{cell:>22}" for cell in cells))


table("prefix-sums-16", ("16", "32", "64"))

# %% [markdown]
# At four times the length the loops without recall solve next to nothing. With external recall both
# norms keep the accuracy; with internal recall the outer norm (post) decides.

# %%
table("sudoku-4x4", ("train", "easy", "hard"))

# %% [markdown]
# On 4x4 sudoku recall makes little difference: a loop without it keeps its accuracy too, apart from
# one seed of none/peri.
#
# ## Accuracy against iterations

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
for axis, norm in zip(axes, ("post", "peri"), strict=True):
    for recall, dash in (("none", ":"), ("external", "--"), ("internal", "-")):
        found = seeds_of("prefix-sums-16", f"{recall}/{norm}")
        curves = np.array([run["accuracy"]["32"] for run in found])
        (line,) = axis.plot(found[0]["loops"], curves.mean(0), dash, label=recall)
        axis.fill_between(
            found[0]["loops"], curves.min(0), curves.max(0), alpha=0.15, color=line.get_color()
        )
    axis.set(xscale="log", xlabel="iterations", title=f"{norm}-norm, 32 bits (twice the length)")
axes[0].set(ylabel="share solved")
axes[0].legend(title="recall")
plt.show()

# %% [markdown]
# ## Boards: 9x9 sudoku and chess
# One seed each, so that an interval shows the samples alone, not the chance of training.

# %%
for name, run in runs.items():
    if "w256" not in name:
        continue
    found, n = shares(run, "easy"), samples_of(run, "easy")
    cells = (f"{s:.3f} ({{:.3f}} to {{:.3f}})".format(*wilson(round(s * n), n)) for s in found[::2])
    print(f"{name:36} best {next(cells)}, after 500 {next(cells)}")

# %% [markdown]
# ## One checkpoint, run again
# `zoo.load` reads the weights; `zoo.verify` measures the recorded accuracies again.

# %%
checked = zoo.verify("sudoku-4x4-internal-post-s0")
for key, value in checked.recorded.items():
    print(f"{key}: recorded {value:.3f}, now {checked.repeated[key]:.3f}")
