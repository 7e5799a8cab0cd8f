"""Checking and printing the ledger of claims."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import tyro

from ...support.errors import UsageError
from ...support.jsonable import json_text

SURVIVAL = 0.95
"""Share of the mutants that the checks must reject; checks that accept more are too weak."""


def claims(
    claim: Annotated[tuple[str, ...], tyro.conf.Positional] = (),
    json_: Annotated[bool, tyro.conf.arg(name="json")] = False,
    latex: Path | None = None,
    table: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    mutants: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False,
    cache: bool = True,
) -> int:
    """Check every claim, and print the ledger or single claims.

    Without ids the ledger is printed as a table; claims that are named are printed in full, with
    every step of the proof. Steps that passed are stored in the cache directory of the user, which
    can be deleted at any time; LOOPSTAB_CACHE names another folder. Whoever can write that folder
    can claim a step: it is not used where others can, and what came from it stands beside every
    verdict.

    Examples: loopstab claims N3
     loopstab claims --latex appendix.tex
     loopstab claims --table

    Exit status: 0 if no claim is refuted and every falsifier finds a counterexample; with the
    option --mutants, if at least 95 % of the mutants are rejected. 1 if not. 2 for an unknown
    claim, or for claims that contradict each other in the table.

    Args:
        claim: Ids of claims. Without any, all are checked.
        json_: Print JSON objects instead of text.
        latex: Also write a LaTeX appendix, which compiles with pdflatex, to this file.
        table: Print what the claims say, by architecture, regime and axis; check nothing.
        mutants: Alter every step, and print how many of these mutants the checks reject.
        cache: Use the steps that passed before; with --no-cache every step is checked again.
    """
    from ...theory.checking.cache import default_cache
    from ...theory.checking.check import check
    from ...theory.claims import find_claims
    from ..text import ledger_listing

    if sum([table, mutants, latex is not None]) > 1:
        raise UsageError("use one of --table, --mutants and --latex at a time")
    chosen = find_claims(claim)
    store = default_cache() if cache else None
    if table:
        from ...theory.table import paper_table

        cells = paper_table(chosen)
        _show(json_, [cell.to_json() for cell in cells], lambda: ledger_listing.print_table(cells))
        return 0
    if mutants:
        from ...theory.checking.mutation import mutate

        report = mutate(chosen, cache=store)
        _show(json_, report.to_json(), lambda: ledger_listing.print_mutants(report))
        return 0 if report.rate >= SURVIVAL else 1
    reports = [check(item, store) for item in chosen]
    objects = [report.to_json() for report in reports]
    if latex is not None:
        _write_appendix(latex, objects)

    def in_words() -> None:
        if claim:
            for number, report in enumerate(reports):
                print("\n" if number else "", end="")
                ledger_listing.print_claim(report)
        else:
            ledger_listing.print_claims(reports)

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
