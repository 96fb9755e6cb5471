"""The tray icon: what Loom is doing, told by shape, colour and words, and the way to everything.

Qt chooses the protocol when the icon is made. Where no StatusNotifier host was there at that
moment it never looks again, so the bus is watched and the icon made anew when one comes; a tray
of the older kind that comes late is found by Qt itself. Shortcuts are set on the actions, never
written into the text, which goes to the desktop as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QAction, QColor, QIcon, QKeySequence, QPainter, QPixmap
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from . import resources
from .engine_words import engine_words

STATES = ("idle", "thinking", "listening", "speaking", "asks", "paused", "trouble")
SIZES = (22, 32, 64)
PAUSE_S = 600
NO_TRAY_MS = 4_000
_WATCHER = "org.kde.StatusNotifierWatcher"


class Tray(QObject):
    """Made first of all windows. ``show_status`` keeps it and its menu current."""

    ask = Signal()
    summarize = Signal()
    pause = Signal(int)
    """Seconds; -1 is until told."""
    resume = Signal()
    wanted = Signal(str)
    """reminders, inbox, settings."""
    quit = Signal()
    missing = Signal()
    """This desktop has no tray; said once, some seconds after the start."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state, self._words, self._local_only = "thinking", self.tr("Starting"), False
        self._watch: QObject | None = None
        self.icon: QSystemTrayIcon | None = None
        self.menu = QMenu()
        self._build_menu()
        self._create()

    def _build_menu(self) -> None:
        self.state_action = self._add(self._words, None)
        self.state_action.setEnabled(False)
        self.local_action = self._add(self.tr("Local only: nothing leaves this computer"), None)
        self.local_action.setEnabled(False)
        self.local_action.setVisible(False)
        self.menu.addSeparator()
        self.ask_action = self._add(self.tr("Ask…"), self.ask.emit)
        self.ask_action.setShortcut(QKeySequence("Ctrl+Shift+L"))
        self.summarize_action = self._add(self.tr("Summarise clipboard"), self.summarize.emit)
        self.menu.addSeparator()
        self.reminders_action = self._add(
            self.tr("Reminders"), lambda: self.wanted.emit("reminders")
        )
        self.inbox_action = self._add(self.tr("Inbox"), lambda: self.wanted.emit("inbox"))
        self.menu.addSeparator()
        self.pause_action = self._add(
            self.tr("Pause capture for 10 minutes"), lambda: self.pause.emit(PAUSE_S)
        )
        self.pause_long_action = self._add(
            self.tr("Pause capture until I say"), lambda: self.pause.emit(-1)
        )
        self.resume_action = self._add(self.tr("Resume capture"), self.resume.emit)
        self.resume_action.setVisible(False)
        self.menu.addSeparator()
        self.settings_action = self._add(self.tr("Settings"), lambda: self.wanted.emit("settings"))
        self.quit_action = self._add(self.tr("Quit"), self.quit.emit)

    def _add(self, text: str, slot: Any) -> QAction:
        action = self.menu.addAction(text)
        if slot is not None:
            action.triggered.connect(lambda _checked=False: slot())
        return action

    # ------------------------------------------------------------------ the icon

    def _create(self) -> None:
        old, self.icon = self.icon, QSystemTrayIcon(self)
        self._paint()
        self.icon.setContextMenu(self.menu)
        self.icon.activated.connect(self._activated)
        if old is not None:
            old.hide()
            old.deleteLater()
        self.icon.show()

    def watch_for_hosts(self) -> None:
        """From now on a tray host that comes late is used. Costs an import; call it at idle."""
        if self._watch is not None:
            return
        if sys.platform == "linux":
            from PySide6.QtDBus import QDBusConnection, QDBusServiceWatcher

            bus = QDBusConnection.sessionBus()
            if bus.isConnected():
                mode = QDBusServiceWatcher.WatchModeFlag.WatchForRegistration
                watch = QDBusServiceWatcher(_WATCHER, bus, mode, self)
                watch.serviceRegistered.connect(self._host_came)
                self._watch = watch
        QTimer.singleShot(NO_TRAY_MS, self, self._say_if_missing)

    def _host_came(self) -> None:
        # in its own turn: the watcher is still telling, and a host may come and go
        QTimer.singleShot(0, self, self._create)

    def _say_if_missing(self) -> None:
        if not QSystemTrayIcon.isSystemTrayAvailable():
            self.missing.emit()

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (
            QSystemTrayIcon.ActivationReason.Trigger,
            QSystemTrayIcon.ActivationReason.DoubleClick,
        ):
            self.ask.emit()

    # ------------------------------------------------------------------ what it tells

    def show_status(self, status: Mapping[str, Any]) -> None:
        """The answer of the verb ``status``."""
        self._state = str(status.get("state") or "idle")
        self._words = engine_words(str(status.get("words") or "Ready"))
        self._local_only = bool(status.get("local_only"))
        paused = bool(status.get("paused_until"))
        self.pause_action.setVisible(not paused)
        self.pause_long_action.setVisible(not paused)
        self.resume_action.setVisible(paused)
        self.local_action.setVisible(self._local_only)
        cards = int(status.get("open_cards") or 0)
        self.inbox_action.setText(
            self.tr("Inbox ({0})").format(cards) if cards else self.tr("Inbox")
        )
        self._paint()

    def show_failure(self, message: str) -> None:
        """The engine did not start: only what works without it can be chosen."""
        self._state, self._words = "trouble", message
        for action in (
            self.summarize_action,
            self.reminders_action,
            self.inbox_action,
            self.pause_action,
            self.pause_long_action,
            self.settings_action,
        ):
            action.setEnabled(False)
        self._paint()

    def set_hotkey(self, combo: str) -> None:
        """The key that brings up the popup, as it was really bound; nothing when there is none."""
        self.ask_action.setShortcut(QKeySequence(combo))

    def _paint(self) -> None:
        self.state_action.setText(_no_mnemonic(self._words))
        if self.icon is not None:
            self.icon.setIcon(state_icon(self._state, local_only=self._local_only))
            self.icon.setToolTip(self.tr("Loom: {0}").format(self._words))


