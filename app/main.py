"""The shell's composition root: one instance, the tray, the engine behind it, the windows last.

The order is the start-up time that a person feels. The lock and the socket come before Qt is
imported. The tray icon shows before the engine's thread begins and before anything else of ours
is loaded. The popup is built at idle. Other windows are imported when they are first wanted.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loom_desktop import garbage
from loom_desktop.errors import LoomError
from loom_desktop.paths import Paths, private_folder, session_bus
from loom_desktop.paths import paths as usual_paths

from . import single_instance

if TYPE_CHECKING:
    from PySide6.QtCore import QObject
    from PySide6.QtWidgets import QApplication, QWidget

    from loom_desktop.event import Event

    from .crossing import Engine
    from .popup import Popup
    from .theme import Theme
    from .tray import Tray

log = logging.getLogger(__name__)

WINDOWS = {
    "inbox": ("inbox", "Inbox"),
    "reminders": ("inbox", "Inbox"),
    "settings": ("settings_window", "SettingsWindow"),
    "first_run": ("first_run", "FirstRun"),
}
"""name: (module, class). Made as ``Class(engine, look)``, shown by ``summon()``; the inbox by
``summon(kind="reminder")`` for reminders. A window that has ``hear(event)`` gets all events."""
CARDS = ("cards", "Cards")
"""``Cards(engine, look)`` with ``hear(event)``: made when the first card comes."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run until quit. 0; 1 when something that was told on stderr prevents it."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        paths = usual_paths()
        lock = single_instance.first(paths)
        if lock is None:
            return 0  # the one that runs has come up
    except LoomError as error:
        return _told(error)
    if _no_display():
        sys.stderr.write(
            "There is no display to show windows on. Use `loom run --headless`, then `loom ask`.\n"
        )
        return 1
    _leave_the_bus_alone()
    with lock:
        return _run(paths, hidden="--hidden" in arguments, check_only="--selfcheck" in arguments)


def _leave_the_bus_alone() -> None:
    """Where the session has no message bus, Qt's library would start one, which outlives us."""
    if sys.platform == "linux" and not session_bus():
        os.environ["DBUS_SESSION_BUS_ADDRESS"] = "disabled:"


def _run(paths: Paths, *, hidden: bool, check_only: bool = False) -> int:
    import PySide6.QtCore  # noqa: F401  # brings the hook that is spared

    from .spare import spare

    spare()
    from PySide6.QtWidgets import QApplication

    from . import language
    from .tray import Tray

    app = QApplication(["loom"])
    app.setApplicationName("Loom")
    app.setDesktopFileName("org.loomdesktop.Loom")
    app.setQuitOnLastWindowClosed(False)
    language.use(app, language.wanted(paths.settings))
    tray = Tray()
    app.processEvents()  # the icon is on the screen from here on

    app.setStyle("Fusion")
    from .crash import Crashes
    from .theme import Theme

    look = Theme()
    from loom_desktop.telemetry.logs import open_log  # brings in much; after the tray

    crashes = Crashes(paths.logs)
    unwritten: LoomError | None = None
    for write in (lambda: open_log(paths.logs), crashes.install):
        try:
            write()
        except LoomError as error:  # a disk that takes nothing: Loom runs, and says so
            unwritten = error
    left = crashes.pending()

    import asyncio

    import qasync

    from .crossing import Engine

    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(crashes.on_loop)
    engine = Engine()
    shell = Shell(app, engine, look, tray, paths)
    shell.crash_report(left, crashes.shown)
    if unwritten is not None:
        shell.not_written_down(unwritten)
    undo_signals = _quit_on_signals(app)
    checked = _check_and_quit(shell) if check_only else None
    engine.start()
    shell.at_idle(hidden=hidden or check_only)
    with loop:
        loop.run_forever()
        shell.close()
        ended = engine.stop()
    undo_signals()
    crashes.uninstall()
    return 0 if ended and (checked is None or checked()) else 1


