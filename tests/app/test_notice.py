from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QLabel, QPushButton

from app.notice import Notice
from app.theme import Theme

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def test_it_says_what_and_what_to_do_until_it_is_closed(qtbot: QtBot, look: Theme) -> None:
    notice = Notice()
    qtbot.addWidget(notice)
    assert notice.isHidden()
    notice.tell("error", "The <b>disk</b> is full.", "Free some.", look)
    assert not notice.isHidden()
    assert notice.accessibleName() == "The <b>disk</b> is full. Free some."
    words = [label.text() for label in notice.findChildren(QLabel)]
    assert "The <b>disk</b> is full." in words
    buttons = {b.accessibleName(): b for b in notice.findChildren(QPushButton)}
    with qtbot.waitSignal(notice.closed, timeout=1000):
        buttons["Close this notice"].click()
    assert notice.isHidden()


def test_an_act_is_a_button_only_when_there_is_one(qtbot: QtBot, look: Theme) -> None:
    notice, done = Notice(), []
    qtbot.addWidget(notice)
    notice.tell("warn", "It stumbled.", "", look, ("Open the report", lambda: done.append(1)))
    buttons = {b.accessibleName(): b for b in notice.findChildren(QPushButton)}
    buttons["Open the report"].click()
    assert done == [1]
    notice.tell("info", "All is well.", "", look)
    assert buttons["Open the report"].isHidden()
