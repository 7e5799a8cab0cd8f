"""Figures that need no measurement."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from ...support.errors import UsageError
from ...support.jsonable import json_text
from ...support.locks import exclusive_folder


def figures(
    name: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    out: Path = Path("runs/figures"),
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
) -> int:
    """Draw the figures that need no measurement.

    They show closed forms and the records of the shipped runs. Each is written as NAME.png and
    NAME.svg; the report and the documentation show them too.

    Example: loopstab figures stable_sets --out runs/figures

    Exit status: 0 if the figures are written, 2 if there is no figure of a name.

    Args:
        name: Names of figures. Without any, all figures are drawn.
        out: Folder for the files. It is created.
        json_: Print a list with the name, caption and files of each figure as JSON.
    """
    from ..drawings.gallery import gallery
    from ..drawings.save import save_figure

    known = gallery()
    for one in name:
        if one not in known:
            raise UsageError(f"there is no figure {one!r}: use one of {', '.join(known)}")
    rows = []
    with exclusive_folder(out):
        for one in name or known:
            files = [str(file) for file in save_figure(known[one].draw(), out / one)]
            rows.append({"name": one, "caption": known[one].caption, "files": files})
            if not json_:
                print(f"{one}: {', '.join(files)}\n  {known[one].caption}")
    if json_:
        print(json_text(rows))
    return 0
