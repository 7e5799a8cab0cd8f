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
# The package ships looped transformers trained on prefix sums, sudoku and chess (mates with king
# and queen, kqk, and puzzles), each with the record of its training. This notebook shows what
# becomes of their answers as they run on, by recall and norm. *Recall* is how the loop sees its
# input: as its first state only (none), mixed into the state before the block (external), or into
# what each part of the block reads (internal). The *norm* is the last operation of the loop (post,
# outer norm) or stands at both ends of each sub-block (peri). No weight is read until the last
# section.

# %%
# %matplotlib inline
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np

from loopstab.models.network.run_record import (
    samples_of,
    shares,
    task_of,
)
from loopstab.models.zoo import zoo
from loopstab.numerics.proportion import wilson

runs = {name: zoo.describe(name)["run"] for name in zoo.names()}
for task, number in Counter(
    task_of(run) for run in runs.values()
).items():
    print(f"{number:3} runs of {task}")

# %% [markdown]
# ## Longer sequences and more iterations
# Prefix sums up to 16 bits, three seeds of each architecture. The tables show the share of
# sequences that are right in every cell after 500 iterations, as the mean over seeds with the least
# and the most: at the trained length, at twice and at four times that length.

# %%
ARCHITECTURES = [
    f"{recall}/{norm}"
    for norm in ("post", "peri")
    for recall in ("none", "external", "internal")
]


def seeds_of(task, architecture):
    """The runs of an architecture, one for each seed."""
    return [
        run
        for name, run in runs.items()
        if name.startswith(
            f"{task}-{architecture.replace('/', '-')}-s"
        )
    ]


def table(task, levels):
    print(f"{'':14}", *(f"{level:>17}" for level in levels))
    for architecture in ARCHITECTURES:
        cells = []
        for level in levels:
            last = [
                shares(run, level).last
                for run in seeds_of(task, architecture)
            ]
            spread = f"({min(last):.2f}..{max(last):.2f})"
            cells.append(f"{np.mean(last):.2f} {spread}")
        print(
            f"{architecture:14}", *(f"{cell:>17}" for cell in cells)
        )


table("prefix-sums-16", ("16", "32", "64"))

# %% [markdown]
# At four times the length the loops without recall solve next to nothing. With external recall both
# norms keep the accuracy; with internal recall it is kept, for the most part, with the outer norm
# (post), and lost with peri. Three seeds are few, and some ranges are wide.
#
# The same for 4x4 sudoku, on puzzles of the training set and on new ones that are easy and hard:

# %%
table("sudoku-4x4", ("train", "easy", "hard"))

# %% [markdown]
# On 4x4 sudoku recall makes little difference: loops without it are as good after 500 iterations,
# apart from one seed of none/peri that solves next to nothing.
#
# ## Accuracy against iterations
# The mean over three seeds, with the least and the most as a band.

# %%
figure, axes = plt.subplots(
    1, 2, figsize=(8, 3.2), sharey=True, layout="constrained"
)
for axis, norm in zip(axes, ("post", "peri"), strict=True):
    for recall, dash in (
        ("none", ":"),
        ("external", "--"),
        ("internal", "-"),
    ):
        found = seeds_of("prefix-sums-16", f"{recall}/{norm}")
        curves = np.array([run["accuracy"]["32"] for run in found])
        (line,) = axis.plot(
            found[0]["loops"], curves.mean(0), dash, label=recall
        )
        axis.fill_between(
            found[0]["loops"],
            curves.min(0),
            curves.max(0),
            alpha=0.15,
            color=line.get_color(),
        )
    axis.set(
        xscale="log",
        xlabel="iterations",
        title=f"{norm}-norm, 32 bits (twice the length)",
    )
axes[0].set(ylabel="share solved")
axes[0].legend(title="recall")
plt.show()

# %% [markdown]
# ## Boards: 9x9 sudoku and chess
# The share of easy puzzles that are solved, at the number of iterations that was best on other
# puzzles, and after 500. One seed each: the 95 % intervals show the chance of drawing these
# puzzles, not that of training.

# %%
print(f"{'':33} {'chosen':17} after 500")
for name, run in runs.items():
    if "w256" not in name:
        continue
    found, n = shares(run, "easy"), samples_of(run, "easy")
    cells = []
    for share in (found.chosen, found.last):
        low, high = wilson(round(share * n), n)
        cells.append(f"{share:.2f} ({low:.2f}..{high:.2f})")
    print(f"{name:33} {cells[0]} {cells[1]}")

# %% [markdown]
# ## One checkpoint, run again
# `zoo.load` reads the weights; `zoo.verify` measures recorded accuracies again, here of 4x4 sudoku
# with internal recall and outer norm.

# %%
checked = zoo.verify("sudoku-4x4-internal-post-s0")
for key, value in checked.recorded.items():
    now = checked.repeated[key]
    print(f"{key}: recorded {value:.3f}, now {now:.3f}")
