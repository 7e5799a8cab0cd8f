"""One file per saved state: safetensors with a JSON object in its metadata; written whole or not at all, never unpickled."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from models.config import ModelConfig
from models.transformer import LoopedTransformer
from theory.errors import LoopstabError, UsageError
from theory.files import write_atomic

KEY = "loopstab"


@dataclass(frozen=True)
class Checkpoint:
    """Named tensors and a JSON object; `save` is atomic, `load` raises `LoopstabError` on anything damaged."""

    tensors: dict[str, Tensor]
    meta: dict[str, Any]

    def save(self, path: str | Path) -> Path:
        """Write to `path`; what stood there stays whole until the new file is complete."""
        tensors = {name: t.detach().contiguous() for name, t in self.tensors.items()}
        return write_atomic(path, save(tensors, metadata={KEY: json.dumps(self.meta, allow_nan=False)}))

    @classmethod
    def load(cls, path: str | Path) -> Checkpoint:
        """Read a file written by `save`."""
        path = Path(path)
        if not path.is_file():
            raise UsageError(f"no checkpoint at {path}: give the path of a .safetensors file written by loopstab train")
        try:
            with safe_open(path, framework="pt") as file:
                meta = json.loads((file.metadata() or {})[KEY])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
        except (SafetensorError, json.JSONDecodeError, OSError) as error:
            raise LoopstabError(f"checkpoint {path} is corrupt or truncated ({error}): delete it, or restore it from a copy") from None
        except KeyError:
            raise LoopstabError(f"{path} is a safetensors file, but not one written by loopstab: its metadata has no {KEY!r}") from None
        return cls(tensors, meta)


def save_model(path: str | Path, model: LoopedTransformer, meta: dict[str, Any]) -> Path:
    """Save weights with their configuration and whatever else `meta` says about the run."""
    return Checkpoint(model.state_dict(), {**meta, "model": model.config.to_json()}).save(path)


def load_model(path: str | Path, dtype: torch.dtype = torch.float32) -> tuple[LoopedTransformer, dict[str, Any]]:
    """Rebuild the model of a checkpoint in evaluation mode, and return it with the metadata."""
    checkpoint = Checkpoint.load(path)
    if "model" not in checkpoint.meta:
        raise LoopstabError(f"{path} holds no model configuration: give the model.safetensors of a run, not its state")
    try:
        model = LoopedTransformer(ModelConfig.from_json(checkpoint.meta["model"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LoopstabError(f"the model configuration in {path} cannot be read ({error}): the file was altered") from None
    try:
        model.load_state_dict(checkpoint.tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise LoopstabError(f"the weights in {path} do not fit its configuration ({reason}): the file was altered") from None
    return model.to(dtype).eval(), checkpoint.meta
