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
# You have a module that is applied again and again. This notebook asks four questions about it: does
# the loop reach a fixed point, how fast, does the limit follow the input, and is the gradient through
# it sound? The module here is a small recurrent-depth block; put your own in its place.

# %%
import torch
from torch import nn

from loopstab import TorchLoop, check_loop, compare, diagnose, diagnose_batch, fixed_point

torch.manual_seed(0)
WIDTH, TOKENS = 16, 6


class Block(nn.Module):
    """A weight-tied block: attention over the tokens, then an MLP, with recall of the input."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(2 * WIDTH, WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, 2, batch_first=True)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.norm = nn.RMSNorm(WIDTH, eps=1e-6)

    def forward(self, h, e):
        z = self.mix(torch.cat([h, e], -1))
        z = z + self.attention(z, z, z, need_weights=False)[0]
        return self.norm(z + self.down(nn.functional.gelu(self.up(z))))


block = Block().double()  # float64, so that rounding does not blur the measurements
e = torch.randn(1, TOKENS, WIDTH, dtype=torch.float64).numpy()
loop = TorchLoop(block, initial=lambda e: torch.zeros_like(e), modules=block)

# %% [markdown]
# ## Is it a looped map at all?
# `check_loop` tries the step, its derivatives and what it needs: no memory between calls, no
# randomness, the same shape. It raises an error that says what is wrong.

# %%
check_loop(loop, e)

# %% [markdown]
# ## What does the orbit do?

# %%
found = diagnose(loop, e)
print("outcome:", found.outcome)
print(found.action)

# %% [markdown]
# ## Do all inputs behave alike?
# Sixteen inputs at once; the first axis is that of the batch.

# %%
batch = torch.randn(16, TOKENS, WIDTH, dtype=torch.float64).numpy()
many = diagnose_batch(loop, batch)
print(*many.lines(), sep="\n")

# %% [markdown]
# ## Change it and compare
# The same block with a stronger recall: the weights that read the input are three times as large.

# %%
recalled = Block().double()
recalled.load_state_dict(block.state_dict())
with torch.no_grad():
    recalled.mix.weight[:, WIDTH:] *= 3
changed = TorchLoop(recalled, initial=lambda e: torch.zeros_like(e), modules=recalled)
print(*compare(loop, changed, e).lines(), sep="\n")

# %% [markdown]
# ## A gradient that does not unroll the loop
# Where the loop reaches a fixed point, `fixed_point` returns it with the implicit gradient: the memory
# does not grow with the number of iterations. It is compared here with 200 unrolled iterations.

# %%
given = torch.from_numpy(e).requires_grad_()
target = torch.randn(1, TOKENS, WIDTH, dtype=torch.float64)
h = fixed_point(changed, given)
(implicit,) = torch.autograd.grad((h - target).square().mean(), given)
h = torch.zeros_like(given)
for _ in range(200):
    h = recalled(h, given)
(unrolled,) = torch.autograd.grad((h - target).square().mean(), given)
print("relative difference:", float((implicit - unrolled).norm() / unrolled.norm()))
