"""The kinds of cases: a kind makes a case of a random generator, real files and an empty folder."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from file_mutations import (
    compressed,
    mutated_bytes,
    mutated_json,
    mutated_lines,
    mutated_table,
    mutated_toml,
)
from fuzz_cases import Case
from fuzz_corpus import FILES, MINE, TRAIN, Corpus
from fuzz_kills import damaged, unfinished
from fuzz_options import all_commands, base, make_places, options_of
from safetensors_mutations import mutated_safetensors, mutated_weights

from loopstab.models.tasks.table import Table
from loopstab.numerics.attack.case import digest
from loopstab.support.errors import LoopstabError

Make = Callable[[Random, Corpus, Path], Case]
MOST = 2000
"""Megabytes for a command that reads a small file."""


@dataclass(frozen=True)
class Kind:
    """A kind of cases.

    Attributes:
        make: makes the next case.
        share: how many of a hundred cases are of it.
    """

    make: Make
    share: int


def _read(name: str, path: Path, **limits: object) -> Case:
    return Case((name, str(path)), reader=True, most=MOST, limits={"seconds": 3.0, **limits})


def _command(text: str, *more: str, seconds: float = 3.0) -> Case:
    return Case((*text.split(), *more), most=MOST, limits={"seconds": seconds})


def _other(draw: Random, corpus: Corpus) -> bytes:
    return FILES[draw.choice(list(FILES))](corpus).read_bytes()


def _on_a_model(path: Path, draw: Random) -> Case:
    """A command that reads a checkpoint."""
    return draw.choice(
        (
            _read("model", path),
            _read("model", path),
            _read("weights", path),
            _read("entries", path),
            _command("crossvalidate --inputs 2 --loops 32 --limit 32", str(path)),
            _command("diagnose --loops 20 --limit 20 --products 20 --lyapunov-loops 5", str(path)),
            _command("certify", str(path)),
            _command("lipschitz --loops 20", str(path)),
            _command("zoo verify", str(path)),
        )
    )


def _checkpoint(draw: Random, corpus: Corpus, folder: Path) -> Case:
    source = FILES[draw.choice(("model", "model", "other model", "state", "shipped"))](corpus)
    path = folder / "model.safetensors"
    path.write_bytes(mutated_safetensors(source.read_bytes(), _other(draw, corpus), draw))
    return _on_a_model(path, draw)


def _weights(draw: Random, corpus: Corpus, folder: Path) -> Case:
    source = FILES[draw.choice(("model", "other model"))](corpus)
    path = folder / "model.safetensors"
    path.write_bytes(mutated_weights(source.read_bytes(), draw))
    return _on_a_model(path, draw)


def _state(draw: Random, corpus: Corpus, folder: Path) -> Case:
    shutil.copytree(corpus.run, folder / "run")
    state, result = folder / "run" / "state.safetensors", folder / "run" / "result.json"
    if draw.random() < 0.7:
        state.write_bytes(mutated_safetensors(state.read_bytes(), _other(draw, corpus), draw))
        if draw.random() < 0.8:
            result.unlink()
    else:
        result.write_bytes(mutated_json(result.read_bytes(), state.read_bytes(), draw))
    return _command(f"{TRAIN} --out run")


def _grid(draw: Random, corpus: Corpus, folder: Path) -> Case:
    shutil.copytree(corpus.grid, folder / "grid")
    run = draw.choice(sorted((folder / "grid" / "runs").iterdir()))
    name = draw.choice(("result.json", "result.json", "model.safetensors", "results.jsonl"))
    if name == "results.jsonl":
        path = folder / "grid" / name
        path.write_bytes(mutated_lines(path.read_bytes(), b"", draw))
        return _command(f"grid run --plan {corpus.plan} --out grid")
    path = run / name
    if name == "result.json":
        path.write_bytes(mutated_json(path.read_bytes(), _other(draw, corpus), draw))
    else:
        path.write_bytes(mutated_safetensors(path.read_bytes(), _other(draw, corpus), draw))
        if draw.random() < 0.5:
            return _command("grid pack --out grid --to packed")
    # a run whose record is damaged is evaluated again, in a process that imports everything
    return _command(f"grid run --plan {corpus.plan} --out grid", seconds=1.0)


def _data(draw: Random, corpus: Corpus, folder: Path) -> Case:
    path = folder / "s.safetensors"
    path.write_bytes(mutated_safetensors(corpus.sudoku.read_bytes(), _other(draw, corpus), draw))
    return draw.choice(
        (
            _read("table", path),
            _command("data describe", str(path)),
            _command(f"{TRAIN} --out run --task sudoku --data".replace("--bits 4", ""), str(path)),
        )
    )


def _puzzles(draw: Random, corpus: Corpus, folder: Path) -> Case:
    kind = draw.choice(("sudoku", "chess"))
    source = corpus.sudoku_csv if kind == "sudoku" else corpus.chess_csv
    data = mutated_table(source.read_bytes(), corpus.sudoku.read_bytes(), draw)
    ending = draw.choice(("csv", "csv", "tsv", "gz", "bz2", "zst"))
    if ending == "tsv":
        data = data.replace(b",", b"\t")
    path = folder / (f"p.{ending}" if ending in ("csv", "tsv") else f"p.csv.{ending}")
    path.write_bytes(data if ending in ("csv", "tsv") else compressed(data, ending, draw))
    case = _command(f"data prepare {kind} --out s.safetensors", str(path))

    def whole(folder: Path) -> list[str]:
        try:
            if (folder / "s.safetensors").exists():
                Table.load(folder / "s.safetensors")
        except LoopstabError as error:
            return [f"what it wrote cannot be read: {error}"]
        return []

    return Case(case.arguments, limits=case.limits, most=MOST, check=whole)


def _plan(draw: Random, corpus: Corpus, folder: Path) -> Case:
    path = folder / "plan.toml"
    path.write_bytes(mutated_toml(corpus.plan.read_bytes(), b"", draw))
    return _read("plan", path)


def _attack(draw: Random, corpus: Corpus, folder: Path) -> Case:
    shutil.copytree(corpus.attack, folder / "o")
    results = folder / "o" / "results.jsonl"
    if draw.random() < 0.4:
        case = draw.choice(sorted((folder / "o" / "witnesses").iterdir()))
        case.write_bytes(_forged(case.read_bytes(), results.read_bytes(), draw))
        return _command("attack --replay", str(case))
    results.write_bytes(mutated_lines(results.read_bytes(), b"", draw))
    return draw.choice(
        (
            _read("journal", folder / "o"),
            _read("attacks", folder / "o"),
            _command("attack A1 --profile deep --examples 4 --out o"),
        )
    )


def _forged(data: bytes, other: bytes, draw: Random) -> bytes:
    """A counterexample with other values, mostly with its digest right."""
    text = mutated_json(data, other, draw)
    try:
        content = json.loads(text)
        if draw.random() < 0.7 and isinstance(content, dict):
            content.pop("digest", None)
            return json.dumps({**content, "digest": digest(content)}).encode()
    except (ValueError, TypeError, RecursionError):
        pass
    return text


def _certificate(draw: Random, corpus: Corpus, folder: Path) -> Case:
    path = folder / "c.safetensors"
    module = draw.random() < 0.5
    source = corpus.module_certificate if module else corpus.certificate
    path.write_bytes(mutated_safetensors(source.read_bytes(), _other(draw, corpus), draw))
    if draw.random() < 0.5:
        return _read("module certificate" if module else "certificate", path)
    about = corpus.mine if module else corpus.run / "model.safetensors"
    return _command(f"certify {about} --verify", str(path))


def _recall(draw: Random, corpus: Corpus, folder: Path) -> Case:
    path = folder / "r.jsonl"
    path.write_bytes(mutated_lines(corpus.recall.read_bytes(), corpus.sudoku.read_bytes(), draw))
    if draw.random() < 0.5:
        return _read("recall", path)
    return _command(
        "recall internal-post external-post --inputs 1 --loops 30 --spectra 0 --dense 0 --out",
        str(path),
    )


def _phase(draw: Random, corpus: Corpus, folder: Path) -> Case:
    shutil.copytree(corpus.phase, folder / "p")
    (shard,) = (folder / "p" / "samples").glob("*.npz")
    name, path = draw.choice((("store", shard), ("diagram", folder / "p" / "phase.npz")))
    path.write_bytes(_other_arrays(path, draw))
    return _read(name, folder / "p" / "samples" if name == "store" else folder / "p")


def _other_arrays(path: Path, draw: Random) -> bytes:
    """The arrays of a file with other numbers, types, names or shapes, or with other bytes."""
    data = path.read_bytes()
    if draw.random() < 0.3:
        return mutated_bytes(data, b"PK" + bytes(900), draw)
    arrays = dict(np.load(path))
    name = draw.choice(list(arrays))
    change = draw.choice(("value", "value", "type", "shape", "name", "drop", "scalars"))
    array = arrays[name]
    if change == "value" and array.dtype.kind == "f" and array.size:
        flat = array.reshape(-1).copy()
        flat[draw.randrange(flat.size)] = draw.choice((np.nan, np.inf, -1, 1e308, -0.0, 0.5, 2))
        arrays[name] = flat.reshape(array.shape)
    elif change == "value" and array.dtype.kind in "iu" and array.size:
        flat = array.reshape(-1).copy()
        flat[draw.randrange(flat.size)] = draw.choice((0, 1, 2, 100))
        arrays[name] = flat.reshape(array.shape)
    elif change == "value" or change == "type":
        arrays[name] = (
            array.astype(draw.choice(("U8", "f4", "i8", "c16", "M8[s]", "S3", "O")))
            if array.dtype.kind in "iuf"
            else np.arange(3.0)
        )
    elif change == "shape":
        arrays[name] = (
            draw.choice((array[..., None], np.repeat(array, 2, axis=-1)))
            if (array.ndim)
            else np.array([array])
        )
    elif change == "name":
        arrays[draw.choice(("", "../x", "arr_0", name + "x"))] = arrays.pop(name)
    elif change == "drop":
        del arrays[name]
    elif "scalars" in arrays:
        text = mutated_json(str(arrays["scalars"]).encode(), b"", draw)
        arrays["scalars"] = np.array(text.decode(errors="replace"))
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _proofs(draw: Random, corpus: Corpus, folder: Path) -> Case:
    shutil.copytree(corpus.proofs, folder / "cache")
    entries = sorted((folder / "cache").rglob("*.json"))
    for path in draw.sample(entries, min(len(entries), draw.choice((1, 3, 20)))):
        path.write_bytes(mutated_json(path.read_bytes(), entries[0].read_bytes(), draw))
    limits = {"seconds": 4.0, "environment": {"LOOPSTAB_CACHE": str(folder / "cache")}}
    return Case(("claims", "A1"), limits=limits, most=MOST)


def _download(draw: Random, corpus: Corpus, folder: Path) -> Case:
    for path in corpus.download.parent.glob("big.csv.part*"):
        shutil.copy(path, folder)
    note = folder / "big.csv.part.json"
    note.write_bytes(mutated_json(note.read_bytes(), _other(draw, corpus), draw))
    return _read("part", folder / "big.csv")


def _options(draw: Random, corpus: Corpus, folder: Path) -> Case:
    make_places(folder)
    command = draw.choice(all_commands())
    words = base(command, corpus)
    if command.startswith("grid"):
        shutil.copytree(corpus.grid, folder / "grid")
        words = [w.replace(str(corpus.grid), "grid") for w in words]
    (folder / "mine.py").write_text(MINE)
    options = options_of(command)
    for option in draw.sample(options, min(len(options), draw.choice((1, 1, 2, 2, 3)))):
        words += option.words(draw)
    if draw.random() < 0.3:
        words.append("--json")
    return Case(tuple(words), limits={"seconds": 1.0 if command == "report" else 3.0})


def _streams(draw: Random, corpus: Corpus, folder: Path) -> Case:
    command = draw.choice([c for c in all_commands() if c not in ("report", "data fetch")])
    words = base(command, corpus)
    limits = draw.choice(
        (
            {"encoding": "ascii"},
            {"stdout": "closed"},
            {"stdout": "full"},
            {"environment": {"COLUMNS": "10"}},
            {"environment": {"COLUMNS": "1"}},
            {"environment": {"COLUMNS": "x", "TERM": "dumb"}, "encoding": "latin-1"},
        )
    )
    if draw.random() < 0.3:
        words = [*command.split(), "--help"]
    return Case(tuple(words), limits={"seconds": 3.0, **limits})


def _small_files(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """No file can grow beyond some bytes, as on a full disk."""
    kind = draw.choice(("train", "attack", "data prepare", "data generate", "scaling", "count"))
    words = base(kind, corpus) + (["--out", "o"] if kind == "count" else [])
    old = folder / "o"
    if kind.startswith("data"):
        shutil.copy(corpus.sudoku, folder / "o.safetensors")
        words = ["o.safetensors" if word == "s.safetensors" else word for word in words]
    elif kind == "train":
        shutil.copytree(corpus.run, old)
        (old / "result.json").unlink()
    elif kind == "attack":
        shutil.copytree(corpus.attack, old)
    before = {path.name for path in folder.rglob("*")}

    def intact(folder: Path) -> list[str]:
        gone = before - {path.name for path in folder.rglob("*")}
        return [f"{name} is gone" for name in sorted(gone)] + damaged(folder) + unfinished(folder)

    size = draw.choice((1000, 3000, 10_000, 30_000))  # the line of an error goes to a file too
    return Case(tuple(words), limits={"seconds": 4.0, "file_bytes": size}, check=intact)


def _twice(draw: Random, corpus: Corpus, folder: Path) -> Case:
    """Two commands at once in one folder."""
    kind = draw.choice(("train", "attack", "scaling", "count", "data generate"))
    words = base(kind, corpus) + (["--out", "o"] if kind == "count" else [])
    return Case(tuple(words), limits={"seconds": 6.0, "twice": True})


KINDS = {
    "checkpoint": Kind(_checkpoint, 16),
    "weights": Kind(_weights, 8),
    "state": Kind(_state, 6),
    "grid": Kind(_grid, 3),
    "data": Kind(_data, 7),
    "puzzles": Kind(_puzzles, 10),
    "plan": Kind(_plan, 6),
    "attack": Kind(_attack, 5),
    "certificate": Kind(_certificate, 5),
    "recall": Kind(_recall, 4),
    "phase": Kind(_phase, 5),
    "proofs": Kind(_proofs, 2),
    "download": Kind(_download, 2),
    "options": Kind(_options, 15),
    "streams": Kind(_streams, 3),
    "small files": Kind(_small_files, 2),
    "twice": Kind(_twice, 1),
}
"""Every kind by its name; the shares sum to 100."""


def make_case(kind: str, seed: int, number: int, corpus: Corpus, folder: Path) -> Case:
    """The case of that number; seed, kind and number determine it."""
    return KINDS[kind].make(Random(f"{seed} {kind} {number}"), corpus, folder)
