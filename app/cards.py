"""The cards that are open, one below the other at the top right of the screen.

The window never takes the focus by itself, nor does a window manager give it when another window
goes: only under the pointer, or after ``summon``, it accepts it at all. New cards
come at the foot, so nothing moves under a hand; when a card above goes, approvals wait again
before they can be allowed. What finds no room waits in the inbox, approvals last of all.
The engine decides what shows and when it is over: this follows ``card.offered`` and
``card.closed``.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleAnnouncementEvent,
    QAction,
    QCursor,
    QEnterEvent,
    QGuiApplication,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QShowEvent,
)
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from loom_desktop.clock import Clock, monotonic, wall
from loom_desktop.errors import LoomError
from loom_desktop.event import Event

from . import theme
from .card import CardView
from .controls import button, hairline
from .crossing import Engine
from .ground import Floating
from .theme import Theme

WIDTH, FROM_EDGE, MOST = 384, 12, 4
NEWS_S = 60.0
"""What is told longer than this before the window is made, an earlier run told."""
LEAST_TICK_MS = 250
"""The line that runs out is painted at most four times a second."""
_FIRST = ("approval", "reminder", "suggestion", "notice")
"""Which cards get the room when there is not enough."""


class Cards(Floating):
    """``hear`` shows and ends cards; ``summon`` brings the keyboard to them."""

    wanted = Signal(str)
    """Another window: the inbox."""

    def __init__(
        self,
        engine: Engine,
        look: Theme,
        parent: QWidget | None = None,
        *,
        clock: Clock = wall,
        steady: Clock = monotonic,
    ) -> None:
        super().__init__(look, parent)
        self._engine, self._clock, self._steady = engine, clock, steady
        self._views: dict[int, CardView] = {}
        self._came_under = QCursor.pos()
        """Where the pointer was when the window came: it is no hand until it has moved."""
        self._lines: dict[int, QFrame] = {}
        self._over: set[int] = set()
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setWindowFlag(Qt.WindowType.WindowDoesNotAcceptFocus)
        self.setWindowTitle(self.tr("Loom cards"))
        self.setAccessibleName(self.tr("Cards of Loom"))
        self._stack = QVBoxLayout()
        self._stack.setSpacing(0)
        self.more = button("", "link")
        self.more.setFont(theme.font(theme.SECONDARY_PX))
        self.more.clicked.connect(lambda: self.wanted.emit("inbox"))
        self.more.hide()
        self.box.addLayout(self._stack)
        self.box.addWidget(self.more, 1, Qt.AlignmentFlag.AlignCenter)
        self._ticks = QTimer(self)
        self._ticks.timeout.connect(self._tick)
        self._fitting = QTimer(self)
        self._fitting.setSingleShot(True)
        self._fitting.setInterval(0)
        self._fitting.timeout.connect(self._fit)
        inbox = QAction(self)
        inbox.setShortcut(QKeySequence("Ctrl+I"))
        inbox.triggered.connect(lambda: self.wanted.emit("inbox"))
        self.addAction(inbox)
        self._load()

    # ------------------------------------------------------------------ from the engine

    def hear(self, event: Event) -> None:
        """Cards that come and go."""
        if event.topic == "card.offered":
            card = event.payload.get("card")
            if isinstance(card, dict):
                self._add(card, spoken=True)
        elif event.topic == "card.closed":
            self._remove(int(event.payload.get("card") or 0))

    def views(self) -> list[CardView]:
        """What is open, in the order of the window; not all of it need have room."""
        return list(self._views.values())

    def _load(self) -> None:
        self._engine.request("cards", self._loaded, self._not_loaded)

    def _loaded(self, cards: list[dict[str, Any]]) -> None:
        for card in cards:
            # what an earlier run told is in the inbox; what wants an answer is asked again
            old = self._clock() - float(card.get("created") or 0) > NEWS_S
            if card.get("kind") != "notice" or not old:
                self._add(card, spoken=False)

    def _not_loaded(self, error: LoomError) -> None:
        """Nothing to show then; whoever started the engine tells why it does not answer."""

    def _add(self, card: dict[str, Any], *, spoken: bool) -> None:
        number = int(card.get("id") or 0)
        if number in self._views or number in self._over or card.get("state", "open") != "open":
            return
        view = CardView(self._engine, self._look, card, clock=self._clock, steady=self._steady)
        view.setFixedWidth(WIDTH)
        view.settled.connect(self._remove)
        view.resized.connect(self._fitting.start)
        view.inbox_wanted.connect(lambda: self.wanted.emit("inbox"))
        line = hairline(self._look)
        self._views[number], self._lines[number] = view, line
        self._stack.addWidget(line)
        self._stack.addWidget(view)
        self._arrange()
        if spoken:
            self._announce(view)

    def _remove(self, number: int) -> None:
        view = self._views.pop(number, None)
        self._over.add(number)  # a slow answer of ``cards`` must not bring it back
        if view is None:
            return
        held = view.isAncestorOf(self.focusWidget()) if self.focusWidget() else False
        for gone in (view, self._lines.pop(number)):
            gone.hide()
            self._stack.removeWidget(gone)
            gone.deleteLater()
        self._arrange()
        if held and self.isActiveWindow() and (shown := self._shown()):
            shown[0].focus()

    # ------------------------------------------------------------------ room

    def _shown(self) -> list[CardView]:
        return [view for view in self._views.values() if not view.isHidden()]

    def _arrange(self) -> None:
        """Who has room, then where the window is. Everything that may have moved waits again."""
        if not self._views:
            self.hide()
            return
        if not self.isVisible():
            self.check_ground()
            self._screen = self.area()
        left = self._screen.height() - 2 * FROM_EDGE - 40
        by_need = sorted(
            self._views.values(), key=lambda one: (_rank(one.kind), list(self._views).index(one.id))
        )
        room: set[int] = set()
        for view in by_need:
            high = _height(view)
            if room and (high > left or len(room) == MOST):
                break
            room.add(view.id)
            left -= high + 1
        first = True
        for number, view in self._views.items():
            view.setVisible(number in room)
            self._lines[number].setVisible(number in room and not first)
            first = first and number not in room
            if number in room:
                view.rearm()
        hidden = len(self._views) - len(room)
        self.more.setText(self.tr("%n more in the inbox", "", hidden))
        self.more.setAccessibleName(self.more.text())
        self.more.setVisible(hidden > 0)
        self.box.setSpacing(0)
        self._fit()
        if not self.isVisible():
            self.show()
        self._pace()

    def _fit(self) -> None:
        """As high as its cards, at the corner; it grows downwards."""
        if not self._views:
            return
        edge = self.margin()
        high = sum(
            _height(view) + (0 if self._lines[view.id].isHidden() else 1) for view in self._shown()
        )
        if not self.more.isHidden():
            high += self.more.sizeHint().height() + 12
        high = min(high, self._screen.height() - 2 * FROM_EDGE)
        size = QSize(WIDTH + 2 * edge, high + 2 * edge)
        if size != self.size():
            self.setFixedSize(size)
        if not QGuiApplication.platformName().startswith("wayland"):
            self.move(corner(size, self._screen, edge))

    # ------------------------------------------------------------------ time

    def _pace(self) -> None:
        """Tick only while something runs out, and no more often than a pixel needs."""
        running = [view for view in self._shown() if view.left() >= 0]
        if not running or not self.isVisible() or not theme.motion_ms():
            self._ticks.stop()
            return
        left_s = min(float(view.card["expires"]) - self._clock() for view in running)
        self._ticks.start(max(LEAST_TICK_MS, round(left_s * 1000 / WIDTH)))

    def _tick(self) -> None:
        for view in self._shown():
            if view.left() >= 0:
                view.update(view.strip())

    def showEvent(self, event: QShowEvent) -> None:
        """Threads take shorter turns while somebody looks."""
        super().showEvent(event)
        self._came_under = QCursor.pos()
        self._engine.window_shown(True)
        self._pace()

    def hideEvent(self, event: QHideEvent) -> None:
        """And nothing ticks."""
        super().hideEvent(event)
        self._engine.window_shown(False)
        self._accept_focus(False)
        self._ticks.stop()

    # ------------------------------------------------------------------ keyboard

    def summon(self) -> None:
        """The person wants to answer: show, and take the keyboard. Without cards: the inbox."""
        if not self._views:
            self.wanted.emit("inbox")
            return
        if not self.isVisible():
            self._arrange()
        self._accept_focus(True)
        self.raise_()
        self.activateWindow()
        self._shown()[0].focus()

    def enterEvent(self, event: QEnterEvent) -> None:
        """A hand is here: a click may bring the keyboard."""
        super().enterEvent(event)
        if QCursor.pos() != self._came_under:  # not: the card came to where the pointer rested
            self._accept_focus(True)

    def leaveEvent(self, event: QEvent) -> None:
        """It went on without a click."""
        super().leaveEvent(event)
        if not self.isActiveWindow():
            self._accept_focus(False)

    def _accept_focus(self, on: bool) -> None:
        """On the window itself: a flag of the widget would take it off the screen for a moment."""
        if (window := self.windowHandle()) is not None:
            window.setFlag(Qt.WindowType.WindowDoesNotAcceptFocus, not on)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape dismisses the card that has the focus; up and down go from card to card."""
        view = self._focused()
        if event.key() == Qt.Key.Key_Escape and view is not None:
            view.dismiss()
        elif event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up) and view is not None:
            shown = self._shown()
            step = 1 if event.key() == Qt.Key.Key_Down else -1
            shown[(shown.index(view) + step) % len(shown)].focus()
        else:
            super().keyPressEvent(event)

    def _focused(self) -> CardView | None:
        widget = self.focusWidget()
        shown = self._shown()
        for view in shown:
            if widget is not None and (view is widget or view.isAncestorOf(widget)):
                return view
        return shown[0] if shown else None

    def changeEvent(self, event: QEvent) -> None:
        """A click into it brings the focus: to a default button, never to one that allows."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and not self.isActiveWindow():
            self._accept_focus(False)
        came = event.type() == QEvent.Type.ActivationChange and self.isActiveWindow()
        if came and self.focusWidget() is None and (shown := self._shown()):
            shown[0].focus()

    def _announce(self, view: CardView) -> None:
        if QAccessible.isActive():
            said = QAccessibleAnnouncementEvent(view, view.accessibleName()[:1000])
            if view.kind == "approval":
                said.setPoliteness(QAccessible.AnnouncementPoliteness.Assertive)
            QAccessible.updateAccessibility(said)

    _screen = QRect(0, 0, 1280, 800)


def corner(size: QSize, area: QRect, shadow: int) -> QPoint:
    """Where a window of that size, shadow included, stands at the top right of the screen."""
    x = area.right() + 1 - FROM_EDGE - size.width() + shadow
    y = area.top() + FROM_EDGE - shadow
    return QPoint(max(area.left() - shadow, x), y)


def _rank(kind: str) -> int:
    return _FIRST.index(kind) if kind in _FIRST else len(_FIRST)


def _height(view: CardView) -> int:
    view.ensurePolished()
    layout = view.layout()
    if layout is None:
        return 0
    layout.activate()
    return max(layout.totalHeightForWidth(WIDTH), layout.totalMinimumSize().height())
