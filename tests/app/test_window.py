from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtTest import QTest

from app.window import Window
from tests.app.fake_engine import FakeEngine

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.theme import Theme
    from tests.app.conftest import Run


def test_it_is_hidden_rather_than_closed(qtbot: QtBot, run: Run, look: Theme) -> None:
    window = Window(run(FakeEngine()), look, QSize(400, 300))
    qtbot.addWidget(window)
    window.summon()
    assert window.isVisible()
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()
    window.summon()
    assert window.isVisible()


def test_it_does_not_keep_the_application_from_quitting(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    window = Window(run(FakeEngine()), look, QSize(400, 300))
    qtbot.addWidget(window)
    window.summon()
    assert window.close()
    window.summon()
    assert window.isVisible()


def test_it_never_is_larger_than_the_screen(qtbot: QtBot, run: Run, look: Theme) -> None:
    window = Window(run(FakeEngine()), look, QSize(9000, 9000))
    qtbot.addWidget(window)
    window.summon()
    area = window.screen().availableGeometry().size()
    assert window.width() <= area.width()
    assert window.height() <= area.height()
