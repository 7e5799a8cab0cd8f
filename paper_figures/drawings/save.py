"""Writing a figure to files, each of them whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from ...support.errors import UsageError
from ...support.files import output_folder, write_atomic
from .style import RC

METADATA = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""The kinds of file, and the entries that are left out so that equal figures give equal bytes."""
DPI = 300
"""Pixels per inch of the PNG: 990 pixels for the width of every figure."""


def save_figure(
    figure: Figure, stem: str | Path, kinds: Sequence[str] = tuple(METADATA)
) -> list[Path]:
    """Write a figure as PNG, SVG and PDF; equal figures give equal bytes.

    Args:
        figure: the figure.
        stem: path of the files without their endings. Its folder is created.
        kinds: the kinds of file, of png, svg and pdf; default: all three.

    Returns:
        The paths of the files, in the order of `kinds`.

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
        for kind in kinds:
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, dpi=DPI, metadata=METADATA[kind])
            pictures[kind] = buffer.getvalue()
    folder = output_folder(stem.parent)
    return [write_atomic(folder / f"{stem.name}.{kind}", data) for kind, data in pictures.items()]
