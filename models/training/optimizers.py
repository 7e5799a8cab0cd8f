"""The optimisers of a run: AdamW for all weights, or Muon for hidden matrices and AdamW for the
rest.
"""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn

from ...support.schema import shown
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
        """Restore the state from such tensors; other names are ignored.

        Raises:
            ValueError: a tensor belongs to no weight or has another shape, or a weight lacks one.
        """
        states: list[dict[int, dict[str, Any]]] = [{} for _ in self._parts]
        for name, t in tensors.items():
            if name.startswith("optimizer."):
                number, i = self._place(name, t)
                states[number].setdefault(i, {})[name.split(".", 3)[3]] = t
        for part, state in zip(self._parts, states, strict=True):
            for i, found in state.items():
                if lacking := set(_shapes(part, torch.empty(0))) - set(found):
                    raise ValueError(f"the weight {i} lacks {min(lacking)}")
        for part, state in zip(self._parts, states, strict=True):
            part.load_state_dict(
                {"state": state, "param_groups": part.state_dict()["param_groups"]}
            )

    def _place(self, name: str, tensor: Tensor) -> tuple[int, int]:
        """The numbers of the optimiser and of the weight that a tensor of that name belongs to."""
        found = re.fullmatch(r"optimizer\.(\d{1,4})\.(\d{1,6})\.(\w+)", name)
        number, i = (int(found[1]), int(found[2])) if found else (-1, -1)
        if found and number < len(self._parts):
            part = self._parts[number]
            weights = [p for group in part.param_groups for p in group["params"]]
            if i < len(weights):
                wanted = _shapes(part, weights[i]).get(found[3])
                if wanted == tensor.shape:
                    return number, i
        raise ValueError(f"{shown(name)} with shape {tuple(tensor.shape)} belongs to no weight")


def _shapes(part: torch.optim.Optimizer, weight: Tensor) -> dict[str, torch.Size]:
    """What an optimiser keeps of a weight."""
    if isinstance(part, torch.optim.AdamW):
        return {"step": torch.Size(), "exp_avg": weight.shape, "exp_avg_sq": weight.shape}
    return {"momentum_buffer": weight.shape}


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
