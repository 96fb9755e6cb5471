"""The first start, once: what Loom may watch, which model or none, and the hotkey tried live.

Three screens, each can be skipped. Nothing is switched on that was not chosen here, and closing
the window is skipping all of it. It ends with the popup and something that works offline.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QCloseEvent, QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QSystemTrayIcon,
    QVBoxLayout,
    QWidget,
)

from loom_desktop.errors import LoomError
from loom_desktop.event import Event

from . import autostart, theme
from .controls import Switch, button, label
from .crossing import Engine
from .drawings import Drawing, drawing
from .health import mark
from .theme import Theme
from .window import Window
from .words import exact, flat, keys_words

_TELLS = frozenset({"display", "message bus", "wl-clipboard", "store", "system"})
"""Findings of the doctor that are worth a line here when something is missing."""


class FirstRun(Window):
    """``summon`` shows it; ``wanted("popup")`` ends it."""

    def __init__(self, engine: Engine, look: Theme) -> None:
        super().__init__(engine, look, QSize(580, 540))
        self._finished = self._finishing = self._pressed = False
        self._chosen = {"clipboard": False, "files": False, "autostart": False}
        self._combo = ""
        self.setWindowTitle(self.tr("Welcome to Loom"))
        self.setAccessibleName(self.tr("Welcome to Loom"))
        self._icons: list[tuple[QLabel, Drawing]] = []
        self._build()
        look.changed.connect(self._restyle)
        self._restyle()
        self._turn(0)

    # ------------------------------------------------------------------ parts

    def _build(self) -> None:
        self.pages = QStackedWidget()
        for page in (self._watch(), self._think(), self._try_hotkey()):
            scroll = QScrollArea()
            scroll.setWidgetResizable(True)
            scroll.setFrameShape(QFrame.Shape.NoFrame)
            scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
            scroll.setWidget(page)
            self.pages.addWidget(scroll)
        self.trouble = label(look="danger", px=theme.SECONDARY_PX)
        self.trouble.setAccessibleName(self.tr("What went wrong"))
        self.trouble.hide()
        self.dots = Dots(self._look, 3)
        self.back = button(self.tr("Back"))
        self.skip = button(self.tr("Skip"))
        self.go_on = button(self.tr("Continue"), "primary")
        self.back.clicked.connect(lambda: self._turn(self.pages.currentIndex() - 1))
        self.skip.clicked.connect(self._skip)
        self.go_on.clicked.connect(self._take)
        row = QHBoxLayout()
        row.setContentsMargins(28, 12, 28, 20)
        row.setSpacing(8)
        row.addWidget(self.back)
        row.addStretch(1)
        row.addWidget(self.dots)
        row.addStretch(1)
        row.addWidget(self.skip)
        row.addWidget(self.go_on)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(0)
        box.addWidget(self.pages, 1)
        wrong = QHBoxLayout()
        wrong.setContentsMargins(28, 0, 28, 0)
        wrong.addWidget(self.trouble)
        box.addLayout(wrong)
        box.addLayout(row)

    def _page(self, title: str, sentence: str) -> tuple[QWidget, QVBoxLayout]:
        page = QWidget()
        box = QVBoxLayout(page)
        box.setContentsMargins(28, 32, 28, 12)
        box.setSpacing(10)
        box.addWidget(label(title, px=22, bold=True))
        box.addWidget(label(sentence, "soft"))
        box.addSpacing(10)
        return page, box

    def _watch(self) -> QWidget:
        page, box = self._page(
            self.tr("What may Loom look at?"),
            self.tr(
                "It offers help when something happens. Both are off until you switch them on,"
                " and what it sees stays on this computer."
            ),
        )
        self.clipboard = self._offer(
            box,
            "copy",
            self.tr("What I copy"),
            self.tr(
                "Long texts get an offer of a summary. Copied passwords are left alone, and copied"
                " text is never stored."
            ),
        )
        self.files = self._offer(
            box,
            "folder",
            self.tr("My Downloads folder"),
            self.tr(
                "A finished download gets an offer of a name and a folder. Nothing moves before"
                " you say so, and nothing is ever deleted."
            ),
        )
        box.addStretch(1)
        return page

    def _think(self) -> QWidget:
        page, box = self._page(
            self.tr("Which model answers?"),
            self.tr(
                "None is needed. Summaries, reminders, sums, notes and sorting work without one."
            ),
        )
        self.models = QVBoxLayout()
        self.models.setSpacing(8)
        self.searching = label(self.tr("Looking for models on this computer…"), "soft")
        box.addLayout(self.models)
        box.addWidget(self.searching)
        self.connect_model = button(self.tr("Connect a model…"))
        self.connect_model.clicked.connect(lambda: self.wanted.emit("settings"))
        box.addWidget(self.connect_model, 0, Qt.AlignmentFlag.AlignLeading)
        box.addSpacing(10)
        self.local_only = self._offer(
            box,
            "lock",
            self.tr("Keep everything on this computer"),
            self.tr("Then only models that run here are asked. You can change it at any time."),
        )
        box.addStretch(1)
        return page

    def _try_hotkey(self) -> QWidget:
        page, box = self._page(
            self.tr("Bring Loom up from anywhere"), self.tr("Press these keys now, to try it.")
        )
        self.keys = Keys(self._look)
        box.addWidget(self.keys, 0, Qt.AlignmentFlag.AlignHCenter)
        box.addSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(8)
        self._heard = QLabel()
        self._heard.setFixedSize(18, 18)
        self.heard = label(self.tr("Waiting for the keys…"), "soft")
        row.addWidget(self._heard, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.heard, 1)
        box.addLayout(row)
        box.addSpacing(10)
        self.autostart = self._offer(
            box,
            "heart",
            self.tr("Start when I log in"),
            self.tr("Quietly, in the tray. It is there when you press the keys."),
        )
        if (card := self.autostart.parentWidget()) is not None and not autostart.supported():
            card.hide()
        self._missing = QVBoxLayout()
        self._missing.setSpacing(6)
        box.addSpacing(4)
        box.addLayout(self._missing)
        box.addStretch(1)
        return page

    def _offer(self, box: QVBoxLayout, picture: Drawing, title: str, sentence: str) -> Switch:
        card = QFrame()
        card.setProperty("look", "card")
        row = QHBoxLayout(card)
        row.setContentsMargins(14, 14, 14, 14)
        row.setSpacing(14)
        icon = QLabel()
        icon.setFixedSize(22, 22)
        self._icons.append((icon, picture))
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label(title, bold=True))
        words.addWidget(label(sentence, "soft", theme.SECONDARY_PX))
        switch = Switch(self._look, title)
        switch.setAccessibleDescription(sentence)
        row.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addWidget(switch, 0, Qt.AlignmentFlag.AlignVCenter)
        box.addWidget(card)
        return switch

    # ------------------------------------------------------------------ screens

    def summon(self) -> None:
        """Show it, unless it is over."""
        if self._finished:
            return
        super().summon()
        ask = self._engine.request
        ask("models", self._found, self._none_found)
        ask("status", self._status, self._quiet)
        ask("settings", self._settings, self._quiet)
        ask("doctor", self._examined, self._quiet)
        self.go_on.setFocus()

    def hear(self, event: Event) -> None:
        """The hotkey, and what becomes of it."""
        if self._finished or not self.isVisible():
            return
        if event.topic == "hotkey.pressed" and event.payload.get("name", "popup") == "popup":
            self._pressed = True
            self._say_heard("ok", self.tr("It works."))
        elif event.topic == "status.changed":
            self._engine.request("status", self._status, self._quiet)

    def _turn(self, page: int) -> None:
        self.pages.setCurrentIndex(max(0, min(page, self.pages.count() - 1)))
        at, last = self.pages.currentIndex(), self.pages.count() - 1
        self.back.setVisible(at > 0)
        self.go_on.setText(self.tr("Start using Loom") if at == last else self.tr("Continue"))
        self.go_on.setAccessibleName(self.go_on.text())
        self.skip.setText(self.tr("Skip"))
        self.dots.show_page(at)
        self.trouble.hide()
        self.go_on.setFocus()

    def _take(self) -> None:
        """What is switched on here is chosen."""
        at = self.pages.currentIndex()
        if at == 0:
            self._chosen["clipboard"] = self.clipboard.isChecked()
            self._chosen["files"] = self.files.isChecked()
            self._turn(1)
        elif at == 1:
            if self.local_only.isChecked():
                self._engine.request(
                    "change_setting",
                    None,
                    self._trouble,
                    table="privacy",
                    key="local_only",
                    value=True,
                )
            self._turn(2)
        else:
            self._chosen["autostart"] = self.autostart.isChecked()
            self._end()

    def _skip(self) -> None:
        at = self.pages.currentIndex()
        if at == 0:
            self._chosen |= {"clipboard": False, "files": False}
        elif at == self.pages.count() - 1:
            self._chosen["autostart"] = False
            self._end()
            return
        self._turn(at + 1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape skips what is left."""
        if event.key() == Qt.Key.Key_Escape:
            self._leave()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """So does its frame; but when the application quits, nothing was said."""
        if event.spontaneous():
            event.ignore()
            self._leave()

    def _leave(self) -> None:
        if self._finished or not self.trouble.isHidden():
            self.hide()  # what went wrong was read; it is asked again at the next start
        else:
            self._end()

    def _end(self) -> None:
        if self._finishing:
            return
        self._finishing = True
        self.go_on.setEnabled(False)
        if self._chosen["autostart"]:
            try:
                autostart.enable()
            except LoomError as error:
                self._chosen["autostart"] = False
                self.autostart.setChecked(False)
                self._not_ended(error)
                return
        self._engine.request("first_run", self._ended, self._not_ended, **self._chosen)

    def _ended(self, _: object) -> None:
        self._finished = True
        self.hide()
        self.wanted.emit("popup")

    def _not_ended(self, error: LoomError) -> None:
        self._finishing = False
        self.go_on.setEnabled(True)
        self._trouble(error)

    # ------------------------------------------------------------------ from the engine

    def _found(self, rows: list[dict[str, Any]]) -> None:
        while self.models.count():
            item = self.models.takeAt(0)
            if item is not None and (gone := item.widget()) is not None:
                gone.hide()
                gone.deleteLater()
        rows = [row for row in rows if row.get("kind") != "offline"]
        for row in rows[:4]:
            line = QWidget()
            box = QHBoxLayout(line)
            box.setContentsMargins(0, 0, 0, 0)
            box.setSpacing(10)
            working = bool(row.get("working"))
            box.addWidget(mark(self._look, "ok" if working else "missing"))
            name, model = flat(str(row.get("name", ""))), flat(str(row.get("model", "")))
            place = self.tr("on this computer") if row.get("local") else self.tr("elsewhere")
            words = "  ·  ".join(filter(None, (name, model, place)))
            box.addWidget(label(words if working else f"{words}  ·  {self._silent()}"), 1)
            self.models.addWidget(line)
        if rows:
            self.searching.setText(
                self.tr("They are asked by themselves, those on this computer first.")
            )
        else:
            self.searching.setText(
                self.tr(
                    "No model was found. Start Ollama, LM Studio or llama.cpp one day, and it is"
                    " found by itself."
                )
            )

    def _silent(self) -> str:
        return self.tr("does not answer")

    def _none_found(self, error: LoomError) -> None:
        self.searching.setText(f"{exact(error.message)} {exact(error.hint)}".strip())

    def _settings(self, tables: dict[str, dict[str, dict[str, Any]]]) -> None:
        known = tables.get("sources.hotkey", {}).get("popup") or {}
        self._combo = str(known.get("value") or "")
        self.keys.show_combination(self._combo)

    def _status(self, status: dict[str, Any]) -> None:
        if self._pressed:
            return
        report = (status.get("sources") or {}).get("hotkey") or {}
        bound = str((report.get("facts") or {}).get("bound") or "")
        if bound:
            self.keys.show_combination(bound)
        if report.get("working"):
            self._say_heard("off", self.tr("Waiting for the keys…"))
        else:
            detail = exact(str(report.get("detail", "")))
            fix = exact(str(report.get("fix", ""))) or self.tr(
                "Bind a key of your desktop to the command: loom popup"
            )
            self._say_heard("warn", f"{detail} {fix}".strip())

    def _say_heard(self, state: str, words: str) -> None:
        pixmap = mark(self._look, state).pixmap()
        self._heard.setPixmap(pixmap)
        self.heard.setText(words)

    def _examined(self, rows: list[dict[str, str]]) -> None:
        while self._missing.count():
            item = self._missing.takeAt(0)
            if item is not None and (gone := item.widget()) is not None:
                gone.hide()
                gone.deleteLater()
        found = [
            (str(row.get("detail", "")), str(row.get("fix", "")))
            for row in rows
            if row.get("state") in ("missing", "warn") and row.get("name") in _TELLS
        ]
        if not QSystemTrayIcon.isSystemTrayAvailable():
            found.insert(
                0,
                (
                    self.tr("This desktop has no tray for Loom's icon."),
                    self.tr("Use the keys, or start Loom again to bring it up."),
                ),
            )
        for detail, fix in found[:4]:
            line = QWidget()
            box = QHBoxLayout(line)
            box.setContentsMargins(0, 0, 0, 0)
            box.setSpacing(10)
            box.addWidget(mark(self._look, "warn"), 0, Qt.AlignmentFlag.AlignTop)
            words = label(f"{exact(detail)} {exact(fix)}".strip(), "soft", theme.SECONDARY_PX)
            box.addWidget(words, 1)
            self._missing.addWidget(line)

    def _trouble(self, error: LoomError) -> None:
        self.trouble.setText(f"{exact(error.message)} {exact(error.hint)}".strip())
        self.trouble.show()

    def _quiet(self, error: LoomError) -> None:
        """The screens say what is known; what is not known is left away."""

    def buttons(self) -> list[QPushButton]:
        """Of the foot, for the keyboard's order."""
        return [self.back, self.skip, self.go_on]

    def _restyle(self) -> None:
        for icon, picture in self._icons:
            made = drawing(picture, self._look.tokens.accent, 22)
            icon.setPixmap(made.pixmap(QSize(22, 22), self.devicePixelRatioF()))


