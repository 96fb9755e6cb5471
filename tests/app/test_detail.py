from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.detail import Detail

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.theme import Theme


def test_its_buttons_do_what_they_say(qtbot: QtBot, look: Theme) -> None:
    done: list[str] = []
    page = Detail(
        look,
        "Stretch",
        eyebrow="Reminder",
        text="every day",
        exact="/a/b",
        acts=[
            ("Done", "primary", lambda: done.append("done")),
            ("Remove", "", lambda: done.append("remove")),
        ],
    )
    qtbot.addWidget(page)
    page.show()
    QTest.mouseClick(page.buttons[1], Qt.MouseButton.LeftButton)
    page.focus()
    QTest.keyClick(page.buttons[0], Qt.Key.Key_Return)
    assert done == ["remove", "done"]
    assert [one.accessibleName() for one in page.buttons] == ["Done", "Remove"]
