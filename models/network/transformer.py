"""The looped transformer: a weight-tied block, attention then MLP, for every `Architecture`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...theory.architecture import Residual
from .affine import Affine, Diagonal, Maps
from .arithmetic import EXACT, Arithmetic
from .attention import Attention
from .flops import Flops, flops, folds
from .geometry import Geometry
from .mlp import MLP
from .model_config import ModelConfig, mixes, parameter_count
from .norm import RMSNorm


@dataclass(frozen=True)
class Context:
    """The part of a step that does not depend on the state.

    Args:
        mix: the recall mix x -> W_x x + (W_e e + b); None without recall, and when the mix is
            folded into the maps.
        geometry: positions and window of the cells.
        blocks: the maps of the updates of every block, attention first.
        decay: the map with which an iteration begins where the stream decays; default none.
    """

    mix: Affine | None
    geometry: Geometry
    blocks: tuple[tuple[Maps, Maps], ...]
    decay: Diagonal | None = None

    def of(self, keep: Tensor) -> Context:
        """The context of some samples alone; `keep` is an index or a mask."""
        mix = None if self.mix is None else self.mix.of(keep)
        decay = None if self.decay is None else self.decay.of(keep)
        blocks = tuple((a.of(keep), b.of(keep)) for a, b in self.blocks)
        return Context(mix, self.geometry, blocks, decay)


class SubBlock(nn.Module):
    """One update u with its normalisations and its residual.

    The norms stand where `config.architecture.norm` places them. With the residual `gru` the sum
    h + u is replaced by GRUCell(input u, hidden h), with `scaled` by (1 - a) h + a u, where a is
    the sigmoid of a learnt number and 1/2 at the start.
    """

    def __init__(self, config: ModelConfig, update: Attention | MLP):
        super().__init__()
        arch, d = config.architecture, config.width
        self.update = update
        # plain booleans, which torch.compile guards cheaply
        self.norms_update, self.norms_sum = arch.norm.on_update, arch.norm.on_sum
        self.inner = RMSNorm(d, config.eps) if arch.inner_norm else None
        # checkpoints call the last norm `outer`, wherever it stands
        self.outer = RMSNorm(d, config.eps) if self.norms_update or self.norms_sum else None
        self.middle = RMSNorm(d, config.eps) if self.norms_update and self.norms_sum else None
        self.gru = nn.GRUCell(d, d) if arch.residual is Residual.GRU else None
        scaled = arch.residual is Residual.SCALED
        self.strength = nn.Parameter(torch.zeros(())) if scaled else None

    def prepare(self, geometry: Geometry) -> Maps:
        """The maps of the update and the gates, which do not depend on the state."""
        maps, gru = self.update.prepare(geometry), self.gru
        if gru is None:
            return maps
        return replace(
            maps,
            gates=(Affine(gru.weight_ih.t(), gru.bias_ih), Affine(gru.weight_hh.t(), gru.bias_hh)),
        )

    def forward(
        self, h: Tensor, source: Tensor, mix: Affine | None, geometry: Geometry, maps: Maps
    ) -> Tensor:
        """The new state; the update reads `source`: h, but for external recall with gru."""
        x = source if self.inner is None else self.inner(source)
        u = self.update(x if mix is None else mix(x), geometry, maps)
        if self.norms_update:
            norm = self.outer if self.middle is None else self.middle
            assert norm is not None
            u = norm(u)
        if self.strength is not None:
            h = h + torch.sigmoid(self.strength) * (u - h)
        else:
            h = h + u if maps.gates is None else gated(u, h, maps.gates)
        if self.norms_sum:
            assert self.outer is not None
            h = self.outer(h)
        return h


def gated(u: Tensor, h: Tensor, gates: tuple[Affine, Affine]) -> Tensor:
    """GRUCell(input u, hidden h) in two products; all arrays are (batch, cells, width)."""
    (reset, update, new), (reset_h, update_h, new_h) = (
        g(z).chunk(3, -1) for g, z in zip(gates, (u, h), strict=True)
    )
    candidate = torch.tanh(new + torch.sigmoid(reset + reset_h) * new_h)
    return candidate + torch.sigmoid(update + update_h) * (h - candidate)


class Block(nn.Module):
    """Attention sub-block, then MLP sub-block."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.attention = SubBlock(config, Attention(config))
        self.mlp = SubBlock(config, MLP(config))

    def prepare(self, geometry: Geometry) -> tuple[Maps, Maps]:
        """The maps of both sub-blocks, which do not depend on the state."""
        return self.attention.prepare(geometry), self.mlp.prepare(geometry)

    def forward(
        self,
        h: Tensor,
        source: Tensor,
        mix: Affine | None,
        geometry: Geometry,
        maps: tuple[Maps, Maps],
    ) -> Tensor:
        """The new state; the attention sub-block reads `source`."""
        h = self.attention(h, source, mix, geometry, maps[0])
        return self.mlp(h, h, mix, geometry, maps[1])


