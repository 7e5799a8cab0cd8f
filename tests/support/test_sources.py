"""The transitive closure of imports: every way to write an import is followed."""

import ast

import pytest

from loopstab.support import sources

TOY = {
    "__init__.py": "from .lone import nothing\n",
    "lone.py": "",
    "a/__init__.py": "",
    "a/one.py": "from ..b.deep.two import value\n",
    "a/siblings.py": "from . import one\n",
    "a/upwards.py": "from ... import outside\nfrom .. import b\n",
    "a/inside.py": "def late():\n    import loopstab.c\n    from .one import value\n",
    "a/guarded.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..c import x\n",
    "a/foreign.py": "import json\nimport numpy.linalg\nfrom os import path\n",
    "b/__init__.py": "from .deep import two\n",
    "b/deep/__init__.py": "",
    "b/deep/two.py": "from ...c import value\nfrom . import three as other\n",
    "b/deep/three.py": "from ....beyond import nothing\n",
    "c.py": "value = 1\n",
    "circle.py": "from .circle import circle\nfrom .lone import value\n",
}
DEEP = {"b/deep/two.py", "b/deep/three.py", "b/deep/__init__.py", "c.py"}
CLOSURES = {
    "c": {"c.py"},
    "b.deep": {"b/deep/__init__.py"},
    "b.deep.two": DEEP,
    "b": DEEP | {"b/__init__.py"},
    "a.one": DEEP | {"a/one.py"},
    "a.siblings": DEEP | {"a/siblings.py", "a/one.py", "a/__init__.py"},
    "a.upwards": DEEP | {"a/upwards.py", "b/__init__.py", "__init__.py", "lone.py"},
    "a.inside": DEEP | {"a/inside.py", "a/one.py", "c.py"},
    "a.guarded": {"a/guarded.py", "c.py"},
    "a.foreign": {"a/foreign.py"},
    "circle": {"circle.py", "lone.py"},
}


def parsed_imports(module, path):
    """The slow twin of `_imports`, by the syntax tree."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    names = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            names |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
    return names


def test_every_import_of_the_package_is_found():
    for floor in ("support", "theory", "numerics", "models", "paper_figures"):
        for path in (sources.ROOT / floor).rglob("*.py"):
            parts = ("loopstab", *path.relative_to(sources.ROOT).with_suffix("").parts)
            module = ".".join(parts).removesuffix(".__init__")
            assert parsed_imports(module, path) <= set(sources._imports(module, path))


@pytest.fixture
def toy(tmp_path, monkeypatch):
    for name, text in TOY.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    sources.imported_sources.cache_clear()
    yield tmp_path
    sources.imported_sources.cache_clear()


def closure(folder, *modules):
    found = sources.imported_sources(*(f"loopstab.{module}" for module in modules))
    return {path.relative_to(folder).as_posix() for path in found}


@pytest.mark.parametrize("module", CLOSURES)
def test_closure(toy, module):
    assert closure(toy, module) == CLOSURES[module]


def test_several_modules_give_the_union_in_sorted_order(toy):
    assert closure(toy, "a.guarded", "b.deep.three") == {"a/guarded.py", "c.py", "b/deep/three.py"}
    found = sources.imported_sources("loopstab.b", "loopstab.a.one")
    assert list(found) == sorted(found)


@pytest.mark.parametrize("name", ["loopstab.nowhere", "loopstab.a.nowhere", "json", "other.a"])
def test_unknown_modules_are_refused(toy, name):
    with pytest.raises(ModuleNotFoundError, match=name):
        sources.imported_sources("loopstab.c", name)


@pytest.mark.parametrize(("changed", "same"), [("c.py", False), ("circle.py", True)])
def test_the_digest_follows_the_closure_and_nothing_else(toy, changed, same):
    before = sources.source_digest("loopstab.a.one")
    (toy / changed).write_text(TOY[changed] + "# changed\n")
    assert (sources.source_digest("loopstab.a.one") == before) is same


def test_the_digest_depends_on_the_place_of_a_file(toy):
    (toy / "c2.py").write_text(TOY["c.py"])
    assert sources.source_digest("loopstab.c") != sources.source_digest("loopstab.c2")
