"""One colour has one meaning, and can be told apart in grey and by colour-blind readers."""

from itertools import combinations

import numpy as np
import pytest
from legible import overlaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb

from loopstab import Architecture, UsageError
from loopstab.paper_figures.drawings.style import (
    MISSING,
    OUTCOME_COLOUR,
    RECALL_COLOUR,
    REGIME_COLOUR,
    Look,
    new_figure,
    size_colours,
    styled,
)
from loopstab.theory.architecture import Recall
from loopstab.theory.kernel.claim import Regime
from loopstab.theory.outcome import Outcome

FAMILIES = {"recall": RECALL_COLOUR, "regime": REGIME_COLOUR, "outcome": OUTCOME_COLOUR}
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)
"""Severity 1 on linear RGB: Machado, Oliveira and Fernandes, A Physiologically-based Model for
Simulation of Color Vision Deficiency, IEEE TVCG 15(6), 2009, doi 10.1109/TVCG.2009.113.
"""
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
"""From linear sRGB, IEC 61966-2-1."""


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE L*a*b* of linear RGB."""
    t = TO_XYZ @ np.clip(rgb, 0, 1) / TO_XYZ.sum(1)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def seen(colour):
    return lab(linear(colour))


def seen_without_green(colour):
    return lab(DEUTERANOPIA @ linear(colour))


def seen_in_grey(colour):
    return seen(colour)[:1]


def least(colours, sight):
    return min(np.linalg.norm(sight(a) - sight(b)) for a, b in combinations(colours, 2))


@pytest.mark.parametrize(
    ("family", "deuteranopia", "grey"), [("recall", 40, 15), ("regime", 25, 15), ("outcome", 18, 7)]
)
def test_colours_of_a_family_can_be_told_apart(family, deuteranopia, grey):
    """A difference of 2.3 in L*a*b* is just noticed. Ten outcomes between black and white differ
    by at most 11 in grey.
    """
    colours = FAMILIES[family].values()
    assert least(colours, seen) >= 25
    assert least(colours, seen_without_green) >= deuteranopia
    assert least(colours, seen_in_grey) >= grey


def test_one_colour_has_one_meaning():
    colours = [*(colour for family in FAMILIES.values() for colour in family.values()), MISSING]
    assert least(colours, seen) >= 15
    assert set(RECALL_COLOUR) == set(Recall)
    assert set(REGIME_COLOUR) == set(Regime)
    assert set(OUTCOME_COLOUR) == set(Outcome)


@pytest.mark.parametrize("sizes", [3, 5])
def test_sizes_grow_darker_and_look_like_no_recall(sizes):
    colours = [tuple(colour[:3]) for colour in size_colours(sizes)]
    assert (np.diff([seen_in_grey(colour)[0] for colour in colours]) < -10).all()
    assert (
        min(np.linalg.norm(seen(a) - seen(b)) for a in colours for b in RECALL_COLOUR.values())
        >= 15
    )


def test_the_simulation_confuses_what_deuteranopes_confuse():
    """The measure has power: red and green of the same luminance come close, blue does not."""
    red, green = np.array([0.6, 0.05, 0.05]), np.array([0.0, 0.23, 0.05])
    assert np.linalg.norm(lab(red) - lab(green)) > 90
    assert np.linalg.norm(lab(DEUTERANOPIA @ red) - lab(DEUTERANOPIA @ green)) < 35
    assert lab(np.ones(3)) == pytest.approx([100, 0, 0], abs=1e-3)
    assert lab(DEUTERANOPIA @ np.ones(3)) == pytest.approx([100, 0, 0], abs=1e-3)


def test_every_architecture_looks_different():
    looks = [Look.of(str(a)) for a in Architecture.all()]
    assert len({(k.colour, str(k.dash), k.width) for k in looks}) == len(looks)
    assert len({(k.colour, k.marker, k.fill) for k in looks}) == len(looks)
    with pytest.raises(UsageError, match="unknown norm 'middle'"):
        Look.of("none/middle")


def test_texts_on_texts_are_found():
    @styled
    def two(distance):
        figure = new_figure(1)
        texts = [figure.text(0.1 + x, 0.5, "text") for x in (0, distance)]
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return overlaps(texts, canvas.get_renderer(), figure.dpi / 72)

    assert two(0.02) == [("text", "text")]
    assert two(0.3) == []