class LoopedTransformer(nn.Module):
    """The looped transformer: h_0 = e = encode(x), h_{t+1} = step(h_t, e), logits = head(h_t).

    States and embeddings have shape (batch, cells, width). `initial` and `step` are pure functions
    of their arguments and the weights, so that the model is a `LoopedMap`. `prepare` and `advance`
    are the two parts of `step`: a loop of T iterations computes W_e e, the rotary tables and the
    window once. With `config.blocks` > 1 an iteration runs that many distinct blocks; recall none
    with 15 blocks and one iteration is the baseline `fixed` of the paper.

    Args:
        config: sizes and architecture.
        seed: the seed from which, alone, the weights are drawn; default 0.

    Example:
        >>> from loopstab.models.network.model_config import ModelConfig
        >>> model = LoopedTransformer(ModelConfig(channels=1, classes=2, axes=1, width=8, heads=2))
        >>> model(torch.zeros(3, 5, 1), loops=4).shape
        torch.Size([3, 5, 2])
    """

    def __init__(self, config: ModelConfig, seed: int = 0):
        super().__init__()
        self.config = config
        d, recalls = config.width, config.architecture.recall.present
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = nn.Linear(config.channels, d)
            self.w_x = nn.Linear(d, d, bias=False) if mixes(config.architecture) else None
            self.w_e = nn.Linear(d, d) if recalls else None
            self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
            self.head_norm = RMSNorm(d, config.eps)
            self.head_hidden = nn.Linear(d, d)
            self.head_out = nn.Linear(d, config.classes)
        # exp(-Delta) = sigmoid(decay) for Delta = softplus(-decay)
        decays = config.architecture.residual is Residual.DECAY
        self.decay = nn.Parameter(torch.zeros(d)) if decays else None

    def parameter_count(self) -> int:
        """The number of weights, in closed form."""
        return parameter_count(self.config)

    def flops(self, cells: int) -> Flops:
        """The forward flops on sequences of that many cells, in closed form."""
        return flops(self.config, cells)

    def encode(self, x: Tensor) -> Tensor:
        """Map the input (batch, cells, channels) to the embedding e (batch, cells, width)."""
        return self.encoder(x)

    def initial(self, e: Tensor) -> Tensor:
        """h_0 = e."""
        return e

    def prepare(self, e: Tensor, folded: bool = False, arithmetic: Arithmetic = EXACT) -> Context:
        """Compute the part of every step that depends on the input alone.

        Args:
            e: the embedding, of shape (batch, cells, width).
            folded: whether to fold the mix into the first layer W of both sub-blocks, by
                W (W_x x + W_e e) + b = (W W_x) x + (W W_e e + b). It pays in loops of many
                iterations: internal recall then costs no product in an iteration (of 14 it saves
                2). The sums are rounded in another order.
            arithmetic: how the operands of products are rounded.
        """
        mix, decay, offset = None, None, None
        if self.w_e is not None:
            offset = Affine(self.w_e.weight.t(), self.w_e.bias).rounded(arithmetic)(e)
            if self.w_x is not None:
                mix = Affine.narrowing(self.w_x, offset).rounded(arithmetic)
        if self.decay is not None:
            injected = offset if self.config.architecture.recall.in_stream else None
            decay = Diagonal(torch.sigmoid(self.decay), injected)
        geometry = Geometry(e.shape[1], self.config, e, arithmetic)
        made = (block.prepare(geometry) for block in self.blocks if isinstance(block, Block))
        blocks = tuple((a.rounded(arithmetic), b.rounded(arithmetic)) for a, b in made)
        if folded and mix is not None and folds(self.config.architecture.recall):
            blocks, mix = tuple((a.after(mix), b.after(mix)) for a, b in blocks), None
        return Context(mix, geometry, blocks, decay)

    def advance(
        self, h: Tensor, context: Context, run: Callable[..., Tensor] = Block.__call__
    ) -> Tensor:
        """Apply one iteration with a prepared context.

        The state keeps its dtype, whatever the arithmetic. `run` replaces the call of a block.
        """
        arch, source, mix = self.config.architecture, h, context.mix
        if context.decay is not None:
            h = source = context.decay(h).to(h.dtype)
        elif arch.recall.in_stream and mix is not None:
            source = mix(h).to(h.dtype)
            mix = mix if arch.recall.in_update else None
            if arch.residual is not Residual.GRU:
                h = source  # with gru the hidden argument stays h: boundedness (N8) is false for z
        for i, (block, maps) in enumerate(zip(self.blocks, context.blocks, strict=True)):
            h = run(block, h, source if i == 0 else h, mix, context.geometry, maps)
        return h

    def step(self, h: Tensor, e: Tensor) -> Tensor:
        """Apply one iteration from scratch: advance(h, prepare(e))."""
        return self.advance(h, self.prepare(e))

    def head(self, h: Tensor, arithmetic: Arithmetic = EXACT) -> Tensor:
        """The logits (batch, cells, classes) of a state, in its dtype."""
        hidden, out = (
            Affine(layer.weight.t(), layer.bias).rounded(arithmetic)
            for layer in (self.head_hidden, self.head_out)
        )
        return out(F.gelu(hidden(self.head_norm(h)))).to(h.dtype)

    def forward(self, x: Tensor, loops: int) -> Tensor:
        """The logits after that many iterations."""
        e = self.encode(x)
        context, h = self.prepare(e, folded=loops > 1), self.initial(e)
        for _ in range(loops):
            h = self.advance(h, context)
        return self.head(h)
