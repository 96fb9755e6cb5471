"""The line drawings of cards, inbox and settings, in the colour of the palette at any size."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPen, QPixmap

Drawing = Literal[
    "shield", "info", "check", "cross", "warn", "undo", "more", "search", "folder", "talk", "key",
    "gear", "copy", "lock", "chip", "heart", "box", "file", "inbox",
]  # fmt: skip


@cache
def drawing(name: Drawing, color: str, px: int = 18) -> QIcon:
    """Sharp at scales of 1, 1.5, 2 and 3."""
    return drawn(_DRAWN[name], color, px, 1.8)


def drawn(draw: Callable[[QPainter], None], color: str, px: int, width: float) -> QIcon:
    """What ``draw`` paints on a ground of 24 by 24 with a round pen ``width`` wide, sharp at
    scales of 1, 1.5, 2 and 3."""
    icon = QIcon()
    for scale in (1.0, 1.5, 2.0, 3.0):
        pixmap = QPixmap(round(px * scale), round(px * scale))
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.scale(pixmap.width() / 24, pixmap.height() / 24)
        pen = QPen(QColor(color), width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        draw(painter)
        painter.end()
        pixmap.setDevicePixelRatio(scale)
        icon.addPixmap(pixmap)
    return icon


def line(painter: QPainter, *points: tuple[float, float]) -> None:
    """From point to point."""
    path = QPainterPath(QPointF(*points[0]))
    for point in points[1:]:
        path.lineTo(QPointF(*point))
    painter.drawPath(path)


def _dot(painter: QPainter, x: float, y: float) -> None:
    painter.save()
    painter.setBrush(painter.pen().color())
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawEllipse(QPointF(x, y), 1.3, 1.3)
    painter.restore()


def _shield(painter: QPainter) -> None:
    path = QPainterPath(QPointF(12, 3))
    path.lineTo(19.5, 6)
    path.cubicTo(19.5, 13, 17.5, 18, 12, 21)
    path.cubicTo(6.5, 18, 4.5, 13, 4.5, 6)
    path.closeSubpath()
    painter.drawPath(path)
    line(painter, (12, 8), (12, 12.5))
    _dot(painter, 12, 16)


def _info(painter: QPainter) -> None:
    painter.drawEllipse(QPointF(12, 12), 8.5, 8.5)
    line(painter, (12, 11.2), (12, 16))
    _dot(painter, 12, 8)


def _check(painter: QPainter) -> None:
    line(painter, (5, 12.5), (10, 17.5), (19, 7))


def _cross(painter: QPainter) -> None:
    line(painter, (6.5, 6.5), (17.5, 17.5))
    line(painter, (17.5, 6.5), (6.5, 17.5))


def _warn(painter: QPainter) -> None:
    line(painter, (12, 4), (21, 19.5), (3, 19.5), (12, 4))
    line(painter, (12, 10), (12, 14))
    _dot(painter, 12, 16.8)


def _undo(painter: QPainter) -> None:
    line(painter, (8.5, 5), (4.5, 9), (8.5, 13))
    path = QPainterPath(QPointF(4.5, 9))
    path.lineTo(14, 9)
    path.cubicTo(21, 9, 21, 18.5, 14, 18.5)
    path.lineTo(9, 18.5)
    painter.drawPath(path)


def _more(painter: QPainter) -> None:
    for x in (6, 12, 18):
        _dot(painter, x, 12)


def _search(painter: QPainter) -> None:
    painter.drawEllipse(QPointF(10.5, 10.5), 6, 6)
    line(painter, (15, 15), (20, 20))


def _folder(painter: QPainter) -> None:
    line(painter, (3.5, 19), (3.5, 5.5), (9, 5.5), (11.5, 8.5), (20.5, 8.5), (20.5, 19), (3.5, 19))


def _talk(painter: QPainter) -> None:
    path = QPainterPath()
    path.addRoundedRect(QRectF(3.5, 4.5, 17, 12), 3, 3)
    painter.drawPath(path)
    line(painter, (8, 16.5), (8, 20.5), (12.5, 16.5))


def _key(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(2.5, 6, 19, 12), 2.5, 2.5)
    line(painter, (8, 14.5), (16, 14.5))
    for x in (7, 12, 17):
        _dot(painter, x, 10)


def _gear(painter: QPainter) -> None:
    for y, x in ((7, 15), (17, 9)):
        line(painter, (4, y), (20, y))
        painter.save()
        painter.setBrush(painter.pen().color())
        painter.drawEllipse(QPointF(x, y), 2.3, 2.3)
        painter.restore()


def _copy(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(8.5, 8.5, 11, 11), 2, 2)
    line(painter, (5, 15), (4.5, 15), (4.5, 4.5), (15, 4.5), (15, 5))


def _lock(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(5, 10.5, 14, 9.5), 2, 2)
    path = QPainterPath(QPointF(8, 10.5))
    path.cubicTo(8, 2.5, 16, 2.5, 16, 10.5)
    painter.drawPath(path)


def _chip(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(6.5, 6.5, 11, 11), 2, 2)
    for at in (9.5, 14.5):
        line(painter, (at, 3), (at, 6.5))
        line(painter, (at, 17.5), (at, 21))
        line(painter, (3, at), (6.5, at))
        line(painter, (17.5, at), (21, at))


def _heart(painter: QPainter) -> None:
    line(painter, (3, 12.5), (7.5, 12.5), (10, 6), (14, 18.5), (16.5, 12.5), (21, 12.5))


def _box(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(3.5, 4.5, 17, 5), 1.5, 1.5)
    line(painter, (5, 9.5), (5, 19.5), (19, 19.5), (19, 9.5))
    line(painter, (10, 13.5), (14, 13.5))


def _file(painter: QPainter) -> None:
    line(painter, (6, 3.5), (14, 3.5), (18.5, 8), (18.5, 20.5), (6, 20.5), (6, 3.5))
    line(painter, (13.8, 3.8), (13.8, 8.2), (18, 8.2))


def _inbox(painter: QPainter) -> None:
    line(painter, (3.5, 13), (8, 13), (9.5, 16), (14.5, 16), (16, 13), (20.5, 13))
    line(painter, (3.5, 13), (6.5, 5), (17.5, 5), (20.5, 13), (20.5, 19.5), (3.5, 19.5), (3.5, 13))


_DRAWN: dict[Drawing, Callable[[QPainter], None]] = {
    "shield": _shield,
    "info": _info,
    "check": _check,
    "cross": _cross,
    "warn": _warn,
    "undo": _undo,
    "more": _more,
    "search": _search,
    "folder": _folder,
    "talk": _talk,
    "key": _key,
    "gear": _gear,
    "copy": _copy,
    "lock": _lock,
    "chip": _chip,
    "heart": _heart,
    "box": _box,
    "file": _file,
    "inbox": _inbox,
}
