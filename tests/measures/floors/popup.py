"""The least that a hotkey and a popup could be: an X grab in the window's thread, a plain window.

The window is made before; the key shows and hides it.
"""

import sys

from PySide6.QtCore import QSocketNotifier, Qt
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QVBoxLayout, QWidget
from Xlib import XK, X, display  # noqa: TID253 - the whole program needs it

app = QApplication(["floor"])
app.setQuitOnLastWindowClosed(False)
kind = Qt.WindowType.Tool | Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint
popup = QWidget(None, kind)
popup.setStyleSheet("background: #e4e9ff")
popup.resize(640, 380)
box = QVBoxLayout(popup)
box.addWidget(QLabel("Floor"), 1)
box.addWidget(line := QLineEdit())
popup.winId()

keyboard = display.Display()
root = keyboard.screen().root
key = keyboard.keysym_to_keycode(XK.string_to_keysym("l"))
for locks in (0, X.LockMask, X.Mod2Mask, X.LockMask | X.Mod2Mask):
    mask = X.ControlMask | X.ShiftMask | locks
    root.grab_key(key, mask, False, X.GrabModeAsync, X.GrabModeAsync)
keyboard.sync()


def toggle() -> None:
    if popup.isVisible():
        popup.hide()
    else:
        popup.show()
        popup.raise_()
        popup.activateWindow()
        line.setFocus()


def ready() -> None:
    while keyboard.pending_events():
        if keyboard.next_event().type == X.KeyPress:
            toggle()


notifier = QSocketNotifier(keyboard.fileno(), QSocketNotifier.Type.Read)
notifier.activated.connect(ready)
sys.exit(app.exec())
