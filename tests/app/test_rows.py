from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.rows import Row, Rows

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.theme import Theme

LINES = [
    Row("Today"),
    Row("One", key="1", text="first", time="9:00", state="Done", icon="spark"),
    Row("Two", key="2", icon="folder", strong=True),
    Row("Yesterday"),
    Row("Three", key="3"),
]


def made(qtbot: QtBot, look: Theme) -> Rows:
    rows = Rows(look, "Inbox")
    qtbot.addWidget(rows)
    rows.resize(300, 400)
    rows.show_rows(LINES)
    rows.show()
    return rows


def test_arrows_step_over_the_headings(qtbot: QtBot, look: Theme) -> None:
    rows = made(qtbot, look)
    rows.choose("2")
    with qtbot.waitSignal(rows.chosen, timeout=1000) as chosen:
        QTest.keyClick(rows, Qt.Key.Key_Down)
    assert chosen.args == ["3"]


def test_what_was_chosen_stays_chosen_and_says_nothing(qtbot: QtBot, look: Theme) -> None:
    rows = made(qtbot, look)
    rows.choose("2")
    with qtbot.assertNotEmitted(rows.chosen):
        rows.show_rows([Row("Today"), Row("New", key="0"), *LINES[1:]])
    assert rows.current() == "2"
    rows.show_rows([Row("Today"), Row("New", key="0")])
    assert rows.current() == ""


def test_enter_opens(qtbot: QtBot, look: Theme) -> None:
    rows = made(qtbot, look)
    rows.choose("1")
    with qtbot.waitSignal(rows.entered, timeout=1000) as entered:
        QTest.keyClick(rows, Qt.Key.Key_Return)
    assert entered.args == ["1"]


def test_a_line_is_read_aloud_whole(qtbot: QtBot, look: Theme) -> None:
    rows = made(qtbot, look)
    said = rows.model().index(1, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert said == "One, first, Done, 9:00"


def test_it_paints_from_either_side(qtbot: QtBot, look: Theme) -> None:
    rows = made(qtbot, look)
    left = rows.grab().toImage()
    rows.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    assert rows.grab().toImage() != left


def test_a_key_that_is_not_there_is_not_chosen(qtbot: QtBot, look: Theme) -> None:
    rows = made(qtbot, look)
    assert not rows.choose("9")
    rows.choose_first()
    assert rows.current() == "1"
