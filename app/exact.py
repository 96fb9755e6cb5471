"""What will happen, to the letter: in the font for code, to read and copy, never to click."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics, QResizeEvent, QTextOption
from PySide6.QtWidgets import QFrame, QPlainTextEdit

from . import theme
from .theme import Theme

_EDGE = 8


class Exact(QPlainTextEdit):
    """As high as its lines, up to ``most`` of them; then it scrolls. Always left to right: paths
    and commands are."""

    fitted = Signal()
    """It is another height now."""

    def __init__(self, look: Theme, text: str, name: str, *, most: int) -> None:
        super().__init__()
        self._look, self._most = look, most
        self.setReadOnly(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setWordWrapMode(QTextOption.WrapMode.WrapAnywhere)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setLayoutDirection(Qt.LayoutDirection.LeftToRight)
        option = self.document().defaultTextOption()
        option.setTextDirection(Qt.LayoutDirection.LeftToRight)
        self.document().setDefaultTextOption(option)
        self.document().setDocumentMargin(0)
        self.setFont(theme.mono(theme.SECONDARY_PX))
        self.setAccessibleName(name)
        self.setPlainText(text)
        look.changed.connect(self._dress)
        self._dress()
        self._fit()

    def _dress(self) -> None:
        t = self._look.tokens
        self.setStyleSheet(
            f"QPlainTextEdit {{ background: {t.sunken}; color: {t.text}; border: 1px solid"
            f" {t.sunken}; border-radius: {theme.RADIUS_CHIP}px; padding: {_EDGE}px; }}"
            f"QPlainTextEdit:focus {{ border-color: {t.accent}; }}"
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Other lines at another width."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()

    def _fit(self) -> None:
        lines = max(1, round(self.document().size().height()))
        high = min(lines, self._most) * QFontMetrics(self.font()).lineSpacing() + 2 * _EDGE + 4
        if high != self.minimumHeight():
            self.setFixedHeight(high)
            self.fitted.emit()
