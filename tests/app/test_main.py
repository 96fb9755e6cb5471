from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QPushButton

from app import autostart
from app import main as shell_module
from app.crossing import Engine
from app.main import Shell, main
from app.theme import Theme
from app.tray import Tray
from loom_desktop import garbage
from loom_desktop.door import client
from loom_desktop.paths import Paths, paths
from tests.app.fake_engine import FakeEngine

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.screen import Screen

ROOT = Path(__file__).resolve().parents[2]
STATUS = {"state": "idle", "words": "Ready", "paused_until": 0, "open_cards": 0}
START = "import sys; from app.main import main; sys.exit(main(sys.argv[1:]))"

BARELY = """
import logging, os, sys
from app import crossing, main

def start(self):
    home = os.path.expanduser("~")
    logging.getLogger("test").warning("api_key=hunter2hunter2 in %s/x", home)
    print(told[-1] if told else "", flush=True)
    os._exit(3)

told = []
main.Shell.tell = lambda self, level, message, *more: told.append(message)
crossing.Engine.start = start
sys.exit(main.main(["--hidden"]))
"""
"""Ends where the engine would start."""


class Window(QObject):
    """Stands for the windows that others write."""

    wanted = Signal(str)
    conversation_wanted = Signal(int)

    def __init__(self, engine: object, look: object) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.summoned: list[str] = []

    def summon(self, kind: str = "") -> None:
        self.summoned.append(kind)

    def hear(self, event: Any) -> None:
        self.heard.append(event.topic)

    def hide(self) -> None:
        self.summoned.append("hidden")


