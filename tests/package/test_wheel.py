"""The wheel, installed alone in a fresh environment and used beside projects with folders of the
same names as ours.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_SOURCE = (".*", "runs", "build", "report", "*.egg-info", "__pycache__")
OUR_FLOORS = ("models", "theory", "numerics", "support", "paper_figures")
USES_BOTH = """
import numpy as np
from models.net import SIZE
from numerics import VALUE
from theory.law import LAW
from loopstab import FunctionLoop, Outcome, diagnose, predict
loop = FunctionLoop(lambda h, e: h / 2 + e, lambda e: 0 * e)
assert diagnose(loop, np.ones(SIZE)).outcome is Outcome.FIXED_POINT
print(SIZE + VALUE, LAW)
"""
LOOP = """
import numpy as np
from helper import HALF
from models.net import SIZE
def step(h, e):
    return HALF * h + e
def initial(e):
    return 0 * e
e = np.ones(SIZE)
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """Built from a copy of the sources, so that nothing is written beside them."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "any-name"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*NOT_SOURCE))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, source], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def python(wheel, tmp_path_factory):
    """The interpreter of an environment that holds the wheel, and the dependencies by a path."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False, symlinks=True)
    place = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", "venv", place))
    pip = [sys.executable, "-m", "pip", f"--python={folder / 'bin' / 'python'}", "install"]
    subprocess.run([*pip, "--quiet", "--no-deps", "--no-index", wheel], check=True)
    assert {path.name.partition("-")[0] for path in packages.iterdir()} == {"loopstab"}
    # the path file of an editable installation there is not read
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin" / "python"


@pytest.fixture(params=["packages", "folders"])
def project(request, tmp_path):
    """Somebody's project with `models`, `theory` and `numerics` of its own."""
    for name in OUR_FLOORS:
        (tmp_path / name).mkdir()
    (tmp_path / "models" / "net.py").write_text("SIZE = 3\n")
    (tmp_path / "theory" / "law.py").write_text("LAW = 'mine'\n")
    if request.param == "packages":
        for name in OUR_FLOORS:
            (tmp_path / name / "__init__.py").write_text("VALUE = 4\n")
    else:
        (tmp_path / "numerics").rmdir()
        (tmp_path / "numerics.py").write_text("VALUE = 4\n")
    (tmp_path / "train.py").write_text(USES_BOTH)
    (tmp_path / "loops").mkdir()
    (tmp_path / "loops" / "mine.py").write_text(LOOP)
    (tmp_path / "loops" / "helper.py").write_text("HALF = 0.5\n")
    return tmp_path


def run(*command, cwd, **variables):
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**clean, **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_the_package_alone(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"loopstab"}
    inside = {name.split("/")[1] for name in names if name.startswith("loopstab/")}
    assert inside == {*OUR_FLOORS, "__init__.py", "__init__.pyi", "__main__.py", "py.typed"}
    assert not [name for name in names if "/tests/" in name or "test_" in name]
    for kind in (".safetensors", ".toml"):
        shipped = {path.name for path in (ROOT / "models").rglob(f"*{kind}")}
        assert shipped == {name.split("/")[-1] for name in names if name.endswith(kind)} != set()


def test_the_wheel_says_what_it_needs(wheel):
    """`pip install` on an older Python names the version that it needs, and ends."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("METADATA")]
        text = archive.read(name).decode()
    assert "Requires-Python: >=3.11" in text
    needed = {line for line in text.splitlines() if line.startswith("Requires-Dist")}
    assert not [line for line in needed if "torch" in line and "extra ==" not in line]
    assert [line for line in needed if "torch" in line and 'extra == "models"' in line]


def test_a_script_uses_its_own_modules_and_ours(python, project):
    assert run(python, "train.py", cwd=project) == "7 mine\n"


@pytest.mark.parametrize("how", ["module", "command"])
def test_the_command_line_beside_a_project(how, python, project):
    words = [python, "-m", "loopstab"] if how == "module" else [python.parent / "loopstab"]
    assert "zoo" in run(*words, "--help", cwd=project)
    # a loop finds the modules beside it, and, on the path of the project, those of the project
    text = run(*words, "diagnose", "loops/mine.py", "--json", cwd=project, PYTHONPATH=str(project))
    assert json.loads(text)["outcome"] == "fixed-point"
    listed = json.loads(run(*words, "zoo", "list", "--json", cwd=project))
    assert "internal-post" in {row["checkpoint"] for row in listed}


def test_trained_loops_beside_a_project(python, project):
    words = [python, "-m", "loopstab", "crossvalidate", "internal-post", "--inputs", "1"]
    text = run(*words, "--loops", "32", "--limit", "32", "--json", cwd=project)
    assert json.loads(text)


def test_the_old_names_are_not_installed(python, tmp_path):
    for name in OUR_FLOORS:
        with pytest.raises(AssertionError, match=f"No module named '{name}'"):
            run(python, "-c", f"import {name}", cwd=tmp_path)


def test_imports_are_lazy(python, tmp_path):
    code = "import sys, loopstab; print({'numpy', 'sympy', 'torch', 'z3'} & set(sys.modules))"
    assert run(python, "-c", code, cwd=tmp_path) == "set()\n"
