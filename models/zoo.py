"""The checkpoints that the repository ships, and how each was made (`models/checkpoints/*.safetensors`)."""

from __future__ import annotations

from pathlib import Path

from theory.errors import UsageError

FOLDER = Path(__file__).parent / "checkpoints"


def names() -> list[str]:
    """Names of the shipped checkpoints, sorted."""
    return sorted(p.stem for p in FOLDER.glob("*.safetensors"))


def path(name: str) -> Path:
    """File of a shipped checkpoint; `UsageError` with the known names otherwise."""
    if name not in names():
        raise UsageError(f"no shipped checkpoint {name!r}: use one of {', '.join(names())}")
    return FOLDER / f"{name}.safetensors"


def resolve(name_or_path: str) -> Path:
    """A shipped name, or a path to a checkpoint file of the user's own."""
    return Path(name_or_path) if name_or_path.endswith(".safetensors") else path(name_or_path)
