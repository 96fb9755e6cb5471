"""The small line drawings on buttons, drawn in the colour of the palette at any size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QIcon, QPainter, QPainterPath

from .drawings import drawn, line

Name = Literal["send", "stop", "clip", "clock", "plus", "close", "spark", "bell", "sum", "command"]


def glyph(name: Name, color: str, px: int = 16) -> QIcon:
    """The drawing in that colour, sharp at scales of 1, 1.5, 2 and 3."""
    return drawn(_DRAWN[name], color, px, 2.0)


def _send(painter: QPainter) -> None:
    line(painter, (12, 19), (12, 5))
    line(painter, (6, 11), (12, 5), (18, 11))


def _stop(painter: QPainter) -> None:
    painter.setBrush(painter.pen().color())
    painter.drawRoundedRect(QRectF(7, 7, 10, 10), 1.5, 1.5)


def _clip(painter: QPainter) -> None:
    path = QPainterPath(QPointF(19.5, 11))
    path.lineTo(11.5, 19)
    path.cubicTo(9.4, 21, 6.2, 21, 4.5, 19)
    path.cubicTo(2.8, 17.2, 3, 14.4, 4.8, 12.6)
    path.lineTo(13, 4.6)
    path.cubicTo(14.4, 3.3, 16.6, 3.3, 17.9, 4.6)
    path.cubicTo(19.2, 5.9, 19.2, 8, 17.9, 9.4)
    path.lineTo(9.9, 17.2)
    path.cubicTo(9.2, 17.9, 8.2, 17.9, 7.6, 17.2)
    path.cubicTo(7, 16.6, 7, 15.6, 7.6, 14.9)
    path.lineTo(14.6, 8)
    painter.drawPath(path)


def _clock(painter: QPainter) -> None:
    painter.drawEllipse(QPointF(12, 12), 8.5, 8.5)
    line(painter, (12, 7), (12, 12), (15.5, 14))


def _plus(painter: QPainter) -> None:
    line(painter, (12, 5), (12, 19))
    line(painter, (5, 12), (19, 12))


def _close(painter: QPainter) -> None:
    line(painter, (6, 6), (18, 18))
    line(painter, (18, 6), (6, 18))


def _spark(painter: QPainter) -> None:
    path = QPainterPath(QPointF(12, 3))
    for x, y in ((21, 12), (12, 21), (3, 12), (12, 3)):
        path.quadTo(QPointF(12, 12), QPointF(x, y))
    painter.drawPath(path)


def _bell(painter: QPainter) -> None:
    path = QPainterPath(QPointF(5, 17))
    path.cubicTo(7, 15, 6.5, 12, 6.5, 10)
    path.cubicTo(6.5, 3, 17.5, 3, 17.5, 10)
    path.cubicTo(17.5, 12, 17, 15, 19, 17)
    path.closeSubpath()
    painter.drawPath(path)
    line(painter, (10.5, 20.5), (13.5, 20.5))


def _sum(painter: QPainter) -> None:
    line(painter, (8, 5), (8, 11))
    line(painter, (5, 8), (11, 8))
    line(painter, (14, 8), (20, 8))
    line(painter, (14.5, 15), (19.5, 15))
    line(painter, (14.5, 19), (19.5, 19))
    line(painter, (5.5, 14.5), (10.5, 19.5))
    line(painter, (10.5, 14.5), (5.5, 19.5))


def _command(painter: QPainter) -> None:
    for y, x in ((6, 19), (12, 15), (18, 17)):
        line(painter, (5, y), (x, y))


_DRAWN: dict[Name, Callable[[QPainter], None]] = {
    "send": _send,
    "stop": _stop,
    "clip": _clip,
    "clock": _clock,
    "plus": _plus,
    "close": _close,
    "spark": _spark,
    "bell": _bell,
    "sum": _sum,
    "command": _command,
}
