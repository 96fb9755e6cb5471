from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from PySide6.QtGui import QColor

from app.glyphs import Name, glyph
from app.theme import LIGHT

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.mark.parametrize("name", get_args(Name))
def test_every_drawing_is_in_its_colour_and_not_cut_off(qtbot: QtBot, name: Name) -> None:
    image = glyph(name, LIGHT.accent, 24).pixmap(24, 24).toImage()
    inked = [(x, y) for x in range(24) for y in range(24) if image.pixelColor(x, y).alpha() > 200]
    assert len(inked) > 20
    drawn, wanted = image.pixelColor(*inked[0]), QColor(LIGHT.accent)
    assert abs(drawn.green() - wanted.green()) < 4  # an edge is rounded
    assert abs(drawn.blue() - wanted.blue()) < 4
    assert all(0 < x < 23 and 0 < y < 23 for x, y in inked)


def test_there_is_one_for_every_scale(qtbot: QtBot) -> None:
    sizes = {size.width() for size in glyph("send", LIGHT.text, 16).availableSizes()}
    assert sizes == {16, 24, 32, 48}
