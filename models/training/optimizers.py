"""The optimisers of a run: AdamW for all weights, or Muon for hidden matrices and AdamW for the
rest.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..network.choices import Optimizer
from ..network.transformer import LoopedTransformer
from .train_config import TrainConfig


class Optimizers:
    """One or two optimisers that step together, and whose state is saved as named tensors."""

    def __init__(self, model: LoopedTransformer, config: TrainConfig):
        fused = next(model.parameters()).device.type == "cuda"
        hidden = hidden_matrices(model) if config.optimizer is Optimizer.MUON else []
        known = {id(p) for p in hidden}
        rest = [p for p in model.parameters() if id(p) not in known]
        decay = config.weight_decay
        self._parts: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(rest, lr=config.lr, weight_decay=decay, fused=fused)
        ]
        if hidden:
            self._parts.append(torch.optim.Muon(hidden, lr=config.muon_lr, weight_decay=decay))
        self._rates = [group["lr"] for part in self._parts for group in part.param_groups]

    def set_rate(self, factor: float) -> None:
        """Set every learning rate to that of the configuration times the factor."""
        groups = [group for part in self._parts for group in part.param_groups]
        for group, rate in zip(groups, self._rates, strict=True):
            group["lr"] = rate * factor

    def zero_grad(self) -> None:
        """Drop the gradients."""
        for part in self._parts:
            part.zero_grad(set_to_none=True)

    def step(self) -> None:
        """Update all weights."""
        for part in self._parts:
            part.step()

    def tensors(self) -> dict[str, Tensor]:
        """The state as tensors named `optimizer.PART.WEIGHT.NAME`."""
        return {
            f"optimizer.{number}.{i}.{name}": torch.as_tensor(t)
            for number, part in enumerate(self._parts)
            for i, state in part.state_dict()["state"].items()
            for name, t in state.items()
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Restore the state from such tensors; other names are ignored."""
        states: list[dict[int, dict[str, Any]]] = [{} for _ in self._parts]
        for name, t in tensors.items():
            if name.startswith("optimizer."):
                _, number, i, key = name.split(".", 3)
                states[int(number)].setdefault(int(i), {})[key] = t
        for part, state in zip(self._parts, states, strict=True):
            part.load_state_dict(
                {"state": state, "param_groups": part.state_dict()["param_groups"]}
            )


def hidden_matrices(model: LoopedTransformer) -> list[Tensor]:
    """The matrices between hidden states: those of the blocks, of the recall mix, and the first of
    the head.
    """
    layers = [
        m
        for m in model.modules()
        if isinstance(m, nn.Linear) and m is not model.encoder and m is not model.head_out
    ]
    gates = [
        w for m in model.modules() if isinstance(m, nn.GRUCell) for w in (m.weight_ih, m.weight_hh)
    ]
    return [layer.weight for layer in layers] + gates
