from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from app.controls import Choice, Elided, Switch, Told, label, tip

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.theme import Theme


def test_a_tip_is_never_read_as_html() -> None:
    assert tip("<img src=x>") == "<qt>&lt;img src=x&gt;</qt>"
    assert tip("") == ""


def test_what_does_not_fit_is_elided_and_the_rest_is_kept(qtbot: QtBot) -> None:
    line = Elided("a long title " * 40, lines=2)
    qtbot.addWidget(line)
    lines, cut = line.shown(200)
    assert len(lines) == 2
    assert lines[-1].endswith("…")
    assert cut
    assert line.text() == "a long title " * 40
    assert Elided("short").shown(200) == (["short"], False)


def test_a_name_without_spaces_is_broken_too(qtbot: QtBot) -> None:
    line = Elided("x" * 400, lines=2)
    qtbot.addWidget(line)
    lines, cut = line.shown(200)
    assert cut
    assert all(line.fontMetrics().horizontalAdvance(one) <= 202 for one in lines)
    assert len(lines[0]) > 5


def test_a_line_break_does_not_make_it_higher(qtbot: QtBot) -> None:
    assert Elided("a\nb\nc").shown(400)[0] == ["a b c"]


def test_a_switch_is_switched_by_mouse_and_keyboard(qtbot: QtBot, look: Theme) -> None:
    switch = Switch(look, "Watch folders")
    qtbot.addWidget(switch)
    switch.show()
    QTest.mouseClick(switch, Qt.MouseButton.LeftButton)
    assert switch.isChecked()
    QTest.keyClick(switch, Qt.Key.Key_Space)
    assert not switch.isChecked()
    assert switch.accessibleName() == "Watch folders"


def test_one_of_a_few_is_chosen(qtbot: QtBot, look: Theme) -> None:
    choice = Choice(look, "Look", [("light", "Light"), ("dark", "Dark")])
    qtbot.addWidget(choice)
    choice.choose("light")
    assert choice.chosen() == "light"
    QTest.mouseClick(choice.chips["dark"], Qt.MouseButton.LeftButton)
    assert choice.chosen() == "dark"
    assert choice.chips["dark"].accessibleName() == "Look: Dark"
    choice.choose("nothing of that name")
    assert choice.chosen() == "dark"


def test_a_label_begins_where_the_window_begins(qtbot: QtBot) -> None:
    words = label("Some words")
    qtbot.addWidget(words)
    words.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    assert words.alignment() & Qt.AlignmentFlag.AlignRight
    words.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
    assert words.alignment() & Qt.AlignmentFlag.AlignLeft
    assert words.textFormat() == Qt.TextFormat.PlainText


def test_told_has_a_button_only_when_there_is_something_to_do(qtbot: QtBot, look: Theme) -> None:
    told = Told(look)
    qtbot.addWidget(told)
    told.say("Nothing here", "A sentence.")
    assert told.act.isHidden()
    told.say("Nothing here", "", "Try again")
    assert not told.act.isHidden()
    assert told.sentence.isHidden()


def test_a_long_title_beside_a_button_has_the_height_of_its_two_lines(qtbot: QtBot) -> None:
    row, title = QWidget(), Elided("Move download (3).pdf to Invoices/2026 now?", lines=2)
    beside = QHBoxLayout(row)
    beside.addWidget(title, 1)
    beside.addWidget(QPushButton("x"))
    qtbot.addWidget(row)
    row.setFixedWidth(260)
    row.show()
    assert len(title.shown(title.width())[0]) == 2
    assert title.height() == title.heightForWidth(title.width())
