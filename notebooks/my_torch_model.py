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
# # My torch model: what does its loop do?
#
# You have a module that is applied again and again. This notebook asks four questions about it:
# does the loop reach a fixed point, how fast, does the limit follow the input, and can a gradient
# be had without unrolling the loop? The module here is a small recurrent-depth block; put your own
# in its place.

# %%
import textwrap

import numpy as np
import torch
from torch import nn

from loopstab import (
    Linearisation,
    TorchLoop,
    check_loop,
    compare,
    diagnose,
    diagnose_batch,
    fixed_point,
    sensitivity_norm,
)

torch.manual_seed(0)
WIDTH, TOKENS = 16, 6


class Block(nn.Module):
    """Attention over the tokens, then an MLP, with recall of the input."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(2 * WIDTH, WIDTH)
        self.attention = nn.MultiheadAttention(
            WIDTH, 2, batch_first=True
        )
        self.up = nn.Linear(WIDTH, 4 * WIDTH)
        self.down = nn.Linear(4 * WIDTH, WIDTH)
        self.norm = nn.RMSNorm(WIDTH, eps=1e-6)

    def forward(self, h, e):
        z = self.mix(torch.cat([h, e], -1))
        z = z + self.attention(z, z, z, need_weights=False)[0]
        z = z + self.down(nn.functional.gelu(self.up(z)))
        return self.norm(z)


block = Block().double()  # float64, so that rounding blurs nothing
e = torch.randn(1, TOKENS, WIDTH, dtype=torch.float64).numpy()
loop = TorchLoop(block, initial=torch.zeros_like, modules=block)

# %% [markdown]
# ## Is it a looped map at all?
# `check_loop` tries the step, its derivatives and what it needs: no memory between calls, no
# randomness, the same shape. It raises an error that says what is wrong.

# %%
check_loop(loop, e)

# %% [markdown]
# ## What does the orbit do?


# %%
def show(lines):
    for line in lines:
        print(textwrap.fill(line, 70, subsequent_indent="  "))


found = diagnose(loop, e)
show([f"outcome: {found.outcome}", found.action])

# %% [markdown]
# This input does not settle, though its state stays bounded: *aperiodic* means that no fixed point
# and no cycle was found. There is a fixed point inside the orbit, but its *spectral radius* rho
# (the largest modulus of the eigenvalues of the step's derivative there) is above 1, so that it
# repels. The printed advice is worth a try, not a promise; the notebook *Which change helps?* tries
# such changes.

# %% [markdown]
# ## Do all inputs behave alike?
# Sixteen inputs at once; the first axis is that of the batch.

# %%
batch = torch.randn(16, TOKENS, WIDTH, dtype=torch.float64).numpy()
many = diagnose_batch(loop, batch)
show(many.lines())

# %% [markdown]
# Inputs differ: fifteen settle, at rates of their own, and one does not. The *rate* is the factor
# by which a step is shorter than the one before. Where a fixed point is reached it agrees with rho.
# The *Lyapunov exponent* of the last input says how fast two neighbouring orbits part, as the
# logarithm of a factor per iteration. It is 0 within its error: they do not part exponentially, so
# the orbit may wind around a ring without ever closing.

# %% [markdown]
# ## Change it and compare
# The same block with a stronger recall: the weights that read the input are three times as large.

# %%
recalled = Block().double()
recalled.load_state_dict(block.state_dict())
with torch.no_grad():
    recalled.mix.weight[:, WIDTH:] *= 3
changed = TorchLoop(
    recalled, initial=torch.zeros_like, modules=recalled
)
show(compare(loop, changed, e).lines())

# %% [markdown]
# With the stronger recall the first input settles within a few iterations. (The column *before* has
# no spectral radius: an orbit that never settles reaches no fixed point, and that of a single state
# would mean nothing.)
#
# ## Does the limit follow the input?
# Where rho < 1, the limit is a smooth function of the input. The norm of its derivative S tells how
# far the limit moves at most for a small change of the input of length 1. Compare it with what the
# loop itself does to a small random change.

# %%
h = loop.initial(e)
for _ in range(200):
    h = changed.step(h, e)
S = sensitivity_norm(Linearisation(changed, h, e))
print(f"|S| = {S.value:.3f}")
direction = np.random.default_rng(0).normal(size=e.shape)
direction *= 1e-5 / np.linalg.norm(direction)
moved = h
for _ in range(200):
    moved = changed.step(moved, e + direction)
factor = np.linalg.norm(moved - h) / 1e-5
print(f"a random change moves the limit {factor:.3f} times as far")

# %% [markdown]
# ## A gradient that does not unroll the loop
# Where the loop reaches a fixed point, `fixed_point` returns it with the implicit gradient: the
# memory does not grow with the number of iterations. It is compared here with 200 unrolled
# iterations.

# %%
given = torch.from_numpy(e).requires_grad_()
target = torch.randn(1, TOKENS, WIDTH, dtype=torch.float64)
h = fixed_point(changed, given)
(implicit,) = torch.autograd.grad((h - target).square().mean(), given)
h = torch.zeros_like(given)
for _ in range(200):
    h = recalled(h, given)
(unrolled,) = torch.autograd.grad((h - target).square().mean(), given)
difference = float((implicit - unrolled).norm() / unrolled.norm())
print(f"relative difference below 1e-8: {difference < 1e-8}")
