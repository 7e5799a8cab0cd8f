"""Small real files, each made once by the commands that write them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from fuzz_cases import Case, Cases

from loopstab.models.tasks.part_file import Note, PartFile
from loopstab.models.tasks.table import MARK, Table
from loopstab.models.zoo import zoo

TRAIN = (
    "train --task prefix-sums --width 8 --heads 1 --bits 4 --steps 2 --decay published --loops 3"
    " --batch 4 --eval-size 4 --threads 1 --warmup 1"
)
"""A training run that takes a second."""
SLOW = {"seconds": 120.0, "patience": 900.0}
"""Limits for a command that makes a file."""
PLAN = """name = "tiny"

[defaults]
seed = [0, 1]
width = 8
heads = 1
eval_size = 4
decay = "published"
loops = 3
warmup = 1

[[runs]]
task = "prefix-sums"
bits = 4
steps = 2
batch = 4
architecture = ["internal/post", "none/peri"]
"""
MINE = """import torch

torch.manual_seed(0)
A = 0.3 * torch.randn(3, 3, dtype=torch.float64)
e = torch.ones(3, dtype=torch.float64)


def step(h, e):
    return torch.tanh(h @ A) + e


def initial(e):
    return torch.zeros_like(e)
"""
CHESS = """PuzzleId,FEN,Moves,Rating
00sHx,q3k1nr/1pp1nQpp/3p4/1P2p3/4P3/B1PP1b2/B5PP/5K2 b k - 0 17,e8d7 a2e6 d7d8 f7f8,1760
00sJ9,r3r1k1/p4ppp/2p2n2/1p6/3P1qb1/2NQR3/PPB2PP1/R1B3K1 w - - 5 18,e3g3 e8e1 g1h2 e1c1,2671
00sJb,Q1b2r1k/p2np2p/5bp1/q7/5P2/4B3/PPP3PP/2KR1B1R w - - 1 17,d1d7 a5e1 d7d1 e1e3,2235
"""


class Corpus:
    """Files of every kind, in a folder of the session.

    Args:
        run: runs the commands.
        folder: where the files are put, in folders by kind.
    """

    def __init__(self, run: Cases, folder: Path):
        self._cases, self.folder = run, folder

    def _make(self, name: str, command: str) -> Path:
        """Run a command in a folder of that name."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        case = Case(tuple(command.split()), limits=SLOW)
        found = self._cases.run(folder, case)
        assert found.status in (0, 1), found
        assert "error" not in found.errors, found
        return folder

    @cached_property
    def run(self) -> Path:
        """The folder of a finished run of training."""
        return self._make("train", f"{TRAIN} --out run") / "run"

    @cached_property
    def other_run(self) -> Path:
        """That of another architecture and width."""
        command = f"{TRAIN} --architecture none/peri --width 16 --out run"
        return self._make("other", command) / "run"

    @cached_property
    def shipped(self) -> Path:
        """A shipped checkpoint in a file of its own."""
        path = self.folder / "internal-post.safetensors"
        zoo.load("internal-post").save(path)
        return path

    @cached_property
    def plan(self) -> Path:
        """A plan of four runs."""
        path = self.folder / "tiny.toml"
        path.write_text(PLAN)
        return path

    @cached_property
    def grid(self) -> Path:
        """The folder of a grid whose runs are finished."""
        self.plan  # noqa: B018
        return self._make("grids", f"grid run --plan {self.plan} --out grid --json") / "grid"

    @cached_property
    def sudoku(self) -> Path:
        """Prepared data of 4x4 sudoku."""
        folder = self._make("data", "data generate sudoku --box 2 --rows 400 --out s.safetensors")
        return folder / "s.safetensors"

    @cached_property
    def sudoku_csv(self) -> Path:
        """A table of 9x9 sudoku with answers and ratings."""
        path, rows = self.folder / "sudoku.csv", []
        made = self._make("puzzles", "data generate sudoku --rows 30 --out s.safetensors")
        table = Table.load(made / "s.safetensors")
        for number, cells in enumerate(table.cells):
            answer = "".join(str(cell % MARK) for cell in cells)
            puzzle = "".join(str(cell % MARK if cell >= MARK else 0) for cell in cells)
            rows.append(f"kaggle,{puzzle},{answer},{number % 5}")
        path.write_text("\n".join(["source,question,answer,rating", *rows]) + "\n")
        return path

    @cached_property
    def chess_csv(self) -> Path:
        """A table of chess puzzles in the columns of Lichess."""
        path = self.folder / "chess.csv"
        head, *rows = CHESS.splitlines()
        more = [
            f"{row.rpartition(',')[0]},{rating}" for row in rows for rating in (900, 1500, 1900)
        ]
        path.write_text("\n".join([head, *more]) + "\n")
        return path

    @cached_property
    def attack(self) -> Path:
        """The folder of an attack on A1."""
        return self._make("attacks", "attack A1 --profile deep --examples 4 --out o") / "o"

    @cached_property
    def certificate(self) -> Path:
        """A certificate of the run."""
        command = f"certify {self.run / 'model.safetensors'} --out c.safetensors --json"
        folder = self._make("certificates", command)
        return folder / "c.safetensors"

    @cached_property
    def mine(self) -> Path:
        """A loop of a user."""
        path = self.folder / "mine.py"
        path.write_text(MINE)
        return path

    @cached_property
    def module_certificate(self) -> Path:
        """A certificate of that loop."""
        folder = self._make("modules", f"certify {self.mine} --out c.safetensors")
        return folder / "c.safetensors"

    @cached_property
    def recall(self) -> Path:
        """Records of a comparison of recall."""
        command = (
            "recall internal-post external-post --inputs 1 --loops 30 --spectra 0 --dense 0"
            " --out r.jsonl --json"
        )
        return self._make("recalls", command) / "r.jsonl"

    @cached_property
    def phase(self) -> Path:
        """The folder of a phase diagram."""
        return self._make("phases", "phase --grid 2x3 --width 6 --jobs 1 --out p --json") / "p"

    @cached_property
    def proofs(self) -> Path:
        """The cache of the proofs of A1."""
        folder = self.folder / "proofs"
        folder.mkdir()
        limits = {**SLOW, "environment": {"LOOPSTAB_CACHE": str(folder / "cache")}}
        found = self._cases.run(folder, Case(("claims", "A1"), limits=limits))
        assert found.status == 0, found
        return folder / "cache"

    @cached_property
    def download(self) -> Path:
        """An unfinished download with its note."""
        path = self.folder / "big.csv"
        with PartFile(path) as part:
            part.append(b"source,question\n")
            part.describe(Note("https://localhost/big.csv", '"mark"', 1000))
        return path


def new_folder() -> Path:
    """A folder for a corpus; who makes it deletes it."""
    return Path(tempfile.mkdtemp(prefix="loopstab-corpus-"))


FILES: dict[str, Callable[[Corpus], Path]] = {
    "model": lambda c: c.run / "model.safetensors",
    "other model": lambda c: c.other_run / "model.safetensors",
    "state": lambda c: c.run / "state.safetensors",
    "shipped": lambda c: c.shipped,
    "sudoku": lambda c: c.sudoku,
    "certificate": lambda c: c.certificate,
    "module certificate": lambda c: c.module_certificate,
}
"""The safetensors files, of which parts are swapped."""
