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
# # The paper in ten minutes
#
# *Stability and Generalization in Looped Transformers* ([arXiv
# 2604.15259](https://arxiv.org/abs/2604.15259)) asks when iterating a weight-tied block to its
# fixed point gives a useful answer. Three questions decide: is the fixed point **reached**, does it
# **depend on the input**, and is it **smooth** in the input and good to backpropagate through? This
# notebook goes through the answers with small loops that you can read. The claims behind them (A3,
# N3, ...) are proved step by step in this package; the statements are reconstructed from the
# abstract.

# %%
# %matplotlib inline
import textwrap

import matplotlib.pyplot as plt
import numpy as np

from loopstab import (
    Architecture,
    FunctionLoop,
    Weights,
    check,
    diagnose,
    ledger,
    numeric,
    predict,
)

rng = np.random.default_rng(0)
D = 24
RANDOM = rng.normal(size=(D, D)) / np.sqrt(D)


def normalise(h):
    return h / np.sqrt(np.mean(h**2))


# %% [markdown]
# ## 1. Without recall the limit does not follow the input
#
# A loop without recall sees the input only as its first state, h_0 = e. If its fixed points are
# isolated, which holds for almost every parameter (A2), a limit that is continuous in e cannot move
# (A3): e picks one of several fixed points, and nothing in between. Here two inputs are joined by a
# line, and the limit along that line is drawn for two loops. They differ in the last term: a fixed
# vector, or the input. (Recall means that every iteration sees the input again.)

# %%
ends = rng.normal(size=(2, D))
places = np.linspace(0, 1, 81)
BIAS = rng.normal(size=D)


def limit(step, e, loops=600):
    h = e
    for _ in range(loops):
        h = step(h, e)
    return h


def without_recall(h, e):
    return normalise(h + np.tanh(2.5 * RANDOM @ h + 0.3 * BIAS))


def with_recall(h, e):
    return normalise(h + np.tanh(2.5 * RANDOM @ h + 8 * e))


curves = {}
for step in (without_recall, with_recall):
    name = step.__name__.replace("_", " ")
    inputs = [(1 - s) * ends[0] + s * ends[1] for s in places]
    limits = [limit(step, e) for e in inputs]
    last = max(
        np.abs(step(h, e) - h).max()
        for h, e in zip(limits, inputs, strict=True)
    )
    print(f"{name}: the last iteration changes {last:.0e} at most")
    curves[name] = np.array([h[0] for h in limits])
figure, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
for (name, curve), dash in zip(
    curves.items(), ("--", "-"), strict=True
):
    axis.plot(places, curve, dash, label=name)
axis.set(
    xlabel="place on the line between two inputs",
    ylabel="first entry of the limit",
)
axis.legend()
plt.show()
for name, curve in curves.items():
    moved = np.abs(np.diff(curve)) > 1e-6
    print(f"{name}: the limit moves in {moved.sum()} of 80 steps")

# %% [markdown]
# Without recall the curve is a staircase: flat, with a jump where the line crosses from the starts
# that lead to one fixed point to those that lead to another. That is weak dependence on the input.
# It can still carry something: n fixed points can tell n classes of inputs apart, log2 n bits (M6).
# With recall the limit moves in every step along the line.

# %% [markdown]
# ## 2. Recall alone does not make the fixed point reachable
#
# The simplest loop with recall is linear, h' = M h + e. Its fixed point (I - M)^-1 e exists for
# almost every M. It is reached from every start if and only if the spectral radius of M, the
# largest modulus of its eigenvalues, is below 1 (R1).

# %%
for scale in (0.5, 0.8, 0.9):
    loop = FunctionLoop(
        lambda h, e, s=scale: s * RANDOM @ h + e, initial=lambda e: e
    )
    found = diagnose(loop, ends[0])
    rho = max(abs(np.linalg.eigvals(scale * RANDOM)))
    print(f"spectral radius {rho:.3f}: {found.outcome}")

