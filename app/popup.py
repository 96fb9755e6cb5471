"""The popup: ask, read the answer as it comes, go on or go back, all by keyboard.

It is built once at idle and only shown and hidden afterwards. What it shows of a conversation
comes from the engine; it holds nothing that the journal could not bring back. Answers of other
turns (asked from a card or the command line) are kept a while, so that ``follow`` misses nothing.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QHideEvent,
    QKeyEvent,
    QKeySequence,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from loom_desktop.clock import Clock, monotonic
from loom_desktop.errors import LoomError
from loom_desktop.event import Event

from . import theme
from .again import Again, Call
from .clipboard import tell_own_copy
from .commands import commands, past
from .crossing import Engine
from .flow import Flow
from .glyphs import Name, glyph
from .ground import Floating
from .markdown import marked
from .notice import Notice
from .picker import Picker
from .prompt import Prompt, local_files
from .theme import Theme
from .transcript import Message, Meta, Transcript
from .turns import ENDS, Turns
from .welcome import Welcome
from .words import doing, keys_words

WIDTH, LEAST_HEIGHT, SHARE_OF_SCREEN = 640, 380, 0.7
FOCUS_MS = 150
"""A menu or dialog of our own takes the focus and gives it back within this time."""


class Popup(Floating):
    """``toggle`` for the hotkey, ``summon`` to show it, ``follow`` for an answer from elsewhere."""

    wanted = Signal(str)
    """Another window or act: settings, inbox, reminders, undo, quit ..."""

    def __init__(
        self,
        engine: Engine,
        look: Theme,
        parent: QWidget | None = None,
        *,
        clock: Clock = monotonic,
    ) -> None:
        super().__init__(look, parent)
        self._engine, self._clock = engine, clock
        self._conversation = 0
        self._turn = 0
        self._asking: concurrent.futures.Future[Any] | None = None
        self._stopped: set[concurrent.futures.Future[Any]] = set()
        self._asked_at = 0.0
        self.last_call: Call = ("ask", {})
        self._question_shown = False
        self._others = Turns()
        self.setWindowTitle(self.tr("Loom"))
        self.setAccessibleName(self.tr("Loom assistant"))
        self.setAcceptDrops(True)
        self._build()
        self._again = Again(self, self._engine)
        self._shortcuts()
        look.changed.connect(self._restyle)
        self._restyle()
        self._ticks = QTimer(self)
        self._ticks.setInterval(1000)
        self._ticks.timeout.connect(self._tick)
        self._lost_focus = QTimer(self)
        self._lost_focus.setSingleShot(True)
        self._lost_focus.setInterval(FOCUS_MS)
        self._lost_focus.timeout.connect(self._hide_unless_ours)
        self.new_conversation()

    # ------------------------------------------------------------------ parts

    def _build(self) -> None:
        self._name = QLabel(self.tr("Loom"))
        self._name.setFont(theme.font(bold=True))
        self._meta = QLabel()
        self._meta.setProperty("look", "soft")
        self._meta.setFont(theme.font(theme.SECONDARY_PX))
        self._meta.setTextFormat(Qt.TextFormat.PlainText)
        self._meta.setAccessibleDescription(self.tr("Who answered"))  # its name is what it says
        self._icons: list[tuple[QPushButton, Name]] = []
        header = self._header = QHBoxLayout()
        header.setContentsMargins(theme.PAD, 12, theme.PAD - 3, 6)
        header.setSpacing(2)
        header.addWidget(self._name)
        header.addStretch(1)
        header.addWidget(self._meta)
        header.addSpacing(6)
        for name, words, keys, slot in (
            ("command", self.tr("Commands"), "Ctrl+K", self.show_commands),
            ("clock", self.tr("History"), "Ctrl+H", self.show_history),
            ("plus", self.tr("New conversation"), "Ctrl+N", self.new_conversation),
        ):
            button = QPushButton()
            button.setProperty("look", "icon")
            button.setFixedSize(26, 26)
            button.setAccessibleName(words)
            button.setToolTip(f"{words}  {keys_words(keys)}")
            button.clicked.connect(slot)
            self._icons.append((button, name))  # type: ignore[arg-type]  # literals above
            header.addWidget(button)
        self.notice = Notice()
        self.notice.closed.connect(self._fit)
        self._empty = Welcome(self._look)
        self._empty.asked.connect(self._try_example)
        self._empty.settings.connect(lambda: self._want("settings"))
        self.transcript = Transcript(self._look, clock=self._clock)
        self.transcript.grown.connect(self._fit)
        self.transcript.copying.connect(lambda text: tell_own_copy(self._engine, text))
        self.picker = Picker(self._look)
        self.picker.left.connect(self._leave_picker)
        self.picker.chosen.connect(self._picked)
        self.picker.searched.connect(self._search_history)
        self.picker.removed.connect(self._forget)
        self._pages = QStackedWidget()
        for page in (self._empty, self.transcript, self.picker):
            self._pages.addWidget(page)
        self._chips = QWidget()
        chips = Flow(self._chips)
        chips.setContentsMargins(theme.PAD, 0, theme.PAD, 0)
        self._chip_row = chips
        self._chips.hide()
        self.prompt = Prompt(self._look)
        self.prompt.sent.connect(self.send)
        self.prompt.stopped.connect(self.stop)
        self.prompt.browse.connect(self.browse)
        self.prompt.resized.connect(self._fit)
        self.prompt.refused.connect(lambda m, h: self.notice.tell("warn", m, h, self._look))
        below = QVBoxLayout()
        below.setContentsMargins(theme.PAD, 10, theme.PAD, theme.PAD)
        below.addWidget(self.prompt)
        self.box.addLayout(header)
        self.box.addWidget(self.notice)
        self.box.addWidget(self._pages, 1)
        self.box.addWidget(self._chips)
        self.box.addLayout(below)
        self._below = below

    def _shortcuts(self) -> None:
        for keys, slot in (
            ("Ctrl+N", self.new_conversation),
            ("Ctrl+K", self.show_commands),
            ("Ctrl+H", self.show_history),
            ("Ctrl+J", lambda: self._want("cards")),
            ("Ctrl+.", self.stop),
            ("Ctrl+O", self.browse),
            ("Ctrl+E", self._again.edit),
            ("Ctrl+Shift+C", self.copy_answer),
            ("Ctrl+,", lambda: self._want("settings")),
        ):
            action = QAction(self)
            action.setShortcut(QKeySequence(keys))
            action.triggered.connect(slot)
            self.addAction(action)

    # ------------------------------------------------------------------ appear and go

    def prebuild(self) -> None:
        """Make the native window now and lay it out, so that the first show costs no more."""
        self.winId()
        self.ensurePolished()
        self._fit()

    def toggle(self) -> None:
        """The same key closes it; where another window came to be in front, it comes back first."""
        if self.isVisible() and (self.isActiveWindow() or not QApplication.activeWindow()):
            self.hide()
        elif self.isVisible():
            self.activateWindow()
        else:
            self.summon()

    def summon(self) -> None:
        """Show it near the pointer, ready to type."""
        self.check_ground()
        self._lost_focus.stop()
        self._place()
        self.show()
        self.raise_()
        self.activateWindow()
        if self._pages.currentWidget() is self.picker:
            self.picker.search.setFocus()
        else:
            self.prompt.edit.setFocus()

    def _place(self) -> None:
        self._fit()
        self.go_near_pointer()

    def _fit(self) -> None:
        """As high as what it shows, up to a share of the screen; it grows downwards."""
        edge = 2 * self.margin()
        area = self.screen().availableGeometry() if self.isVisible() else self.area()
        most = int(area.height() * SHARE_OF_SCREEN)
        fixed = self._header.sizeHint().height() + self._below.sizeHint().height()
        for part in (self.notice, self._chips):
            if not part.isHidden():
                fixed += part.heightForWidth(WIDTH)
        page = self._pages.currentWidget()
        if page is self.transcript:
            content = self.transcript.content_height()
        elif page is self._empty:
            content = self._empty.sizeHint().height()
        else:
            content = most
        height = max(LEAST_HEIGHT, min(most, fixed + content))
        if self.isVisible() and page is self.transcript:
            height = max(height, self.height() - edge)  # while it is read it does not shrink
        size = QSize(min(WIDTH, area.width()) + edge, min(height, area.height()) + edge)
        if size == self.size():
            return
        self.resize(size)
        over = self.geometry().bottom() - area.bottom()
        if self.isVisible() and over > 0:
            self.move(self.x(), max(area.top(), self.y() - over))

    def changeEvent(self, event: QEvent) -> None:
        """Going to another window hides it, after a moment."""
        if event.type() == QEvent.Type.ActivationChange and self.isVisible():
            if self.isActiveWindow():
                self._lost_focus.stop()
            else:
                self._lost_focus.start()
        super().changeEvent(event)

    def _hide_unless_ours(self) -> None:
        busy = QApplication.activeModalWidget() or QApplication.activePopupWidget()
        child = any(w.isVisible() and w.isWindow() for w in self.findChildren(QWidget))
        if not self.isActiveWindow() and not busy and not child:
            self.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape hides, wherever the focus is."""
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self._pages.currentWidget() is self.picker:
            self._leave_picker()
        else:
            self.hide()

    def closeEvent(self, event: QCloseEvent) -> None:
        """The window manager's close hides it; when the application quits, it does not object."""
        if event.spontaneous():
            event.ignore()
        self.hide()

    def showEvent(self, event: QShowEvent) -> None:
        """Threads take shorter turns while somebody looks."""
        super().showEvent(event)
        self._engine.window_shown(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """And longer ones again."""
        super().hideEvent(event)
        self._lost_focus.stop()
        self._engine.window_shown(False)

    # ------------------------------------------------------------------ a conversation

    @property
    def conversation(self) -> int:
        """The thread that is shown; 0 before the first question."""
        return self._conversation

    def new_conversation(self) -> None:
        """Empty page. An answer that still comes will be in the history."""
        self._conversation = self._turn = 0
        self._asking, self._question_shown = None, False
        self._again.leave()
        self.transcript.clear_all()
        self._working(False)
        self._meta.clear()
        self._show_chips([])
        self._pages.setCurrentWidget(self._empty)
        self._fit()
        self.prompt.edit.setFocus()

    def send(self) -> None:
        """Ask what is written."""
        if self.transcript.streaming:
            return
        send = self._again.send if self._again.editing else self.ask
        text, files = self.prompt.take()
        if text or files:
            send(text, files)

    def ask(self, text: str, files: tuple[str, ...] = ()) -> None:
        """Ask this in the conversation that is shown."""
        self._page_for_talk()
        self.transcript.add(Message("user", text, files=files))
        arguments = {"text": text, "files": list(files), "conversation": self._conversation}
        self._start("ask", arguments)

    def summarize_clipboard(self) -> None:
        """Ask the engine for it and show what comes."""
        words = self.tr("Summarise what I copied")
        self.new_conversation()
        self._page_for_talk()
        self.transcript.add(Message("user", words))
        self._start("summarize_clipboard", {})

    def _start(self, verb: str, arguments: dict[str, Any]) -> None:
        self.last_call = (verb, arguments)
        self._turn, self._question_shown = 0, True
        self._begin()

        def asked(answer: dict[str, Any]) -> None:
            if self._asking is future:  # else stopped or left meanwhile
                self._asking = None
                self._conversation = int(answer["conversation"])
                self._join(int(answer["turn"]))
            elif future in self._stopped:
                self._stopped.discard(future)
                conversation = int(answer["conversation"])
                self._engine.request("cancel", None, self._tell, conversation=conversation)

        def refused(error: LoomError) -> None:
            self._stopped.discard(future)
            if self._asking is future:
                self._asking = None
                self._failed("", error.message, error.hint)

        future = self._engine.request(verb, asked, refused, **arguments)
        self._asking = future

    def requested(self, conversation: int = 0, draft: str = "") -> None:
        """Somebody else wants it shown: with an answer that comes, or something half written."""
        if conversation and conversation != self._conversation:
            self.follow(conversation, conversation)
        if draft:
            self._leave_picker()
            self.prompt.put(draft)
        self.summon()

    def follow(self, turn: int, conversation: int) -> None:
        """Show an answer that was asked for elsewhere, from its beginning."""
        self.new_conversation()
        self._page_for_talk()
        self._conversation = conversation
        self._begin()
        self._join(turn)

    def open_conversation(self, conversation: int) -> None:
        """Bring back an old one."""

        def loaded(rows: list[dict[str, Any]]) -> None:
            self.new_conversation()
            self._conversation = conversation
            messages = [
                Message(str(r.get("role", "")), str(r.get("text", "")), Meta.of(r))
                for r in rows
                if r.get("state") != "streaming"
            ]
            for message in messages:
                if message.role == "user":
                    self.prompt.remember(message.text)
            self._page_for_talk()
            self.transcript.load(messages)
            if rows and rows[-1].get("state") == "streaming":
                self._question_shown = True
                self._begin()
                self.transcript.stream(str(rows[-1].get("text", "")))
                self._turn = int(rows[-1].get("turn") or 0)
                self._others.take(self._turn)  # the row has it
            elif messages:
                self._meta.setText(self.transcript.words(messages[-1].meta))
            self._show_chips([])
            self._fit()
            self.prompt.edit.setFocus()

        self._engine.request("conversation", loaded, self._tell, conversation=conversation)

    def stop(self) -> None:
        """End the answer that comes, here at once and in the engine as soon as it hears."""
        if not self.transcript.streaming:
            return
        if self._asking is not None:
            if self._conversation:
                self._asking.cancel()
            else:  # only its answer says what is to be cancelled
                self._stopped.add(self._asking)
            self._asking = None
        if self._conversation:
            self._engine.request("cancel", None, self._tell, conversation=self._conversation)
        self._turn = 0
        self._ended(Meta(), self.tr("Stopped"))

    def copy_answer(self) -> None:
        """The last answer, as it was written, to the clipboard."""
        if text := self.transcript.last_answer():
            self.transcript.copying.emit(text)
            QGuiApplication.clipboard().setText(text)

    def hear(self, event: Event) -> None:
        """An event of the topic ``chat.*``."""
        if event.topic == "chat.asked":
            self._asked(event)
            return
        turn = int(event.payload.get("turn") or 0)
        if turn and turn == self._turn:
            self._page(event)
        elif turn:
            self._others.keep(turn, event)

    def _asked(self, event: Event) -> None:
        text = str(event.payload.get("text", ""))
        if event.id != self._turn:
            self._others.asked(event.id, text)
        elif not self._question_shown:
            self._show_question(text)
            self.transcript.begin()

    def _show_question(self, text: str) -> None:
        self._question_shown = True
        if text:
            self.transcript.add(Message("user", text))

    def _page(self, event: Event) -> None:
        data = event.payload
        self._turn = 0 if event.topic in ENDS else self._turn
        if event.topic == "chat.streamed":
            if self.transcript.streaming:
                self._meta.setText(self.tr("Answering…"))
                self.transcript.stream(str(data.get("text", "")))
        elif event.topic == "chat.stepped":
            self._meta.setText(doing(data))
        elif event.topic == "chat.answered":
            text, meta = str(data.get("text", "")), Meta.of(data)
            self._ended(meta, self.transcript.words(meta), text)
            self._show_chips(data.get("chips") or [])
            self.transcript.announce(text)
        elif event.topic == "chat.failed":
            self.last_call = ("retry", {"turn": data["turn"], "conversation": self._conversation})
            self._failed(*(str(data.get(key, "")) for key in ("text", "message", "hint")))
        elif event.topic == "chat.cancelled":
            self._ended(Meta(), self.tr("Stopped"))

    def _join(self, turn: int) -> None:
        """From now on this turn is the one on the page; what it said already comes first."""
        self._turn = turn
        kept = self._others.take(turn)
        if kept is None:
            return
        if kept.question and not self._question_shown:
            self._show_question(kept.question)
            self.transcript.begin()
        if kept.pieces:
            self.transcript.stream("".join(kept.pieces))
        if kept.end is not None:
            self._page(kept.end)

    def _page_for_talk(self) -> None:
        self._pages.setCurrentWidget(self.transcript)

    def _begin(self) -> None:
        self._show_chips([])
        self.transcript.begin()
        self._asked_at = self._clock()
        self._working(True)
        self._meta.setText(self.tr("Thinking…"))

    def _ended(self, meta: Meta, words: str, text: str = "") -> None:
        self.transcript.finish(text, meta)
        self._working(False)
        self._meta.setText(words)
        self._show_chips([])

    def _failed(self, text: str, message: str, hint: str) -> None:
        self.transcript.finish(text)
        self.transcript.add(Message("error", message, hint=hint))
        self._working(False)
        self._meta.clear()
        self._show_chips([])
        self.transcript.announce(f"{message} {hint}")

    def restart(self, verb: str, kept: Sequence[Message], arguments: dict[str, Any]) -> None:
        """Ask with this verb and these arguments, below what is kept of the page."""
        self.transcript.load(kept)
        self._page_for_talk()
        self._start(verb, arguments)
        self.prompt.edit.setFocus()  # the button that was pressed is gone

    def _working(self, working: bool) -> None:
        self.prompt.set_streaming(working)
        if not hasattr(self, "_ticks"):
            return
        if working:
            self._ticks.start()
        else:
            self._ticks.stop()

    def _tick(self) -> None:
        seconds = int(self._clock() - self._asked_at)
        if seconds >= 2 and self.transcript.streaming:
            words = self.tr("Answering…") if self.transcript.begun else self.tr("Thinking…")
            self._meta.setText(f"{words} " + self.tr("{0} s").format(seconds))

    # ------------------------------------------------------------------ chips, notices

    def _show_chips(self, chips: list[dict[str, Any]]) -> None:
        while self._chip_row.count():
            item = self._chip_row.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for chip in chips[:4]:
            label, ask = str(chip.get("label", "")), str(chip.get("ask", ""))
            if label and ask:
                self._chip(marked(label)[:40]).clicked.connect(lambda _=False, a=ask: self.ask(a))
        messages = self.transcript.messages
        if messages and messages[-1].role == "assistant" and not self.transcript.streaming:
            self._chip(self.tr("Copy")).clicked.connect(self.copy_answer)
        self._chips.setVisible(self._chip_row.count() > 0)
        self._fit()

    def _chip(self, label: str) -> QPushButton:
        button = QPushButton(label.replace("&", "&&"), self._chips)
        button.setProperty("look", "chip")
        button.setAccessibleName(label)
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        self._chip_row.addWidget(button)
        button.show()
        return button

    def tell(
        self,
        level: str,
        message: str,
        hint: str = "",
        act: tuple[str, Callable[[], None]] | None = None,
    ) -> None:
        """A line on top: ``info``, ``warn`` or ``error``, and a button when there is an act."""
        self.notice.tell(level, message, hint, self._look, act)
        self._fit()

    def _tell(self, error: LoomError) -> None:
        self.tell("error", error.message, error.hint)

    def _want(self, what: str) -> None:
        self.hide()
        self.wanted.emit(what)

    def _try_example(self, text: str) -> None:
        if text.endswith("…"):
            self.prompt.put(text.rstrip("…"))
        elif text == self._empty.clipboard:
            self.summarize_clipboard()
        else:
            self.ask(text)

    # ------------------------------------------------------------------ files

    def browse(self) -> None:
        """Choose files to attach, in a dialog that leaves the popup where it is."""
        dialog = QFileDialog(self, self.tr("Attach files"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(self.prompt.attach)
        dialog.open()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Files may be dropped anywhere on it."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """They go with the next question."""
        if paths := local_files(event.mimeData()):
            self.prompt.attach(paths)
            event.acceptProposedAction()

    # ------------------------------------------------------------------ commands and history

    def show_commands(self) -> None:
        """Everything that can be done from here, found by typing."""
        if self._toggled_off("commands"):
            return
        self._open_picker("commands")
        self.picker.open(
            self.tr("Find a command"),
            self.tr("There is no such command."),
            self.tr("Enter to choose · Esc to go back"),
        )
        self.picker.offer(commands())

    def show_history(self) -> None:
        """Earlier conversations, found by what was said in them."""
        if self._toggled_off("history"):
            return
        self._open_picker("history")
        self.picker.open(
            self.tr("Search conversations"),
            self.tr("No conversations here yet."),
            self.tr("Enter to open · Shift+Delete to forget · Esc to go back"),
            elsewhere=True,
        )
        self._search_history("")

    def _toggled_off(self, which: str) -> bool:
        if self._pages.currentWidget() is self.picker and self._picking == which:
            self._leave_picker()
            return True
        return False

    def _open_picker(self, which: str) -> None:
        self._picking = which
        self._pages.setCurrentWidget(self.picker)
        self._chips.hide()
        self.prompt.hide()
        self._below.setContentsMargins(0, 0, 0, 0)
        self._fit()

    def _leave_picker(self) -> None:
        talking = bool(self.transcript.messages) or self.transcript.streaming
        self._pages.setCurrentWidget(self.transcript if talking else self._empty)
        self._below.setContentsMargins(theme.PAD, 10, theme.PAD, theme.PAD)
        self.prompt.show()
        self._chips.setVisible(self._chip_row.count() > 0)
        self._fit()
        self.prompt.edit.setFocus()

    def _picked(self, key: str) -> None:
        which = self._picking
        self._leave_picker()
        if which == "history":
            self.open_conversation(int(key))
        elif key.startswith("write:"):
            self.prompt.put(key.removeprefix("write:"))
        elif slot := {
            "new": self.new_conversation,
            "history": self.show_history,
            "clipboard": self.summarize_clipboard,
            "attach": self.browse,
            **self._again.acts,
        }.get(key):
            slot()
        else:
            self._want(key)

    def _search_history(self, query: str) -> None:
        def found(rows: list[dict[str, Any]]) -> None:
            if self._picking == "history" and self.picker.search.text().strip() == query:
                self.picker.offer([past(row, self.locale()) for row in rows])

        self._engine.request("conversations", found, self._tell, query=query, limit=50)

    def _forget(self, key: str) -> None:
        def forgotten(_: object) -> None:
            if self._conversation == int(key):
                self._conversation = self._turn = 0
                self.transcript.clear_all()
                self._show_chips([])
            self._search_history(self.picker.search.text().strip())

        self._engine.request("forget_conversation", forgotten, self._tell, conversation=int(key))

    _picking = ""

    # ------------------------------------------------------------------ ground

    def _restyle(self) -> None:
        for button, name in self._icons:
            button.setIcon(glyph(name, self._look.tokens.soft, 18))
