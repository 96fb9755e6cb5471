from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.recorder import Recorder, combination

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.theme import Theme

CTRL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
SHIFT, META = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.MetaModifier


@pytest.mark.parametrize(
    ("key", "held", "written"),
    [
        (Qt.Key.Key_L, CTRL | SHIFT, "Ctrl+Shift+L"),
        (Qt.Key.Key_Space, META, "Super+Space"),
        (Qt.Key.Key_Return, CTRL | ALT, "Ctrl+Alt+Enter"),
        (Qt.Key.Key_PageUp, CTRL, "Ctrl+PageUp"),
        (Qt.Key.Key_Backtab, CTRL | SHIFT, "Ctrl+Shift+Tab"),
        (Qt.Key.Key_F12, Qt.KeyboardModifier.NoModifier, "F12"),
        (Qt.Key.Key_Plus, CTRL, "Ctrl+Plus"),
    ],
)
def test_keys_are_written_as_the_engine_reads_them(
    key: Qt.Key, held: Qt.KeyboardModifier, written: str
) -> None:
    from loom_desktop.sources.hotkey import Combo

    assert combination(key, held) == written
    assert Combo.parse(written)


def made(qtbot: QtBot, look: Theme) -> Recorder:
    recorder = Recorder(look, "Bring Loom up")
    qtbot.addWidget(recorder)
    recorder.show_value("Ctrl+Shift+L")
    recorder.show()
    recorder.key.setFocus()
    return recorder


def test_click_and_press_records(qtbot: QtBot, look: Theme) -> None:
    recorder = made(qtbot, look)
    QTest.mouseClick(recorder.key, Qt.MouseButton.LeftButton)
    assert recorder.key.text() == "Press the keys…"
    QTest.keyPress(recorder.key, Qt.Key.Key_Control, CTRL)
    with qtbot.waitSignal(recorder.recorded, timeout=1000) as recorded:
        QTest.keyPress(recorder.key, Qt.Key.Key_J, CTRL | ALT)
    assert recorded.args == ["Ctrl+Alt+J"]


def test_escape_leaves_it_as_it_was(qtbot: QtBot, look: Theme) -> None:
    recorder = made(qtbot, look)
    QTest.mouseClick(recorder.key, Qt.MouseButton.LeftButton)
    with qtbot.assertNotEmitted(recorder.recorded):
        QTest.keyClick(recorder.key, Qt.Key.Key_Escape)
    assert recorder.key.text() == "Ctrl+Shift+L"


def test_keys_that_one_types_with_are_refused(qtbot: QtBot, look: Theme) -> None:
    recorder = made(qtbot, look)
    QTest.mouseClick(recorder.key, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(recorder.refused, timeout=1000) as refused:
        QTest.keyClick(recorder.key, Qt.Key.Key_J)
    assert "type with" in str(refused.args)


def test_it_can_be_cleared(qtbot: QtBot, look: Theme) -> None:
    recorder = made(qtbot, look)
    with qtbot.waitSignal(recorder.recorded, timeout=1000) as recorded:
        QTest.mouseClick(recorder.clear, Qt.MouseButton.LeftButton)
    assert recorded.args == [""]
    recorder.show_value("")
    assert not recorder.clear.isEnabled()
