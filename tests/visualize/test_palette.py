"""The colours of pages: told apart by people who see fewer of them, and read on their grounds, in light and in dark."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from pullback.visualize.pages import PAGE

CSS = (PAGE / "palette.css").read_text(encoding="utf-8")
LIGHT, DARK = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})\b", part)) for part in CSS.split("[data-theme"))
KINDS = ("variable", "constant", "operation", "derivative")

# How linear red, green and blue are seen without cones of one kind: Machado, Oliveira and Fernandes 2009, table 1.
SIGHTS = {
    "all three": np.eye(3),
    "without red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "without green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "without blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour):
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE 1976 L*a*b* of linear sRGB."""
    x, y, z = np.cbrt(TO_XYZ @ np.clip(rgb, 0, 1) / (TO_XYZ @ np.ones(3)))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one, other):
    dark, light = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_kinds_are_told_apart(colours, sight):
    seen = {kind: lab(np.array(SIGHTS[sight]) @ linear(colours[kind])) for kind in (*KINDS, "bad")}
    distances = {pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]) for pair in itertools.combinations(seen, 2)}
    assert min(distances.values()) > 12, distances


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_text_and_outlines_stand_out(colours):
    # WCAG 2.2: 4.5 : 1 for text, 3 : 1 for outlines.
    for ground in ("ground", "card", *(f"{kind}-fill" for kind in KINDS)):
        assert contrast(colours["ink"], colours[ground]) > 7
        assert contrast(colours["faint"], colours[ground]) > 4.5
    for kind in (*KINDS, "bad", "update"):
        assert contrast(colours[kind], colours["card"]) > 3
    for kind in ("derivative", "bad"):  # in which numbers are written
        assert contrast(colours[kind], colours["card"]) > 4.5
        assert contrast(colours[kind], colours["operation-fill"]) > 4.5
        assert contrast(colours[kind], colours["variable-fill"]) > 4.5


def test_the_colours_of_the_seeds_stay():
    def hue(colour):
        _, a, b = lab(linear(colour))
        return np.degrees(np.arctan2(b, a)) % 360

    for colours in (LIGHT, DARK):
        blue, orange, purple = (hue(colours[kind]) for kind in KINDS[:3])
        assert 240 < blue < 290
        assert 45 < orange < 80
        assert 290 < purple < 325
