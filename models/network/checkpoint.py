"""Saved networks and training states: safetensors files with a JSON object among their metadata.

They are written whole or not at all, and reading one never executes code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...support.errors import LoopstabError
from ...support.files import write_atomic
from ...support.optional import optional
from .metadata import KEY, damaged, not_ours, require_file
from .model_config import ModelConfig

with optional("models"):
    import torch
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import save
    from torch import Tensor

from .transformer import LoopedTransformer


@dataclass(frozen=True)
class Checkpoint:
    """Named tensors and a JSON object, as they stand in one file."""

    tensors: dict[str, Tensor]
    meta: dict[str, Any]

    def save(self, path: str | Path) -> Path:
        """Write to `path`; a file that stands there is replaced when the new one is complete."""
        tensors = {name: t.detach().contiguous() for name, t in self.tensors.items()}
        return write_atomic(
            path, save(tensors, metadata={KEY: json.dumps(self.meta, allow_nan=False)})
        )

    @classmethod
    def load(cls, path: str | Path) -> Checkpoint:
        """Read a file that `save` wrote; `LoopstabError` when it is damaged. `read_metadata` reads
        the JSON object alone.
        """
        path = Path(path)
        require_file(path)
        try:
            with safe_open(path, framework="pt") as file:
                meta = json.loads((file.metadata() or {})[KEY])
                names = file.keys()
                return cls({name: file.get_tensor(name) for name in names}, meta)
        except KeyError:
            raise not_ours(path) from None
        except (SafetensorError, json.JSONDecodeError, OSError) as error:
            raise damaged(path, error) from None


def save_model(path: str | Path, model: LoopedTransformer, meta: dict[str, Any]) -> Path:
    """Save the weights of a network with its configuration and the JSON object `meta`."""
    return Checkpoint(model.state_dict(), {**meta, "model": model.config.to_json()}).save(path)


def load_model(
    source: str | Path | Checkpoint, dtype: torch.dtype = torch.float32
) -> tuple[LoopedTransformer, dict[str, Any]]:
    """Rebuild the network of a checkpoint, in evaluation mode.

    Args:
        source: the checkpoint, or the path of its .safetensors file.
        dtype: dtype of the weights; default float32.

    Returns:
        The network, and the metadata of the checkpoint.

    Raises:
        UsageError: there is no such file.
        LoopstabError: the file is damaged, or its configuration and weights do not agree.

    Example:
        >>> from loopstab.models.network.checkpoint import load_model
        >>> from loopstab.models.zoo import zoo
        >>> model, meta = load_model(zoo.load("internal-post"))
        >>> model.config.name, model.config.width
        ('internal/post', 64)
    """
    checkpoint = source if isinstance(source, Checkpoint) else Checkpoint.load(source)
    path = "the checkpoint" if isinstance(source, Checkpoint) else source
    if "model" not in checkpoint.meta:
        raise LoopstabError(
            f"{path} holds no model configuration: give the model.safetensors of a run, not its"
            " state.safetensors"
        )
    try:
        model = LoopedTransformer(ModelConfig.from_json(checkpoint.meta["model"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LoopstabError(
            f"the model configuration in {path} cannot be read ({error}): the file was altered"
        ) from None
    try:
        model.load_state_dict(checkpoint.tensors)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise LoopstabError(
            f"the weights in {path} do not fit its configuration ({reason}): the file was altered"
        ) from None
    return model.to(dtype).eval(), checkpoint.meta


def entry(file: Path, name: str) -> Checkpoint:
    """The run of that name in a shard, as a checkpoint of its own in float32."""
    whole = Checkpoint.load(file)
    if "entries" not in whole.meta:
        return whole
    prefix = f"{name}/"
    tensors = {
        k.removeprefix(prefix): t.float() for k, t in whole.tensors.items() if k.startswith(prefix)
    }
    return Checkpoint(tensors, whole.meta["entries"][name])
