from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLineEdit

from app import autostart
from app.crossing import Engine
from app.field import Field
from app.settings_window import SettingsWindow
from loom_desktop import settings as toml
from loom_desktop.agents import clipboard as clipboard_agent
from loom_desktop.agents import downloads
from loom_desktop.errors import Unavailable
from loom_desktop.event import Event
from loom_desktop.sources import clipboard, files, hotkey, system
from tests.app.fake_engine import FakeEngine
from tests.app.real_engine import real_loom

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.theme import Theme
    from tests.app.conftest import Run

MODULES = {
    "sources.hotkey": hotkey,
    "sources.clipboard": clipboard,
    "sources.files": files,
    "sources.system": system,
    "agents.clipboard": clipboard_agent,
    "agents.downloads": downloads,
}


def tables() -> dict[str, Any]:
    """What the engine's own verb says with everything as usual."""
    found = {name: toml.described(kind, kind()) for name, kind in toml.SECTIONS.items()}
    for name, module in MODULES.items():
        kind: Any = module.Settings
        found[name] = toml.described(kind, kind())
    return found


class Settable(FakeEngine):
    def __init__(self, **more: Any) -> None:
        self.tables = tables()
        self.hotkey = {"working": True, "driver": "x11", "detail": "Ctrl+Shift+L opens Loom."}
        super().__init__(
            {
                "settings": lambda: self.tables,
                "status": lambda: {"sources": {"hotkey": self.hotkey}},
                "models": list,
                "nevers": list,
                "doctor": list,
                "change_setting": self.change,
                **more,
            }
        )

    def change(self, table: str, key: str, value: Any) -> dict[str, bool]:
        known = self.tables[table][key]
        known["value"] = known["default"] if value is None else value
        return {"applied": True, "restart": False}


def opened(qtbot: QtBot, run: Run, look: Theme, fake: FakeEngine) -> SettingsWindow:
    window = SettingsWindow(run(fake), look)
    qtbot.addWidget(window)
    window.summon()
    return window


def whole(qtbot: QtBot, run: Run, look: Theme, fake: Settable) -> SettingsWindow:
    window = opened(qtbot, run, look, fake)
    there = sum(len(table) for table in fake.tables.values())
    qtbot.waitUntil(lambda: len(window.fields) == there, timeout=5000)
    return window


def field(window: SettingsWindow, where: str) -> Field:
    return next(one for one in window.fields if f"{one.table}.{one.key}" == where)


def shown(window: SettingsWindow) -> set[str]:
    return {f"{one.table}.{one.key}" for one in window.fields if one.isVisible()}


def test_no_part_of_it_is_a_window_of_its_own(
    qtbot: QtBot, run: Run, look: Theme, strays: list[str]
) -> None:
    whole(qtbot, run, look, Settable())
    assert strays == []