def _check_and_quit(shell: Shell) -> Callable[[], bool]:
    """Open every window once when the engine is ready, then quit; answers whether it came so far.

    For ``loom selfcheck``: an installation that misses a file is found before it is given away.
    """
    from PySide6.QtCore import QTimer

    opened: list[str] = []

    def open_all() -> None:
        for name in ("popup", *WINDOWS):
            shell.open(name)
            opened.append(name)
        QTimer.singleShot(500, shell.app, lambda: shell.app.exit(0))

    shell.engine.ready.connect(open_all)
    shell.engine.failed.connect(lambda *_: shell.app.exit(1))
    QTimer.singleShot(30_000, shell.app, lambda: shell.app.exit(1))
    return lambda: len(opened) == len(WINDOWS) + 1


class Shell:
    """Joins the parts: what the person does goes to the engine, what happens goes to windows."""

    def __init__(
        self, app: QApplication, engine: Engine, look: Theme, tray: Tray, paths: Paths
    ) -> None:
        self.app, self.engine, self.look, self.tray, self.paths = app, engine, look, tray, paths
        self._popup: Popup | None = None
        self._windows: dict[str, Any] = {}
        self._waiting: list[tuple[str, str, str, tuple[str, Callable[[], None]] | None]] = []
        self._hidden = True
        self._copies: QObject | None = None
        self._told_problems: set[tuple[str, str]] = set()
        self._told_failures: set[tuple[str, str]] = set()
        engine.posted.connect(self._hear)
        engine.ready.connect(self._ready)
        engine.failed.connect(self._failed)
        tray.ask.connect(lambda: self.popup.summon())
        tray.summarize.connect(self._summarize)
        tray.pause.connect(lambda s: self._do("pause_capture", seconds=s))
        tray.resume.connect(lambda: self._do("resume_capture"))
        tray.wanted.connect(self.open)
        tray.quit.connect(app.quit)
        tray.missing.connect(self._no_tray)

    def at_idle(self, *, hidden: bool) -> None:
        """What can wait until the tray is up: late tray hosts, the popup, translations."""
        from PySide6.QtCore import QTimer

        self._hidden = hidden
        QTimer.singleShot(0, self.app, lambda: self.popup.prebuild())
        QTimer.singleShot(0, self.app, self.tray.watch_for_hosts)
        QTimer.singleShot(int(garbage.SETTLED_S * 1_000), self.app, garbage.settle)

    def close(self) -> None:
        """Everything off the screen, before the engine ends."""
        for window in (self._popup, *self._windows.values()):
            if window is not None:
                window.hide()
        if self.tray.icon is not None:
            self.tray.icon.hide()

    # ------------------------------------------------------------------ windows

    @property
    def popup(self) -> Popup:
        """Built when it is first needed; that is at idle, as a rule."""
        if self._popup is None:
            from .popup import Popup

            self._popup = Popup(self.engine, self.look)
            self._popup.wanted.connect(self.open)
            for notice in self._waiting:
                self._popup.tell(*notice)
            self._waiting.clear()
        return self._popup

    def open(self, name: str) -> None:
        """A window by its name, or one of the acts that the popup offers."""
        if name == "popup":
            self.popup.summon()
        elif name == "quit":
            self.app.quit()
        elif name == "pause":
            self._do("pause_capture", seconds=600)
        elif name == "resume":
            self._do("resume_capture")
        elif name == "undo":
            self._do("undo", self._undone)
        elif (window := self._window(name)) is not None:
            if name == "reminders":
                window.summon(kind="reminder")
            else:
                window.summon()

    def _window(self, name: str) -> Any | None:
        module, kind = CARDS if name == "cards" else WINDOWS.get(name, ("", ""))
        if module and module not in self._windows:
            made = importlib.import_module(f".{module}", __package__)
            window: QWidget = getattr(made, kind)(self.engine, self.look)
            self._windows[module] = window
            if hasattr(window, "wanted"):
                window.wanted.connect(self.open)
            if hasattr(window, "conversation_wanted"):
                window.conversation_wanted.connect(self._show_conversation)
        return self._windows.get(module)

    def _show_conversation(self, conversation: int) -> None:
        self.popup.open_conversation(conversation)
        self.popup.summon()

    def _summarize(self) -> None:
        self.popup.summarize_clipboard()
        self.popup.summon()

    def tell(
        self,
        level: str,
        message: str,
        hint: str = "",
        act: tuple[str, Callable[[], None]] | None = None,
    ) -> None:
        """A notice in the popup, now or when it is built. Never brings it up by itself."""
        if self._popup is None:
            self._waiting.append((level, message, hint, act))
        else:
            self._popup.tell(level, message, hint, act)

    # ------------------------------------------------------------------ from the engine

    def _hear(self, events: list[Event]) -> None:
        for event in events:
            topic, data = event.topic, event.payload
            if topic == "hotkey.pressed":
                if data.get("name") == "popup" and not self._trying_the_hotkey():
                    self.popup.toggle()
            elif topic.startswith("chat."):
                self.popup.hear(event)
            elif topic == "status.changed":
                self._status_changed(data)
            elif topic == "popup.requested":
                conversation, draft = int(data.get("conversation") or 0), str(data.get("draft", ""))
                if data.get("toggle") and not conversation and not draft:
                    self.popup.toggle()
                else:
                    self.popup.requested(conversation, draft)
            elif topic == "window.requested":
                self.open(str(data.get("window", "")))
            elif topic == "notice.raised":
                level, message = str(data.get("level", "info")), str(data.get("message", ""))
                self.tell(level, message, str(data.get("hint", "")))
            elif topic == "agent.failed":
                self._agent_failed(data)
            elif topic == "settings.changed":
                self._do("settings", self._settings_changed, words=False)
            elif topic == "application.quitting":
                self.app.quit()
            if topic == "card.offered":
                self._window("cards")
            for window in list(self._windows.values()):
                if hasattr(window, "hear"):
                    window.hear(event)

    def _trying_the_hotkey(self) -> bool:
        """The first start asks for the key to be pressed, and says itself that it came."""
        first_run = self._windows.get("first_run")
        return first_run is not None and bool(first_run.isVisible())

    def _status_changed(self, data: dict[str, Any]) -> None:
        if "state" in data:
            self._show_status(data)
        else:  # it says only that there is something new
            self._do("status", self._show_status)

    def _show_status(self, status: dict[str, Any]) -> None:
        """The icon and the menu; and once, in the popup, what the person should know."""
        self.tray.show_status(status)
        there = {(str(one["message"]), str(one["hint"])) for one in status.get("problems", ())}
        for message, hint in sorted(there - self._told_problems):
            self.tell("warn", message, hint)
        self._told_problems = there

    def _ready(self) -> None:
        from . import clipboard

        if clipboard.needed() and self._copies is None:
            self._copies = clipboard.Clipboard(
                lambda formats, text: self._do("copied", formats=formats, text=text)
            )
        self._do("status", self._first_status)
        self._do("settings", self._use_settings, words=False)

    def _first_status(self, status: dict[str, Any]) -> None:
        self._show_status(status)
        if status.get("open_cards"):
            self._window("cards")
        if status.get("first_run") and not self._hidden:
            self.open("first_run")

    def _use_settings(self, tables: dict[str, dict[str, dict[str, Any]]]) -> None:
        self.look.choose(str(_value(tables, "assistant", "theme") or "system"))
        self.tray.set_hotkey(str(_value(tables, "sources.hotkey", "popup") or ""))

    def _settings_changed(self, tables: dict[str, dict[str, dict[str, Any]]]) -> None:
        """From whichever door; not at every start, for a desktop's own tool may have removed it."""
        from . import autostart

        self._use_settings(tables)
        wanted = _value(tables, "assistant", "autostart")
        if isinstance(wanted, bool) and autostart.supported() and wanted != autostart.enabled():
            try:
                (autostart.enable if wanted else autostart.disable)()
            except LoomError as error:
                self.tell("warn", error.message, error.hint)

    def _failed(self, message: str, hint: str) -> None:
        self.tray.show_failure(message)
        self.tell("error", message, hint)
        self.popup.summon()  # nothing works without it: this one is worth the focus

    def _agent_failed(self, data: dict[str, Any]) -> None:
        """Once for each agent and kind of event: who fails at every file would say nothing else."""
        from PySide6.QtCore import QCoreApplication

        translate = QCoreApplication.translate
        agent, topic = str(data.get("agent", "")), str(data.get("topic", ""))
        if (agent, topic) in self._told_failures:
            return
        self._told_failures.add((agent, topic))
        message = str(data.get("error", ""))
        if topic:  # without one it is a sentence about the agent already
            message = translate("Shell", "The agent {0} failed: {1}").format(agent, message)
        hint = str(data.get("hint", "")) or translate("Shell", "The log says more.")
        self.tell("warn", message, hint)

    def _do(self, verb: str, done: Callable[[Any], None] | None = None, **arguments: Any) -> None:
        self.engine.request(
            verb, done, lambda error: self.tell("error", error.message, error.hint), **arguments
        )

    def _undone(self, answer: dict[str, Any]) -> None:
        from PySide6.QtCore import QCoreApplication

        refused = answer.get("refused") or []
        if refused:
            message = QCoreApplication.translate("Shell", "Some files could not be put back.")
            self.tell("warn", message, str(refused[0].get("reason", "")))
        else:
            self.tell("info", QCoreApplication.translate("Shell", "The files are back."))
        self.popup.summon()

    # ------------------------------------------------------------------ told once

    def _no_tray(self) -> None:
        from PySide6.QtCore import QCoreApplication

        marker = self.paths.data / "told-no-tray"
        if not marker.exists():
            translate = QCoreApplication.translate
            self.tell(
                "info",
                translate("Shell", "This desktop has no tray for Loom's icon."),
                translate("Shell", "Use the hotkey, or start Loom again to bring this window up."),
            )
            try:
                private_folder(self.paths.data)
                marker.touch()
            except (LoomError, OSError) as error:
                log.warning("cannot remember that the missing tray was told: %s", error)
        if not self._hidden and not self.popup.isVisible():
            self.popup.summon()  # started by hand and nothing else to see of it

    def not_written_down(self, error: LoomError) -> None:
        """Loom works without its log, but nobody could find out later what went wrong."""
        from PySide6.QtCore import QCoreApplication

        message = QCoreApplication.translate("Shell", "Loom cannot write its log.")
        self.tell("warn", message, f"{error.message} {error.hint}".strip())

    def crash_report(self, path: Path | None, shown: Callable[[], None]) -> None:
        """Offer what an earlier run left behind. Nothing is sent."""
        if path is None:
            return
        from PySide6.QtCore import QCoreApplication, QUrl
        from PySide6.QtGui import QDesktopServices

        translate = QCoreApplication.translate

        def show() -> None:
            seen = path if path.exists() else path.with_suffix(".seen")
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(seen)))

        self.tell(
            "warn",
            translate("Shell", "Loom stumbled the last time it ran."),
            translate("Shell", "The report is only on this computer."),
            (translate("Shell", "Open the report"), show),
        )
        shown()


def _value(tables: dict[str, dict[str, dict[str, Any]]], table: str, key: str) -> object:
    return (tables.get(table, {}).get(key) or {}).get("value")


def _told(error: LoomError) -> int:
    sys.stderr.write(f"{error.message} {error.hint}".strip() + "\n")
    return 1


def _no_display() -> bool:
    if not sys.platform.startswith("linux") or os.environ.get("QT_QPA_PLATFORM"):
        return False
    return not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _quit_on_signals(app: QApplication) -> Callable[[], None]:
    """SIGTERM and SIGINT end it like Quit does. Returns the undo."""
    from PySide6.QtCore import QSocketNotifier

    here, there = socket.socketpair()
    for end in (here, there):
        end.setblocking(False)
    before = {
        number: signal.signal(number, lambda *_: app.exit(0))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    wakeup = signal.set_wakeup_fd(there.fileno(), warn_on_full_buffer=False)
    notifier = QSocketNotifier(here.fileno(), QSocketNotifier.Type.Read)

    def read() -> None:
        try:
            here.recv(64)  # Python runs the handler because something of Python runs
        except BlockingIOError:
            return

    notifier.activated.connect(read)

    def undo() -> None:
        notifier.setEnabled(False)
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        here.close()
        there.close()

    return undo
