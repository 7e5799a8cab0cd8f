"""Saved networks and training states: safetensors files with a JSON object among their metadata.

They are written whole or not at all, and reading one never executes code. Every file carries a
checksum of its contents, which is verified when it is read (see `checksum`).

A file of an older version carries none. After you have made sure that it is what you wrote, give it
one, or list the files of a folder in its SHA256SUMS:

    python -m loopstab.models.network.checkpoint seal FILE...
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...support.errors import LoopstabError, UsageError
from ...support.files import write_atomic
from ...support.optional import optional
from ...support.schema import shown
from .checksum import SUMS, Values, checksum, is_listed
from .metadata import KEY, Header, damaged, metadata_text, read_header
from .model_config import ModelConfig, parameter_count

with optional("models"):
    import torch
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import save
    from torch import Tensor

from .transformer import LoopedTransformer

DTYPES = {torch.float64: "F64", torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}
"""The dtypes that are written, and their names in the format."""


@dataclass(frozen=True)
class Checkpoint:
    """Named tensors of floating-point numbers and a JSON object, as they stand in one file."""

    tensors: dict[str, Tensor]
    meta: dict[str, Any]

    def checksum(self) -> str:
        """The SHA-256 of the JSON object and of all tensors, whatever their order."""
        values = ((name, _values(tensor)) for name, tensor in self.tensors.items())
        return checksum(self.meta, values)

    def save(self, path: str | Path) -> Path:
        """Write to `path` with a checksum; a file that stands there is replaced when the new one is
        complete.
        """
        tensors = {name: t.detach().contiguous().cpu() for name, t in self.tensors.items()}
        meta = json.loads(json.dumps(self.meta, allow_nan=False))
        text = metadata_text(meta, Checkpoint(tensors, meta).checksum())
        return write_atomic(path, save(tensors, metadata={KEY: text}))

    @classmethod
    def load(cls, path: str | Path) -> Checkpoint:
        """Read a file that `save` wrote; `read_metadata` reads the JSON object alone.

        Raises:
            UsageError: there is no such file.
            LoopstabError: the file is damaged, does not agree with its checksum, carries none, or
                holds a number that is not finite.
        """
        path = Path(path)
        header = read_header(path)
        if header.checksum is None:
            _require_listed(path)
        found = cls(_tensors(path, header), header.meta)
        if header.checksum is not None and found.checksum() != header.checksum:
            raise _other_sum(path)
        return found


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
    if isinstance(source, Checkpoint):
        where, meta = "the checkpoint", source.meta
        shapes = {name: tuple(t.shape) for name, t in source.tensors.items()}
    else:
        header = read_header(source)
        where, meta, shapes = str(source), header.meta, header.shapes
    model = _empty(meta, shapes, where)
    checkpoint = source if isinstance(source, Checkpoint) else Checkpoint.load(source)
    tensors = {name: t.to(dtype, copy=True) for name, t in checkpoint.tensors.items()}
    model.load_state_dict(tensors, assign=True)
    return model.eval(), checkpoint.meta


def entry(file: Path, name: str) -> Checkpoint:
    """The run of that name in a shard, as a checkpoint of its own in float32."""
    header = read_header(file)
    if "entries" not in header.meta:
        return Checkpoint.load(file)
    prefix = f"{name}/"
    if header.checksum is None:  # the list is about the file as a whole
        _require_listed(file)
        tensors = _tensors(file, header, prefix)
    else:
        tensors = Checkpoint.load(file).tensors
    own = {k.removeprefix(prefix): t.float() for k, t in tensors.items() if k.startswith(prefix)}
    return Checkpoint(own, header.meta["entries"][name])


def seal(path: str | Path) -> bool:
    """Give a file of an older version a checksum of the contents that it has now.

    Nothing can be said of what happened to the file before: seal what you know to be whole.

    Args:
        path: a .safetensors file that loopstab wrote.

    Returns:
        Whether the file was written; False where it carries a checksum already, which agrees.

    Raises:
        UsageError: there is no such file.
        LoopstabError: the file is damaged, or does not agree with the checksum that it carries.
    """
    path = Path(path)
    header = read_header(path)
    if header.checksum is not None:
        Checkpoint.load(path)
        return False
    Checkpoint(_tensors(path, header), header.meta).save(path)
    return True


def _values(tensor: Tensor) -> Values:
    if tensor.dtype not in DTYPES:
        raise ValueError(f"a checkpoint holds no {tensor.dtype}")
    data = tensor.reshape(-1).view(torch.uint8).numpy()
    return Values(DTYPES[tensor.dtype], tuple(tensor.shape), data)


def _tensors(path: Path, header: Header, prefix: str = "") -> dict[str, Tensor]:
    """The tensors of a file whose names begin with the prefix."""
    found: dict[str, Tensor] = {}
    try:
        with safe_open(path, framework="pt") as file:
            for name in header.shapes:
                if name.startswith(prefix):
                    found[name] = file.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise damaged(path, error) from None
    for name, tensor in found.items():
        if not bool(torch.isfinite(tensor).all()):
            raise LoopstabError(
                f"the tensor {shown(name)} in {path} holds a number that is not finite: restore the"
                " file from a copy, or train again with a lower --lr in a new --out"
            )
    return found


def _require_listed(path: Path) -> None:
    """Raise `LoopstabError` unless `SHA256SUMS` in the folder names the file, and agrees."""
    try:
        listed = is_listed(path)
    except (ValueError, OSError) as error:
        raise damaged(path, error) from None
    if listed is None:
        raise LoopstabError(
            f"{path} carries no checksum: it was written by an older version of loopstab, or"
            " altered; if you know that it is whole, run python -m"
            f" loopstab.models.network.checkpoint seal {path}"
        )
    if not listed:
        raise _other_sum(path, f" in {SUMS}")


def _other_sum(path: Path, where: str = "") -> LoopstabError:
    return LoopstabError(
        f"{path}: its contents do not agree with its checksum{where}: restore it from a copy"
    )


def _empty(
    meta: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], where: str
) -> LoopedTransformer:
    """The network of a configuration, without memory for its weights, which must have those names
    and shapes.
    """
    if "model" not in meta:
        raise LoopstabError(
            f"{where} holds no model configuration: give the model.safetensors of a run, not its"
            " state.safetensors"
        )
    try:
        config = ModelConfig.from_json(meta["model"])
    except UsageError as error:
        raise LoopstabError(
            f"the model configuration in {where} cannot be read ({error}): the file was altered,"
            " restore it from a copy"
        ) from None
    reason = _misfit(config, shapes)
    if reason is None:
        with torch.device("meta"):
            model = LoopedTransformer(config)
        wanted = {name: tuple(t.shape) for name, t in model.state_dict().items()}
        for name in sorted({*wanted, *shapes}):
            if wanted.get(name) != shapes.get(name):
                reason = f"{shown(name)} has the shape {shapes.get(name)}, not {wanted.get(name)}"
                break
        else:
            return model
    raise LoopstabError(
        f"the weights in {where} do not fit its configuration ({reason}): the file was altered,"
        " restore it from a copy"
    )


def _misfit(config: ModelConfig, shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """Why that many numbers cannot be the weights, in closed form; None where they can."""
    numbers, wanted = sum(map(math.prod, shapes.values())), parameter_count(config)
    return None if numbers == wanted else f"it has {numbers} numbers, and needs {wanted}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m loopstab.models.network.checkpoint",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=("seal",), help="give files their checksum")
    parser.add_argument("files", nargs="+", metavar="FILE", help="a .safetensors file")
    a = parser.parse_args(arguments)
    for file in a.files:
        try:
            print(f"{file}: {'sealed' if seal(file) else 'carries its checksum already'}")
        except LoopstabError as error:
            print(f"loopstab seal: {error}", file=sys.stderr)
            return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
