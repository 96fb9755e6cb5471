"""Widgets without a screen. The platform and the language are chosen before anything imports Qt."""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["LC_ALL"] = "C.UTF-8"  # what is expected is English, whoever runs it
os.environ.pop("LANGUAGE", None)

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.app.fake_engine import FakeEngine

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from app.crossing import Engine
    from app.theme import Theme

Run = Callable[[FakeEngine], "Engine"]


@pytest.fixture
def look(qapp: object) -> Theme:
    from app.theme import Theme

    return Theme("light")


@pytest.fixture
def speak(qapp: QApplication) -> Iterator[Callable[[str], str]]:
    """``language.use``, undone afterwards."""
    from PySide6.QtCore import QLocale, QTranslator

    from app import language

    usual, before = QLocale(), set(qapp.findChildren(QTranslator))

    def use(chosen: str) -> str:
        return language.use(qapp, chosen)

    yield use
    for one in qapp.findChildren(QTranslator):
        if one not in before:
            qapp.removeTranslator(one)
            one.deleteLater()
    QLocale.setDefault(usual)


@pytest.fixture
def strays(qapp: QApplication) -> Iterator[list[str]]:
    """Widgets that were shown before they had a parent: on a screen each is a window for a moment,
    and takes the keyboard from the one the person types in."""
    from PySide6.QtCore import QEvent, QObject
    from PySide6.QtWidgets import QAbstractButton, QComboBox, QFrame, QLineEdit  # labels are frames

    seen: list[str] = []

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if (
                event.type() == QEvent.Type.Show
                and isinstance(watched, (QAbstractButton, QFrame, QLineEdit, QComboBox))
                and watched.isWindow()
            ):
                seen.append(f"{type(watched).__name__} {watched.accessibleName()}")
            return False

    watch = Watch()
    qapp.installEventFilter(watch)
    yield seen
    qapp.removeEventFilter(watch)


@pytest.fixture
def run(qtbot: QtBot) -> Iterator[Run]:
    """Start the crossing around a fake engine; it is ended after the test."""
    from app.crossing import Engine

    engines: list[Engine] = []

    def start(fake: FakeEngine) -> Engine:
        engine = Engine(lambda: fake)
        engines.append(engine)
        with qtbot.waitSignal(engine.ready, timeout=5000):
            engine.start()
        return engine

    yield start
    for engine in engines:
        assert engine.stop()
        engine.deleteLater()
