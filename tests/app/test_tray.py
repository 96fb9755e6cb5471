from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QSystemTrayIcon

from app import resources, tray
from app.tray import SIZES, STATES, Tray, state_icon

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from tests.screen import Screen

ALONE = """
import sys
from PySide6.QtWidgets import QApplication
app = QApplication(["loom"])
app.setQuitOnLastWindowClosed(False)
from app.tray import Tray
tray = Tray()
tray.show_status({"state": "idle", "words": "Ready"})
tray.quit.connect(app.quit)
tray.watch_for_hosts()
app.processEvents()
open(sys.argv[1], "w").close()
sys.exit(app.exec())
"""


@pytest.fixture
def made(qtbot: QtBot) -> Tray:
    return Tray()


def texts(made: Tray) -> list[str]:
    return [a.text() for a in made.menu.actions() if a.isVisible() and not a.isSeparator()]


def test_the_menu_has_everything_and_says_the_state_on_top(made: Tray) -> None:
    assert texts(made) == [
        "Starting",
        "Ask…",
        "Summarise clipboard",
        "Reminders",
        "Inbox",
        "Pause capture for 10 minutes",
        "Pause capture until I say",
        "Settings",
        "Quit",
    ]
    assert not made.state_action.isEnabled()


def test_it_follows_the_status(made: Tray) -> None:
    made.show_status(
        {"state": "paused", "words": "Paused until 9:40", "paused_until": 99.0, "local_only": True,
         "open_cards": 2}
    )  # fmt: skip
    assert texts(made)[:2] == ["Paused until 9:40", "Local only: nothing leaves this computer"]
    assert "Resume capture" in texts(made)
    assert "Pause capture until I say" not in texts(made)
    assert "Inbox (2)" in texts(made)
    assert made.icon is not None
    assert "Paused until 9:40" in made.icon.toolTip()
    made.show_status({"state": "idle", "words": "Fish & chips", "paused_until": 0})
    assert texts(made)[0] == "Fish && chips"
    assert "Resume capture" not in texts(made)


def test_a_shortcut_is_set_on_the_action_not_written_in_the_text(made: Tray) -> None:
    made.set_hotkey("Ctrl+Alt+Space")
    assert made.ask_action.shortcut().toString() == "Ctrl+Alt+Space"
    assert all("\t" not in text for text in texts(made))


@pytest.mark.parametrize(
    ("action", "signal", "arguments"),
    [
        ("ask_action", "ask", []),
        ("summarize_action", "summarize", []),
        ("pause_action", "pause", [600]),
        ("pause_long_action", "pause", [-1]),
        ("resume_action", "resume", []),
        ("inbox_action", "wanted", ["inbox"]),
        ("reminders_action", "wanted", ["reminders"]),
        ("settings_action", "wanted", ["settings"]),
        ("quit_action", "quit", []),
    ],
)
def test_every_entry_does_what_it_says(
    made: Tray, qtbot: QtBot, action: str, signal: str, arguments: list[object]
) -> None:
    entry: QAction = getattr(made, action)
    with qtbot.waitSignal(getattr(made, signal), timeout=1000) as sent:
        entry.trigger()
    assert sent.args == arguments


def test_a_click_on_the_icon_asks_and_other_buttons_do_not(made: Tray, qtbot: QtBot) -> None:
    assert made.icon is not None
    with qtbot.waitSignal(made.ask, timeout=1000):
        made.icon.activated.emit(QSystemTrayIcon.ActivationReason.Trigger)
    with qtbot.assertNotEmitted(made.ask):
        made.icon.activated.emit(QSystemTrayIcon.ActivationReason.Context)


def test_a_host_that_comes_late_gets_a_new_icon_and_only_one(made: Tray, qtbot: QtBot) -> None:
    before = made.icon
    made._host_came()
    qtbot.waitUntil(lambda: made.icon is not before)
    assert made.icon is not None
    assert made.icon.contextMenu() is made.menu
    assert made.icon.isVisible()


def test_a_desktop_without_a_tray_is_told_once(
    made: Tray, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tray, "NO_TRAY_MS", 1)
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: False)
    told: list[int] = []
    made.missing.connect(lambda: told.append(1))
    made.watch_for_hosts()
    qtbot.waitUntil(lambda: told == [1])


def test_when_the_engine_did_not_start_it_says_so_and_can_be_quit(made: Tray) -> None:
    made.show_failure("The disk is full.")
    assert texts(made)[0] == "The disk is full."
    assert made.quit_action.isEnabled()
    assert not made.settings_action.isEnabled()


@pytest.mark.parametrize("pictures", [True, False], ids=["pictures", "drawn"])
@pytest.mark.parametrize("state", [*STATES, "unheard of"])
def test_every_state_has_an_icon_in_every_size(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, state: str, pictures: bool
) -> None:
    if not pictures:
        monkeypatch.setattr(resources, "find", lambda _: None)
    icon = state_icon(state, local_only=True)
    for size in SIZES:
        image = icon.pixmap(size, size).toImage()
        assert image.width() == size
        opaque = sum(image.pixelColor(x, size // 2).alpha() > 0 for x in range(size))
        assert opaque > 0


def test_states_can_be_told_apart(qtbot: QtBot) -> None:
    images = [state_icon(state).pixmap(32, 32).toImage() for state in STATES]
    assert all(one != other for at, one in enumerate(images) for other in images[:at])
    locked = state_icon("idle", local_only=True).pixmap(32, 32).toImage()
    assert locked != images[0]


@pytest.mark.x11
def test_a_statusnotifier_host_that_comes_late_or_again_has_one_icon_with_the_menu(
    sni_screen: Screen, tmp_path: Path
) -> None:
    fake, up = sni_screen.fake, tmp_path / "up"
    fake.stop_tray()
    process = sni_screen.start(sys.executable, "-c", ALONE, up, env={"QT_QPA_PLATFORM": "xcb"})
    try:
        sni_screen.wait_for(up.exists, "the application without a host")
        for _ in range(2):
            fake.start_tray()
            sni_screen.wait_for(lambda: len(fake.items()) == 1, "one icon")
            labels = [str(entry.get("label", "")) for entry in fake.menu()]
            assert "Ready" in labels
            assert any(label.startswith("Ask") for label in labels)
            fake.stop_tray()
        fake.start_tray()
        sni_screen.wait_for(lambda: len(fake.items()) == 1, "one icon")
        fake.click("Quit")
        sni_screen.wait_for(lambda: process.poll() is not None, "the end")
        assert process.returncode == 0
    finally:
        sni_screen.end(process)
