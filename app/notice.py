"""A line inside a window that says what went wrong and what to do, until it is closed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from . import theme
from .controls import label
from .drawings import drawing
from .glyphs import glyph
from .theme import Theme


class Notice(QFrame):
    """Hidden until ``tell``; ``closed`` when the person has read it."""

    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._mark = QLabel()
        self._message, self._hint = label(), label(look="soft")
        self._close = QPushButton()
        self._close.setProperty("look", "icon")
        self._close.setFixedSize(24, 24)
        self._close.setAccessibleName(self.tr("Close this notice"))
        self._close.clicked.connect(self._go)
        card = QFrame()
        card.setProperty("look", "card")
        row = QHBoxLayout(card)
        row.setContentsMargins(12, 8, 8, 8)
        row.setSpacing(10)
        row.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._message)
        words.addWidget(self._hint)
        self._act = QPushButton()
        self._act.setProperty("look", "chip")
        self._act.clicked.connect(self._do)
        self._call: Callable[[], None] | None = None
        row.addLayout(words, 1)
        row.addWidget(self._act, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        outer = QHBoxLayout(self)
        outer.setContentsMargins(theme.PAD, 2, theme.PAD, 8)
        outer.addWidget(card)
        self.hide()

    def tell(
        self,
        level: str,
        message: str,
        hint: str,
        look: Theme,
        act: tuple[str, Callable[[], None]] | None = None,
    ) -> None:
        """Say this instead of what it says now. ``act`` is a button: its words, what it does."""
        self._call = act[1] if act else None
        self._act.setVisible(act is not None)
        if act:
            self._act.setText(act[0].replace("&", "&&"))
            self._act.setAccessibleName(act[0])
        tokens = look.tokens
        color = {"error": tokens.danger, "warn": tokens.warn}.get(level, tokens.soft)
        self._mark.setPixmap(drawing("info" if level == "info" else "warn", color, 16).pixmap(16))
        self._close.setIcon(glyph("close", look.tokens.soft, 14))
        self._message.setText(message)
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))
        self.setAccessibleName(f"{message} {hint}")
        self.show()

    def _do(self) -> None:
        if self._call is not None:
            self._call()

    def _go(self) -> None:
        self.hide()
        self.closed.emit()
