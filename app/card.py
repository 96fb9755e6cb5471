"""One card: what happened, what can be done, and why it is there. In its window or in the inbox.

A card is data from outside: all of it is plain text, and signs that cannot be seen are marked.
An approval shows the arguments themselves, not a sentence about them, and is bound to what it
shows: the digest that goes back is computed from it. ``Armed`` is the only way to say yes.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from loom_desktop.actions.consent import digest
from loom_desktop.clock import Clock, monotonic, wall
from loom_desktop.errors import LoomError

from . import theme
from .controls import Elided, button, label
from .crossing import Engine
from .drawings import drawing
from .exact import Exact
from .flow import Flow
from .glyphs import glyph
from .theme import Theme
from .words import (
    arguments_words,
    clock_time,
    exact,
    flat,
    for_good,
    link_words,
    origin_words,
    state_words,
    undo_words,
)

ARMED_AFTER_S = 0.5
BUSY_MS = 200
"""What takes longer shows that it works."""
_LIVE = ("open", "waiting", "quiet")
_MOST_LINES = {"approval": 14}


class Armed(QPushButton):
    """Says ``allowed`` for a hand on mouse or keyboard alone, and not before it was seen a while.

    A click that a program makes (``click()``, an assistive action, a posted event) does nothing,
    nor does a key that is held down since before.
    """

    allowed = Signal()

    def __init__(self, text: str, *, clock: Clock = monotonic) -> None:
        super().__init__(text.replace("&", "&&"))
        self._clock, self._since, self._hand = clock, clock(), False
        self.setAutoDefault(True)
        self.setAccessibleName(text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._look)
        self.clicked.connect(self._clicked)
        self.arm()

    def arm(self) -> None:
        """Begin to wait again: it was just shown, or something moved it."""
        self._since = self._clock()
        self.setEnabled(False)
        self._timer.start(round(ARMED_AFTER_S * 1000))

    def disarm(self) -> None:
        """Not to be pressed, until ``arm``."""
        self._timer.stop()
        self.setEnabled(False)

    def _look(self) -> None:
        left_s = self._since + ARMED_AFTER_S - self._clock()
        if left_s > 0:
            self._timer.start(max(1, round(left_s * 1000)))
        else:
            self.setEnabled(True)

    def _clicked(self) -> None:
        by_hand, self._hand = self._hand, False
        if by_hand and self._clock() - self._since >= ARMED_AFTER_S:
            self.allowed.emit()

    def event(self, event: QEvent) -> bool:
        """Shown again means: wait again."""
        if event.type() == QEvent.Type.Show:
            self.arm()
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Spontaneous is what came from the window system."""
        self._hand = event.spontaneous()
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The click happens inside of this."""
        self._hand = self._hand and event.spontaneous()
        super().mouseReleaseEvent(event)
        self._hand = False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter clicks here, space at its release."""
        self._hand = event.spontaneous() and not event.isAutoRepeat()
        super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """And so space."""
        self._hand = self._hand and event.spontaneous()
        super().keyReleaseEvent(event)
        if not event.isAutoRepeat():
            self._hand = False


