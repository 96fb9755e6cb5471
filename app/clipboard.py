"""Copied text on Windows and macOS, where Qt's clipboard may be read; elsewhere sources do it.

Qt reads synchronously and would freeze behind an owner that hangs, so on X11 and Wayland the
engine has its own readers. The marks that password managers set are looked at before any text.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable

from PySide6.QtCore import QMimeData, QObject
from PySide6.QtGui import QGuiApplication

from loom_desktop.driver.clip import secret

from .crossing import Engine


def needed() -> bool:
    """Whether this is the reader for this system."""
    return sys.platform in ("win32", "darwin")


class Clipboard(QObject):
    """Tells of each copy, ``tell(formats, text)``; lives on the windows' thread.

    ``text`` is empty when it was not to be read. What becomes of it is decided by the source.
    """

    def __init__(
        self,
        tell: Callable[[list[str], str], object],
        max_bytes: int = 1_000_000,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._tell, self._max_bytes = tell, max_bytes
        QGuiApplication.clipboard().dataChanged.connect(self._changed)

    def _changed(self) -> None:
        data = QGuiApplication.clipboard().mimeData()
        if data is not None:
            self._tell(list(data.formats()), readable(data, self._max_bytes))


def readable(data: QMimeData, max_bytes: int) -> str:
    """The text, or nothing when it is marked as secret, no text, or too long."""
    if secret(data.formats()) or not data.hasText():
        return ""
    text = data.text()
    return text if len(text.encode("utf-8", "replace")) <= max_bytes else ""


def tell_own_copy(engine: Engine, text: str) -> None:
    """Before Loom's own words are copied, so that no help is offered with them."""
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    engine.request("copying", text_hash=digest)
