"""Data files of the tasks: download, preparation, generation and description."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from ...support.errors import UsageError, check_seed_and_jobs
from ...support.files import output_folder
from ...support.jsonable import json_text
from ...support.optional import optional
from ...support.printable import printable

if TYPE_CHECKING:
    from ...models.tasks.table import Table

SOURCES = {
    "lichess": "https://database.lichess.org/lichess_db_puzzle.csv.zst",
    "sudoku-extreme-train": (
        "https://huggingface.co/datasets/sapientinc/sudoku-extreme/resolve/main/train.csv"
    ),
    "sudoku-extreme-test": (
        "https://huggingface.co/datasets/sapientinc/sudoku-extreme/resolve/main/test.csv"
    ),
}
"""Addresses of the published data sets.

No checksum is built in: Lichess replaces its file every month, and those of sudoku-extreme stand on
the pages of the files at Hugging Face, from which we could not take them. --sha256 gives one.
"""
LONGEST_SHOWN = 300
"""Characters of the longest text of a data file that is printed; --json prints all of it."""

Json = Annotated[bool, tyro.conf.arg(name="json")]


def fetch(
    what: Annotated[
        Literal["lichess", "sudoku-extreme-train", "sudoku-extreme-test"], tyro.conf.Positional
    ],
    out: Path,
    sha256: str | None = None,
    url: str | None = None,
    insecure_http: bool = False,
    max_gib: float = 8.0,
    json_: Json = False,
) -> int:
    """Download a published data set.

    The same command resumes a download that was interrupted. The file gets its name only when it is
    complete and, with --sha256, verified. One that does not begin as its name says, such as a page
    in place of a .zst or .csv file, is refused.

    Example: loopstab data fetch lichess --out data

    Exit status: 0 if the file is complete, 1 if the network or the checksum fails, 2 for a wrong
    request.

    Args:
        what: The data set.
        out: Folder for the file. It is created.
        sha256: Expected checksum. Without it the checksum is printed and not compared.
        url: Another address of the same file, such as a mirror. It needs https, no user name and a
            file name at its end.
        insecure_http: Allow http, over which anybody on the way can change the file; give --sha256.
        max_gib: Size in GiB above which a file is refused.
        json_: Print the result as a JSON object, and no progress bar.
    """
    from ...models.tasks.download import download
    from ...models.tasks.server_answer import GIB
    from ...models.tasks.web_address import check_address, file_name

    source = SOURCES[what] if url is None else url
    check_address(source, insecure_http)
    name = file_name(source)
    if not 0 < max_gib <= 2**20:
        raise UsageError(f"--max-gib needs a size above 0 and up to {2**20}, not {max_gib}")
    result = download(
        source,
        output_folder(out) / name,
        sha256,
        progress=not json_,
        insecure_http=insecure_http,
        most=int(max_gib * GIB),
    )
    if json_:
        print(json_text(result))
    else:
        state = (
            "verified"
            if result["checked"]
            else "not checked against a known value: keep it for --sha256"
        )
        print(f"{result['path']}: {result['bytes']} bytes, SHA-256 {result['sha256']} ({state})")
    return 0


def prepare(
    kind: Annotated[Literal["sudoku", "chess"], tyro.conf.Positional],
    file: Annotated[Path, tyro.conf.Positional],
    out: Path,
    rows: int | None = None,
    easy_share: float = 0.8,
    easy_rating: int = 1600,
    hard_rating: int = 2000,
    seed: int = 0,
    columns: str | None = None,
    json_: Json = False,
) -> int:
    """Turn a file of puzzles into one compact data file.

    The puzzles are split into three levels: train, and held-out easy and hard. Every row is
    checked. Malformed rows are counted, reported with their line numbers and skipped. The file may
    be compressed (.gz, .bz2 or .zst), or be a pipe such as <(xzcat my.csv.xz). Its columns may
    stand in any order among others, between commas, semicolons or tabs.

    Sudoku needs the column question, quizzes or puzzle; answer, solutions or solution, and rating
    or difficulty are used where they are there. A list with one puzzle a line will do. Blanks are
    0 or one of . _ - * in the grid. What the file lacks, our solver gives, in 2 to 40 ms per
    puzzle; then puzzles without exactly one solution are skipped as malformed. Ratings are whole
    numbers (979.0 is 979, 979.5 is malformed); a difficulty may have one decimal and is kept in
    tenths.

    Chess needs FEN, Moves and Rating, or without a header the order of Lichess, and the extra
    loopstab[chess]. A sample of chess is drawn from the rows that are not rated above the option
    --hard-rating.

    Example: loopstab data prepare chess lichess_db_puzzle.csv.zst --out chess.safetensors

    Example: loopstab data prepare sudoku my.csv --columns puzzle=board,solution=grid,rating=level
    --out my.safetensors

    Exit status: 0 if the data file is written; 2 if more than 1 % of the rows are malformed, a
    column is not found, or no row is left.

    Args:
        kind: What the file holds.
        file: The file of puzzles.
        out: The data file (.safetensors). An existing one is replaced as a whole or not at all.
        rows: Use a uniform sample of this many rows, at most 50 million.
        easy_share: Sudoku: share of the rows, by rating, that is easy.
        easy_rating: Chess: highest rating of train and easy, from 0 on.
        hard_rating: Chess: highest rating of hard, at most 65535; rows above are left out.
        seed: Seed of the sample and of the held-out rows.
        columns: Which columns of the file, by name or by number from 1, hold puzzle, solution,
            rating and difficulty (sudoku) or fen, moves and rating (chess). No column after =
            means that the file has none.
        json_: Print the account of the data as a JSON object, and no progress bar.
    """
    from ...models.tasks.pipe import without_pipe
    from ...models.tasks.table_source import check_sample

    check_sample(rows)
    check_seed_and_jobs(seed)
    if not 0 < easy_share < 1:
        raise UsageError(f"the share of easy rows must lie between 0 and 1, not {easy_share}")
    if not 0 <= easy_rating < hard_rating < 2**16:
        raise UsageError(
            "the easy rating must lie below the hard one, and both from 0 to 65535, not"
            f" {easy_rating} and {hard_rating}"
        )
    _writable(out)
    if os.path.exists(out) and os.path.exists(file) and out.samefile(file):
        raise UsageError(f"{out} is the file of puzzles itself: choose another --out")
    with optional("models"):
        from ...models.tasks.chess import puzzles as chess_puzzles
        from ...models.tasks.sudoku import sudoku_file

    with without_pipe(file) as source:
        if kind == "sudoku":
            table = sudoku_file.read(source, rows, easy_share, seed, not json_, columns)
        else:
            table = chess_puzzles.read(
                source, rows, easy_rating, hard_rating, seed, not json_, columns
            )
    return _finish(table, out, json_)


def generate(
    kind: Annotated[Literal["sudoku", "endgames"], tyro.conf.Positional],
    out: Path,
    box: Literal[2, 3] = 3,
    rows: int | None = None,
    disjoint: Literal["symmetry", "relabelling"] = "symmetry",
    pieces: Literal["QR", "Q", "R"] = "QR",
    seed: int = 0,
    json_: Json = False,
) -> int:
    """Make a data file without a network.

    It holds sudoku puzzles with proved unique solutions, or endgames that are solved exactly.

    Example: loopstab data generate sudoku --box 3 --rows 20000 --out sudoku.safetensors

    Exit status: 0 if the data file is written, 2 for a wrong request.

    Args:
        kind: Sudoku, or endgames of king and queen or rook against king.
        out: The data file (.safetensors). An existing one is replaced as a whole or not at all.
        box: Sudoku: side of a box; 2 for 4x4 grids, 3 for 9x9 grids.
        rows: Sudoku: number of puzzles, at most a million. By default 12,000 with box 2 and 1000
            with box 3.
        disjoint: Sudoku: train and the held-out levels share no answer grid up to this.
        pieces: Endgames: queen, rook or both.
        seed: Seed of the puzzles and of the held-out rows.
        json_: Print the account of the data as a JSON object, and no progress bar.
    """
    with optional("models"):
        from ...models.tasks.chess import endgames
        from ...models.tasks.sudoku import sudoku_task as sudoku

    check_seed_and_jobs(seed)
    _writable(out)
    if kind == "endgames":
        return _finish(endgames.table(tuple(pieces), seed=seed), out, json_)
    return _finish(sudoku.generate(box, rows, seed, disjoint, progress=not json_), out, json_)


def describe(file: Annotated[Path, tyro.conf.Positional], json_: Json = False) -> int:
    """Print what a data file holds.

    The account names the source, the number of rows of each level, quantiles of the difficulty, and
    the fingerprint.

    Example: loopstab data describe chess.safetensors --json

    Exit status: 0 if the file is intact, 1 if it is damaged, was altered or holds no such puzzles,
    2 if there is none.

    Args:
        file: A file written by loopstab data prepare or generate.
        json_: Print the account as a JSON object.
    """
    with optional("models"):
        from ...models.tasks.table import Table

    account = Table.load(file).describe()
    _print({"path": str(file), "bytes": file.stat().st_size, **account}, json_)
    return 0


@tyro.conf.configure(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
def data(
    status: (
        Annotated[int, tyro.conf.subcommand(name="fetch", constructor=fetch)]
        | Annotated[int, tyro.conf.subcommand(name="prepare", constructor=prepare)]
        | Annotated[int, tyro.conf.subcommand(name="generate", constructor=generate)]
        | Annotated[int, tyro.conf.subcommand(name="describe", constructor=describe)]
    ),
) -> int:
    """Fetch, prepare, generate and describe data of puzzles.

    Example: loopstab data generate endgames --out endgames.safetensors

    Exit status: that of the subcommand.
    """
    return status


def _writable(out: Path) -> None:
    if out.suffix != ".safetensors":
        raise UsageError(
            "the prepared file is written as safetensors: name it"
            f" {out.name or 'data'}.safetensors, not {out}"
        )
    try:
        taken = os.stat(out)
    except (FileNotFoundError, NotADirectoryError):  # of which output_folder tells more
        taken = None
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}; choose another --out") from None
    if taken and not stat.S_ISREG(taken.st_mode):
        raise UsageError(f"cannot write {out}: it is no regular file; choose another --out")
    output_folder(out.parent)


def _finish(table: Table, out: Path, json_: bool) -> int:
    table.save(out)
    _print({"path": str(out), "bytes": out.stat().st_size, **table.describe()}, json_)
    return 0


def _print(account: dict[str, Any], json_: bool) -> None:
    if json_:
        print(json_text(account))
        return
    mark = account["fingerprint"][:16]
    print(
        f"{account['path']}: {account['rows']} {account['kind']} puzzles, {account['bytes']} bytes,"
        f" fingerprint {mark}"
    )
    cut, unit = account["cut"], _short(account["unit"])
    easy = (
        ", ".join(f"{name} {value}" for name, value in cut.items())
        if isinstance(cut, dict)
        else cut
    )
    print(
        f"  from {_short(account['source'])}; {unit}: easy up to {easy}; {account['left_out']} rows"
        " left out"
    )
    if solver := account.get("solver"):
        print(
            f"  our solver: {solver['unique']} puzzles with one solution, {solver['several']} with"
            f" several, {solver['none']} with none, {solver['undecided']} undecided"
        )
        for what, reason in solver["gives"].items():
            print(f"    it gives the {what}: {_short(reason)}")
    if account.get("malformed"):
        print(f"  {account['malformed']} of {account['rows_checked']} rows malformed and skipped:")
        for line, reason in account["malformed_lines"]:
            print(f"    line {line}: {_short(reason)}")
    for level, entry in account["levels"].items():
        quantiles = ", ".join(f"{name} {value:g}" for name, value in entry["quantiles"].items())
        print(f"  {level}: {entry['rows']} rows; {unit} {quantiles}")


def _short(text: str) -> str:
    """A text that a file brings along, on one line."""
    shown = printable(text[: LONGEST_SHOWN + 1], kept=frozenset())
    return shown if len(shown) <= LONGEST_SHOWN else f"{shown[: LONGEST_SHOWN - 3]}..."
