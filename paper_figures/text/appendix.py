"""The ledger as a LaTeX appendix.

The document compiles with pdflatex. Of packages beyond the LaTeX base it needs amsmath, amssymb and
lmodern only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .claim_words import scope, summary, verdict_words
from .markup import latex_of_name, latex_of_prose, require_latex
from .step_content import latex_items

_PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{lmodern,textcomp,amsmath,amssymb,longtable,array}
\usepackage[margin=25mm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt plus 1pt}
\setlength{\emergencystretch}{4em}
\sloppy
\newcommand{\kind}[1]{\textsc{#1}}
\begin{document}
"""


def appendix(reports: Sequence[Mapping[str, Any]]) -> str:
    """The document, from the JSON objects of checked claims.

    Raises `UsageError`, which names the claim, if its LaTeX cannot be typeset.
    """
    body = [_PREAMBLE, r"\appendix", r"\section{The ledger of claims}", _summary(reports)]
    body += [_claim(report) for report in reports]
    return "\n".join([*body, r"\end{document}", ""])


def _summary(reports: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "Each claim below is a list of steps. "
        r"\kind{identity}: an exact symbolic equality, reduced to zero and re-checked at random"
        r" rational points. "
        r"\kind{decided}: a sentence of polynomial real arithmetic, whose negation the solvers z3"
        r" and cvc5 find unsatisfiable. "
        r"\kind{enclosed}: a bound by ball arithmetic. "
        r"\kind{cited}: a theorem of the literature, its hypotheses discharged by earlier steps. "
        r"\kind{deduced}: an elementary step written for the reader, not machine-checked. "
        r"\kind{measured}: a sample with its confidence interval, never a proof. Below each step"
        r" stands everything that was checked.",
        "",
        latex_of_prose(summary(reports)),
        "",
        r"\begin{longtable}{@{}l>{\raggedright}p{6.6cm}l>{\raggedright\arraybackslash}p{5.2cm}@{}}",
        r"id & claim & verdict & steps \\ \hline \endhead",
    ]
    for report in reports:
        kinds = Counter(step["kind"] for step in report["steps"])
        steps = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
        lines.append(
            f"{latex_of_prose(report['id'])} & {latex_of_prose(report['title'])} &"
            f" {report['verdict']} & {steps} \\\\"
        )
    return "\n".join([*lines, r"\end{longtable}"])


def _claim(report: Mapping[str, Any]) -> str:
    if report["latex"]:
        require_latex(f"claim {report['id']}", report["latex"])
    parts = [
        rf"\subsection*{{{latex_of_prose(report['id'])}\quad {latex_of_prose(report['title'])}}}",
        (
            rf"\textbf{{Claim}} ({report['source']}; {verdict_words(report)})."
            rf" {report['latex'] or latex_of_prose(report['statement'])}"
        ),
        r"\textbf{Hypotheses.}",
        _list(
            "description",
            (_item(h["name"], latex_of_prose(h["statement"])) for h in report["hypotheses"]),
        ),
        r"\textbf{Proof.}",
        _list("enumerate", map(_step, report["steps"])),
        r"\textbf{Sentences and falsifiers.}",
        _list("itemize", (_predicate(item, report["falsifiers"]) for item in report["predicates"])),
    ]
    if report["consequences"]:
        parts += [
            r"\textbf{Consequences.}",
            _list("itemize", map(_consequence, report["consequences"])),
        ]
    if report["notes"]:
        parts += [
            r"\textbf{Notes.}",
            _list("itemize", (rf"\item {latex_of_prose(note)}" for note in report["notes"])),
        ]
    return "\n".join(parts)


def _list(environment: str, items: Iterable[str]) -> str:
    lines = list(items)
    return (
        "\n".join([rf"\begin{{{environment}}}", *lines, rf"\end{{{environment}}}"])
        if lines
        else "None."
    )


def _item(name: str, text: str) -> str:
    return rf"\item[{latex_of_name(name)}] {text}"


def _step(step: Mapping[str, Any]) -> str:
    head = (
        rf"\item {latex_of_name(step['name'])} [\kind{{{step['kind']}}};"
        rf" {latex_of_prose(step['dimensions'])}; {step['verdict']}]"
    )
    lines = [rf"{head} {latex_of_prose(step['statement'])}."]
    if step["uses"]:
        lines.append(f"Uses {_names(step['uses'])}.")
    if step["induction"]:
        base, onward = map(latex_of_name, step["induction"])
        lines.append(f"By induction: base case {base}, induction step {onward}.")
    if "theorem" in step:
        theorem = step["theorem"]
        lines.append(
            rf"\emph{{{latex_of_prose(theorem['title'])}}}: {latex_of_prose(theorem['statement'])} "
            f"[{latex_of_prose(theorem['reference'])}] Hypotheses: "
            + "; ".join(
                f"{latex_of_prose(h['statement'])} (by {_names(h['discharged_by'])})"
                for h in theorem["hypotheses"]
            )
            + "."
        )
    elif step["machine_checked"] or step["kind"] == "measured":
        lines.append(rf"{{\small Evidence: {latex_of_prose(step['detail'])}.}}")
    items = latex_items(step)
    if items:
        lines.append(_small(items))
    return "\n".join(lines)


def _small(items: Sequence[str]) -> str:
    """A list in small type, left-aligned, so that long formulas break between their terms."""
    return "\n".join(
        [r"{\footnotesize\raggedright", r"\begin{itemize}", *items, r"\end{itemize}", r"\par}"]
    )


def _names(names: Sequence[str]) -> str:
    return ", ".join(map(latex_of_name, names)) or "nothing"


def _predicate(item: Mapping[str, Any], falsifiers: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        rf"\item {latex_of_name(item['name'])}: ``{latex_of_prose(item['sentence'])}''"
        rf" Concluded by {_names(item['concluded_by'])}; needs {_names(item['hypotheses'])}."
    ]
    for attack in falsifiers:
        if attack["predicate"] == item["name"]:
            found = attack["counterexample"] or "no counterexample"
            lines.append(
                rf"Without {latex_of_name(attack['drops'])}: {latex_of_prose(found)}"
                rf" ({latex_of_name(attack['name'])})."
            )
    return "\n".join(lines)


def _consequence(item: Mapping[str, Any]) -> str:
    answer, where, text = (
        latex_of_prose(part) for part in (item["answer"], scope(item), item["statement"])
    )
    return rf"\item {item['axis']}: \emph{{{answer}}} ({where}). {text}"
