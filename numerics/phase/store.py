"""Measured samples, found again by what they depend on, and kept as shards in a folder.

A sample depends on the law, the version of the code that measured it, its point and the seed of its
draw. A shard has what one task measured (some hundred samples) and is written whole or not at all,
so that an interrupted run loses only the tasks that were under way. A damaged shard is named in a
warning and measured again.
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
from .laws.law import LoopLaw, Point, Samples


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
    content = json.dumps([law.name, version(type(law).__module__), list(seed), list(point)])
    return hashlib.sha256(content.encode()).hexdigest()[:32]


class Store:
    """Samples in memory, and in a folder if one is given; `len` is their number."""

    def __init__(self, folder: str | Path | None = None):
        self.folder = None if folder is None else output_folder(folder).resolve()
        self._samples: dict[str, tuple[float, float, float, str]] = {}
        if self.folder is not None:
            for path in sorted(self.folder.glob("*.npz")):
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
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as data:
                names = data["names"].tolist()
                samples = Samples(*(data[field] for field in Samples._fields))
            self.add(names, samples)
        except FileNotFoundError:
            return
        except Exception as error:  # of zipfile, zlib or NumPy, or a missing field: all mean damage
            warnings.warn(
                f"{path} is damaged ({type(error).__name__}); its cells are measured again",
                stacklevel=2,
            )


def shard(names: Sequence[str]) -> str:
    """The file name of the shard of these samples."""
    return hashlib.sha256("".join(names).encode()).hexdigest()[:32] + ".npz"


def write_shard(folder: str | Path, names: Sequence[str], samples: Samples) -> None:
    """Write the samples of one task into the folder, whole or not at all."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, names=np.array(names), **samples._asdict())
    write_atomic(Path(folder) / shard(names), buffer.getvalue())
