from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLabel

from app import ground
from app.ground import SHADOW, Floating
from app.theme import Theme

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def floating(qtbot: QtBot, look: Theme) -> Floating:
    made = Floating(look)
    qtbot.addWidget(made)
    made.box.addWidget(QLabel("words"))
    made.resize(300, 200)
    return made


def test_it_floats_without_a_frame_and_takes_no_place_in_the_task_bar(
    qtbot: QtBot, look: Theme
) -> None:
    flags = floating(qtbot, look).windowFlags()
    for flag in (
        Qt.WindowType.Tool,
        Qt.WindowType.FramelessWindowHint,
        Qt.WindowType.WindowStaysOnTopHint,
    ):
        assert flags & flag == flag


def test_the_corners_are_round_and_the_shadow_fades(qtbot: QtBot, look: Theme) -> None:
    image = floating(qtbot, look).grab().toImage()
    at = [image.pixelColor(150, y).alpha() for y in range(SHADOW)]
    assert at[0] < 12
    assert at == sorted(at)
    assert image.pixelColor(SHADOW, SHADOW).alpha() < 200
    assert image.pixelColor(150, 100).name().upper() == look.tokens.surface


def test_a_compositor_that_starts_later_is_used_from_the_next_show(
    qtbot: QtBot, look: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = [False]
    monkeypatch.setattr(ground, "composited", lambda: there[0])
    made = floating(qtbot, look)
    made.winId()
    assert made.margin() == 0
    made.resize(301, 200)
    assert not made.mask().contains(QPoint(0, 0))
    assert made.mask().contains(QPoint(150, 0))
    made.check_ground()
    assert made.margin() == 0
    there[0] = True
    made.check_ground()
    assert made.margin() == SHADOW
    assert made.mask().isEmpty()
    assert made.testAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
    made.show()
    assert made.isVisible()
    there[0] = False
    made.check_ground()
    assert made.margin() == 0
    assert not made.mask().isEmpty()
