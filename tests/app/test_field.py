from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QPushButton

from app.controls import Choice, Switch
from app.field import Field, Folders, Names, _short
from loom_desktop.errors import SettingsError, Unavailable
from tests.app.fake_engine import FakeEngine

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.theme import Theme
    from tests.app.conftest import Run


def known(value: Any, default: Any, kind: str, choices: list[str] | None = None) -> dict[str, Any]:
    return {
        "value": value, "default": default, "kind": kind, "choices": choices or [],
        "words": "One sentence.",
    }  # fmt: skip


def applied(**_: Any) -> dict[str, bool]:
    return {"applied": True, "restart": False}


def refused(**_: Any) -> None:
    raise SettingsError("That is not a span of time.", hint="Write it as 22:00-07:00.")


def made(
    qtbot: QtBot, run: Run, look: Theme, fake: FakeEngine, one: dict[str, Any], **more: Any
) -> Field:
    field = Field(run(fake), look, "attention", "key", one, "A title", **more)
    qtbot.addWidget(field)
    field.show()
    return field


def write(field: Field, text: str) -> None:
    line = field.control
    assert isinstance(line, QLineEdit)
    line.setFocus()
    line.selectAll()
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Return)


def test_a_switch_applies_at_once(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = FakeEngine({"change_setting": applied})
    field = made(qtbot, run, look, fake, known(False, False, "bool"))
    assert isinstance(field.control, Switch)
    with qtbot.waitSignal(field.changed, timeout=2000) as changed:
        QTest.mouseClick(field.control, Qt.MouseButton.LeftButton)
    assert changed.args == ["attention", "key", True]
    assert fake.asked("change_setting") == [{"table": "attention", "key": "key", "value": True}]
    assert not field.reset.isHidden()


def test_a_reset_goes_back_to_the_default(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = FakeEngine({"change_setting": applied})
    field = made(qtbot, run, look, fake, known(9, 6, "int"))
    with qtbot.waitSignal(field.changed, timeout=2000):
        QTest.mouseClick(field.reset, Qt.MouseButton.LeftButton)
    assert fake.asked("change_setting")[0]["value"] is None
    assert field.value == 6
    assert field.reset.isHidden()


def test_a_value_that_is_refused_is_not_kept_and_says_why(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    fake = FakeEngine({"change_setting": refused})
    field = made(qtbot, run, look, fake, known("22:00-07:00", "22:00-07:00", "str"))
    write(field, "all night")
    qtbot.waitUntil(lambda: field.trouble.isVisible(), timeout=2000)
    assert field.trouble.text() == "That is not a span of time. Write it as 22:00-07:00."
    assert isinstance(field.control, QLineEdit)
    assert field.control.text() == "22:00-07:00"


@pytest.mark.parametrize(("kind", "text", "value"), [("int", "12", 12), ("float", "1,5", 1.5)])
def test_numbers_are_read_as_people_write_them(
    qtbot: QtBot, run: Run, look: Theme, kind: str, text: str, value: float
) -> None:
    fake = FakeEngine({"change_setting": applied})
    field = made(qtbot, run, look, fake, known(6, 6, kind))
    with qtbot.waitSignal(field.changed, timeout=2000):
        write(field, text)
    assert fake.asked("change_setting")[0]["value"] == value
    assert type(fake.asked("change_setting")[0]["value"]) is type(value)


def test_what_is_no_number_never_reaches_the_engine(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = FakeEngine({"change_setting": applied})
    field = made(qtbot, run, look, fake, known(6, 6, "int"))
    write(field, "many")
    assert field.trouble.isVisible()
    assert fake.calls == []


def test_a_number_that_the_engine_calls_a_list_is_a_number(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    field = made(qtbot, run, look, FakeEngine(), known(1_000_000, 1_000_000, "list"))
    assert isinstance(field.control, QLineEdit)
    assert field.control.text() == "1000000"


def test_one_of_a_few_is_chosen(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = FakeEngine({"change_setting": applied})
    one = known("system", "system", "choice", ["system", "light", "dark"])
    field = made(qtbot, run, look, fake, one)
    assert isinstance(field.control, Choice)
    with qtbot.waitSignal(field.changed, timeout=2000):
        QTest.mouseClick(field.control.chips["dark"], Qt.MouseButton.LeftButton)
    assert fake.asked("change_setting")[0]["value"] == "dark"


def test_a_folder_is_taken_away_and_added(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = FakeEngine({"change_setting": applied})
    one = known(["~/Downloads", "~/Documents"], ["~/Downloads"], "list")
    field = made(qtbot, run, look, fake, one, shape="folders")
    assert isinstance(field.control, Folders)
    gone = next(one for one in field.control.findChildren(QPushButton) if not one.text())
    with qtbot.waitSignal(field.changed, timeout=2000):
        QTest.mouseClick(gone, Qt.MouseButton.LeftButton)
    assert fake.asked("change_setting")[0]["value"] == ["~/Documents"]
    with qtbot.waitSignal(field.changed, timeout=2000):
        field.control._picked("~/Desktop")
    assert fake.asked("change_setting")[1]["value"] == ["~/Documents", "~/Desktop"]


def test_names_are_switched_one_by_one(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = FakeEngine({"change_setting": lambda **_: {"applied": True, "restart": True}})
    one = known(["chat", "clipboard"], ["chat", "clipboard", "reminders"], "list")
    field = made(qtbot, run, look, fake, one)
    assert isinstance(field.control, Names)
    with qtbot.waitSignal(field.changed, timeout=2000):
        QTest.mouseClick(field.control.chips["clipboard"], Qt.MouseButton.LeftButton)
    assert fake.asked("change_setting")[0]["value"] == ["chat"]
    assert "next time" in field.after.text()
    assert field.after.isVisible()


def test_what_must_happen_first_may_refuse_and_is_taken_back(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    done: list[bool] = []

    def full(on: bool) -> None:
        raise Unavailable("The disk is full.")

    field = made(
        qtbot, run, look, FakeEngine({"change_setting": applied}), known(False, False, "bool"),
        before=full,
    )  # fmt: skip
    field.change(True)
    assert field.trouble.text() == "The disk is full."
    fake = FakeEngine({"change_setting": refused})
    field = made(qtbot, run, look, fake, known(False, False, "bool"), before=done.append)
    field.change(True)
    qtbot.waitUntil(lambda: field.trouble.isVisible(), timeout=2000)
    assert done == [True, False]


def test_a_line_that_is_being_written_in_is_left_alone(qtbot: QtBot, run: Run, look: Theme) -> None:
    field = made(qtbot, run, look, FakeEngine(), known("a", "a", "str"))
    line = field.control
    assert isinstance(line, QLineEdit)
    with qtbot.waitActive(field):
        field.activateWindow()
    line.setFocus()
    QTest.keyClicks(line, "bc")
    field.follow(known("changed elsewhere", "a", "str"))
    assert line.text() == "abc"


def test_paths_at_home_are_written_short() -> None:
    home = Path.home()
    assert _short(str(home / "Downloads")) == "~/Downloads"
    assert _short(str(home)) == "~"
    assert _short("/srv/files") == "/srv/files"
