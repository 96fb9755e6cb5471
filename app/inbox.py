"""The inbox: everything offered, asked, done, failed and missed, by day, with its undo and why.

Beside it, in the same window, the reminders that are set and the conversations there were. It is
live: what changes in the engine shows here within a moment while the window is open.
"""

from __future__ import annotations

import concurrent.futures
from typing import Any

from PySide6.QtCore import QDateTime, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from loom_desktop.clock import Clock, monotonic, wall
from loom_desktop.errors import LoomError
from loom_desktop.event import Event

from . import theme
from .card import CardView
from .controls import Choice, Switch, Told, button, hairline, label
from .crossing import Engine
from .detail import Act, Detail
from .drawings import Drawing, drawing
from .exchange import Exchange
from .notice import Notice
from .rows import Row, Rows
from .theme import Theme
from .window import Window
from .words import clock_time, day_of, day_words, exact, flat, size_words, state_words

SEARCH_MS, LIVE_MS, SLOW_MS = 120, 150, 200
MOST = 200
_LIVE = ("card.", "conversation.", "reminder.", "action.", "timer.", "settings.", "status.")
_SERVICES = {"chatgpt": "ChatGPT", "claude": "Claude", "loom": "Loom"}
_ICONS = {"suggestion": "spark", "approval": "shield", "reminder": "bell", "notice": "info"}
_OPEN = ("open", "waiting", "quiet")


