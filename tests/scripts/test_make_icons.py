"""The icons that lie in resources/ are the ones that the script draws, and they can be read."""

from __future__ import annotations

import itertools
import re

import pytest
from PySide6.QtGui import QGuiApplication, QImage

from scripts import make_icons

PANELS = ("#FFFFFF", "#F6F7FA", "#1F2127", "#17181C")
STATES = ("idle", "thinking", "listening", "speaking", "asks", "paused", "trouble")


def luminance(colour: str) -> float:
    """WCAG 2 relative luminance of #RRGGBB."""

    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("name", make_icons.files())
def test_the_file_is_what_the_script_draws(name: str) -> None:
    assert (make_icons.ICONS / name).read_text(encoding="utf-8") == make_icons.files()[name]


def test_there_is_a_picture_for_every_state() -> None:
    assert tuple(make_icons.states()) == STATES


@pytest.mark.parametrize("size", make_icons.SIZES)
def test_the_png_has_its_size_and_a_drawing_in_it(size: int) -> None:
    image = QImage(str(make_icons.ICONS / f"loom-{size}.png"))
    assert (image.width(), image.height()) == (size, size)
    assert image.pixelColor(0, 0).alpha() < 128, "the corners of the tile are round"
    seen = {image.pixelColor(x, size // 2).name() for x in range(size)}
    assert len(seen) > 3, "more than a plain square"


@pytest.mark.parametrize("state", STATES)
def test_every_colour_of_a_state_stands_out_on_light_and_dark_panels(state: str) -> None:
    svg = make_icons.states()[state]
    colours = set(re.findall(r"#[0-9A-F]{6}", svg)) - {"#FFFFFF"}  # white lies on the badge
    assert colours
    for colour, panel in itertools.product(colours, PANELS):
        assert contrast(colour, panel) >= 3, f"{colour} on {panel}: {contrast(colour, panel):.2f}"


def pixels(state: str, qapp: QGuiApplication) -> QImage:
    image = QImage()
    image.loadFromData(make_icons.png(make_icons.states()[state], 22))
    return image


def test_states_differ_by_shape_at_22_pixels_not_only_by_colour(qapp: QGuiApplication) -> None:
    shapes = {}
    for state in STATES:
        image = pixels(state, qapp)
        shapes[state] = {
            (x, y) for x in range(22) for y in range(22) if image.pixelColor(x, y).alpha() > 127
        }
    for one, other in itertools.combinations(STATES, 2):
        differ = len(shapes[one] ^ shapes[other])
        assert differ >= 8, f"{one} and {other} differ in {differ} pixels"


def test_the_sign_leaves_its_corner_free_for_the_state(qapp: QGuiApplication) -> None:
    image = pixels("idle", qapp)
    corner = [image.pixelColor(x, y).alpha() for x in range(13, 22) for y in range(11)]
    assert not any(corner)