class Dots(QWidget):
    """Which screen of how many."""

    def __init__(self, look: Theme, count: int) -> None:
        super().__init__()
        self._look, self._count, self._at = look, count, 0
        self.setFixedSize(count * 16, 12)
        look.changed.connect(self.update)

    def show_page(self, at: int) -> None:
        """This one."""
        self._at = at
        self.setAccessibleName(self.tr("Screen {0} of {1}").format(at + 1, self._count))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The one that shows is a wider dot."""
        t = self._look.tokens
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        right = self.layoutDirection() == Qt.LayoutDirection.RightToLeft
        for number in range(self._count):
            here = number == self._at
            painter.setBrush(QColor(t.accent if here else t.line))
            slot = self._count - 1 - number if right else number
            wide = 14 if here else 7
            painter.drawRoundedRect(slot * 16 + (16 - wide) // 2, 3, wide, 7, 3.5, 3.5)
        painter.end()


class Keys(QWidget):
    """A combination, drawn as keys."""

    def __init__(self, look: Theme) -> None:
        super().__init__()
        self._look = look
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        look.changed.connect(self._dress)

    def show_combination(self, combination: str) -> None:
        """``Ctrl+Shift+L``."""
        while self._row.count():
            item = self._row.takeAt(0)
            if item is not None and (gone := item.widget()) is not None:
                gone.hide()
                gone.deleteLater()
        for word in filter(None, combination.split("+")):
            cap = label(flat(keys_words(word)), px=theme.INPUT_PX, bold=True, wrap=False)
            cap.setAlignment(Qt.AlignmentFlag.AlignCenter)
            cap.setMinimumSize(48, 42)
            self._row.addWidget(cap)
        self.setAccessibleName(combination)
        self._dress()

    def _dress(self) -> None:
        t = self._look.tokens
        self.setStyleSheet(
            f"QLabel {{ background: {t.raised}; border: 1px solid {t.line};"
            f" border-bottom: 3px solid {t.line}; border-radius: {theme.RADIUS_CHIP}px;"
            f" padding: 4px 12px; }}"
        )
