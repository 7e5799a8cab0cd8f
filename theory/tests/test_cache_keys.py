"""The keys of the cache of proofs: they follow every source on which a claim depends."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from loopstab import ledger
from loopstab.support.sources import ROOT, imported_sources
from loopstab.theory.checking import cache as cache_module
from loopstab.theory.claims import families
from loopstab.theory.families import FAMILIES


def test_the_key_follows_sources_and_versions(monkeypatch):
    assert set(families()) == {claim.id for claim in ledger()}
    names = {
        path.relative_to(ROOT).as_posix()
        for path in imported_sources(*cache_module._modules("autonomous"))
    }
    kernel = {
        "theory/kernel/proof.py",
        "theory/kernel/algebra.py",
        "theory/theorems/linear_algebra.py",
    }
    own = {
        "theory/autonomous/power_iteration.py",
        "theory/autonomous/falsifiers/power_iteration.py",
        "theory/autonomous/exact_orbits.py",
    }
    formulas = {f"theory/{family}/formulas.py" for family in FAMILIES}
    assert (
        kernel | own | formulas | {"theory/checking/check.py", "theory/kernel/vectors.py"} <= names
    )
    assert not any("tests" in name or name.startswith("numerics") for name in names)
    before = cache_module._family_key.__wrapped__("outer_norm")
    assert before == cache_module._family_key.__wrapped__("outer_norm")
    monkeypatch.setattr(cache_module, "version", lambda package: "0")
    assert cache_module._family_key.__wrapped__("outer_norm") != before
    assert cache_module._key("Z9") is None


EDITED = {
    # source: whether A5, a claim of the family `autonomous`, depends on it
    "theory/autonomous/power_iteration.py": True,
    "theory/autonomous/falsifiers/power_iteration.py": True,
    "theory/autonomous/exact_orbits.py": True,
    "theory/outer_norm/jacobian.py": False,
    "theory/outer_norm/formulas.py": True,
    "theory/mean_field/formulas.py": True,
    "theory/kernel/proof.py": True,
    "theory/kernel/vectors.py": True,
    "theory/kernel/exact.py": False,
    "theory/theorems/linear_algebra.py": True,
    "theory/checking/mutation.py": True,
    "theory/checking/sentence_mutants.py": True,
    "support/errors.py": True,
    "theory/recall/unit_radius.py": False,
    "theory/mean_field/hermite.py": False,
    "theory/geometry/falsifiers/stable_sets.py": False,
    "theory/table.py": False,
    "support/slurm.py": False,
}
KEYS = """
import json, sys
from pathlib import Path
import loopstab
from loopstab.support.sources import imported_sources
from loopstab.theory.checking import cache

root = Path(loopstab.__file__).parent
assert root == Path(sys.argv[1]), root
keys = {"": cache._key("A5")}
for name in sys.argv[2:]:
    path = root / name
    text = path.read_text()
    path.write_text("# a comment" + chr(10) + text)
    before = cache._family_key.__wrapped__("autonomous")
    path.write_text("# a commemt" + chr(10) + text)
    keys[name] = before != cache._family_key.__wrapped__("autonomous")
    path.write_text(text)
assert keys.pop("") == cache._family_key.__wrapped__("autonomous")
print(json.dumps(keys))
"""


def test_one_character_of_a_comment_changes_the_key_of_every_claim_that_depends_on_it(tmp_path):
    home = tmp_path / "loopstab"
    shutil.copytree(
        ROOT / "theory", home / "theory", ignore=shutil.ignore_patterns("tests", "__pycache__")
    )
    shutil.copytree(ROOT / "support", home / "support")
    for name in ("__init__.py", "__init__.pyi"):
        shutil.copy(ROOT / name, home)
    done = subprocess.run(
        [sys.executable, "-c", KEYS, str(home), *EDITED],
        env=os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == EDITED


LOADED = """
import json, sys
from importlib import import_module
from pathlib import Path
from loopstab import check
from loopstab.support.sources import ROOT
from loopstab.theory.checking import mutation
from loopstab.theory.claims import modules_of
from loopstab.theory.kernel.claim import Claim

modules = [import_module(name) for name in modules_of(sys.argv[1])]
claims = {v.id: v for module in modules for v in vars(module).values() if isinstance(v, Claim)}
assert claims[sys.argv[2]].steps[0].check().detail
for attack in claims[sys.argv[2]].falsifiers[:1]:
    attack.run()
files = {Path(m.__file__) for m in list(sys.modules.values()) if getattr(m, "__file__", None)}
print(json.dumps(sorted(f.relative_to(ROOT).as_posix() for f in files if ROOT in f.parents)))
"""


@pytest.mark.parametrize(("family", "claim"), [("autonomous", "A5"), ("mean_field", "N7")])
def test_whatever_a_check_loads_is_in_the_closure(family, claim):
    """Against what Python itself imports; packages above a module only re-export names."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, family, claim], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    loaded = {n for n in json.loads(done.stdout) if n.startswith(("theory/", "support/"))}
    sources = imported_sources(*cache_module._modules(family))
    found = {path.relative_to(ROOT).as_posix() for path in sources}
    missed = {name for name in loaded - found if not name.endswith("__init__.py")}
    assert missed <= {"support/lazy.py"}  # imported by the package loopstab, above everything
    assert f"theory/{family}/formulas.py" in loaded
