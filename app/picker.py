"""A search field over a list: commands and old conversations, chosen without the mouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QKeyEvent,
    QPainter,
    QStandardItem,
    QStandardItemModel,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from . import theme
from .controls import label
from .theme import Theme

_KEY, _DETAIL = Qt.ItemDataRole.UserRole + 1, Qt.ItemDataRole.UserRole + 2
_SEARCH_MS = 120


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: what it is called, and small type at its end."""

    key: str
    title: str
    detail: str = ""


class Picker(QWidget):
    """``offer`` fills it; ``chosen`` tells the key. Escape says ``left``."""

    chosen = Signal(str)
    removed = Signal(str)
    """Shift+Delete on an entry, twice."""
    searched = Signal(str)
    """What is typed, after a short rest; who fills the list from elsewhere listens."""
    left = Signal()

    def __init__(self, look: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: Sequence[Entry] = ()
        self._elsewhere = False
        self._doomed = ""
        self.search = QLineEdit(self)
        self.search.setFont(theme.font(theme.INPUT_PX))
        self.search.setMaxLength(200)
        self.search.installEventFilter(self)
        self.search.textChanged.connect(self._typed)
        self.list = QListView(self)
        self.list.setModel(QStandardItemModel(self.list))
        self.list.setItemDelegate(_Line(look, self.list))
        self.list.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setUniformItemSizes(True)
        self.list.setMouseTracking(True)
        self.list.installEventFilter(self)
        self.list.clicked.connect(self._choose)
        self.nothing = QLabel(self)
        self.nothing.setProperty("look", "soft")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.nothing.setTextFormat(Qt.TextFormat.PlainText)
        self.foot = label(look="soft", px=theme.SECONDARY_PX, wrap=False)
        box = QVBoxLayout(self)
        box.setContentsMargins(theme.PAD, 4, theme.PAD, 12)
        box.setSpacing(8)
        box.addWidget(self.search)
        box.addWidget(self.list, 1)
        box.addWidget(self.nothing, 1)
        box.addWidget(self.foot)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_SEARCH_MS)
        self._rest.timeout.connect(lambda: self.searched.emit(self.search.text().strip()))

    def open(self, name: str, nothing: str, foot: str, *, elsewhere: bool = False) -> None:
        """Begin anew. ``elsewhere``: the search is answered by whoever hears ``searched``."""
        self._elsewhere = elsewhere
        self._doomed = ""
        self._rest.stop()
        self.search.blockSignals(True)
        self.search.clear()
        self.search.blockSignals(False)
        self.search.setPlaceholderText(name)
        self.search.setAccessibleName(name)
        self.list.setAccessibleName(name)
        self.nothing.setText(nothing)
        self._foot = foot
        self.foot.setText(foot)
        self.offer(())
        self.search.setFocus()

    def offer(self, entries: Sequence[Entry]) -> None:
        """What there is to choose from."""
        self._entries = entries
        self._fill()

    def current(self) -> str:
        """The key of the marked entry, or nothing."""
        return str(self.list.currentIndex().data(_KEY) or "")

    def _fill(self) -> None:
        wanted = [] if self._elsewhere else self.search.text().lower().split()
        model = self._model()
        model.clear()
        for entry in self._entries:
            there = f"{entry.title} {entry.detail}".lower()
            if all(word in there for word in wanted):
                item = QStandardItem(entry.title)
                item.setData(entry.key, _KEY)
                item.setData(entry.detail, _DETAIL)
                spoken = f"{entry.title}, {entry.detail}" if entry.detail else entry.title
                item.setData(spoken, Qt.ItemDataRole.AccessibleTextRole)
                model.appendRow(item)
        some = model.rowCount() > 0
        self.list.setVisible(some)
        self.nothing.setVisible(not some)
        if some:
            self.list.setCurrentIndex(model.index(0, 0))

    def _model(self) -> QStandardItemModel:
        model = self.list.model()
        assert isinstance(model, QStandardItemModel)
        return model

    def _typed(self) -> None:
        self._doomed = ""
        self.foot.setText(self._foot)
        if self._elsewhere:
            self._rest.start()
        else:
            self._fill()

    def _choose(self) -> None:
        if key := self.current():
            self.chosen.emit(key)

    def _remove(self) -> None:
        key = self.current()
        if not key or not self._elsewhere:
            return
        if self._doomed != key:
            self._doomed = key
            title = self.list.currentIndex().data()
            self.foot.setText(
                self.tr("Press Shift+Delete again to forget “{0}”.").format(str(title)[:60])
            )
            return
        self._doomed = ""
        self.foot.setText(self._foot)
        self.removed.emit(key)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """The list is moved through from the search field."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key, rows = event.key(), self._model().rowCount()
            if key == Qt.Key.Key_Escape:
                self.left.emit()
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._choose()
                return True
            if (
                key == Qt.Key.Key_Delete
                and event.modifiers() == Qt.KeyboardModifier.ShiftModifier
                and self._elsewhere
            ):
                self._remove()
                return True
            steps = {
                Qt.Key.Key_Down: 1,
                Qt.Key.Key_Up: -1,
                Qt.Key.Key_PageDown: 8,
                Qt.Key.Key_PageUp: -8,
            }
            if watched is self.search and rows and (step := steps.get(Qt.Key(key))):
                row = self.list.currentIndex().row() + step
                row = row % rows if abs(step) == 1 else min(max(row, 0), rows - 1)
                self.list.setCurrentIndex(self._model().index(row, 0))
                return True
        return super().eventFilter(watched, event)


class _Line(QStyledItemDelegate):
    """Title at one end, small soft type at the other."""

    def __init__(self, look: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._look = look

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """All lines are equally high."""
        return QSize(option.rect.width(), QFontMetrics(theme.font()).height() + 18)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        """The ground by the state, then the two texts, elided."""
        t, rect = self._look.tokens, option.rect.adjusted(0, 1, 0, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(QColor(t.accent_soft if selected else t.raised))
            painter.drawRoundedRect(rect, theme.RADIUS_CHIP, theme.RADIUS_CHIP)
        inside = rect.adjusted(12, 0, -12, 0)
        small, body = theme.font(theme.SECONDARY_PX), theme.font()
        detail = str(index.data(_DETAIL) or "")
        taken = QFontMetrics(small).horizontalAdvance(detail) + 16 if detail else 0
        mirrored = option.direction == Qt.LayoutDirection.RightToLeft
        near = Qt.AlignmentFlag.AlignRight if mirrored else Qt.AlignmentFlag.AlignLeft
        far = Qt.AlignmentFlag.AlignLeft if mirrored else Qt.AlignmentFlag.AlignRight
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignAbsolute
        if detail:
            painter.setFont(small)
            painter.setPen(QColor(t.soft))
            painter.drawText(inside, int(far | middle), detail)
        room = QRect(inside)
        room.setWidth(max(0, inside.width() - taken))
        if mirrored:
            room.moveRight(inside.right())
        painter.setFont(body)
        painter.setPen(QColor(t.text))
        title = QFontMetrics(body).elidedText(
            str(index.data() or "").replace("\n", " "), Qt.TextElideMode.ElideRight, room.width()
        )
        painter.drawText(room, int(near | middle), title)
        painter.restore()
