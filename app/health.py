"""What works here and what does not, and what is never offered again: two lists of the settings."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QCoreApplication, QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from loom_desktop.errors import LoomError

from . import theme
from .controls import Elided, button, hairline, label
from .crossing import Engine
from .drawings import Drawing, drawing
from .theme import Theme
from .words import exact, flat


class Lines(QWidget):
    """A list that is asked of the engine, with its empty and its error state in words."""

    def __init__(self, engine: Engine, look: Theme, verb: str, nothing: str) -> None:
        super().__init__()
        self._engine, self._look = engine, look
        self._verb, self._nothing = verb, nothing
        self.said = label(look="soft", px=theme.SECONDARY_PX)
        self.said.setText(self.tr("Looking…"))
        self._box = QVBoxLayout()
        self._box.setSpacing(0)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 8, 0, 8)
        whole.setSpacing(8)
        whole.addWidget(self.said)
        whole.addLayout(self._box)
        self.whole = whole
        self._lines: list[QWidget] = []
        self.rows: list[dict[str, Any]] = []
        look.changed.connect(self._recolor)

    def refresh(self) -> None:
        """Ask again."""
        self._engine.request(self._verb, self._filled, self._failed)

    def line(self, row: dict[str, Any]) -> QWidget:
        """How one of them is shown."""
        raise NotImplementedError

    def _filled(self, rows: list[dict[str, Any]]) -> None:
        if rows == self.rows and self._lines:
            return
        self.rows = rows
        self._clear()
        for row in rows:
            if self._lines:
                self._put(hairline(self._look))
            self._put(self.line(row))
        self.said.setText(self._nothing)
        self.said.setVisible(not rows)

    def _recolor(self) -> None:
        rows, self.rows = self.rows, []
        if rows:
            self._filled(rows)

    def _failed(self, error: LoomError) -> None:
        self.rows = []
        self._clear()
        self.said.setText(f"{exact(error.message)} {exact(error.hint)}".strip())
        self.said.show()

    def _put(self, line: QWidget) -> None:
        self._lines.append(line)
        self._box.addWidget(line)

    def _clear(self) -> None:
        for gone in self._lines:
            gone.hide()
            self._box.removeWidget(gone)
            gone.deleteLater()
        self._lines = []


def mark(look: Theme, state: str) -> QLabel:
    """A sign for ok, warn, missing or off: its shape tells as well as its colour."""
    t = look.tokens
    signs: dict[str, tuple[Drawing, str]] = {
        "ok": ("check", t.good),
        "warn": ("warn", t.warn),
        "missing": ("cross", t.danger),
    }
    name, color = signs.get(state, ("more", t.faint))
    made = QLabel()
    made.setFixedSize(18, 18)
    made.setPixmap(drawing(name, color, 18).pixmap(QSize(18, 18), made.devicePixelRatioF()))
    return made


class Health(Lines):
    """What verb ``doctor`` finds, and a button that copies it for a report."""

    def __init__(self, engine: Engine, look: Theme) -> None:
        super().__init__(engine, look, "doctor", "")
        self.again = button(self.tr("Look again"))
        self.again.clicked.connect(self.refresh)
        self.copy = button(self.tr("Copy"), "", self.tr("Copy what was found"))
        self.copy.clicked.connect(self._copy)
        row = QHBoxLayout()
        row.addWidget(self.again)
        row.addWidget(self.copy)
        row.addStretch(1)
        self.whole.addSpacing(4)
        self.whole.addLayout(row)

    def line(self, row: dict[str, Any]) -> QWidget:
        """Sign, name and state in words, what there is, what to do."""
        state = str(row.get("state", ""))
        made = QFrame()
        box = QHBoxLayout(made)
        box.setContentsMargins(0, 10, 0, 10)
        box.setSpacing(12)
        box.addWidget(mark(self._look, state), 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(2)
        name = flat(str(row.get("name", "")))
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(label(name[:1].upper() + name[1:], bold=True, wrap=False))
        head.addWidget(label(self._state(state), "soft", theme.SECONDARY_PX, wrap=False))
        head.addStretch(1)
        words.addLayout(head)
        for key, look in (("detail", "soft"), ("fix", "")):
            if text := exact(str(row.get(key, ""))):
                words.addWidget(label(text, look, theme.SECONDARY_PX))
        box.addLayout(words, 1)
        if row.get("name") == "problem":
            said = str(row.get("detail", ""))
            dismiss = button(
                self.tr("Dismiss"), "quiet", self.tr("Dismiss: {0}").format(exact(said))
            )
            dismiss.clicked.connect(lambda: self._dismiss(said))
            box.addWidget(dismiss, 0, Qt.AlignmentFlag.AlignTop)
        return made

    def _dismiss(self, message: str) -> None:
        self._engine.request(
            "dismiss_problem", lambda _: self.refresh(), self._failed, message=message
        )

    def _state(self, state: str) -> str:
        return {
            "ok": self.tr("works"),
            "warn": self.tr("look at this"),
            "missing": self.tr("missing"),
            "off": self.tr("off"),
        }.get(state, state)

    def _copy(self) -> None:
        lines = [
            "  ".join(
                filter(None, (str(row.get(key, "")) for key in ("state", "name", "detail", "fix")))
            )
            for row in self.rows
        ]
        QGuiApplication.clipboard().setText("\n".join(lines))
        self.copy.setText(self.tr("Copied"))


class Nevers(Lines):
    """What the person said "never for this" to, each with a way back."""

    def __init__(self, engine: Engine, look: Theme) -> None:
        nothing = QCoreApplication.translate(
            "Nevers", "Nothing. When you say “Never for this” on a card, it is listed here."
        )
        super().__init__(engine, look, "nevers", nothing)

    def line(self, row: dict[str, Any]) -> QWidget:
        """The agent, what it does not offer any more, and the way back."""
        made = QFrame()
        box = QHBoxLayout(made)
        box.setContentsMargins(0, 8, 0, 8)
        agent, what = str(row.get("agent", "")), str(row.get("what", ""))
        words = self._words(agent, what)
        box.addWidget(Elided(words), 1)
        back = button(self.tr("Offer again"), "", self.tr("Offer again: {0}").format(words))
        back.clicked.connect(lambda: self._offer_again(agent, what))
        box.addWidget(back)
        return made

    def _words(self, agent: str, what: str) -> str:
        return {
            ("downloads", "arrived"): self.tr("Sorting what was downloaded"),
            ("clipboard", "copy"): self.tr("Summaries of what you copy"),
        }.get((agent, what), flat(f"{agent}: {what}" if what else agent))

    def _offer_again(self, agent: str, what: str) -> None:
        self._engine.request("offer_again", self._changed, self._failed, agent=agent, what=what)

    def _changed(self, _: object) -> None:
        self.refresh()
