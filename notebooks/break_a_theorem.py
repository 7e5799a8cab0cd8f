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
# # Break a theorem
#
# A theorem is as strong as its hypotheses. Each claim of this package comes with exact cases in
# which one hypothesis fails and the conclusion with it, and with suites that look for
# counterexamples. This notebook breaks claim A4 (which fixed points are reached, by spectral
# regime) in three ways. Words in its hypotheses: f is the step, Df its derivative, rho the largest
# modulus of the eigenvalues of Df at the fixed point, e the input, h_0 the first state. A *null
# set* has volume 0, and *almost everywhere* means outside a null set.

# %%
# %matplotlib inline
import textwrap

import matplotlib.pyplot as plt
import numpy as np

from loopstab import check, ledger
from loopstab.numerics.attack.budget import find_budget
from loopstab.numerics.attack.runner import attack
from loopstab.numerics.suites import find_suites

claim = next(claim for claim in ledger() if claim.id == "A4")
print(claim.title)
for assumption in claim.assumptions:
    said = f"{assumption.name}: {assumption.statement}"
    print(textwrap.fill(said, 70, subsequent_indent="  "))

# %% [markdown]
# ## 1. The exact counterexamples
# Each of them breaks one hypothesis, meets all others, and is evaluated exactly.

# %%
for found in check(claim).falsifiers:
    said = f"without {found.drops}: {found.counterexample}"
    print(textwrap.fill(said, 70, subsequent_indent="  "))

# %% [markdown]
# ## 2. One of them by hand
# Where rho > 1 (the derivative at a fixed point stretches in some direction), almost no start
# converges to the fixed point, if the determinant of the derivative is nonzero almost everywhere,
# so that no region is squashed flat. A tent map with a plateau loses that hypothesis: a whole
# interval is mapped onto the repelling point 2/3.


# %%
def tent(h):
    return np.where(h < 0.5, 2 * h, 2 - 2 * h)


def with_plateau(h):
    return np.where((h > 0.3) & (h < 0.4), 2 / 3, tent(h))


starts = np.random.default_rng(0).random(20_000)
figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
for step, dash in ((tent, "--"), (with_plateau, "-")):
    h, arrived = starts, []
    for _ in range(24):
        h = step(h)
        arrived.append(np.mean(np.abs(h - 2 / 3) < 1e-9))
    name = step.__name__.replace("_", " ")
    axis.plot(np.arange(1, 25), arrived, dash, label=name)
    print(f"{name}: {arrived[-1]:.3f} of the starts are there")
axis.set(
    xlabel="iteration",
    ylabel="share of starts at the repelling point",
    ylim=(-0.02, 1.02),
)
axis.legend()
plt.show()

# %% [markdown]
# The slope at 2/3 is -2 in both maps. Without the plateau no start arrives; with it nearly all do.
# (The picture stops at 24, because a computer does not know 2/3 exactly: it is wrong by 4e-17, and
# the slope doubles that error in each iteration. After some 25 iterations it exceeds the 1e-9
# within which a start counts as arrived. The exact orbit stays at 2/3.)
#
# ## 3. A search
# A suite draws random cases that meet every hypothesis, and looks whether the conclusion holds,
# without using the proof. Then it drops a hypothesis and has to find a counterexample: a suite that
# finds none then has no power, and that counts as a failure of the suite.

# %%
for suite in find_suites(["A4"]):
    report = attack(
        suite, find_budget("quick").limited(examples=20), seed=0
    )
    print(f"{suite.label}: {report.fate.words}, {report.tried} cases")
    for power in report.power:
        found = (
            power.evidence.words
            if power.evidence
            else "nothing found"
        )
        said = f"- without {power.hypothesis}: {found}"
        print(textwrap.fill(said, 70, subsequent_indent="  "))

# %% [markdown]
# ## Your turn
# A loop that you believe breaks a claim is a test of the claim. Write the step as a function, check
# each hypothesis, and look: `loopstab attack A4 --seed 7` searches with other cases, and `loopstab
# attack --replay FILE` judges a counterexample that somebody sends you.