def test_every_setting_there_is_has_a_title_and_a_place(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    window = whole(qtbot, run, look, Settable())
    for one in window.fields:
        assert one.title[:1].isupper()
        assert "_" not in one.title
        assert one.sentence
    window.show_page("general")
    assert "assistant.theme" in shown(window)
    window.show_page("more")
    assert shown(window) == {"sources.system.delay_sleep"}


def test_search_finds_settings_by_their_words_on_all_pages(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    window = whole(qtbot, run, look, Settable())
    window.search.setText("QUIET hours")
    qtbot.waitUntil(lambda: shown(window) == {"attention.quiet_hours"}, timeout=2000)
    assert not window.pages.selectedItems(), "it is not a page that is shown"
    window.search.setText("folders watch")
    qtbot.waitUntil(lambda: "sources.files.folders" in shown(window), timeout=2000)
    window.search.setText("xyzzy")
    qtbot.waitUntil(lambda: window.told.isVisible(), timeout=2000)
    window.show_page("privacy")
    qtbot.waitUntil(lambda: "privacy.redact" in shown(window), timeout=2000)
    assert window.search.text() == ""
    assert len(window.pages.selectedItems()) == 1


def test_the_look_changes_at_once(qtbot: QtBot, run: Run, look: Theme) -> None:
    window = whole(qtbot, run, look, Settable())
    assert not look.tokens.dark
    with qtbot.waitSignal(look.changed, timeout=2000):
        field(window, "assistant.theme").change("dark")
    assert look.tokens.dark


def test_start_at_login_is_the_desktops_entry_and_the_setting(
    qtbot: QtBot, run: Run, look: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(autostart, "enable", lambda: done.append("on"))
    monkeypatch.setattr(autostart, "disable", lambda: done.append("off"))
    fake = Settable()
    window = whole(qtbot, run, look, fake)
    switch = field(window, "assistant.autostart")
    for value in (True, False):
        with qtbot.waitSignal(switch.changed, timeout=2000):
            switch.change(value)
    assert done == ["on", "off"]
    assert [one["value"] for one in fake.asked("change_setting")] == [True, False]


def test_the_report_of_the_hotkey_is_live(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = Settable()
    window = whole(qtbot, run, look, fake)
    window.show_page("hotkey")
    report = window._sections["hotkey"]._reports["hotkey"]
    qtbot.waitUntil(lambda: "opens Loom" in report.words.text(), timeout=2000)
    fake.hotkey = {
        "working": False, "driver": "", "detail": "Another program has it.", "fix": "Take another."
    }  # fmt: skip
    window.hear(Event(topic="status.changed", payload={}))
    qtbot.waitUntil(lambda: report.words.text() == "Another program has it.", timeout=2000)
    assert report.fix.text() == "Take another."


def test_what_changed_elsewhere_shows(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = Settable()
    window = whole(qtbot, run, look, fake)
    fake.tables["attention"]["cards_per_hour"]["value"] = 2
    window.hear(Event(topic="status.changed", payload={}))
    qtbot.waitUntil(lambda: field(window, "attention.cards_per_hour").value == 2, timeout=2000)


def test_an_engine_that_does_not_answer_is_told_and_asked_again(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    broken = [True]
    found = tables()

    def settings() -> Any:
        if broken:
            raise Unavailable("Loom's engine is not running.", hint="Start it again.")
        return found

    window = opened(qtbot, run, look, Settable(settings=settings))
    qtbot.waitUntil(lambda: "not running" in window.told.title.text(), timeout=2000)
    broken.clear()
    QTest.mouseClick(window.told.act, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "assistant.theme" in shown(window), timeout=2000)


def test_everything_to_press_or_write_in_has_a_name(qtbot: QtBot, run: Run, look: Theme) -> None:
    window = whole(qtbot, run, look, Settable())
    for kind in (QAbstractButton, QLineEdit):
        for one in window.findChildren(kind):
            if one.focusPolicy() != Qt.FocusPolicy.NoFocus and not one.isHidden():
                assert one.accessibleName(), one


def test_the_real_engine_follows_what_is_changed_here(
    qtbot: QtBot, look: Theme, tmp_path: Path
) -> None:
    engine = Engine(lambda: real_loom(tmp_path))
    with qtbot.waitSignal(engine.ready, timeout=20_000):
        engine.start()
    try:
        window = SettingsWindow(engine, look)
        qtbot.addWidget(window)
        window.summon()
        qtbot.waitUntil(lambda: len(window.fields) > 20, timeout=10_000)
        quiet = field(window, "attention.quiet_hours")
        quiet.change("all night")
        qtbot.waitUntil(lambda: not quiet.trouble.isHidden(), timeout=5000)
        assert "22:00-07:00" in quiet.trouble.text()
        with qtbot.waitSignal(quiet.changed, timeout=5000):
            quiet.change("23:00-06:00")
        written = (tmp_path / "loom.toml").read_text("utf-8")
        assert "23:00-06:00" in written
        assert "all night" not in written

        done: list[Any] = []
        value = {"kind": "openai", "api_base": "http://127.0.0.1:9/v1", "model": "m"}
        for one in (value, None):
            engine.request(
                "change_setting", done.append, done.append, table="llm", key="mine", value=one
            )
            qtbot.waitUntil(lambda: bool(done), timeout=5000)
            assert done.pop() == {"applied": True, "restart": False}
            written = (tmp_path / "loom.toml").read_text("utf-8")
            assert ("api_base" in written) == (one is not None)
    finally:
        assert engine.stop()
