"""The texts of the ledger as LaTeX and as Markdown.

Prose (the statements of steps and hypotheses, and the notes) is plain text with mathematics in
ASCII. The `latex` of a claim is LaTeX text with a few text commands, and with mathematics between
dollar signs or in display brackets. Anything else is an error that names the claim.
"""

from __future__ import annotations

import re

from ...support.errors import UsageError

_ASCII = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "`": r"\textasciigrave{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
}
_SIGNS = {
    "<=>": r"$\Leftrightarrow$",
    "<=": r"$\le$",
    ">=": r"$\ge$",
    "!=": r"$\ne$",
    "->": r"$\to$",
    "+-": r"$\pm$",
    "--": "-{}-",
}
_UNICODE = {
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "’": "'",
    "‘": "`",
    "“": "``",
    "”": "''",
    "§": r"\S{}",
    "·": r"$\cdot$",
    "×": r"$\times$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "≠": r"$\ne$",
    "→": r"$\to$",
    "∞": r"$\infty$",
    "±": r"$\pm$",
    "²": "$^2$",
    "³": "$^3$",
    "∈": r"$\in$",
    "√": r"$\surd$",
    "∑": r"$\sum$",
    "∫": r"$\int$",
    "∂": r"$\partial$",
    "ρ": r"$\rho$",
    "γ": r"$\gamma$",
    "ε": r"$\varepsilon$",
    "κ": r"$\kappa$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "ν": r"$\nu$",
    "σ": r"$\sigma$",
    "β": r"$\beta$",
    "α": r"$\alpha$",
    "θ": r"$\theta$",
    "φ": r"$\varphi$",
    "π": r"$\pi$",
    "δ": r"$\delta$",
    "ω": r"$\omega$",
    "τ": r"$\tau$",
    "−": "$-$",
}
_LATIN = re.compile(r"[À-ÖØ-öø-ſ]")  # accented letters: the preamble's fonts have them
_PROSE = re.compile(
    "|".join(map(re.escape, sorted(_SIGNS, key=len, reverse=True))) + "|.", re.DOTALL
)


def latex_of_prose(text: str) -> str:
    """Prose as LaTeX text; raises `UsageError` for a character without a known LaTeX form."""

    def convert(match: re.Match[str]) -> str:
        piece = match.group()
        if piece in _SIGNS:
            return _SIGNS[piece]
        found = _ASCII.get(piece) or _UNICODE.get(piece)
        if (
            found is None
            and not (piece.isascii() and (piece.isprintable() or piece == "\n"))
            and not _LATIN.match(piece)
        ):
            raise UsageError(
                f"no LaTeX for the character {piece!r} (U+{ord(piece):04X}) in {text[:60]!r}: write"
                " it in ASCII"
            )
        return found or piece

    return _PROSE.sub(convert, text)


def latex_of_name(name: str) -> str:
    """The name of a step or hypothesis in typewriter, which may break after underscores."""
    return r"\texttt{" + latex_of_prose(name).replace(r"\_", r"\_\allowbreak{}") + "}"


def markdown_of_prose(text: str) -> str:
    """Prose as Markdown, in which every character that could be markup is escaped."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>~$^&@:=])", r"\\\1", text)


_MATH = re.compile(
    r"\\\[(?P<display>.+?)\\\]|\\\((?P<round>.+?)\\\)|(?<!\\)\$\$(?P<dollars>.+?)\$\$|(?<!\\)\$(?P<inline>[^$]+)\$",
    re.DOTALL,
)
_TEXT_COMMANDS = {"emph": "*", "textit": "*", "textbf": "**"}
_ITEMS = re.compile(r"\\(?:begin|end)\{(?:itemize|enumerate)\}")
_MARK = "\ue000{}\ue001"


def require_latex(where: str, text: str) -> None:
    """Raise `UsageError`, which names `where`, unless this module can typeset the text.

    The text may use known text commands only. Its braces must be balanced, and special characters
    outside mathematics must be escaped.
    """
    _split(where, text)


def markdown_of_latex(where: str, text: str) -> str:
    """A LaTeX statement as MyST Markdown, with mathematics between dollar signs.

    Raises `UsageError`, which names `where`, for what cannot be typeset.
    """
    plain, mathematics = _split(where, text)
    plain = re.sub(r"\\([%&#_{}$])", lambda m: f"\ue002{ord(m.group(1))}\ue003", plain)
    plain = re.sub(r"([`*_#|<>\[\]@])", r"\\\1", plain)
    for command, star in _TEXT_COMMANDS.items():
        plain = re.sub(
            rf"\\{command}\{{([^{{}}]*)\}}",
            lambda m, star=star: f"{star}{m.group(1).strip()}{star}",
            plain,
        )
    plain = _ITEMS.sub("\n\n", plain)
    plain = re.sub(r"\\item\s*", "\n- ", plain)
    for latex, other in (
        ("---", "—"),
        ("--", "–"),
        ("``", "“"),
        ("''", "”"),
        ("~", "\u00a0"),
        (r"\ ", " "),
        (r"\,", " "),
        (r"\par", "\n\n"),
    ):
        plain = plain.replace(latex, other)
    plain = re.sub("\ue002(\\d+)\ue003", lambda m: "\\" + chr(int(m.group(1))), plain)

    def restore(match: re.Match[str]) -> str:
        content, display = mathematics[int(match.group(1))]
        # docutils knows \ldots, not \dots
        content = " ".join(re.sub(r"\\dots(?![a-z])", r"\\ldots", content).split())
        return f"\n\n$$\n{content}\n$$\n\n" if display else f"${content}$"

    return re.sub("\ue000(\\d+)\ue001", restore, plain).strip()


def _split(where: str, text: str) -> tuple[str, list[tuple[str, bool]]]:
    """Split a text into prose, with marks in place of its mathematics, and the mathematics.

    Each piece of mathematics is its content and whether it is displayed. Both parts are checked.
    """
    bad = next((c for c in text if not (c.isascii() and c.isprintable()) and c != "\n"), None)
    if bad is not None:
        raise UsageError(
            f"{where}: its latex has the character {bad!r}; write LaTeX in ASCII, in a raw string"
            ' (r"...")'
        )
    mathematics: list[tuple[str, bool]] = []

    def take(match: re.Match[str]) -> str:
        content = next(group for group in match.groups() if group is not None)
        mathematics.append((content, match.lastgroup in ("display", "dollars")))
        return _MARK.format(len(mathematics) - 1)

    plain = _MATH.sub(take, text)
    for content in (plain, *(content for content, _ in mathematics)):
        if not _balanced(content):
            raise UsageError(f"{where}: unbalanced braces in its latex near {content[:60]!r}")
    stray = re.search(r"(?<!\\)[$^_&#%]|\\[\[\]()]", plain)
    if stray:
        start = max(0, stray.start() - 30)
        raise UsageError(
            f"{where}: {stray.group()!r} outside mathematics in its latex near"
            f" {plain[start : stray.end() + 10]!r}; escape it"
        )
    known = {*_TEXT_COMMANDS, "item", "par", "begin", "end"}
    unknown = [name for name in re.findall(r"\\([A-Za-z]+)", plain) if name not in known]
    if unknown:
        raise UsageError(
            f"{where}: the text command \\{unknown[0]} in its latex; use only"
            f" {', '.join(sorted(known))} outside mathematics"
        )
    return plain, mathematics


def _balanced(text: str) -> bool:
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text.replace("\\\\", "")):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0
