"""Public names are imported on first use and listed in a stub: a toy package, then loopstab."""

import importlib
import subprocess
import sys

import pytest

import loopstab

INIT = """
from loopstab.support.lazy import attach
__getattr__, __dir__, __all__ = attach(__name__, __file__)
"""
STUB = """
from .rooms.kitchen import cook as cook
from .rooms.kitchen import SALT as SALT
from .attic import Trunk as Trunk
from .attic import Missing as Missing
from typing import Any
"""
FILES = {
    "__init__.py": INIT,
    "__init__.pyi": STUB,
    "attic.py": "class Trunk: ...\n",
    "rooms/__init__.py": "",
    "rooms/kitchen.py": "SALT = 3\ndef cook(): return 'soup'\n",
}


@pytest.fixture
def house(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / "toy_house" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("toy_house")
    for name in [name for name in sys.modules if name.partition(".")[0] == "toy_house"]:
        del sys.modules[name]


def test_names_are_those_of_the_stub(house):
    assert house.__all__ == dir(house) == ["Missing", "SALT", "Trunk", "cook"]


def test_a_module_is_imported_when_one_of_its_names_is_used(house):
    assert not {"toy_house.attic", "toy_house.rooms.kitchen"} & set(sys.modules)
    assert house.SALT == 3
    assert "toy_house.rooms.kitchen" in sys.modules
    assert "toy_house.attic" not in sys.modules
    assert house.cook() == "soup"


def test_a_name_is_looked_up_once(house):
    assert "Trunk" not in vars(house)
    trunk = house.Trunk
    assert vars(house)["Trunk"] is trunk


def test_unknown_names_and_names_that_their_module_lacks(house):
    with pytest.raises(AttributeError, match="module 'toy_house' has no attribute 'cellar'"):
        _ = house.cellar
    with pytest.raises(AttributeError, match="Missing"):
        _ = house.Missing


IMPORT_NOTHING_HEAVY = """
import sys
from loopstab import Architecture, LoopstabError, Outcome, Weights, predict
predict(Architecture.parse("internal/post"), Weights(kappa=0.5))
assert not {"sympy", "z3", "flint", "numpy", "torch"} & set(sys.modules)
"""
CHECK_WITHOUT_NUMPY = """
import sys
import loopstab
loopstab.check(loopstab.ledger()[0])
assert not {"numpy", "torch"} & set(sys.modules)
"""


@pytest.mark.parametrize("code", [IMPORT_NOTHING_HEAVY, CHECK_WITHOUT_NUMPY])
def test_loopstab_imports_only_what_it_uses(code):
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_of_loopstab_exists():
    assert all(getattr(loopstab, name) is not None for name in loopstab.__all__)
