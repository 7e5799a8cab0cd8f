"""One file per saved state: safetensors with a JSON object in its metadata; written whole or not at
all, never unpickled.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ...support.errors import LoopstabError, UsageError
from ...support.files import write_atomic
from .model_config import ModelConfig
from .run_record import default_gradient
from .transformer import LoopedTransformer

KEY = "loopstab"


@dataclass(frozen=True)
class Checkpoint:
    """Named tensors and a JSON object; `save` is atomic, `load` raises `LoopstabError` on anything
    damaged.
    """

    tensors: dict[str, Tensor]
    meta: dict[str, Any]

    def save(self, path: str | Path) -> Path:
        """Write to `path`; what stood there stays whole until the new file is complete."""
        tensors = {name: t.detach().contiguous() for name, t in self.tensors.items()}
        return write_atomic(
            path, save(tensors, metadata={KEY: json.dumps(self.meta, allow_nan=False)})
        )

    @classmethod
    def load(cls, path: str | Path) -> Checkpoint:
        """Read a file written by `save`."""
        return cls(*_read(Path(path), True))

    @staticmethod
    def read_meta(path: str | Path) -> dict[str, Any]:
        """The JSON object alone; no tensor is read."""
        return _read(Path(path), False)[1]


def _read(path: Path, tensors: bool) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if not path.is_file():
        raise UsageError(
            f"no checkpoint at {path}: give the path of a .safetensors file written by loopstab"
            " train"
        )
    try:
        with safe_open(path, framework="pt") as file:
            meta = json.loads((file.metadata() or {})[KEY])
            return ({name: file.get_tensor(name) for name in file.keys()} if tensors else {}), meta  # noqa: SIM118  # not a mapping
    except (SafetensorError, json.JSONDecodeError, OSError) as error:
        raise LoopstabError(
            f"checkpoint {path} is corrupt or truncated ({error}): delete it, or restore it from a"
            " copy"
        ) from None
    except KeyError:
        raise LoopstabError(
            f"{path} is a safetensors file, but not one written by loopstab: its metadata has no"
            f" {KEY!r}"
        ) from None


def save_model(path: str | Path, model: LoopedTransformer, meta: dict[str, Any]) -> Path:
    """Save weights with their configuration and whatever else `meta` says about the run."""
    return Checkpoint(model.state_dict(), {**meta, "model": model.config.to_json()}).save(path)


def load_model(
    source: str | Path | Checkpoint, dtype: torch.dtype = torch.float32
) -> tuple[LoopedTransformer, dict[str, Any]]:
    """Rebuild the model of a checkpoint (or of its file) in evaluation mode, and return it with the
    metadata.
    """
    checkpoint = source if isinstance(source, Checkpoint) else Checkpoint.load(source)
    path = "the checkpoint" if isinstance(source, Checkpoint) else source
    if "model" not in checkpoint.meta:
        raise LoopstabError(
            f"{path} holds no model configuration: give the model.safetensors of a run, not its"
            " state"
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


def run_name(meta: dict[str, Any]) -> str:
    """Readable and unique within a plan: task (with the length of prefix sums), width if not 64,
    architecture, encoder gradient where it is not the default of that architecture, seed.
    """
    run = meta["run"]
    config = run["config"]
    bits, width = config["schedule"].get("bits"), config["model"]["width"]
    parts = [
        run["task"] + (f"-{bits}" if bits else ""),
        *([f"w{width}"] if width != 64 else []),
        run["architecture"].replace("/", "-"),
    ]
    if config["encoder_gradient"] != default_gradient(run["architecture"]):
        parts.append(config["encoder_gradient"])
    return "-".join([*parts, f"s{config['seed']}"])


def entries(file: Path) -> dict[str, dict[str, Any]]:
    """Name and metadata of every run in a shard; a checkpoint of one run is its own only entry,
    under the file's name.
    """
    meta = Checkpoint.read_meta(file)
    return meta.get("entries", {file.stem: meta})


def entry(file: Path, name: str) -> Checkpoint:
    """One run of a shard as a checkpoint of its own, in float32."""
    whole = Checkpoint.load(file)
    if "entries" not in whole.meta:
        return whole
    prefix = f"{name}/"
    tensors = {
        k.removeprefix(prefix): t.float() for k, t in whole.tensors.items() if k.startswith(prefix)
    }
    return Checkpoint(tensors, whole.meta["entries"][name])
