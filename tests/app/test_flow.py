from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from app.flow import Flow

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def filled(qtbot: QtBot, width: int) -> tuple[QWidget, list[QLabel]]:
    outer = QWidget()
    qtbot.addWidget(outer)
    flow = Flow(outer, gap=10)
    flow.setContentsMargins(5, 3, 5, 3)
    labels = []
    for _ in range(4):
        label = QLabel()
        label.setFixedSize(100, 20)
        flow.addWidget(label)
        labels.append(label)
    outer.resize(width, 200)
    outer.show()
    return outer, labels


def test_what_does_not_fit_goes_on_in_the_next_line(qtbot: QtBot) -> None:
    outer, labels = filled(qtbot, 330)
    assert [(one.x(), one.y()) for one in labels] == [(5, 3), (115, 3), (225, 3), (5, 33)]
    layout = outer.layout()
    assert layout is not None
    assert layout.heightForWidth(330) == 56
    assert layout.heightForWidth(1000) == 26


def test_from_right_to_left_it_begins_at_the_right(qtbot: QtBot) -> None:
    outer, labels = filled(qtbot, 330)
    outer.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    outer.resize(331, 200)
    assert labels[0].geometry().right() == 331 - 5 - 1
    assert labels[1].x() < labels[0].x()


def test_hidden_children_take_no_room(qtbot: QtBot) -> None:
    outer, labels = filled(qtbot, 330)
    labels[0].hide()
    outer.resize(340, 200)
    qtbot.waitUntil(lambda: labels[1].x() == 5)
    layout = outer.layout()
    assert layout is not None
    assert layout.takeAt(9) is None
    assert layout.itemAt(-1) is None
