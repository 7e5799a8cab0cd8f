"""Docstrings: every example runs, and every parameter of a public name is explained."""

import doctest
import importlib
import inspect
import re
from enum import Enum
from pathlib import Path

import numpy as np
import pytest

import loopstab

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("support", "theory", "numerics", "models", "paper_figures")
MODULES = [
    ".".join(("loopstab", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for floor in FLOORS
    for path in sorted((ROOT / floor).rglob("*.py"))
    if "tests" not in path.parts and ">>>" in path.read_text()
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = importlib.import_module(name)
    with np.printoptions(precision=8, suppress=False):
        found = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("name", loopstab.__all__)
def test_public_names_are_documented(name):
    value = getattr(loopstab, name)
    text = inspect.getdoc(value) or ""
    summary = text.partition("\n")[0]
    assert summary.endswith("."), "the first line is a sentence"
    assert ">>>" in text, "an example"
    if inspect.isclass(value) and issubclass(value, Enum | Exception):
        return
    if getattr(value, "_is_protocol", False):  # a protocol has methods and no parameters
        return
    callable_ = value.__init__ if inspect.isclass(value) and "__init__" in vars(value) else value
    parameters = [p for p in inspect.signature(callable_).parameters if p != "self"]
    both = text + (inspect.getdoc(callable_) or "")
    missing = [
        p for p in parameters if not re.search(rf"^ +\*{{0,2}}{p}( \(.*\))?: \S", both, re.M)
    ]
    assert not missing
