from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLabel

from app import autostart
from app.first_run import FirstRun
from loom_desktop.errors import Unavailable
from loom_desktop.event import Event
from tests.app.fake_engine import FakeEngine

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.theme import Theme
    from tests.app.conftest import Run

NOTHING = {"clipboard": False, "files": False, "autostart": False}


class New(FakeEngine):
    def __init__(self, **more: Any) -> None:
        super().__init__(
            {
                "models": list,
                "status": lambda: {"sources": {"hotkey": {"working": True}}},
                "settings": lambda: {"sources.hotkey": {"popup": {"value": "Ctrl+Shift+L"}}},
                "doctor": list,
                "first_run": lambda **_: {},
                "change_setting": lambda **_: {},
                **more,
            }
        )


def opened(qtbot: QtBot, run: Run, look: Theme, fake: FakeEngine) -> FirstRun:
    window = FirstRun(run(fake), look)
    qtbot.addWidget(window)
    window.summon()
    qtbot.waitUntil(lambda: bool(fake.asked("doctor")), timeout=2000)
    return window


def press(button: QAbstractButton) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_no_part_of_it_is_a_window_of_its_own(
    qtbot: QtBot, run: Run, look: Theme, strays: list[str]
) -> None:
    opened(qtbot, run, look, FakeEngine({}))
    assert strays == []


def test_everything_is_off_until_it_is_chosen(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = New()
    window = opened(qtbot, run, look, fake)
    assert window.pages.count() <= 3
    for _ in range(2):
        press(window.go_on)
    with qtbot.waitSignal(window.wanted, timeout=2000) as wanted:
        press(window.go_on)
    assert wanted.args == ["popup"]
    assert fake.asked("first_run") == [NOTHING]
    assert fake.asked("change_setting") == []
    assert not window.isVisible()


def test_what_is_chosen_is_told(
    qtbot: QtBot, run: Run, look: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(autostart, "enable", lambda: done.append("on"))
    fake = New()
    window = opened(qtbot, run, look, fake)
    press(window.clipboard)
    press(window.files)
    press(window.go_on)
    press(window.local_only)
    press(window.go_on)
    press(window.autostart)
    with qtbot.waitSignal(window.wanted, timeout=2000):
        press(window.go_on)
    assert fake.asked("first_run") == [{"clipboard": True, "files": True, "autostart": True}]
    assert fake.asked("change_setting") == [
        {"table": "privacy", "key": "local_only", "value": True}
    ]
    assert done == ["on"]


def test_skipping_chooses_nothing(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = New()
    window = opened(qtbot, run, look, fake)
    press(window.clipboard)
    for _ in range(3):
        press(window.skip)
    qtbot.waitUntil(lambda: bool(fake.asked("first_run")), timeout=2000)
    assert fake.asked("first_run") == [NOTHING]


def test_who_goes_back_and_skips_has_chosen_nothing(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = New()
    window = opened(qtbot, run, look, fake)
    press(window.clipboard)
    press(window.go_on)
    press(window.back)
    for _ in range(3):
        press(window.skip)
    qtbot.waitUntil(lambda: bool(fake.asked("first_run")), timeout=2000)
    assert fake.asked("first_run") == [NOTHING]


def test_closing_it_skips_the_rest_and_it_never_comes_again(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    fake = New()
    window = opened(qtbot, run, look, fake)
    press(window.clipboard)
    with qtbot.waitSignal(window.wanted, timeout=2000):
        QTest.keyClick(window, Qt.Key.Key_Escape)
    assert fake.asked("first_run") == [NOTHING]
    window.summon()
    assert not window.isVisible()


def test_when_the_choice_cannot_be_kept_it_says_so_and_can_be_left(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    def full(**_: Any) -> None:
        raise Unavailable("loom.toml cannot be written.", hint="Free the disk.")

    window = opened(qtbot, run, look, New(first_run=full))
    for _ in range(3):
        press(window.go_on)
    qtbot.waitUntil(lambda: window.trouble.isVisible(), timeout=2000)
    assert window.go_on.isEnabled()
    QTest.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()


def test_when_the_application_quits_nothing_was_chosen_or_skipped(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    fake = New()
    window = opened(qtbot, run, look, fake)
    with qtbot.assertNotEmitted(window.wanted, wait=50):
        assert window.close()
    assert fake.asked("first_run") == []


def test_the_hotkey_is_tried_live(qtbot: QtBot, run: Run, look: Theme) -> None:
    window = opened(qtbot, run, look, New())
    assert window.keys.accessibleName() in ("", "Ctrl+Shift+L")
    qtbot.waitUntil(lambda: window.keys.accessibleName() == "Ctrl+Shift+L", timeout=2000)
    assert window.heard.text() != "It works."
    window.hear(Event(topic="hotkey.pressed", payload={"name": "popup"}))
    assert window.heard.text() == "It works."


def test_a_hotkey_that_is_not_heard_says_what_to_do(qtbot: QtBot, run: Run, look: Theme) -> None:
    report = {"working": False, "detail": "No way to hear keys here.", "fix": ""}
    window = opened(qtbot, run, look, New(status=lambda: {"sources": {"hotkey": report}}))
    qtbot.waitUntil(lambda: "loom popup" in window.heard.text(), timeout=2000)
    assert "No way to hear keys here." in window.heard.text()


def test_it_says_what_is_missing_here(qtbot: QtBot, run: Run, look: Theme) -> None:
    found = [
        {"name": "message bus", "state": "missing", "detail": "There is no bus.", "fix": "So."},
        {"name": "voice", "state": "off", "detail": "Not installed.", "fix": ""},
    ]
    window = opened(qtbot, run, look, New(doctor=lambda: found))

    def said() -> str:
        return "\n".join(one.text() for one in window.findChildren(QLabel))

    qtbot.waitUntil(lambda: "There is no bus. So." in said(), timeout=2000)
    assert "Not installed." not in said()
    assert "no tray" in said()  # offscreen there is none


def test_models_that_were_found_are_named(qtbot: QtBot, run: Run, look: Theme) -> None:
    found = [{"name": "ollama", "model": "llama3.2", "kind": "openai", "local": True, "working": 1}]
    window = opened(qtbot, run, look, New(models=lambda: found))
    qtbot.waitUntil(lambda: window.models.count() == 1, timeout=2000)
    window = opened(qtbot, run, look, New())
    qtbot.waitUntil(lambda: "No model was found" in window.searching.text(), timeout=2000)


def test_everything_to_press_has_a_name(qtbot: QtBot, run: Run, look: Theme) -> None:
    window = opened(qtbot, run, look, New())
    for one in window.findChildren(QAbstractButton):
        if one.focusPolicy() != Qt.FocusPolicy.NoFocus:
            assert one.accessibleName(), one