@pytest.fixture
def here(tmp_path: Path) -> Paths:
    return paths({"LOOM_HOME": str(tmp_path)})


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every window that is imported lazily is a stand-in."""
    for module, kind in (*shell_module.WINDOWS.values(), shell_module.CARDS):
        fake = types.ModuleType(f"app.{module}")
        setattr(fake, kind, Window)
        monkeypatch.setitem(sys.modules, f"app.{module}", fake)


Start = Callable[..., tuple[Shell, FakeEngine]]


@pytest.fixture
def start(qtbot: QtBot, look: Theme, here: Paths, windows: None) -> Iterator[Start]:
    made: list[tuple[Shell, Engine]] = []

    def begin(*, opens: object = None, **verbs: Any) -> tuple[Shell, FakeEngine]:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        fake = FakeEngine(
            {"status": lambda: STATUS, "settings": lambda words=True: {}, **verbs}, opens=opens
        )
        engine = Engine(lambda: fake)
        shell = Shell(app, engine, look, Tray(), here)
        made.append((shell, engine))
        engine.start()
        if opens is None:
            qtbot.waitUntil(lambda: shell.tray.state_action.text() == "Ready")
        return shell, fake

    yield begin
    for shell, engine in made:
        shell.close()
        assert engine.stop()


def notice(shell: Shell) -> str:
    return shell.popup.notice.accessibleName() if not shell.popup.notice.isHidden() else ""


def test_the_hotkey_shows_and_hides_the_popup(start: Start, qtbot: QtBot) -> None:
    shell, fake = start()
    fake.say("hotkey.pressed", name="push_to_talk")
    for visible in (True, False):
        fake.say("hotkey.pressed", name="popup")
        qtbot.waitUntil(lambda v=visible: shell.popup.isVisible() is v)  # type: ignore[misc]  # bound now


def test_a_second_start_raises_the_popup_and_windows_open_by_name(
    start: Start, qtbot: QtBot
) -> None:
    shell, fake = start()
    fake.say("popup.requested", window="popup", draft="Note: ")
    qtbot.waitUntil(shell.popup.isVisible)
    assert shell.popup.prompt.edit.toPlainText() == "Note: "
    fake.say("window.requested", window="settings")
    qtbot.waitUntil(lambda: "settings_window" in shell._windows)
    assert shell._windows["settings_window"].summoned == [""]
    fake.say("window.requested", window="reminders")
    qtbot.waitUntil(lambda: "inbox" in shell._windows)
    assert shell._windows["inbox"].summoned == ["reminder"]


def test_the_command_bound_to_a_key_shows_and_hides_but_never_hides_what_it_brings(
    start: Start, qtbot: QtBot
) -> None:
    shell, fake = start()
    for visible in (True, False, True):
        fake.say("popup.requested", window="popup", draft="", toggle=True)
        qtbot.waitUntil(lambda v=visible: shell.popup.isVisible() is v)  # type: ignore[misc]  # bound now
    fake.say("popup.requested", window="popup", draft="Note: ", toggle=True)
    qtbot.waitUntil(lambda: shell.popup.prompt.edit.toPlainText() == "Note: ")
    assert shell.popup.isVisible()
    fake.say("popup.requested", window="popup", draft="", toggle=False)  # a second start
    fake.say("window.requested", window="settings")
    qtbot.waitUntil(lambda: "settings_window" in shell._windows)
    assert shell.popup.isVisible()


def test_windows_are_not_imported_before_they_are_wanted(start: Start, qtbot: QtBot) -> None:
    shell, fake = start()
    assert shell._windows == {}
    fake.say("card.offered", card={"id": 1})
    qtbot.waitUntil(lambda: "cards" in shell._windows)
    assert shell._windows["cards"].heard == ["card.offered"]


def test_cards_that_were_open_before_are_shown_after_a_start(start: Start, qtbot: QtBot) -> None:
    shell, _ = start(status=lambda: {**STATUS, "open_cards": 1})
    qtbot.waitUntil(lambda: "cards" in shell._windows)


def test_the_first_run_begins_by_itself_unless_started_hidden(start: Start, qtbot: QtBot) -> None:
    for hidden, wanted in ((True, False), (False, True)):
        shell, _ = start()
        shell._hidden = hidden
        shell._first_status({**STATUS, "first_run": True})
        assert ("first_run" in shell._windows) is wanted


@pytest.mark.parametrize("payload", [{**STATUS, "words": "Thinking"}, {}])
def test_the_tray_follows_the_state(start: Start, qtbot: QtBot, payload: dict[str, Any]) -> None:
    shell, fake = start()
    fake.verbs["status"] = lambda: {**STATUS, "words": "Thinking"}
    fake.say("status.changed", **payload)
    qtbot.waitUntil(lambda: shell.tray.state_action.text() == "Thinking")


def test_settings_choose_palette_and_hotkey(start: Start, qtbot: QtBot) -> None:
    tables = {
        "assistant": {"theme": {"value": "dark"}},
        "sources.hotkey": {"popup": {"value": "Ctrl+Alt+Space"}},
    }
    shell, fake = start(settings=lambda words=True: tables)
    qtbot.waitUntil(lambda: shell.look.tokens.dark)
    tables["assistant"]["theme"]["value"] = "light"
    fake.say("settings.changed")
    qtbot.waitUntil(lambda: not shell.look.tokens.dark)
    assert shell.tray.ask_action.shortcut().toString() == "Ctrl+Alt+Space"


def test_start_at_login_follows_the_setting_from_whichever_door(
    start: Start, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    tables: dict[str, dict[str, dict[str, object]]] = {"assistant": {"autostart": {"value": True}}}
    _, fake = start(settings=lambda words=True: tables)
    assert not autostart.enabled(), "not at a start: a desktop's own tool may have removed it"
    fake.say("settings.changed")
    qtbot.waitUntil(autostart.enabled)
    tables["assistant"]["autostart"]["value"] = False
    fake.say("settings.changed")
    qtbot.waitUntil(lambda: not autostart.enabled())


def test_the_menu_reaches_the_engine_and_a_refusal_is_told(start: Start, qtbot: QtBot) -> None:
    shell, fake = start(
        resume_capture=lambda: {},
        undo=lambda: {"undone": [], "refused": [{"path": "a", "reason": "It changed since."}]},
    )
    shell.tray.resume_action.trigger()
    shell.tray.pause_action.trigger()
    qtbot.waitUntil(lambda: fake.asked("pause_capture") == [{"seconds": 600}])
    assert fake.asked("resume_capture") == [{}]
    qtbot.waitUntil(lambda: "pause_capture" in notice(shell))  # the fake does not know the verb
    shell.open("undo")
    qtbot.waitUntil(lambda: "It changed since." in notice(shell))


def test_a_notice_does_not_bring_up_a_window(start: Start, qtbot: QtBot) -> None:
    shell, fake = start()
    fake.say("notice.raised", level="warn", message="The key is taken.", hint="Choose another.")
    qtbot.waitUntil(lambda: "The key is taken." in notice(shell))
    assert not shell.popup.isVisible()


def test_an_agent_that_fails_is_told_once_for_each_kind_of_event(
    start: Start, qtbot: QtBot
) -> None:
    shell, fake = start()
    failed = {"agent": "downloads", "topic": "file.settled", "error": "The disk is full."}
    fake.say("agent.failed", **failed, hint="Free some space.")
    told = "The agent downloads failed: The disk is full. Free some space."
    qtbot.waitUntil(lambda: notice(shell) == told)
    assert not shell.popup.isVisible()
    shell.popup.notice.hide()
    fake.say("agent.failed", **{**failed, "error": "The disk is still full."}, hint="")
    fake.say("window.requested", window="settings")
    qtbot.waitUntil(lambda: "settings_window" in shell._windows)
    assert notice(shell) == "", "the same again is no news"
    fake.say("agent.failed", agent="downloads", topic="", error="It is paused.", hint="")
    qtbot.waitUntil(lambda: notice(shell) == "It is paused. The log says more.")
    fake.say("agent.failed", **{**failed, "agent": "clipboard"}, hint="")
    qtbot.waitUntil(lambda: notice(shell).startswith("The agent clipboard failed"))


def test_an_engine_that_does_not_start_is_shown(start: Start, qtbot: QtBot) -> None:
    from loom_desktop.errors import Unavailable

    shell, _ = start(opens=Unavailable("The disk is full.", hint="Free some."))
    qtbot.waitUntil(lambda: "The disk is full. Free some." in notice(shell))
    assert shell.popup.isVisible()
    assert shell.tray.state_action.text() == "The disk is full."


def test_a_missing_tray_is_told_once_ever(start: Start, qtbot: QtBot) -> None:
    shell, _ = start()
    shell._hidden = False
    shell._no_tray()
    assert "no tray" in notice(shell)
    assert shell.popup.isVisible()
    shell.popup.notice.hide()
    shell._no_tray()
    assert notice(shell) == ""


def test_a_crash_report_is_offered_and_opened_only_when_asked(
    start: Start, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    shell, _ = start()
    report, told = tmp_path / "crash-1.txt", []
    report.write_text("x")
    shell.crash_report(None, lambda: told.append(0))
    shell.crash_report(report, lambda: told.append(1))
    assert told == [1]
    assert opened == []
    act = shell.popup.notice.findChildren(QPushButton)
    next(one for one in act if one.accessibleName() == "Open the report").click()
    assert opened == [str(tmp_path / "crash-1.seen")] or opened == [str(report)]


def test_a_window_may_ask_for_a_conversation(start: Start, qtbot: QtBot) -> None:
    rows = [{"role": "user", "text": "Old", "state": "done"}]
    shell, _ = start(conversation=lambda **_: rows)
    shell.open("inbox")
    shell._windows["inbox"].conversation_wanted.emit(4)
    qtbot.waitUntil(lambda: shell.popup.conversation == 4)
    assert shell.popup.isVisible()


def test_without_a_display_it_says_what_to_do(
    here: Paths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOOM_HOME", str(here.config))
    monkeypatch.setattr(sys, "platform", "linux")
    assert main([]) == 1
    assert "loom run --headless" in capsys.readouterr().err


def test_a_home_that_cannot_be_used_is_told_on_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LOOM_HOME", str(tmp_path / "file" / "x"))
    assert main([]) == 1
    assert "cannot be made" in capsys.readouterr().err


def barely(home: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "LOOM_HOME": str(home)}
    command = [sys.executable, "-c", BARELY]
    return subprocess.run(
        command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )


def test_the_log_has_no_secrets_and_no_home(tmp_path: Path) -> None:
    ended = barely(tmp_path)
    assert ended.returncode == 3, ended.stderr
    log = (tmp_path / "logs" / "loom.log").read_text("utf-8")
    assert "api_key=" in log
    assert " in ~/x" in log
    assert "hunter2" not in log


@pytest.mark.parametrize("broken", ["the folder", "the file"])
def test_a_log_that_cannot_be_written_is_a_notice_and_no_end(tmp_path: Path, broken: str) -> None:
    if broken == "the folder":
        (tmp_path / "logs").write_text("")
    else:
        (tmp_path / "logs" / "loom.log").mkdir(parents=True)
    ended = barely(tmp_path)
    assert ended.returncode == 3, ended.stderr
    assert ended.stdout == "Loom cannot write its log.\n"
    assert "Traceback" not in ended.stderr


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("env", "address"),
    [
        ({}, "disabled:"),
        ({"DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"}, "unix:path=/x"),
        ({"XDG_RUNTIME_DIR": "here"}, ""),
    ],
)
def test_no_message_bus_is_started_where_there_is_none(
    env: dict[str, str], address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bus").touch()
    for name in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"):
        value = env.get(name, "")  # empty is none; and whatever is set here is gone afterwards
        monkeypatch.setenv(name, str(tmp_path) if value == "here" else value)
    shell_module._leave_the_bus_alone()
    assert os.environ.get("DBUS_SESSION_BUS_ADDRESS", "") == address


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_whole_shell_starts_answers_a_second_start_and_ends_cleanly(
    tmp_path: Path, number: signal.Signals
) -> None:
    env = {**os.environ, "LOOM_HOME": str(tmp_path), "PYTHONFAULTHANDLER": "1"}
    env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    command = [sys.executable, "-c", START, "--hidden"]
    first = subprocess.Popen(command, env=env, cwd=ROOT, stderr=subprocess.PIPE)
    try:
        wait_for((tmp_path / "loom.sock").exists, "the engine's door")
        second = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, timeout=20)
        assert (second.returncode, second.stderr) == (0, b"")
        first.send_signal(number)
        _, told = first.communicate(timeout=20)
        assert first.returncode == 0, told
        assert not (tmp_path / "loom.sock").exists()
        assert [p.name for p in (tmp_path / "logs").iterdir() if "loom.log" not in p.name] == []
    finally:
        first.kill()
        first.communicate()


@pytest.mark.x11
def test_on_a_real_screen_the_key_shows_a_focused_popup_and_hides_it(
    screen: Screen, tmp_path: Path
) -> None:
    env = {"LOOM_HOME": str(tmp_path), "QT_QPA_PLATFORM": "xcb"}
    process = screen.start(sys.executable, "-c", START, "--hidden", env=env)
    try:
        wait_for((tmp_path / "loom.sock").exists, "the engine's door")

        def bound() -> bool:
            status = client.call("status", {}, at=tmp_path / "loom.sock")
            return bool(status["sources"]["hotkey"]["working"])

        wait_for(bound, "the key is grabbed")

        def popup() -> list[Any]:
            return [w for w in screen.windows("Loom") if w.width > 500]

        def pressed_and_visible() -> bool:
            return bool(popup()) and popup()[0].focused

        screen.key("ctrl+shift+l")
        wait_for(pressed_and_visible, "a focused popup")
        window = popup()[0]
        assert window.x >= 0
        assert window.y >= 0
        screen.type("half")
        screen.key("ctrl+shift+l")
        wait_for(lambda: not popup(), "the same key hides it")
        screen.key("ctrl+shift+l")
        wait_for(pressed_and_visible, "it comes back")
        screen.key("escape")
        wait_for(lambda: not popup(), "Escape hides it")
    finally:
        assert screen.end(process) == 0


def test_a_problem_is_told_once_in_the_popup(start: Start, qtbot: QtBot) -> None:
    problem = {"message": "The disk is full.", "hint": "Free some space."}
    status = {**STATUS, "problems": [problem]}
    shell, fake = start(status=lambda: status)
    qtbot.waitUntil(lambda: "The disk is full." in notice(shell))
    shell.popup.notice.hide()
    fake.say("status.changed")
    qtbot.waitUntil(lambda: len(fake.asked("status")) >= 2)
    assert shell.popup.notice.isHidden()


def test_once_it_has_started_the_collector_leaves_it_alone(
    start: Start, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[bool] = []
    monkeypatch.setattr(garbage, "SETTLED_S", 0.01)
    monkeypatch.setattr(garbage, "settle", lambda: settled.append(True))
    shell, _ = start()
    shell.at_idle(hidden=True)
    qtbot.waitUntil(lambda: settled == [True], timeout=5000)