class CardView(QFrame):
    """A card with its buttons. Asks the engine itself; tells when it is settled."""

    settled = Signal(int)
    """Answered from here; the card is over."""
    resized = Signal()
    inbox_wanted = Signal()

    def __init__(
        self,
        engine: Engine,
        look: Theme,
        card: dict[str, Any],
        *,
        floating: bool = True,
        clock: Clock = wall,
        steady: Clock = monotonic,
    ) -> None:
        super().__init__()
        self._engine, self._look, self._clock, self._steady = engine, look, clock, steady
        self.card = card
        self.id = int(card["id"])
        self.kind = str(card.get("kind", "suggestion"))
        self._floating = floating
        self._live = card.get("state", "open") in _LIVE
        self._asked = ""
        self._explained = False
        self._first_seen = clock()
        self.buttons: list[QPushButton] = []
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setAccessibleName(self._spoken())
        self._build()
        look.changed.connect(self._restyle)
        self._restyle()
        self._busy = QTimer(self)
        self._busy.setSingleShot(True)
        self._busy.setInterval(BUSY_MS)
        self._busy.timeout.connect(self._show_busy)

    # ------------------------------------------------------------------ parts

    def _build(self) -> None:
        box = QVBoxLayout(self)
        edge = 14 if self._floating else 0
        box.setContentsMargins(edge, 12 if self._floating else 0, edge, 14 if self._floating else 0)
        box.setSpacing(8)
        box.addLayout(self._head())
        self._body(box)
        if self.kind == "approval":
            self._warnings(box)
        self.trouble = label(look="danger", px=theme.SECONDARY_PX)
        self.trouble.setAccessibleName(self.tr("What went wrong"))
        self.trouble.hide()
        self.working = label(self.tr("Working…"), "soft", theme.SECONDARY_PX)
        self.working.hide()
        box.addWidget(self.trouble)
        box.addWidget(self.working)
        box.addSpacing(2)
        box.addLayout(self._foot())
        self._chain = label(look="soft", px=theme.SECONDARY_PX)
        self._chain.setAccessibleName(self.tr("Why this card is here"))
        self._chain.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._chain.hide()
        box.addWidget(self._chain)

    def _head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(10)
        self._icon = QLabel()
        self._icon.setFixedSize(20, 20)
        self.title = Elided(flat(str(self.card.get("title", ""))), lines=2)
        self.title.setFont(theme.font(theme.BODY_PX if self._floating else 16, bold=True))
        words = QVBoxLayout()
        words.setSpacing(2)
        eyebrow = self._eyebrow()
        if eyebrow:
            top = label(eyebrow, "soft", theme.SECONDARY_PX, wrap=False)
            words.addWidget(top)
        words.addWidget(self.title)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        self.more = self._small(self.tr("More about this card"), self._menu)
        self.close_button = self._small(
            self.tr("Do not allow, and close") if self.kind == "approval" else self.tr("Dismiss"),
            self.dismiss,
        )
        row.addWidget(self.more, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        # Never shown before they have a parent: a widget without one is a window for a moment, and
        # takes the keyboard from what the person is typing in.
        if not (self._live or self._floating):
            self.more.hide()
        if not self._floating:
            self.close_button.hide()
        return row

    def _small(self, name: str, slot: Any) -> QPushButton:
        made = button("", "icon", name)
        made.setFixedSize(22, 22)
        made.setToolTip(name)
        made.clicked.connect(slot)
        return made

    def _eyebrow(self) -> str:
        words = {
            "approval": self.tr("Needs your answer"),
            "reminder": self.tr("Reminder"),
        }.get(self.kind, "")
        if not self._floating:
            kinds = {"suggestion": self.tr("Suggestion"), "notice": self.tr("Notice")}
            words = words or kinds.get(self.kind, "")
            time = clock_time(float(self.card.get("created") or 0), self.locale())
            state = state_words(str(self.card.get("state", "")), self.kind)
            return "  ·  ".join(filter(None, (words, state, time)))
        return words

    def _body(self, box: QVBoxLayout) -> None:
        text = exact(str(self.card.get("text", ""))).strip()
        if text:
            inside = label(text, "soft")
            inside.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            box.addWidget(inside)
        data = self.card.get("data") or {}
        arguments = data.get("arguments")
        if self.kind == "approval" and isinstance(arguments, dict):
            detail = f"{flat(str(data.get('capability', '')))}\n{arguments_words(arguments)}"
        else:
            detail = exact(str(self.card.get("detail", ""))).strip("\n")
        if detail:
            name = self.tr("Exactly what will happen") if self.kind == "approval" else ""
            most = _MOST_LINES.get(self.kind, 5 if self._floating else 14)
            self.detail = Exact(self._look, detail, name or self.tr("Details"), most=most)
            self.detail.fitted.connect(self.resized)
            box.addWidget(self.detail)

    def _warnings(self, box: QVBoxLayout) -> None:
        effect = str((self.card.get("data") or {}).get("effect", ""))
        origin = origin_words(self.card.get("origin") or ())
        agent = flat(str(self.card.get("agent", "")))
        come = label(
            self.tr("{0} asks for it. It comes from {1}.").format(agent, origin),
            "soft",
            theme.SECONDARY_PX,
        )
        self.undo_line = label(undo_words(effect), "", theme.SECONDARY_PX)
        row = QHBoxLayout()
        row.setSpacing(6)
        self._undo_mark = QLabel()
        self._undo_mark.setFixedSize(16, 16)
        row.addWidget(self._undo_mark, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.undo_line, 1)
        self._final = for_good(effect)
        box.addWidget(come)
        box.addLayout(row)

    def _foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        holder = QWidget()
        flow = Flow(holder, gap=8)
        actions = list(self.card.get("actions") or ())[:3] if self._live else []
        # "Do not" stands first whatever the order of the card is: it is what Enter does
        if self.kind == "approval":
            actions.sort(key=lambda one: one.get("id") != "deny")
        for number, one in enumerate(actions):
            made = self._action(str(one.get("id", "")), flat(str(one.get("label", ""))))
            if number == 0 and self.kind != "notice":
                made.setProperty("look", "primary")
            self.buttons.append(made)
            flow.addWidget(made)
        self.why = button(self.tr("Why?"), "link", self.tr("Why is this card here?"))
        self.why.setFont(theme.font(theme.SECONDARY_PX))
        self.why.clicked.connect(self.explain)
        row.addWidget(holder, 1)
        if self._floating and self.left() >= 0 and not theme.motion_ms():
            until = self.tr("Until {0}").format(self.until())
            row.addWidget(label(until, "soft", theme.SECONDARY_PX, wrap=False))
        row.addWidget(self.why, 0, Qt.AlignmentFlag.AlignVCenter)
        return row

    def _action(self, action: str, text: str) -> QPushButton:
        if self.kind == "approval" and action != "deny":
            armed = Armed(_short(text), clock=self._steady)
            armed.setAccessibleName(text)
            armed.allowed.connect(lambda: self.answer(action))
            return armed
        made = button(_short(text), "", text)
        made.clicked.connect(lambda: self.answer(action))
        return made

    def _menu(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if self.kind == "suggestion" and self._live:
            menu.addAction(self.tr("Never for this"), self.never)
        if self._floating:
            menu.addAction(self.tr("Show in the inbox"), self.inbox_wanted.emit)
        if self._live:
            menu.addAction(self.tr("Dismiss"), self.dismiss)
        menu.popup(self.more.mapToGlobal(QPoint(0, self.more.height() + 2)))

    # ------------------------------------------------------------------ what the person does

    def answer(self, action: str) -> None:
        """Give this answer. What it is bound to is what stands here."""
        if self._asked:
            return
        self._begin(action)
        arguments: dict[str, Any] = {"card": self.id, "action": action, "digest": self._shown()}
        self._engine.request("answer", self._done, self._failed, **arguments)

    def dismiss(self) -> None:
        """Close it, and have it remembered that it was not wanted."""
        self.answer("dismiss")

    def never(self) -> None:
        """This agent shall not offer this kind of thing again."""
        if not self._asked:
            self._begin("never")
            self._engine.request("never_for_this", self._done, self._failed, card=self.id)

    def explain(self) -> None:
        """Unfold, or fold, the chain of what led to it."""
        if not self._chain.isHidden():
            self._chain.hide()
            self.why.setText(self.tr("Why?"))
            self.resized.emit()
            return
        self.why.setText(self.tr("Hide"))
        self._chain.setText(flat(str(self.card.get("why", ""))) or self.tr("Looking…"))
        self._chain.show()
        self.resized.emit()
        if not self._explained:
            self._engine.request("why", self._explain, self._unexplained, card=self.id)
        else:
            self._chain.setText(self._words)

    def focus(self) -> None:
        """The keyboard to its default button: the first, and never the one that allows."""
        target = self.buttons[0] if self.buttons else self.why
        target.setFocus(Qt.FocusReason.OtherFocusReason)

    def rearm(self) -> None:
        """Something moved: a hand on its way to another button must not land on "allow"."""
        for one in self.buttons:
            if isinstance(one, Armed) and not self._asked:
                one.arm()

    # ------------------------------------------------------------------ what the engine says

    def _shown(self) -> str:
        data = self.card.get("data") or {}
        if self.kind == "approval" and isinstance(data.get("arguments"), dict):
            return digest(str(data.get("capability", "")), data["arguments"])
        return str(self.card.get("digest", ""))

    def _begin(self, action: str) -> None:
        self._asked = action
        self.trouble.hide()
        for one in self.buttons:
            if isinstance(one, Armed):
                one.disarm()
            else:
                one.setEnabled(False)
        self._busy.start()

    def _show_busy(self) -> None:
        self.working.show()
        self.resized.emit()

    def _done(self, _: object) -> None:
        self._busy.stop()
        self.settled.emit(self.id)

    def _failed(self, error: LoomError) -> None:
        self._busy.stop()
        self.working.hide()
        asked, self._asked = self._asked, ""
        if asked == "dismiss" and self._floating:
            self.settled.emit(self.id)  # it is over already, and not wanted either
            return
        for one in self.buttons:
            if isinstance(one, Armed):
                one.arm()
            else:
                one.setEnabled(True)
        self.trouble.setText(f"{exact(error.message)} {exact(error.hint)}".strip())
        self.trouble.show()
        self.resized.emit()

    def _explain(self, rows: list[dict[str, Any]]) -> None:
        self._explained = True
        lines = [flat(str(self.card.get("why", "")))]
        for row in rows:
            time = clock_time(float(row.get("time") or 0), self.locale())
            lines.append(f"{time}  {link_words(row)}".strip())
        self._words = "\n".join(filter(None, lines))
        self._chain.setText(self._words)
        self.resized.emit()

    def _unexplained(self, error: LoomError) -> None:
        known = flat(str(self.card.get("why", "")))
        self._chain.setText("\n".join(filter(None, (known, error.message))))
        self.resized.emit()

    _words = ""

    # ------------------------------------------------------------------ looks

    def left(self) -> float:
        """The share of its time that is left, 0 to 1; -1 when it does not run out."""
        expires = float(self.card.get("expires") or 0)
        if not expires or not self._live:
            return -1.0
        whole = expires - self._first_seen
        return max(0.0, min(1.0, (expires - self._clock()) / whole)) if whole > 0 else 0.0

    def until(self) -> str:
        """When it runs out, in words, for who has moving things switched off."""
        return clock_time(float(self.card.get("expires") or 0), self.locale())

    def _spoken(self) -> str:
        kinds = {
            "suggestion": self.tr("Suggestion"),
            "approval": self.tr("Approval"),
            "reminder": self.tr("Reminder"),
        }
        title, text = flat(str(self.card.get("title", ""))), flat(str(self.card.get("text", "")))
        return ". ".join(filter(None, (kinds.get(self.kind, self.tr("Notice")), title, text)))

    def _restyle(self) -> None:
        t = self._look.tokens
        size = QSize(20, 20)
        icon = {
            "suggestion": lambda: glyph("spark", t.accent, 20),
            "reminder": lambda: glyph("bell", t.accent, 20),
            "approval": lambda: drawing("shield", t.warn, 20),
        }.get(self.kind, lambda: drawing("info", t.soft, 20))()
        self._icon.setPixmap(icon.pixmap(size, self.devicePixelRatioF()))
        self.more.setIcon(drawing("more", t.soft, 16))
        self.close_button.setIcon(glyph("close", t.soft, 14))
        if self.kind == "approval":
            mark = drawing("warn", t.warn, 16) if self._final else drawing("undo", t.soft, 16)
            self._undo_mark.setPixmap(mark.pixmap(QSize(16, 16), self.devicePixelRatioF()))

    def paintEvent(self, event: QPaintEvent) -> None:
        """The line that runs out, at the foot of a card in its own window."""
        super().paintEvent(event)
        share = self.left()
        if not self._floating or share < 0 or not theme.motion_ms():
            return
        t = self._look.tokens
        painter = QPainter(self)
        strip = self.strip()
        painter.fillRect(strip, QColor(t.line))
        width = round(strip.width() * share)
        right = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        strip.setLeft(strip.right() - width + 1) if right else strip.setWidth(width)
        color = t.warn if self.kind == "approval" else t.accent
        painter.fillRect(strip, QColor(color))
        painter.end()

    def strip(self) -> QRect:
        """Where the line is."""
        return self.rect().adjusted(14, self.height() - 4, -14, -2)


def _short(text: str) -> str:
    """What a button has room for; a screen reader says all of it."""
    return text if len(text) <= 44 else f"{text[:43]}…"
