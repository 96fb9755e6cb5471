from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from app.exact import Exact

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.theme import Theme


def test_it_is_as_high_as_its_lines_up_to_the_most(qtbot: QtBot, look: Theme) -> None:
    high = {}
    for count in (1, 3, 5, 50):
        one = Exact(look, "\n".join(["line"] * count), "Details", most=5)
        qtbot.addWidget(one)
        one.resize(300, 10)
        one.show()
        high[count] = one.height()
    assert high[1] < high[3] < high[5] == high[50]


def test_a_long_line_wraps_and_says_that_it_is_higher(qtbot: QtBot, look: Theme) -> None:
    one = Exact(look, "/a/very/long/path" * 20, "Details", most=9)
    qtbot.addWidget(one)
    one.resize(900, 10)
    one.show()
    before = one.height()
    with qtbot.waitSignal(one.fitted, timeout=1000):
        one.resize(200, one.height())
    assert one.height() > before


def test_it_can_be_read_but_not_written_and_tab_leaves_it(qtbot: QtBot, look: Theme) -> None:
    one = Exact(look, "rm -rf", "Exactly what will happen", most=5)
    qtbot.addWidget(one)
    assert one.isReadOnly()
    assert one.tabChangesFocus()
    assert one.accessibleName() == "Exactly what will happen"
    assert one.layoutDirection() == Qt.LayoutDirection.LeftToRight
