"""The data files in `paper_figures/records`, from which figures and the report are drawn."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ...support.errors import LoopstabError
from ...support.regular_file import read_regular
from ...support.strict_json import parse_json

FOLDER = Path(__file__).parents[1] / "records"
"""Where the data files are."""
LONGEST = 100_000_000
"""Most bytes of a data file."""


def read_record(name: str, folder: Path = FOLDER) -> Any:
    """The content of a data file.

    Args:
        name: its name, which ends in .json, .jsonl or .npz.
        folder: where it is; default: that of the package.

    Returns:
        The value of a .json file, the list of the values of a .jsonl file, or the arrays of a .npz
        file by their names.

    Raises:
        LoopstabError: the file is absent or damaged.
    """
    path = folder / name
    try:
        raw = read_regular(path, LONGEST)
        if path.suffix == ".npz":
            with np.load(BytesIO(raw), allow_pickle=False) as arrays:
                return dict(arrays)
        if path.suffix == ".jsonl":
            return [parse_json(line) for line in raw.splitlines() if line.strip()]
        return parse_json(raw)
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        reason = getattr(error, "strerror", None) or error
        raise LoopstabError(
            f"cannot read the data file {path} ({reason}): install the package again"
        ) from None
