"""The README: its length, its links, and its example, which runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text()


def test_it_is_short():
    assert len(TEXT.splitlines()) <= 80


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)", TEXT):
        assert (ROOT / target).is_file(), target


def test_the_example_runs(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.stdout, done.returncode) == ("fixed-point\n", 0), done.stderr


def test_the_examples_of_the_how_to_run(tmp_path):
    guide = (ROOT / "docs" / "howto" / "diagnose.md").read_text()
    code = "\n".join(re.findall(r"```python\n(.*?)```", guide, re.DOTALL))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("fixed-point")


def test_the_example_of_the_certificates_runs(tmp_path):
    guide = (ROOT / "docs" / "howto" / "certify.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    heads = [line.partition(":")[0] for line in done.stdout.splitlines()]
    assert heads == ["Existence", "Attraction", "Answer", "Dependence on the input", "refused"], (
        done.stdout
    )
    assert "not proved" not in done.stdout


def test_no_page_counts_the_ledger_by_hand():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("howto/*.md"), ROOT / "docs/index.md"):
        assert not re.search(r"\b\d+ (?:claims|steps|falsifiers)\b", page.read_text()), page.name
    assert "{{claims}} claims" in (ROOT / "docs" / "index.md").read_text()


def test_readme_and_docs_say_what_is_reconstructed():
    for page in ("README.md", "docs/index.md", "docs/reading.md"):
        text = " ".join((ROOT / page).read_text().split())
        assert re.search(r"reconstructed from (?:its|the paper's) abstract", text), page