# %% [markdown]
# ## 3. With outer normalisation there is a regime in which all three hold
#
# Outer normalisation makes a norm N the last operation of the loop. The state cannot explode any
# more (N2). If the recall is strong enough, the loop contracts (N3): every iteration brings two
# states closer by a factor q < 1. Then the limit is smooth in the input, with the derivative (I -
# J)^-1 K, where J and K are the derivatives of the step by state and input (N4). And a gradient
# that goes back through the last k iterations only is off by at most C q^k (N5).
#
# How fast is it? For a linear block with Gaussian weights, N(a h + A h + beta e), the spectral
# radius at the fixed point tends to (a + sigma)/(a + sqrt(sigma^2 + beta^2)) as the width grows
# (N6).

# %%
figure, axis = plt.subplots(figsize=(6, 3.2), layout="constrained")
strengths = np.geomspace(0.1, 6, 25)
d, a, sigma = 200, 1.0, 1.0
A = rng.normal(size=(d, d)) / np.sqrt(d)
e = normalise(rng.normal(size=d))
measured, last = [], 0
for beta in strengths:
    h = e
    for _ in range(3000):
        z = a * h + sigma * A @ h + beta * e
        before, h = h, normalise(z)
    last = max(last, np.abs(h - before).max())
    scale = np.sqrt(np.mean(z**2))
    J = (
        (np.eye(d) - np.outer(h, h) / d)
        @ (a * np.eye(d) + sigma * A)
        / scale
    )
    measured.append(max(abs(np.linalg.eigvals(J))))
axis.semilogx(
    strengths,
    measured,
    "o",
    ms=4,
    label="one random matrix, 200 x 200",
)
law = np.array(
    [numeric("mean_field_rho")(a, sigma, b) for b in strengths]
)
axis.semilogx(strengths, law, label="the law N6, infinite width")
axis.axhline(1, color="black", lw=0.8)
axis.set(
    xlabel="recall strength beta",
    ylabel="spectral radius",
    ylim=(0, None),
)
axis.legend()
plt.show()
gap = law - measured
print(f"the last iterations change {last:.0e} at most")
print(f"the law lies higher by {gap.min():.3f} to {gap.max():.3f}")

# %% [markdown]
# The stronger the recall, the smaller the spectral radius, and the fewer iterations it takes to
# settle. One matrix of width 200 stays a little below the law of infinite width. (The law needs
# (beta/sigma) d^(1/4) of about 3 or more, here beta >= 0.8. With much weaker recall and without the
# residual a, an orbit of finite width may not settle at all.)
#
# ## 4. What the theorems say of an architecture, and what they leave open

# %%
for name in (
    "none/post",
    "external/peri",
    "external/post",
    "internal/post",
):
    said = predict(Architecture.parse(name))
    known = predict(Architecture.parse(name), Weights(rho=0.9))
    allowed = ", ".join(sorted(map(str, said.allowed)))
    dependence, _, _ = str(known.input_dependence).partition(":")
    print(textwrap.fill(f"{name} allows {allowed}", 70))
    print(f"  rho = 0.9: dependence on the input is {dependence}")

# %% [markdown]
# The names are recall/norm: post is outer normalisation, peri a norm at both ends of each
# sub-block, with a residual path around it that no norm bounds. The architecture alone does not
# decide. (rho is the spectral radius at the fixed point that is reached.) Recall with outer
# normalisation *allows* the good regime, and excludes explosion; whether a trained loop is in it
# has to be measured: see the notebook `theory_vs_trained`.
#
# ## 5. How a claim is proved here
# A claim is a chain of steps, each of them an identity that computer algebra checks, an inequality
# or a statement that a solver decides, a theorem that is cited, or a deduction from other steps.
# Then come exact examples without one of the hypotheses, in which the conclusion fails.
# %%
claim = next(claim for claim in ledger() if claim.id == "A3")
report = check(claim)
print(claim.title, "-", report.verdict)
for step in report.steps:
    said = textwrap.shorten(step.step.statement, 58, placeholder=" ...")
    print(f"  {step.step.kind!s:9} {said}")
for found in report.falsifiers:
    print(f"  without {found.drops}: {found.counterexample}")
