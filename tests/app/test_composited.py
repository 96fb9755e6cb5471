from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QGuiApplication

from app import composited

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.screen import Screen

ASKS = """
import sys
from PySide6.QtGui import QGuiApplication
app = QGuiApplication([])
from app.composited import composited
print(composited())
from Xlib.display import Display
display = Display()
window = display.screen().root.create_window(0, 0, 1, 1, 0, 0)
window.set_selection_owner(display.intern_atom("_NET_WM_CM_S0"), 0)
display.sync()
print(composited())
"""


def test_elsewhere_than_x11_translucency_works(qtbot: QtBot) -> None:
    assert composited.composited()


def test_without_the_x_library_it_is_taken_for_missing(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QGuiApplication, "platformName", lambda: "xcb")
    monkeypatch.setattr(composited, "_connection", lambda: None)
    assert not composited.composited()


@pytest.mark.x11
def test_under_x11_it_is_who_owns_the_selection_of_compositors(bare_screen: Screen) -> None:
    env = {**bare_screen.env, "QT_QPA_PLATFORM": "xcb"}
    done = subprocess.run(
        [sys.executable, "-c", ASKS],
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.split() == ["False", "True"]
