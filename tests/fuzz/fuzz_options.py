"""The options of every command, read from the signatures, with values that are not expected."""

from __future__ import annotations

import dataclasses
import inspect
import os
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any, Literal

from fuzz_corpus import TRAIN, Corpus

from loopstab.models.training.run_spec import RunSpec
from loopstab.paper_figures import cli, commands

COMMON = ("", " ", "--", "-h", "é\u202e\x1b[31m", "<script>alert(1)</script>", "%s", "x" * 300)
NUMBERS = ("-1", "0", "1", "2", "7", str(2**31), str(2**63), str(10**30), "9" * 5000, "1_0", "0x10")
WHOLE = (*NUMBERS, "1.5", "nan", "١", *COMMON)
REAL = (*NUMBERS, "nan", "inf", "-inf", "1e308", "-1e308", "1e-320", "0.5", "1e400", *COMMON)
PLACES = (
    "../..",
    "null",
    "full",
    "zero",
    "folder",
    "pipe",
    "loop",
    "absent/file.safetensors",
    "file/below",
    "/proc/nowhere",
    "pipe.safetensors",
    "zero.safetensors",
    "folder.toml",
    "\udcff",
)
"""Names of what `make_places` makes, and of what cannot be made."""
TEXTS = (*COMMON, *PLACES, "nan", "a=b", "x:0:1", "sigma:nan:1", "1x1", "2x2", "0", "-1", "A1", "9")
LEFT_OUT = {
    "compile": "it starts a compiler, which takes minutes",
    "cluster": "it starts jobs that outlive the case",
    "executor": "likewise",
    "json": "it is drawn for all commands",
}


@dataclass(frozen=True)
class Option:
    """One option of a command.

    Attributes:
        name: with its dashes; empty for a positional argument.
        values: texts that are given to it.
        many: whether it takes several.
    """

    name: str
    values: tuple[str, ...]
    many: bool

    def words(self, draw: Random) -> list[str]:
        """The option with a value, as words of a command line."""
        if not self.values:
            return [self.name]
        count = draw.choice((0, 1, 1, 2, 3)) if self.many else 1
        values = [draw.choice(self.values) for _ in range(count)]
        return values if not self.name else [self.name, *values]


def options_of(command: str) -> list[Option]:
    """The options of a command, such as train or `data prepare`."""
    name, _, sub = command.partition(" ")
    function = getattr(import_module(f"{commands.__name__}.{name}"), name)
    return list(_options(dict(_subcommands(function))[sub] if sub else function))


def all_commands() -> list[str]:
    """Every command and subcommand."""
    found = []
    for name in cli.commands():
        function = getattr(import_module(f"{commands.__name__}.{name}"), name)
        subs = [sub for sub, _ in _subcommands(function)]
        found += [f"{name} {sub}" for sub in subs] or [name]
    return found


def _subcommands(function: Callable[..., Any]) -> Iterator[tuple[str, Callable[..., Any]]]:
    hints = typing.get_type_hints(function, include_extras=True)
    for part in typing.get_args(hints.get("status")):
        for mark in getattr(part, "__metadata__", ()):
            yield mark.name, mark.constructor_factory()


def _options(function: Any) -> Iterator[Option]:
    hints = typing.get_type_hints(function, include_extras=True)
    for name in inspect.signature(function).parameters:
        kind, marks = hints[name], ()
        if typing.get_origin(kind) is typing.Annotated:
            kind, *marks = typing.get_args(kind)
        if kind is RunSpec or dataclasses.is_dataclass(kind):
            yield from _options(kind)
            continue
        given = next((mark.name for mark in marks if isinstance(getattr(mark, "name", 0), str)), "")
        name = given or name.strip("_").replace("_", "-")
        positional = any("positional" in str(mark).lower() for mark in marks)
        if name not in LEFT_OUT:
            yield Option("" if positional else f"--{name}", *_values(kind))


def _values(kind: Any) -> tuple[tuple[str, ...], bool]:
    """The values for a type, and whether it takes several."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _values(next(part for part in inner if part is not type(None)))
    if origin is typing.Annotated:
        return _values(inner[0])
    if origin is tuple:
        return _values(inner[0])[0], True
    if origin is Literal:
        return (*map(str, inner), *COMMON), False
    if isinstance(kind, type) and issubclass(kind, bool):
        return (), False
    plain = {int: WHOLE, float: REAL, Path: PLACES + COMMON}
    return plain.get(kind, TEXTS), False


def base(command: str, corpus: Corpus) -> list[str]:
    """Arguments with which a command ends within a few seconds."""
    model, data = corpus.run / "model.safetensors", corpus.sudoku
    texts = {
        "advise": f"{model} --inputs 1 --loops 20 --limit 20 --products 20",
        "anisotropy": "--n 50",
        "attack": "A1 --examples 2 --out o",
        "certify": f"{model}",
        "claims": "A1",
        "count": "--sizes 1 --gains 1 --networks 2",
        "crossvalidate": f"{model} --inputs 2 --loops 32 --limit 32",
        "data fetch": "lichess --url https://127.0.0.1:9/a.csv.zst --out o --max-gib 1e400",
        "data prepare": f"sudoku {corpus.sudoku_csv} --out s.safetensors",
        "data generate": "sudoku --box 2 --rows 300 --out s.safetensors",
        "data describe": f"{data}",
        "diagnose": f"{model} --loops 20 --limit 20 --products 20 --lyapunov-loops 5",
        "figures": "stable_sets --out o",
        "grid run": f"--plan {corpus.plan} --out {corpus.grid}",
        "grid submit": f"--plan {corpus.plan} --out o",
        "grid pack": f"--out {corpus.grid} --to packed",
        "lipschitz": f"{model} --loops 20",
        "meanfield": "prefix-sums-16-internal-post-s1 --inputs 1 --loops 2",
        "phase": "--out o --grid 2x2 --width 6 --jobs 1",
        "predict": f"{model}",
        "recall": "internal-post external-post --inputs 1 --loops 5 --spectra 0 --dense 0",
        "report": "--quick --out o",
        "scaling": "--out o --widths 10 12 --draws 2 --points 5",
        "train": f"{TRAIN.removeprefix('train ')} --out o",
        "zoo list": "",
        "zoo show": "internal-post",
        "zoo verify": f"{model}",
        "zoo repeat": "sudoku-4x4-internal-post-s0 --share 0.002 --out o",
    }
    return [*command.split(), *texts[command].split()]


def make_places(folder: Path) -> None:
    """What the names in `PLACES` stand for: links to devices, a folder, pipes, a loop of links."""
    for device in ("null", "full", "zero"):
        # never the device itself: a user who is root could replace it
        (folder / device).symlink_to(f"/dev/{device}")
    (folder / "zero.safetensors").symlink_to("/dev/zero")
    (folder / "loop").symlink_to("loop")
    for name in ("folder", "folder.toml"):
        (folder / name).mkdir()
    for name in ("pipe", "pipe.safetensors"):
        os.mkfifo(folder / name)
    (folder / "file").write_text("in the way")
