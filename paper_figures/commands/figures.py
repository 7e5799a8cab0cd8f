"""Figures drawn from shipped data."""

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
    """Draw figures from the data that are shipped.

    They show closed forms, the records of the shipped runs and shipped measurements; nothing is
    measured anew. Each is written as NAME.png, NAME.svg and NAME.pdf at the width of a column
    (3.3 inches); the report and the documentation show them too.

    Example: loopstab figures stable_sets --out runs/figures

    Exit status: 0 if the figures are written, 1 for a damaged data file, 2 if there is no figure
    of a name.

    Args:
        name: Names of figures. Without any, all figures are drawn.
        out: Folder for the files. It is created.
        json_: Print a list with the name, caption, files, data files and commands of each figure
            as JSON.
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
            figure = known[one]
            files = [str(file) for file in save_figure(figure.draw(), out / one)]
            rows.append(
                {
                    "name": one,
                    "caption": figure.caption,
                    "files": files,
                    "data": figure.data,
                    "commands": figure.commands,
                }
            )
            if not json_:
                print(f"{one}: {', '.join(files)}\n  {figure.caption}")
    if json_:
        print(json_text(rows))
    return 0
