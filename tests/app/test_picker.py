from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.picker import Entry, Picker
from app.theme import Theme

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

KEY = Qt.Key
ENTRIES = [Entry("n", "New conversation", "Ctrl+N"), Entry("h", "History"), Entry("q", "Quit Loom")]


@pytest.fixture
def picker(qtbot: QtBot, look: Theme) -> Picker:
    made = Picker(look)
    qtbot.addWidget(made)
    made.resize(500, 400)
    made.show()
    made.open("Find", "Nothing.", "Enter to choose")
    made.offer(ENTRIES)
    return made


def test_typing_narrows_and_enter_chooses(picker: Picker, qtbot: QtBot) -> None:
    QTest.keyClicks(picker.search, "loom qu")
    assert picker.current() == "q"
    with qtbot.waitSignal(picker.chosen, timeout=1000) as chosen:
        QTest.keyClick(picker.search, KEY.Key_Return)
    assert chosen.args == ["q"]


def test_the_arrows_go_round_without_leaving_the_field(picker: Picker, qtbot: QtBot) -> None:
    seen = [picker.current()]
    for key in (KEY.Key_Down, KEY.Key_Down, KEY.Key_Down, KEY.Key_Up, KEY.Key_PageUp):
        QTest.keyClick(picker.search, key)
        seen.append(picker.current())
    assert seen == ["n", "h", "q", "n", "q", "n"]


def test_when_nothing_fits_it_says_so(picker: Picker, qtbot: QtBot) -> None:
    QTest.keyClicks(picker.search, "zzz")
    assert picker.nothing.isVisible()
    assert not picker.list.isVisible()
    with qtbot.assertNotEmitted(picker.chosen):
        QTest.keyClick(picker.search, KEY.Key_Return)


def test_escape_leaves(picker: Picker, qtbot: QtBot) -> None:
    with qtbot.waitSignal(picker.left, timeout=1000):
        QTest.keyClick(picker.search, KEY.Key_Escape)


def test_forgetting_wants_the_key_twice_on_the_same_entry(picker: Picker, qtbot: QtBot) -> None:
    picker.open("Search", "Nothing.", "foot", elsewhere=True)
    picker.offer(ENTRIES)
    shift = Qt.KeyboardModifier.ShiftModifier
    with qtbot.assertNotEmitted(picker.removed):
        QTest.keyClick(picker.search, KEY.Key_Delete, shift)
        assert "New conversation" in picker.foot.text()
        QTest.keyClick(picker.search, KEY.Key_Down)
        QTest.keyClick(picker.search, KEY.Key_Delete, shift)
        assert "History" in picker.foot.text()
    with qtbot.waitSignal(picker.removed, timeout=1000) as removed:
        QTest.keyClick(picker.search, KEY.Key_Delete, shift)
    assert removed.args == ["h"]


def test_a_search_that_is_answered_elsewhere_rests_before_it_asks(
    picker: Picker, qtbot: QtBot
) -> None:
    picker.open("Search", "Nothing.", "foot", elsewhere=True)
    asked: list[str] = []
    picker.searched.connect(asked.append)
    QTest.keyClicks(picker.search, "tax")
    qtbot.waitUntil(lambda: asked == ["tax"])
    picker.offer([Entry("1", "No word of it")])
    assert picker.current() == "1"


def test_entries_are_painted_also_from_right_to_left(picker: Picker) -> None:
    picker.offer([Entry("x", "A very long title " * 20, "yesterday"), *ENTRIES])
    assert not picker.grab().isNull()
    picker.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    assert not picker.grab().isNull()


def test_a_screen_reader_hears_the_small_type_too(picker: Picker) -> None:
    role = Qt.ItemDataRole.AccessibleTextRole
    assert picker.list.currentIndex().data(role) == "New conversation, Ctrl+N"