def state_icon(state: str, *, local_only: bool = False) -> QIcon:
    """The glyph for a state in the sizes that trays ask for, with a lock when local only."""
    name = state if state in STATES else "idle"
    path, lock = resources.find(f"icons/state-{name}.svg"), resources.find("icons/lock.svg")
    source = QIcon(str(path)) if path else QIcon()
    over = QIcon(str(lock)) if lock and local_only else QIcon()
    icon = QIcon()
    for size in SIZES:
        pixmap = source.pixmap(size, size) if not source.isNull() else QPixmap()
        if pixmap.isNull():
            pixmap = _drawn(name, size)
        if not over.isNull():
            painter = QPainter(pixmap)
            over.paint(painter, 0, 0, size, size)
            painter.end()
        icon.addPixmap(pixmap)
    return icon


def _drawn(state: str, size: int) -> QPixmap:
    """Where the pictures are missing: a letter on a square, its colour by the state."""
    from PySide6.QtCore import Qt  # its first use builds all its enumerations: 10 ms

    from .theme import DARK, LIGHT

    color = {"asks": DARK.warn, "paused": DARK.faint, "trouble": LIGHT.danger}.get(
        state, LIGHT.accent
    )
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(color))
    if state == "paused":
        painter.drawEllipse(1, 1, size - 2, size - 2)
    else:
        painter.drawRoundedRect(1, 1, size - 2, size - 2, size / 4, size / 4)
    painter.setPen(QColor(LIGHT.on_accent))
    font = painter.font()
    font.setPixelSize(max(8, int(size * 0.6)))
    font.setBold(True)
    painter.setFont(font)
    letter = {"asks": "?", "trouble": "!", "paused": "‖"}.get(state, "L")
    painter.drawText(pixmap.rect(), Qt.AlignmentFlag.AlignCenter, letter)
    painter.end()
    return pixmap


def _no_mnemonic(text: str) -> str:
    return text.replace("&", "&&")
