"""Measured samples, found again by what they depend on, and kept as shards in a folder.

A sample depends on the law, the version of the code that measured it, its point and the seed of its
draw. A shard has what one task measured (some hundred samples) and is written whole or not at all,
so that an interrupted run loses only the tasks that were under way. A damaged shard, or one whose
samples are not those of its name or cannot be samples, is named in a warning, and what it should
hold is measured again. That its numbers were measured by this code is not proved: keep the folder
where only you can write.
"""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import scipy

from ...support.files import output_folder, write_atomic
from ...support.sources import source_digest
from ...theory.formulas import formula_modules
from ...theory.outcome import Outcome
from .laws.law import LoopLaw, Point, Samples
from .npz_file import read_npz

NUMBERS = ("rho", "iterations", "sensitivity")
KINDS = {"names": "U", **dict.fromkeys(NUMBERS, "f"), "outcome": "U"}
"""The arrays of a shard, and the kinds of their types."""
MOST_BYTES = 1 << 28
"""Bytes of a shard; one of some hundred samples has some ten thousand."""


@cache
def version(module: str) -> str:
    """Hash of all that turns a point and a seed into numbers.

    That is the module of the law, with the modules that it imports and all registered formulas, and
    the versions of NumPy and SciPy.
    """
    code = source_digest(module, *formula_modules())
    return hashlib.sha256(f"{np.__version__} {scipy.__version__} {code}".encode()).hexdigest()


def key(law: LoopLaw, seed: tuple[int, ...], point: Point) -> str:
    """The key of a sample: 32 hexadecimal digits."""
    content = json.dumps([law.identity, version(type(law).__module__), list(seed), list(point)])
    return hashlib.sha256(content.encode()).hexdigest()[:32]


class Store:
    """Samples in memory, and in a folder if one is given; `len` is their number."""

    def __init__(self, folder: str | Path | None = None):
        self.folder = None if folder is None else output_folder(folder).resolve()
        self._samples: dict[str, tuple[float, float, float, str]] = {}
        if self.folder is not None:
            for path in sorted(self.folder.glob("[0-9a-f]" * 32 + ".npz")):
                self._read(path)

    def __len__(self) -> int:
        return len(self._samples)

    def __contains__(self, name: str) -> bool:
        return name in self._samples

    def samples(self, names: Sequence[str]) -> Samples:
        """The samples of these names, in that order; KeyError for one that is missing."""
        rows = [self._samples[name] for name in names]
        rho, iterations, sensitivity = np.array([row[:3] for row in rows]).reshape(-1, 3).T
        outcome = np.array([row[3] for row in rows], dtype="<U16")
        return Samples(rho, iterations, sensitivity, outcome)

    def add(self, names: Sequence[str], samples: Samples) -> None:
        """Add what a task measured."""
        rows = zip(*(column.tolist() for column in samples), strict=True)
        self._samples.update(zip(names, rows, strict=True))

    def reread(self, names: Sequence[str]) -> None:
        """Add a shard that another process has written."""
        if self.folder is not None:
            self._read(self.folder / shard(names))

    def _read(self, path: Path) -> None:
        try:
            arrays = read_npz(path, KINDS, MOST_BYTES)
            names, samples = arrays.pop("names"), Samples(**arrays)
            _check(path, names.tolist(), samples)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
            warnings.warn(
                f"{path} is damaged ({reason}); its cells are measured again", stacklevel=2
            )
        else:
            self.add(names.tolist(), samples)


def _check(path: Path, names: list[str], samples: Samples) -> None:
    """Raise `ValueError` unless these can be the samples of that shard."""
    if path.name != shard(names) or len(set(names)) != len(names):
        raise ValueError("its name is not that of its samples")
    if any(column.shape != (len(names),) for column in samples):
        raise ValueError("its columns are not of one length")
    for field in NUMBERS:
        if (getattr(samples, field) < 0).any():
            raise ValueError(f"{field} is negative")
    if np.isinf(samples.iterations).any():
        raise ValueError("iterations are infinite")
    if not set(samples.outcome.tolist()) <= {str(outcome) for outcome in Outcome}:
        raise ValueError("an outcome is unknown")


def shard(names: Sequence[str]) -> str:
    """The file name of the shard of these samples."""
    return hashlib.sha256("".join(names).encode()).hexdigest()[:32] + ".npz"


def write_shard(folder: str | Path, names: Sequence[str], samples: Samples) -> None:
    """Write the samples of one task into the folder, whole or not at all."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, names=np.array(names), **samples._asdict())
    write_atomic(Path(folder) / shard(names), buffer.getvalue())
