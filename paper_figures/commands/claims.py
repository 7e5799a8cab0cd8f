"""Check and print the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import tyro

from ...support.errors import UsageError
from ...support.jsonable import json_text

SURVIVAL = 0.95
"""share of the mutants that must die"""


def claims(
    claim: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
    latex: Path | None = None,
    table: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    mutants: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    cache: bool = True,
) -> int:
    """Check every claim of the ledger and print a table, or the claims named in full.

    Exit status 0: no claim is refuted and every falsifier fires (or, with --mutants, at least 95 %
    of the mutants die); 1: otherwise; 2: an unknown claim, or two claims that contradict each other
    in the table. Proofs that passed are remembered in the user's cache directory (LOOPSTAB_CACHE
    names another folder; it can be deleted at any time). Examples: loopstab claims N3; loopstab
    claims --json; loopstab claims --latex appendix.tex; loopstab claims --mutants; loopstab claims
    --table

    Args:
        claim: Claim ids; all when none is given.
        json_: Print objects instead of text.
        latex: Also write a LaTeX appendix, which compiles with pdflatex, to this file.
        table: Print what the claims say, by architecture, regime and axis, instead of checking
            them.
        mutants: Alter every step and print how many of these mutants the kernel rejects, instead of
            checking the claims.
        cache: Look up proofs that passed before; --no-cache checks everything.
    """
    from ...theory.checking.cache import default_cache
    from ...theory.checking.check import check
    from ...theory.claims import find_claims
    from ...theory.table import paper_table
    from ..text import tables

    if sum([table, mutants, latex is not None]) > 1:
        raise UsageError("use one of --table, --mutants and --latex at a time")
    chosen = find_claims(claim)
    store = default_cache() if cache else None
    if table:
        cells = paper_table(chosen)
        _show(json_, [cell.to_json() for cell in cells], lambda: tables.print_table(cells))
        return 0
    if mutants:
        from ...theory.checking.mutation import mutate

        report = mutate(chosen, cache=store)
        _show(json_, report.to_json(), lambda: tables.print_mutants(report))
        return 0 if report.rate >= SURVIVAL else 1
    reports = [check(item, store) for item in chosen]
    objects = [report.to_json() for report in reports]
    if latex is not None:
        _write_appendix(latex, objects)

    def in_words() -> None:
        if claim:
            for number, report in enumerate(reports):
                print("\n" if number else "", end="")
                tables.print_claim(report)
        else:
            tables.print_claims(reports)

    _show(json_, objects, in_words)
    wrong = any(
        o["verdict"] == "refuted" or not all(f["fired"] for f in o["falsifiers"]) for o in objects
    )
    return 1 if wrong else 0


def _show(as_json: bool, data: Any, in_words: Any) -> None:
    if as_json:
        print(json_text(data))
    else:
        in_words()


def _write_appendix(path: Path, objects: list[dict[str, Any]]) -> None:
    from ...support.files import output_folder, write_atomic
    from ..text.appendix import appendix

    text = appendix(objects)
    output_folder(path.parent)
    write_atomic(path, text)
