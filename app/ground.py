"""The ground of windows that float: round corners, a shadow, near the pointer, never off screen.

Where nothing composites (plain X11), translucency would be black: there the corners are cut out by
a mask and the shadow is left away. A compositor that starts later is noticed at the next show.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QCursor,
    QGuiApplication,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QPixmap,
    QRegion,
    QResizeEvent,
)
from PySide6.QtWidgets import QVBoxLayout, QWidget

from . import theme
from .composited import composited
from .theme import Theme

SHADOW = 22


CARDS_COLUMN = 400
"""What the cards take at the right of the screen, their margin included."""
_EDGE = 24


class Floating(QWidget):
    """A frameless window that stays on top. Its content goes into ``box``."""

    def __init__(self, look: Theme, parent: QWidget | None = None) -> None:
        super().__init__(
            parent,
            Qt.WindowType.Tool
            | Qt.WindowType.FramelessWindowHint
            | Qt.WindowType.WindowStaysOnTopHint,
        )
        self._look = look
        self._shadow_pixmap: QPixmap | None = None
        self._composited = True
        self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.box = QVBoxLayout(self)
        self.box.setSpacing(0)
        self._take_ground(composited())
        look.dress(self)
        look.changed.connect(self._new_ground)

    def check_ground(self) -> None:
        """Before each show: a compositor may have started or ended since."""
        if (there := composited()) != self._composited:
            self._take_ground(there)

    def margin(self) -> int:
        """Of the window around what is seen, on each side: room for the shadow."""
        return SHADOW if self._composited else 0

    def area(self) -> QRect:
        """What may be used of the screen that the pointer is on."""
        screen = QGuiApplication.screenAt(QCursor.pos()) or QGuiApplication.primaryScreen()
        return screen.availableGeometry() if screen is not None else QRect(0, 0, 1280, 800)

    def go_near_pointer(self) -> None:
        """Under Wayland the compositor places windows."""
        if not QGuiApplication.platformName().startswith("wayland"):
            self.move(clamped(self.size(), QCursor.pos(), self.area()))

    def _take_ground(self, translucent: bool) -> None:
        """Round corners with a shadow where that is possible, else cut out by a mask."""
        self._composited = translucent
        edge = self.margin()
        if self.testAttribute(Qt.WidgetAttribute.WA_TranslucentBackground) != translucent:
            self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground, translucent)
            if self.testAttribute(Qt.WidgetAttribute.WA_WState_Created):
                self.destroy()
                self.create()
        self.box.setContentsMargins(edge, edge, edge, edge)
        self._cut()

    def _cut(self) -> None:
        if self._composited:
            self.clearMask()
            return
        path = QPainterPath()
        path.addRoundedRect(QRectF(self.rect()), theme.RADIUS_WINDOW, theme.RADIUS_WINDOW)
        self.setMask(QRegion(path.toFillPolygon().toPolygon()))

    def _new_ground(self) -> None:
        self._shadow_pixmap = None
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The mask has the window's size."""
        super().resizeEvent(event)
        if not self._composited:
            self._cut()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Shadow, ground, hairline."""
        t, edge = self._look.tokens, self.margin()
        painter = QPainter(self)
        if edge:
            self._paint_shadow(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        inside = QRectF(self.rect()).adjusted(edge + 0.5, edge + 0.5, -edge - 0.5, -edge - 0.5)
        painter.setPen(QPen(QColor(t.line), 1))
        painter.setBrush(QColor(t.surface))
        if not edge:
            painter.fillRect(self.rect(), QColor(t.line))
        painter.drawRoundedRect(inside, theme.RADIUS_WINDOW, theme.RADIUS_WINDOW)
        painter.end()

    def _paint_shadow(self, painter: QPainter) -> None:
        """Nine pieces of one small picture: its cost does not depend on the window's size."""
        corner = SHADOW + theme.RADIUS_WINDOW + 4
        ratio = self.devicePixelRatioF()
        picture = self._shadow_pixmap
        if picture is None or picture.devicePixelRatio() != ratio:
            picture = self._shadow_pixmap = _shadow(corner, ratio, self._look.tokens.dark)
        size, w, h = 2 * corner + 2, self.width(), self.height()
        xs = ((0, 0, corner), (corner, corner, w - 2 * corner), (size - corner, w - corner, corner))
        ys = ((0, 0, corner), (corner, corner, h - 2 * corner), (size - corner, h - corner, corner))
        for column, (sx, x, width) in enumerate(xs):
            for row, (sy, y, height) in enumerate(ys):
                if row == column == 1:
                    continue
                source = QRectF(sx, sy, 2 if column == 1 else corner, 2 if row == 1 else corner)
                scaled = QRectF(
                    source.x() * ratio,
                    source.y() * ratio,
                    source.width() * ratio,
                    source.height() * ratio,
                )
                painter.drawPixmap(QRectF(x, y, width, height), picture, scaled)


def clamped(size: QSize, near: QPoint, area: QRect) -> QPoint:
    """The corner that puts a window of that size by the pointer and wholly inside the screen.

    Where there is room for both, the column of the cards at the right stays free, and the window
    keeps away from the edges.
    """
    left, right = area.left() + _EDGE, area.right() + 1 - _EDGE
    if area.width() >= size.width() + CARDS_COLUMN + 2 * _EDGE:
        right -= CARDS_COLUMN
    top, bottom = area.top() + _EDGE, area.bottom() + 1 - _EDGE
    if right - left < size.width():
        left, right = area.left(), area.right() + 1
    if bottom - top < size.height():
        top, bottom = area.top(), area.bottom() + 1
    x = max(left, min(near.x() - size.width() // 2, right - size.width()))
    y = max(top, min(near.y() - 60, bottom - size.height()))
    return QPoint(x, y)


def _shadow(corner: int, ratio: float, dark: bool) -> QPixmap:
    """A soft shadow around a small rounded square, a little lower than it."""
    size = 2 * corner + 2
    picture = QPixmap(round(size * ratio), round(size * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    for step in range(SHADOW - 4):
        share = 1 - step / (SHADOW - 4)
        painter.setBrush(QColor(0, 0, 0, round((9 if dark else 4.5) * share * share) + 1))
        grow = step
        rect = QRectF(SHADOW - grow, SHADOW - grow + 3, size - 2 * (SHADOW - grow), 0)
        rect.setHeight(size - 2 * (SHADOW - grow))
        painter.drawRoundedRect(rect, theme.RADIUS_WINDOW + grow, theme.RADIUS_WINDOW + grow)
    painter.end()
    return picture
