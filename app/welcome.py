"""The popup before the first question: what works here and now, to click on."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from . import theme
from .controls import label
from .glyphs import Name, glyph
from .theme import Theme


class Welcome(QWidget):
    """Examples that need no model; ``asked`` tells the words of the one that was chosen."""

    asked = Signal(str)
    settings = Signal()

    def __init__(self, look: Theme) -> None:
        super().__init__()
        self._look = look
        self.clipboard = self.tr("Summarise what I copied")
        title = label(self.tr("What can I do for you?"), px=18, bold=True, wrap=False)
        words = label(self.tr("These work on this computer, without a model or a network."), "soft")
        box = QVBoxLayout(self)
        box.setContentsMargins(theme.PAD, 6, theme.PAD, 4)
        box.setSpacing(6)
        box.addStretch(1)
        box.addWidget(title)
        box.addWidget(words)
        box.addSpacing(8)
        self._rows: list[tuple[QPushButton, Name]] = []
        examples: tuple[tuple[Name, str], ...] = (
            ("bell", self.tr("Remind me tomorrow at 8:30 to call Ana")),
            ("sum", self.tr("What is 18 % of 249.90?")),
            ("spark", self.clipboard),
        )
        for name, text in examples:
            button = QPushButton("  " + text)
            button.setProperty("look", "row")
            button.setAccessibleName(text)
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            button.clicked.connect(lambda _=False, t=text: self.asked.emit(t))
            self._rows.append((button, name))
            box.addWidget(button)
        more = QPushButton(self.tr("Connect a model for open questions"))
        more.setProperty("look", "link")
        more.setFont(theme.font(theme.SECONDARY_PX))
        more.setAccessibleName(more.text())
        more.setCursor(Qt.CursorShape.PointingHandCursor)
        more.clicked.connect(self.settings)
        box.addSpacing(4)
        box.addWidget(more, 0, Qt.AlignmentFlag.AlignLeading)
        box.addStretch(2)
        look.changed.connect(self._restyle)
        self._restyle()

    def _restyle(self) -> None:
        for button, name in self._rows:
            button.setIcon(glyph(name, self._look.tokens.accent, 18))
            button.setIconSize(QSize(18, 18))
