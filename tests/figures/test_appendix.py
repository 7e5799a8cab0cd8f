"""The appendix of proofs in LaTeX, compiled where pdflatex is installed."""

import shutil
import subprocess

import pytest

from loopstab.paper_figures.commands.claims import claims
from loopstab.paper_figures.text.appendix import appendix
from loopstab.theory.kernel.claim import Kind


def test_the_appendix_compiles(tmp_path, contraction):
    hostile = {
        **contraction,
        "title": "50 % & #1_x^2 {~} \\ $",
        "notes": ["a < b | c > d \"q\" 'p' `r` -- --- ..."],
    }
    text = appendix(
        [contraction, {**hostile, "latex": r"Let $\rho(J) < 1$; then \[h_t \to h^*.\]"}]
    )
    assert text.count(r"\begin{enumerate}") == text.count(r"\end{enumerate}") == 2
    if shutil.which("pdflatex") is None:
        pytest.skip(
            "pdflatex is not installed (texlive-latex-base, texlive-latex-recommended, lmodern)"
        )
    (tmp_path / "appendix.tex").write_text(text)
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "appendix.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "appendix.pdf").stat().st_size > 10_000


def test_latex_is_written_whole(tmp_path, capsys):
    assert claims(("M1",), latex=tmp_path / "new" / "appendix.tex", json_=True) == 0
    text = (tmp_path / "new" / "appendix.tex").read_text()
    assert text.startswith(r"\documentclass")
    assert text.rstrip().endswith(r"\end{document}")
    capsys.readouterr()


def test_a_measured_step_is_shown_as_such(contraction):
    step = {
        **contraction["steps"][0],
        "kind": str(Kind.MEASURED),
        "machine_checked": False,
        "detail": "0.5 +- 0.1",
    }
    assert r"\kind{measured}" in appendix([{**contraction, "steps": [step]}])
