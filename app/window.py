"""An ordinary window of Loom: dressed, and put away with Escape or its frame, never destroyed.

A close is always accepted: Qt asks every window before it quits, and one refusal keeps the
application alive.
"""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QHideEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from .crossing import Engine
from .theme import Theme


class Window(QWidget):
    """``summon`` shows it. Other windows are asked for by name through ``wanted``."""

    wanted = Signal(str)

    def __init__(self, engine: Engine, look: Theme, size: QSize) -> None:
        super().__init__()
        self._engine, self._look = engine, look
        self._size, self._placed = size, False
        look.dress(self)

    def summon(self) -> None:
        """On the screen, in front, with the keyboard."""
        if not self._placed:
            self._placed = True
            screen = QGuiApplication.screenAt(self.cursor().pos()) or self.screen()
            area = screen.availableGeometry()
            size = self._size.boundedTo(area.size() - QSize(24, 48))
            self.resize(size)
            if not QGuiApplication.platformName().startswith("wayland"):
                self.move(area.center() - self.rect().center())
        if self.isMinimized():
            self.showNormal()
        self.show()
        self.raise_()
        self.activateWindow()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape puts it away."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        """Threads take shorter turns while somebody looks."""
        super().showEvent(event)
        self._engine.window_shown(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """And longer ones again."""
        super().hideEvent(event)
        self._engine.window_shown(False)
