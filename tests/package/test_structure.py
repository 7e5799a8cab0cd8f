"""The house rules: where imports may go, what the wheel lists, one name for one thing."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

import loopstab

HERE = Path(__file__).resolve()
ROOT = HERE.parents[2]
FLOORS = ("support", "theory", "numerics", "models", "paper_figures")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MODULES = [
    path
    for floor in FLOORS
    for path in sorted((ROOT / floor).rglob("*.py"))
    if "tests" not in path.parts
]
CODE = [
    *MODULES,
    *(
        path
        for folder in ("tests", "theory/tests", "benchmarks", "docs", "notebooks")
        for path in sorted((ROOT / folder).rglob("*.py"))
    ),
]
TEXT = [*CODE, ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
TWINS = {"suites", "falsifiers", "commands"}
"""rooms whose modules are named after what they attack or draw"""


def test_imports_only_go_down():
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_import_that_goes_up_is_found(tmp_path):
    """The contract is not empty: one import from a lower floor breaks it."""
    package = tmp_path / "loopstab"
    for path in [ROOT / "__init__.py", ROOT / "__main__.py", *MODULES]:
        copy = package / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    with (package / "support" / "errors.py").open("a") as file:
        file.write("\nfrom ..numerics import arrays\n")
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    environment = {"PYTHONPATH": str(tmp_path), "PATH": ""}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert "support is not allowed to import" in done.stdout


def test_no_import_by_an_old_top_level_name():
    old = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in CODE
        for node in ast.walk(ast.parse(path.read_bytes()))
        if (isinstance(node, ast.ImportFrom) and not node.level and _top(node.module) in FLOORS)
        or (isinstance(node, ast.Import) and {_top(a.name) for a in node.names} & set(FLOORS))
    }
    assert not old, "write `from loopstab...`, or a relative import"


def _top(module):
    return (module or "").partition(".")[0]


def test_every_package_is_in_the_wheel():
    folders = {path.parent.relative_to(ROOT) for path in MODULES}
    names = {".".join(("loopstab", *folder.parts)) for folder in folders} | {"loopstab"}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == names
    assert all((ROOT / folder / "__init__.py").is_file() for folder in folders)


def test_no_generated_file_is_tracked():
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no checkout")
    words = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    assert not subprocess.run(words, cwd=ROOT, capture_output=True, check=True).stdout


@pytest.mark.parametrize("floor", FLOORS)
def test_modules_of_a_floor_have_one_name(floor):
    """Besides the twins: a suite and the falsifiers are named after the module of their claim."""
    names = Counter(
        path.stem
        for path in MODULES
        if path.is_relative_to(ROOT / floor)
        and path.stem not in ("__init__", "formulas")
        and not TWINS & set(path.parts)
    )
    assert {name for name, count in names.items() if count > 1} == set()


def test_public_classes_have_one_name():
    names = Counter(
        node.name
        for path in MODULES
        if not TWINS & set(path.parts)
        for node in ast.parse(path.read_bytes()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name for name, count in names.items() if count > 1} == set()


def test_public_names_are_the_stub():
    stub = ast.parse((ROOT / "__init__.pyi").read_text())
    names = [a.asname for node in stub.body if isinstance(node, ast.ImportFrom) for a in node.names]
    assert sorted(names) == loopstab.__all__ == dir(loopstab)
    assert len(names) == len(set(names))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = loopstab.nothing


def test_no_text_cites_what_is_not_in_the_repository():
    absent = re.compile(r"\b(?:THEORY|DESIGN|REFEREE|HOUSE|EXPERIMENTS)(?:\.md| protocol|_2)")
    assert not {p.relative_to(ROOT) for p in TEXT if p != HERE and absent.search(p.read_text())}


def test_code_is_formatted_without_exceptions():
    exception = re.compile(r"# fmt: (?:skip|off)")
    assert not {p.relative_to(ROOT) for p in CODE if p != HERE and exception.search(p.read_text())}


def test_theory_and_numerics_do_without_torch():
    code = "import sys; sys.modules['torch'] = None\n"
    code += "import loopstab; loopstab.ledger()\n"
    code += "from loopstab import FunctionLoop, certify, check, diagnose, phase_diagram, profile"
    subprocess.run([sys.executable, "-c", code], check=True)
