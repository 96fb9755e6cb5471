"""Records a combination of keys: click, press the keys, done. Escape leaves it as it was."""

from __future__ import annotations

import sys

from PySide6.QtCore import QEvent, QKeyCombination, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from loom_desktop.errors import LoomError

from . import theme
from .controls import button
from .theme import Theme
from .words import keys_words

_MODIFIERS = (
    Qt.Key.Key_Control,
    Qt.Key.Key_Shift,
    Qt.Key.Key_Alt,
    Qt.Key.Key_Meta,
    Qt.Key.Key_AltGr,
)


class Recorder(QWidget):
    """``recorded`` tells the combination as loom.toml writes it, empty for none."""

    recorded = Signal(object)
    refused = Signal(str, str)
    """It cannot be used: why, and what to do."""

    def __init__(self, look: Theme, name: str) -> None:
        super().__init__()
        self._value = ""
        self.key = _Key()
        self.key.setFont(theme.mono())
        self.key.setMinimumWidth(200)
        self._name = name
        self.key.pressed_keys.connect(self._take)
        self.key.recording.connect(self._recording)
        self.clear = button(self.tr("Clear"), "", self.tr("{0}: no keys").format(name))
        self.clear.clicked.connect(lambda: self.recorded.emit(""))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.key)
        row.addWidget(self.clear)
        row.addStretch(1)

    def show_value(self, value: str) -> None:
        """This combination holds now."""
        self._value = value
        self.clear.setEnabled(bool(value))
        self._recording(False)

    def _recording(self, on: bool) -> None:
        text = self.tr("Press the keys…") if on else keys_words(self._value) or self.tr("None")
        self.key.setText(text)
        self.key.setAccessibleName(f"{self._name}: {text}")

    def _take(self, text: str) -> None:
        from loom_desktop.sources.hotkey import Combo

        try:
            combo = Combo.parse(text)
        except LoomError as error:
            self.refused.emit(error.message, error.hint)
            return
        self.recorded.emit(str(combo))


class _Key(QPushButton):
    """Takes every key while it records."""

    pressed_keys = Signal(str)
    recording = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self._on = False
        self.setAutoDefault(True)
        self.clicked.connect(self._begin)

    def _begin(self) -> None:
        self._on = True
        self.recording.emit(True)

    def _end(self) -> None:
        self._on = False
        self.recording.emit(False)

    def event(self, event: QEvent) -> bool:
        """Tab and shortcuts of the window are keys like others while it records."""
        if self._on and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if self._on and event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            self._press(event)
            return True
        return super().event(event)

    def _press(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in _MODIFIERS or event.isAutoRepeat() or key == Qt.Key.Key_unknown:
            return
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if key == Qt.Key.Key_Escape and held == Qt.KeyboardModifier.NoModifier:
            self._end()
            return
        self._end()
        self.pressed_keys.emit(combination(Qt.Key(key), held))

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Going elsewhere leaves it as it was."""
        super().focusOutEvent(event)
        if self._on:
            self._end()


def combination(key: Qt.Key, held: Qt.KeyboardModifier) -> str:
    """As loom.toml writes it: ``Ctrl+Shift+L``."""
    names = [
        (Qt.KeyboardModifier.ControlModifier, "Cmd" if sys.platform == "darwin" else "Ctrl"),
        (Qt.KeyboardModifier.AltModifier, "Alt"),
        (Qt.KeyboardModifier.ShiftModifier, "Shift"),
        (Qt.KeyboardModifier.MetaModifier, "Ctrl" if sys.platform == "darwin" else "Super"),
    ]
    if key == Qt.Key.Key_Backtab:
        key = Qt.Key.Key_Tab
    text = QKeySequence(QKeyCombination(key)).toString(QKeySequence.SequenceFormat.PortableText)
    short = {"Return": "Enter", "Esc": "Escape", "Del": "Delete", "Ins": "Insert"}
    short |= {"PgUp": "PageUp", "PgDown": "PageDown", "+": "Plus"}
    words = [word for modifier, word in names if held & modifier]
    return "+".join([*words, short.get(text, text)])