class Inbox(Window):
    """``summon(kind="reminder")`` shows the reminders."""

    conversation_wanted = Signal(int)

    def __init__(
        self, engine: Engine, look: Theme, *, clock: Clock = wall, steady: Clock = monotonic
    ) -> None:
        super().__init__(engine, look, QSize(920, 640))
        self._clock, self._steady = clock, steady
        self.view, self._kind = "inbox", ""
        self._answer: concurrent.futures.Future[Any] | None = None
        self._shown: Any = None
        self._first = True
        self.setWindowTitle(self.tr("Inbox of Loom"))
        self.setAccessibleName(self.tr("Inbox"))
        self._build()
        self._timers()
        self._keys()
        look.changed.connect(self._restyle)
        self._restyle()

    # ------------------------------------------------------------------ parts

    def _build(self) -> None:
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addLayout(self._top())
        self.notice = Notice()
        box.addWidget(self.notice)
        box.addWidget(hairline(self._look))
        middle = QHBoxLayout()
        middle.setSpacing(0)
        self.list = Rows(self._look, self.tr("Inbox"))
        self.list.chosen.connect(self._choose)
        self.list.entered.connect(self._enter)
        self.told = Told(self._look)
        self.told.act.clicked.connect(self._told_act)
        self._left = QStackedWidget()
        holder = QWidget()
        inside = QVBoxLayout(holder)
        inside.setContentsMargins(8, 4, 8, 8)
        inside.addWidget(self.list)
        self._left.addWidget(holder)
        self._left.addWidget(self.told)
        self._left.setMinimumWidth(300)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setMinimumWidth(320)
        self._scroll.setAccessibleName(self.tr("What is chosen"))
        line = QFrame()
        line.setFixedWidth(1)
        self._divider = line
        middle.addWidget(self._left, 5)
        middle.addWidget(line)
        middle.addWidget(self._scroll, 6)
        self._middle = middle
        box.addLayout(middle, 1)
        box.addWidget(hairline(self._look))
        box.addLayout(self._bottom())

    def _top(self) -> QVBoxLayout:
        self.views = Choice(
            self._look,
            self.tr("Show"),
            [
                ("inbox", self.tr("Inbox")),
                ("reminders", self.tr("Reminders")),
                ("conversations", self.tr("Conversations")),
            ],
        )
        self.views.choose("inbox")
        self.views.group.idClicked.connect(lambda _: self.show_view(self.views.chosen()))
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(False)
        self.search.setMaxLength(200)
        self.search.setFixedWidth(260)
        self.search.setAccessibleName(self.tr("Search"))
        self.search.setPlaceholderText(self.tr("Search"))
        self._search_mark = QAction(self.search)
        self.search.addAction(self._search_mark, QLineEdit.ActionPosition.LeadingPosition)
        self.kinds = Choice(
            self._look,
            self.tr("Kind"),
            [
                ("", self.tr("All")),
                ("suggestion", self.tr("Suggestions")),
                ("approval", self.tr("Approvals")),
                ("reminder", self.tr("Reminders")),
                ("action", self.tr("Actions")),
            ],
        )
        self.kinds.choose("")
        self.kinds.group.idClicked.connect(self._filtered)
        self.exchange = Exchange(self, self._engine, self._tell)
        self.bring = button(self.tr("Import…"), "chip")
        self.bring.clicked.connect(self.exchange.bring_in)
        self.bring.hide()
        first = QHBoxLayout()
        first.addWidget(self.views, 1)
        first.addWidget(self.search)
        top = QVBoxLayout()
        top.setContentsMargins(theme.PAD, 12, theme.PAD, 10)
        top.setSpacing(8)
        top.addLayout(first)
        top.addWidget(self.kinds)
        top.addWidget(self.bring, 0, Qt.AlignmentFlag.AlignLeft)
        return top

    def _bottom(self) -> QHBoxLayout:
        self._lock = QLabel()
        self.left_today = label(look="soft", px=theme.SECONDARY_PX, wrap=False)
        self.left_today.setAccessibleName(self.tr("What left this computer today"))
        words = label(
            self.tr("Keep everything on this computer"), "soft", theme.SECONDARY_PX, wrap=False
        )
        self.local_only = Switch(self._look, self.tr("Keep everything on this computer"))
        self.local_only.clicked.connect(self._switch_local)
        row = QHBoxLayout()
        row.setContentsMargins(theme.PAD, 8, theme.PAD, 8)
        row.setSpacing(8)
        row.addWidget(self._lock)
        row.addWidget(self.left_today)
        row.addStretch(1)
        row.addWidget(words)
        row.addWidget(self.local_only)
        return row

    def _timers(self) -> None:
        def timer(wait_ms: int, slot: Any) -> QTimer:
            made = QTimer(self)
            made.setSingleShot(True)
            made.setTimerType(Qt.TimerType.PreciseTimer)
            made.setInterval(wait_ms)
            made.timeout.connect(slot)
            return made

        self._rest = timer(SEARCH_MS, self.refresh)
        self._live = timer(LIVE_MS, self.refresh)
        self._slow = timer(SLOW_MS, self._loading)
        self.search.textChanged.connect(self._rest.start)

    def _keys(self) -> None:
        for keys, slot in (
            ("Ctrl+F", self.search.setFocus),
            ("Ctrl+1", lambda: self.show_view("inbox")),
            ("Ctrl+2", lambda: self.show_view("reminders")),
            ("Ctrl+3", lambda: self.show_view("conversations")),
            ("Ctrl+R", self.refresh),
            ("Ctrl+,", lambda: self.wanted.emit("settings")),
        ):
            action = QAction(self)
            action.setShortcut(QKeySequence(keys))
            action.triggered.connect(slot)
            self.addAction(action)
        down = QAction(self.search)
        down.setShortcut(QKeySequence(Qt.Key.Key_Down))
        down.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        down.triggered.connect(self._into_list)
        self.search.addAction(down)

    # ------------------------------------------------------------------ what is shown

    def summon(self, kind: str = "") -> None:
        """Show it; the reminders with ``kind="reminder"``."""
        super().summon()
        self.show_view("reminders" if kind == "reminder" else self.view)
        self.list.setFocus()

    def show_view(self, view: str) -> None:
        """inbox, reminders or conversations."""
        if view != self.view:
            self.view = view
            self._drop()
            self.list.show_rows([])
            self._first = True
        self.views.choose(view)
        self.kinds.setVisible(view == "inbox")
        self.bring.setVisible(view == "conversations")
        self.list.setAccessibleName(self.views.chips[view].text())
        self.refresh()

    def refresh(self) -> None:
        """Ask the engine for it again."""
        query = self.search.text().strip()
        if self._answer is not None:
            self._answer.cancel()
        self._rest.stop()
        self._live.stop()
        if self._first:
            self._slow.start()
        ask = self._engine.request
        if self.view == "inbox":
            self._answer = ask(
                "inbox", self._items, self._failed, query=query, kind=self._kind, limit=MOST
            )
        elif self.view == "reminders":
            self._answer = ask("reminders", self._reminders, self._failed)
        else:
            self._answer = ask(
                "conversations", self._conversations, self._failed, query=query, limit=MOST
            )
        ask("left_today", self._left_today, self._quiet)
        ask("status", self._status, self._quiet)

    def hear(self, event: Event) -> None:
        """Something changed: look again in a moment, once for many events."""
        topic = event.topic
        ended = topic.startswith("chat.") and topic not in (
            "chat.streamed",
            "chat.stepped",
            "chat.asked",
        )
        if self.isVisible() and (topic.startswith(_LIVE) or ended) and not self._live.isActive():
            self._live.start()

    def _filtered(self) -> None:
        self._kind = self.kinds.chosen()
        self._drop()
        self.refresh()

    def _into_list(self) -> None:
        self.list.choose_first()
        self.list.setFocus()

    # ------------------------------------------------------------------ what the engine says

    def _items(self, items: list[dict[str, Any]]) -> None:
        if self.view == "inbox":
            self._fill([(float(one.get("time") or 0), self._item(one)) for one in items])

    def _reminders(self, found: list[dict[str, Any]]) -> None:
        if self.view != "reminders":
            return
        words = self.search.text().lower().split()
        rows = []
        for one in found:
            text = f"{one.get('text', '')} {one.get('words', '')}".lower()
            if all(word in text for word in words):
                rows.append((_moment(str(one.get("at", ""))), self._reminder(one)))
        self._fill(rows)

    def _conversations(self, found: list[dict[str, Any]]) -> None:
        if self.view == "conversations":
            self._fill([(float(one.get("time") or 0), self._conversation(one)) for one in found])

    def _fill(self, timed: list[tuple[float, Row]]) -> None:
        self._slow.stop()
        self._first = False
        rows: list[Row] = []
        heading, today = "", day_of(self._clock())
        for seconds, row in timed:
            words = self.tr("Without a time")
            if seconds > 0:
                words = day_words(day_of(seconds), today, self.locale())
            if words != heading:
                heading = words
                rows.append(Row(heading))
            rows.append(row)
        self.list.show_rows(rows)
        if timed:
            self._left.setCurrentIndex(0)
            self.list.choose_first()
            self._choose(self.list.current())
        else:
            self._nothing()
        self._middle_visible(bool(timed))

    def _item(self, one: dict[str, Any]) -> Row:
        card = one.get("card") or {}
        kind = str(card.get("kind") or one.get("kind", ""))
        state = str(one.get("state", ""))
        wants = state in _OPEN and bool(card)
        chosen = _label_of(card, str(card.get("answer", "")))
        words = chosen if state == "answered" and chosen else state_words(state, kind)
        if one.get("kind") == "action" and state == "done" and not one.get("undo"):
            words = state_words("done")
        return Row(
            flat(str(one.get("title", ""))),
            key=f"{one.get('kind')}:{one.get('id')}",
            text=flat(" ".join(str(one.get("text", "")).split())),
            time=clock_time(float(one.get("time") or 0), self.locale()),
            state=words,
            icon=_ICONS.get(kind, "folder"),
            strong=wants,
            data=one,
        )

    def _reminder(self, one: dict[str, Any]) -> Row:
        return Row(
            flat(str(one.get("text", ""))),
            key=f"reminder:{one.get('id')}",
            text=flat(str(one.get("words", ""))),
            time=clock_time(_moment(str(one.get("at", ""))), self.locale()),
            icon="bell",
            data=one,
        )

    def _conversation(self, one: dict[str, Any]) -> Row:
        parts = [self.tr("Questions: {0}").format(int(one.get("turns") or 0))]
        if one.get("parent"):
            parts.append(self.tr("Branch"))
        elif service := _SERVICES.get(str(one.get("service", ""))):
            parts.append(self.tr("Imported from {0}").format(service))
        return Row(
            flat(str(one.get("title", ""))) or self.tr("Without a title"),
            key=f"conversation:{one.get('conversation')}",
            text="  ·  ".join(parts),
            time=clock_time(float(one.get("time") or 0), self.locale()),
            icon="talk",
            data=one,
        )

    def _failed(self, error: LoomError) -> None:
        self._slow.stop()
        self._first = True
        self.list.show_rows([])
        self._drop()
        self._middle_visible(False)
        self._picture("warn")
        self.told.say(exact(error.message), exact(error.hint), self.tr("Try again"))
        self._left.setCurrentIndex(1)

    def _loading(self) -> None:
        self._middle_visible(False)
        self._picture("inbox")
        self.told.say(self.tr("Looking…"))
        self._left.setCurrentIndex(1)

    def _nothing(self) -> None:
        self._drop()
        self._left.setCurrentIndex(1)
        if self.search.text().strip():
            self._picture("search")
            self.told.say(
                self.tr("Nothing found"),
                self.tr("No line has all of these words."),
                self.tr("Clear the search"),
            )
        elif self.view == "reminders":
            self._picture("inbox")
            self.told.say(
                self.tr("No reminders"),
                self.tr("Say it as you would to a person: remind me tomorrow at 8:30 to call Ana."),
                self.tr("Ask Loom"),
            )
        elif self.view == "conversations":
            self._picture("talk")
            self.told.say(
                self.tr("No conversations yet"),
                self.tr("What you ask is kept here, on this computer."),
                self.tr("Ask Loom"),
            )
        elif self._kind:
            self._picture("inbox")
            self.told.say(self.tr("Nothing of this kind"), "", self.tr("Show everything"))
        else:
            self._picture("inbox")
            self.told.say(
                self.tr("Nothing here yet"),
                self.tr("What Loom offers, asks and does will be listed here, with its undo."),
            )

    def _told_act(self) -> None:
        if self.search.text():
            self.search.clear()
            self.refresh()
        elif self._first:
            self.refresh()
        elif self.view != "inbox":
            self.wanted.emit("popup")
        else:
            self.kinds.choose("")
            self._filtered()

    def _middle_visible(self, some: bool) -> None:
        self._scroll.setVisible(some)
        self._divider.setVisible(some)

    # ------------------------------------------------------------------ what is chosen

    def _choose(self, key: str) -> None:
        if row := self.list.row(key):
            self._show(row)

    def _enter(self, key: str) -> None:
        row, page = self.list.row(key), self.page
        if row is None:
            return
        if key.startswith("conversation:"):
            self.conversation_wanted.emit(int(row.data["conversation"]))
        elif page is not None:
            page.focus()

    @property
    def page(self) -> CardView | Detail | None:
        """What is on the right side."""
        holder = self._scroll.widget()
        return holder.findChild(CardView) or holder.findChild(Detail) if holder else None

    def _drop(self) -> None:
        self._shown = None
        self._scroll.setWidget(QWidget())

    def _show(self, row: Row) -> None:
        if self._shown == (row.key, row.data):
            return  # live, but not this one: what is unfolded or half read stays
        self._shown = (row.key, row.data)
        page: CardView | Detail
        if row.key.startswith("card:"):
            page = CardView(
                self._engine,
                self._look,
                row.data["card"],
                floating=False,
                clock=self._clock,
                steady=self._steady,
            )
            page.settled.connect(self.refresh)
        elif row.key.startswith("reminder:"):
            page = self._reminder_page(row)
        elif row.key.startswith("conversation:"):
            page = self._conversation_page(row)
        else:
            page = self._action_page(row)
        holder = QWidget()
        box = QVBoxLayout(holder)
        box.setContentsMargins(24, 20, 24, 20)
        box.addWidget(page)
        box.addStretch(1)
        self._scroll.setWidget(holder)

    def _action_page(self, row: Row) -> Detail:
        one = row.data
        acts: list[Act] = []
        if one.get("undo"):
            acts.append((self.tr("Undo"), "", lambda: self._undo(int(one["undo"]))))
        return Detail(
            self._look,
            row.title,
            eyebrow="  ·  ".join((self.tr("Done by Loom"), row.state, row.time)),
            text=exact(str(one.get("text", ""))),
            acts=acts,
        )

    def _reminder_page(self, row: Row) -> Detail:
        number = int(row.data["id"])
        at = _moment(str(row.data.get("at", "")))
        day = day_words(day_of(at), day_of(self._clock()), self.locale()) if at else ""
        next_time = self.tr("Next: {0}, {1}").format(day, row.time) if at else self.tr("Over")
        return Detail(
            self._look,
            row.title,
            eyebrow="  ·  ".join((self.tr("Reminder"), next_time)),
            text=row.text,
            acts=[
                (self.tr("Done"), "primary", lambda: self._do("reminder_done", number)),
                (self.tr("In 10 minutes"), "", lambda: self._do("reminder_snooze", number)),
                (self.tr("Remove"), "", lambda: self._remove(number, row.title)),
            ],
        )

    def _conversation_page(self, row: Row) -> Detail:
        number = int(row.data["conversation"])
        return Detail(
            self._look,
            row.title,
            eyebrow="  ·  ".join((self.tr("Conversation"), row.time)),
            text=row.text,
            acts=[
                (self.tr("Open"), "primary", lambda: self.conversation_wanted.emit(number)),
                (self.tr("Export…"), "", lambda: self.exchange.take_out(number, row.title)),
                (self.tr("Forget…"), "", lambda: self._doubt(number, row.title)),
            ],
        )

    # ------------------------------------------------------------------ what is done

    def _do(self, verb: str, reminder: int) -> None:
        self._engine.request(verb, self._changed, self._trouble, reminder=reminder)

    def _remove(self, reminder: int, title: str) -> None:
        self._removed = (reminder, title)
        self._engine.request("reminder_remove", self._is_removed, self._trouble, reminder=reminder)

    def _is_removed(self, _: object) -> None:
        words = self.tr("“{0}” is removed.").format(self._removed[1][:80])
        self._tell("info", words, act=(self.tr("Undo"), self._restore))
        self._changed(None)

    def _restore(self) -> None:
        self.notice.hide()
        number = self._removed[0]
        self._engine.request("reminder_restore", self._changed, self._trouble, reminder=number)

    def _doubt(self, conversation: int, title: str) -> None:
        """Forgetting has no undo, so it is asked once more, in the window."""
        self._doomed = conversation
        self._tell(
            "warn",
            self.tr("Forget “{0}”?").format(title[:80]),
            self.tr("It is removed from every file. This cannot be undone."),
            (self.tr("Forget it"), self._forget),
        )

    def _forget(self) -> None:
        self.notice.hide()
        self._engine.request(
            "forget_conversation", self._changed, self._trouble, conversation=self._doomed
        )

    def _undo(self, act: int) -> None:
        self._engine.request("undo", self._undone, self._trouble, act=act)

    def _undone(self, answer: dict[str, Any]) -> None:
        refused = answer.get("refused") or []
        if refused:
            lines = [
                f"{flat(str(one.get('path', '')))}: {exact(str(one.get('reason', '')))}"
                for one in refused[:5]
            ]
            self._tell("warn", self.tr("Some files could not be put back."), "\n".join(lines))
        else:
            self._tell("info", self.tr("The files are back."))
        self._changed(None)

    def _changed(self, _: object) -> None:
        self.refresh()

    def _trouble(self, error: LoomError) -> None:
        self._tell("error", exact(error.message), exact(error.hint))
        self.refresh()

    def _tell(self, level: str, message: str, hint: str = "", act: Any = None) -> None:
        self.notice.tell(level, message, hint, self._look, act)

    def _quiet(self, error: LoomError) -> None:
        """The list itself says it already when the engine does not answer."""

    _removed: tuple[int, str] = (0, "")
    _doomed = 0

    # ------------------------------------------------------------------ what left today

    def _left_today(self, totals: dict[str, int]) -> None:
        number = int(totals.get("connections") or 0)
        if number == 0:
            self.left_today.setText(self.tr("Nothing left this computer today"))
            return
        sent = size_words(int(totals.get("bytes_out") or 0), self.locale())
        self.left_today.setText(
            self.tr("{0} left this computer today").format(sent)
            + "  ·  "
            + self.tr("Connections: {0}").format(number)
        )

    def _status(self, status: dict[str, Any]) -> None:
        self.local_only.setChecked(bool(status.get("local_only")))

    def _switch_local(self, on: bool) -> None:
        self._engine.request(
            "change_setting",
            self._changed,
            self._not_switched,
            table="privacy",
            key="local_only",
            value=on,
        )

    def _not_switched(self, error: LoomError) -> None:
        self.local_only.setChecked(not self.local_only.isChecked())
        self._trouble(error)

    # ------------------------------------------------------------------ looks

    def _picture(self, name: Drawing) -> None:
        self._drawn: Drawing = name
        icon = drawing(name, self._look.tokens.faint, 40)
        self.told.picture.setPixmap(icon.pixmap(QSize(40, 40), self.devicePixelRatioF()))

    _drawn: Drawing = "inbox"

    def _restyle(self) -> None:
        t = self._look.tokens
        self._search_mark.setIcon(drawing("search", t.soft, 16))
        lock = drawing("lock", t.soft, 14)
        self._lock.setPixmap(lock.pixmap(QSize(14, 14), self.devicePixelRatioF()))
        self._divider.setStyleSheet(f"background: {t.line};")
        self._picture(self._drawn)


def _moment(iso: str) -> float:
    """Seconds since 1970 of an ISO time with its offset; 0 when there is none."""
    made = QDateTime.fromString(iso, Qt.DateFormat.ISODate)
    return made.toMSecsSinceEpoch() / 1000 if made.isValid() else 0.0


def _label_of(card: dict[str, Any], action: str) -> str:
    for one in card.get("actions") or ():
        if one.get("id") == action:
            return flat(str(one.get("label", "")))
    return ""
