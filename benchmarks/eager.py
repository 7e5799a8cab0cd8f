"""A slow and plain twin of the looped transformer: the formulas of `docs/vocabulary.md`.

Every iteration recomputes W_e e, the rotary angles and the window, runs the head, and stores its
output (and its state on request). The twin takes the weights of a `LoopedTransformer` and shares no
code with it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from loopstab.models.network.choices import QKNorm
from loopstab.models.network.transformer import LoopedTransformer


def normalise(z: Tensor, norm) -> Tensor:
    """RMS normalisation with gain."""
    return z / torch.sqrt((z**2).mean(-1, keepdim=True) + norm.eps) * norm.gain


def places(cells: int, axes: int) -> Tensor:
    """Coordinates (cells, axes)."""
    if axes == 1:
        return torch.arange(cells)[:, None]
    side = int(cells**0.5)
    return torch.stack([torch.arange(cells) // side, torch.arange(cells) % side], -1)


def turn(z: Tensor, config) -> Tensor:
    """Rotary embedding of z (batch, heads, cells, head width)."""
    pairs = config.head_width // (2 * config.axes)
    frequency = config.rope_base ** (-torch.arange(pairs, dtype=torch.float64) / pairs)
    angle = (places(z.shape[2], config.axes)[:, :, None] * frequency).flatten(1)
    cos, sin = angle.cos().to(z), angle.sin().to(z)
    a, b = z[..., : z.shape[-1] // 2], z[..., z.shape[-1] // 2 :]
    return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)


def neighbours(cells: int, config) -> tuple[Tensor, Tensor]:
    """For every cell and offset the index of the neighbour, and whether it lies on the board; both
    (cells, window^axes).
    """
    place, reach = places(cells, config.axes), config.window // 2
    side = cells if config.axes == 1 else int(cells**0.5)
    offset = torch.cartesian_prod(*[torch.arange(-reach, reach + 1)] * config.axes).view(
        -1, config.axes
    )
    near = place[:, None] + offset
    inside = ((near >= 0) & (near < side)).all(-1)
    index = near[..., 0] if config.axes == 1 else near[..., 0] * side + near[..., 1]
    return torch.where(inside, index, 0), inside


def attend(layer, x: Tensor, config) -> Tensor:
    """Softmax attention, full or in the window."""
    q, k, v = (
        f(x).view(*x.shape[:2], config.heads, -1).transpose(1, 2)
        for f in (layer.q, layer.k, layer.v)
    )
    if config.qk_norm is QKNorm.BEFORE_ROPE:
        q, k = turn(normalise(q, layer.q_norm), config), turn(normalise(k, layer.k_norm), config)
    else:
        q, k = normalise(turn(q, config), layer.q_norm), normalise(turn(k, config), layer.k_norm)
    if config.window is None:
        out = torch.softmax(q @ k.transpose(-1, -2) / config.head_width**0.5, -1) @ v
    else:
        index, inside = neighbours(x.shape[1], config)
        score = (q[..., None, :] * k[:, :, index]).sum(
            -1
        ) / config.head_width**0.5 + layer.offset_bias[:, None]
        weight = torch.softmax(score.masked_fill(~inside, -torch.inf), -1)
        out = (weight[..., None] * v[:, :, index]).sum(-2)
    return layer.o(out.transpose(1, 2).reshape(x.shape))


def sub_block(part, h: Tensor, source: Tensor, mixed, update, norm: str) -> Tensor:
    """The update u with the normalisations of the placement and the residual."""
    u = update(mixed(source if norm == "post" else normalise(source, part.inner)))
    if norm == "peri":
        u = normalise(u, part.outer)
    if part.strength is not None:
        a = 1 / (1 + torch.exp(-part.strength))
        h, u = (1 - a) * h, a * u
    h = (
        h + u
        if part.gru is None
        else part.gru(u.reshape(-1, u.shape[-1]), h.reshape(-1, h.shape[-1])).view(h.shape)
    )
    return normalise(h, part.outer) if norm in ("post", "sandwich") else h


def step(model: LoopedTransformer, h: Tensor, e: Tensor) -> Tensor:
    """One loop."""
    config, arch = model.config, model.config.architecture

    def mix(x):
        return model.w_x(x) + model.w_e(e)

    def mixed(x):
        return mix(x) if arch.recall == "internal" else x

    if arch.residual == "decay":
        h = torch.exp(-F.softplus(-model.decay)) * h
        source = h = h + model.w_e(e) if arch.recall == "external" else h
    else:
        source = mix(h) if arch.recall == "external" else h
        h = h if arch.residual == "gru" else source
    for i, block in enumerate(model.blocks):
        attention, mlp = block.attention, block.mlp
        h = sub_block(
            attention,
            h,
            h if i else source,
            mixed,
            lambda x, a=attention: attend(a.update, x, config),
            arch.norm,
        )
        h = sub_block(
            mlp, h, h, mixed, lambda x, m=mlp: m.update.down(F.gelu(m.update.up(x))), arch.norm
        )
    return h


def head(model: LoopedTransformer, h: Tensor) -> Tensor:
    """Logits of a state."""
    return model.head_out(F.gelu(model.head_hidden(normalise(h, model.head_norm))))


def run(
    model: LoopedTransformer, x: Tensor, loops: int, states: bool = False
) -> tuple[list[Tensor], list[Tensor]]:
    """Logits after every loop, and the states if asked."""
    e = model.encoder(x)
    h, outputs, kept = e, [], []
    for _ in range(loops):
        h = step(model, h, e)
        outputs.append(head(model, h))
        if states:
            kept.append(h)
    return outputs, kept


def progressive_loss(model: LoopedTransformer, task, batch, n: int, k: int) -> Tensor:
    """Loss of the last output of n loops without gradient and k with (the published form)."""
    e = model.encoder(batch.x)
    h, outputs = e, []
    for i in range(n + k):
        with torch.set_grad_enabled(i >= n):
            h = step(model, h, e)
            outputs.append(head(model, h))
    return task.loss(outputs[-1], batch.target)
