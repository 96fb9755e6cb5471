"""A list by days: headings, and lines with an icon, two texts, a time and a state.

Lines are painted, so hundreds cost nothing; keyboard and screen reader get the list of Qt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetrics,
    QIcon,
    QPainter,
    QPen,
    QStandardItem,
    QStandardItemModel,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from . import theme
from .drawings import drawing
from .glyphs import glyph
from .theme import Theme
from .words import reads_right

_ROW = Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True, slots=True)
class Row:
    """A line, or a heading when it has no key."""

    title: str
    key: str = ""
    text: str = ""
    time: str = ""
    state: str = ""
    icon: str = ""
    """spark, bell, shield, undo, info, talk, folder."""
    strong: bool = False
    """It still wants something: the title is bold, and has a dot."""
    data: Any = None


class Rows(QListView):
    """``show_rows`` fills it and keeps what was chosen; ``chosen`` tells the key."""

    chosen = Signal(str)
    entered = Signal(str)
    """Enter or a double click."""

    def __init__(self, look: Theme, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, Row] = {}
        self._filling = False
        self.setModel(QStandardItemModel(self))
        self.setItemDelegate(_Line(look, self))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMouseTracking(True)
        self.setAccessibleName(name)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.selectionModel().currentChanged.connect(self._changed)
        self.activated.connect(self._enter)
        look.changed.connect(self.viewport().update)

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Everything anew; the chosen line stays chosen when it is still there."""
        was, at = self.current(), self.verticalScrollBar().value()
        self._filling = True
        model = self.model()
        assert isinstance(model, QStandardItemModel)
        model.clear()
        self._rows = {row.key: row for row in rows if row.key}
        keep = QModelIndex()
        for row in rows:
            item = QStandardItem(row.title)
            item.setData(row, _ROW)
            said = [row.title, row.text, row.state, row.time]
            item.setData(", ".join(filter(None, said)), Qt.ItemDataRole.AccessibleTextRole)
            if not row.key:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
            model.appendRow(item)
            if row.key and row.key == was:
                keep = item.index()
        self.verticalScrollBar().setValue(at)
        if keep.isValid():
            self.selectionModel().setCurrentIndex(
                keep, QItemSelectionModel.SelectionFlag.ClearAndSelect
            )
        self._filling = False

    def current(self) -> str:
        """The key of the chosen line, or nothing."""
        row = self.currentIndex().data(_ROW)
        return row.key if isinstance(row, Row) else ""

    def row(self, key: str) -> Row | None:
        """The line of that key."""
        return self._rows.get(key)

    def order(self) -> list[str]:
        """The keys of all lines, from the top."""
        return list(self._rows)

    def choose(self, key: str) -> bool:
        """Mark the line; False when there is none of that key."""
        for number in range(self.model().rowCount()):
            index = self.model().index(number, 0)
            row = index.data(_ROW)
            if isinstance(row, Row) and row.key == key:
                self.setCurrentIndex(index)
                return True
        return False

    def choose_first(self) -> None:
        """Mark the first line when nothing is marked."""
        if not self.current() and self._rows:
            self.choose(next(iter(self._rows)))

    def _changed(self) -> None:
        if not self._filling and (key := self.current()):
            self.chosen.emit(key)

    def _enter(self) -> None:
        if key := self.current():
            self.entered.emit(key)


class _Line(QStyledItemDelegate):
    def __init__(self, look: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._look = look
        self._body, self._bold = theme.font(), theme.font(bold=True)
        self._small = theme.font(theme.SECONDARY_PX)

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """A heading is lower than a line with two texts."""
        row = index.data(_ROW)
        small = QFontMetrics(self._small).height()
        if isinstance(row, Row) and row.key:
            high = QFontMetrics(self._body).height() + small + 22
        else:
            high = small + 22
        return QSize(100, high)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """From the side that the layout begins at."""
        row = index.data(_ROW)
        if not isinstance(row, Row):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        mirrored = option.direction == Qt.LayoutDirection.RightToLeft
        if row.key:
            self._line(painter, option, row, mirrored)
        else:
            painter.setPen(QColor(self._look.tokens.soft))
            inside = option.rect.adjusted(10, 8, -10, 0)
            bold = theme.font(theme.SECONDARY_PX, bold=True)
            _text(painter, inside, row.title, bold, mirrored)
        painter.restore()

    def _line(
        self, painter: QPainter, option: QStyleOptionViewItem, row: Row, mirrored: bool
    ) -> None:
        t, rect = self._look.tokens, option.rect.adjusted(0, 1, 0, -1)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            focus = bool(option.state & QStyle.StateFlag.State_HasFocus)
            painter.setPen(QPen(QColor(t.accent), 1) if focus else Qt.PenStyle.NoPen)
            painter.setBrush(QColor(t.accent_soft if chosen else t.raised))
            frame = rect.toRectF().adjusted(0.5, 0.5, -0.5, -0.5)
            painter.drawRoundedRect(frame, theme.RADIUS_CHIP, theme.RADIUS_CHIP)
        inside = rect.adjusted(10, 7, -12, -7)
        half = QFontMetrics(self._body).height() + 2
        icon = _icon(row.icon, t.accent if row.strong else t.soft)
        where = QRect(0, 0, 18, 18)
        where.moveTopLeft(inside.topLeft())
        if mirrored:
            where.moveRight(inside.right())
        where.translate(0, (half - 18) // 2)
        icon.paint(painter, where)
        words = inside.adjusted(0, 0, -28, 0) if mirrored else inside.adjusted(28, 0, 0, 0)
        top, below = QRect(words), QRect(words)
        top.setHeight(half)
        below.setTop(words.top() + half)
        painter.setPen(QColor(t.soft))
        taken = _text(painter, top, row.time, self._small, not mirrored)
        painter.setPen(QColor(t.text))
        font = self._bold if row.strong else self._body
        _text(painter, _without(top, taken, mirrored), row.title, font, mirrored)
        painter.setPen(QColor(t.text if row.strong else t.soft))
        taken = _text(painter, below, row.state, self._small, not mirrored)
        painter.setPen(QColor(t.soft))
        _text(painter, _without(below, taken, mirrored), row.text, self._small, mirrored)


def _without(rect: QRect, taken: int, mirrored: bool) -> QRect:
    space = taken + 12 if taken else 0
    return rect.adjusted(space, 0, 0, 0) if mirrored else rect.adjusted(0, 0, -space, 0)


def _text(painter: QPainter, rect: QRect, text: str, font: QFont, right: bool) -> int:
    """Draw it at one side, elided; returns how wide it is."""
    if not text:
        return 0
    metrics = QFontMetrics(font)
    shown = metrics.elidedText(
        " ".join(text.split()), Qt.TextElideMode.ElideRight, max(0, rect.width())
    )
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    flags = side | Qt.AlignmentFlag.AlignAbsolute | Qt.AlignmentFlag.AlignVCenter
    painter.setFont(font)
    painter.setLayoutDirection(
        Qt.LayoutDirection.RightToLeft if reads_right(text) else Qt.LayoutDirection.LeftToRight
    )
    painter.drawText(rect, int(flags), shown)
    return metrics.horizontalAdvance(shown)


def _icon(name: str, color: str) -> QIcon:
    if name in ("spark", "bell"):
        return glyph(name, color, 18)  # type: ignore[arg-type]  # both are among its names
    return drawing(name or "info", color, 18)
