"""The generated page on trained blocks and the mean-field laws."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from loopstab.paper_figures.drawings.mean_field_chain import DATA
from loopstab.paper_figures.drawings.record_files import read_record

COLUMNS = {
    "a": "$a$",
    "sigma": "$\\sigma$",
    "beta": "$\\beta$",
    "rho": "$\\rho$",
    "rotated": "rotated",
    "plain": "$(a + \\sigma)/s$",
    "law": "law N6",
    "radius": "radius/$\\sigma$",
    "rank": "rank",
    "coupling": "coupling",
}

INTRODUCTION = r"""
# Trained blocks and the mean-field laws

[N6](claims/N6.md) and [N7](claims/N7.md) say how fast a loop $h' = N(a h + A h + \beta e)$ with
a Gaussian matrix $A$ of scale $\sigma$ forgets its start: $\rho = (a + \sigma)/(a +
\sqrt{\sigma^2 + \beta^2})$. Trained blocks are not Gaussian. Where do they lie on that map, and
what breaks the law?

At a fixed point of any loop with outer normalisation the same numbers can be read off the state
$z$ before the norm: $a$ is the mean diagonal of $J_z = \partial z/\partial h$, $\sigma$ the
scale of the rest, $\beta = |z - J_z h|/|h|$. Without recall $\beta$ is what biases and the
curvature of the block contribute. Then one property of the trained block after the other is
taken away:

- *rotated*: the singular values of $A$ stay, and the directions that it reads are rotated at
  random against those that it writes;
- $(a + \sigma)/s$ with the measured $s = |z|/|h|$: the gains of the norm and the unequal scales
  of the tokens are gone too;
- *law N6*: $s = a + \sqrt{\sigma^2 + \beta^2}$, which takes $a h$, $A h$ and the rest to be
  orthogonal.

*Radius*/$\sigma$ is the spectral radius of $A$ over that of a Gaussian matrix of the same norm;
*rank* is $(\sum s_i^2)^2/\sum s_i^4$ of its singular values over their number, 1/2 for a
Gaussian matrix; *coupling* is the share of $|A|_F^2$ between different tokens, by attention.
"""
RESULT = r"""
![Spectral radii from trained blocks to the law](_static/mean_field_chain.svg)

In every network that settles, before and after training, the law says that the loop forgets
faster than it does. On prefix sums training aligns $A$: it writes into the directions that it
reads, in a few dimensions, so that its spectral radius is 1.6 to 5 times that of a Gaussian
matrix of the same norm, and a rotation alone takes the loop most of the way to the law. Before
training, and on 4x4 sudoku after it for internal recall and none, nearly all of the difference
is in $s$: the parts of $z$ are not orthogonal, and $z$ is shorter than the law says. With
external recall on 4x4 sudoku both count. Attention is a smaller matter: less than half of
$|A|_F^2$ leads from token to token everywhere.

So N6 and N7 are right about the blocks they speak of, and are no prediction for trained ones.
"""


def mean_field_page() -> str:
    """The page: what is measured, the medians by task and architecture, and what they say."""
    data = read_record(DATA)
    lines = [INTRODUCTION.lstrip(), "## Medians over networks and inputs\n"]
    lines.append("| task, stage | architecture | points | " + " | ".join(COLUMNS.values()) + " |")
    lines.append("|" + " --- |" * (3 + len(COLUMNS)))
    for (task, stage, architecture), points in sorted(groups(data).items()):
        cells = [f"{median(point[name] for point in points):.3g}" for name in COLUMNS]
        when = "trained" if stage == "end" else "untrained"
        cells = [f"{task}, {when}", architecture, str(len(points)), *cells]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", f"`{data['command']}` measures them again.", "", RESULT]
    return "\n".join(lines)


def groups(data: Mapping[str, Any]) -> dict[tuple[str, str, str], list[dict[str, float]]]:
    """The measured points by task, stage and architecture."""
    found: dict[tuple[str, str, str], list[dict[str, float]]] = {}
    for record in data["records"]:
        if record["points"]:
            key = record["task"], record["stage"], record["architecture"]
            found.setdefault(key, []).extend(record["points"])
    return found
