"""The recipes of docs/contributing.md, carried out on a copy of the package."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "contributing.md").read_text()
BLOCK = re.compile(r"```\{code-block\} (\w+)\n(?::caption: ([^\n]*)\n)?(.*?)```", re.DOTALL)
NOT_COPIED = (".*", "tests", "runs", "build", "report", "docs", "notebooks", "*.egg-info")


RECIPES = {
    heading: BLOCK.findall(text)
    for heading, text in re.findall(r"^## (How to .*?)\n(.*?)(?=^## |\Z)", GUIDE, re.M | re.S)
}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A copy of the package that all recipes are carried out on, one after the other."""
    folder = tmp_path_factory.mktemp("copy")
    (folder / "loopstab").mkdir()
    for path in ROOT.iterdir():
        if path.suffix in (".py", ".pyi"):
            shutil.copy(path, folder / "loopstab")
    for floor in ("support", "theory", "numerics", "models", "paper_figures"):
        ignored = shutil.ignore_patterns(*NOT_COPIED, "__pycache__", "*.safetensors")
        shutil.copytree(ROOT / floor, folder / "loopstab" / floor, ignore=ignored)
    return folder


def carry_out(kind, caption, text, package):
    """Write a new file, or insert lines after the line that the caption names."""
    name, _, after = caption.partition(", after ")
    path = package / "loopstab" / name
    if not after:
        assert not path.exists(), f"{name} exists already"
        path.write_text(text)
        return
    lines = path.read_text().split("\n")
    places = [i for i, line in enumerate(lines) if line.strip() == after.strip("`")]
    assert len(places) == 1, f"{name} has {len(places)} lines {after}"
    lines[places[0] + 1 : places[0] + 1] = text.rstrip("\n").split("\n")
    path.write_text("\n".join(lines))


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipe(recipe, package, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(package), "LOOPSTAB_CACHE": "off"}
    printed = ""
    for kind, caption, text in RECIPES[recipe]:
        if caption:
            carry_out(kind, caption, text, package)
        elif kind == "sh":
            for line in text.strip().splitlines():
                program, *words = shlex.split(line)
                assert program == "loopstab"
                done = subprocess.run(
                    [sys.executable, "-m", "loopstab", *words],
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=240,
                )
                assert done.returncode == 0, done.stdout + done.stderr
                printed += done.stdout + done.stderr
        else:
            for line in text.strip().splitlines():
                assert line in printed


def test_the_guide_has_every_recipe():
    named = " ".join(RECIPES)
    for thing in ("claim", "suite", "task", "norm", "recall", "figure", "command", "activation"):
        assert thing in named
    assert all(
        {kind for kind, *_ in blocks} >= {"python", "sh", "text"} for blocks in RECIPES.values()
    )
