"""Writing a figure to files, each of them whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from ...support.errors import UsageError
from ...support.files import output_folder, write_atomic
from .style import RC

METADATA = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
"""The kinds of file, and the entries that are left out so that equal figures give equal bytes."""
DPI = 200
"""Pixels per inch of the PNG: 1040 pixels for the width of every figure."""


def save_figure(figure: Figure, stem: str | Path) -> list[Path]:
    """Write a figure as PNG and as SVG; equal figures give equal bytes.

    Args:
        figure: the figure.
        stem: path of the files without their endings. Its folder is created.

    Returns:
        The paths of the two files.

    Raises:
        UsageError: the stem is no file name, or its folder cannot be written.
        LoopstabError: writing fails; the file is then as it was before.
    """
    stem = Path(stem)
    if not stem.name:
        raise UsageError(
            f"cannot name figure files after {str(stem)!r}: give a folder and a file name without"
            " ending"
        )
    pictures: dict[str, bytes] = {}
    with mpl.rc_context(RC):
        for kind, metadata in METADATA.items():
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, dpi=DPI, metadata=metadata)
            pictures[kind] = buffer.getvalue()
    folder = output_folder(stem.parent)
    return [write_atomic(folder / f"{stem.name}.{kind}", data) for kind, data in pictures.items()]
