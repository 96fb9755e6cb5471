from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QPushButton

from app.theme import Theme
from app.welcome import Welcome

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def test_three_examples_can_be_chosen_and_a_model_connected(qtbot: QtBot, look: Theme) -> None:
    page = Welcome(look)
    qtbot.addWidget(page)
    asked: list[str] = []
    page.asked.connect(asked.append)
    buttons = page.findChildren(QPushButton)
    rows = [one for one in buttons if one.property("look") == "row"]
    for row in rows:
        row.click()
    assert len(asked) == 3
    assert page.clipboard in asked
    assert [row.accessibleName() for row in rows] == asked
    with qtbot.waitSignal(page.settings, timeout=1000):
        next(one for one in buttons if one.property("look") == "link").click()


def test_the_drawings_follow_the_palette(qtbot: QtBot, look: Theme) -> None:
    page = Welcome(look)
    qtbot.addWidget(page)
    row = page.findChildren(QPushButton)[0]
    before = row.icon().pixmap(18, 18).toImage()
    look.choose("dark")
    assert row.icon().pixmap(18, 18).toImage() != before
