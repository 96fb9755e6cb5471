from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtWidgets import QFileDialog, QLabel

from app.exchange import _file_name
from app.inbox import Inbox
from loom_desktop.errors import LoomError
from tests.app.test_inbox import TALK, Old, opened, press

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.theme import Theme
    from tests.app.conftest import Run


def conversations(qtbot: QtBot, run: Run, look: Theme, fake: Old) -> Inbox:
    inbox = opened(qtbot, run, look, fake)
    inbox.show_view("conversations")
    qtbot.waitUntil(lambda: inbox.list.order() == ["conversation:9"], timeout=2000)
    return inbox


def dialog(inbox: Inbox) -> QFileDialog:
    (found,) = inbox.findChildren(QFileDialog)
    return found


def notice(inbox: Inbox) -> str:
    return " ".join(one.text() for one in inbox.notice.findChildren(QLabel))


def test_a_conversation_is_exported_where_the_person_says(
    qtbot: QtBot, run: Run, look: Theme, tmp_path: Path
) -> None:
    fake = Old(export_conversations=lambda **more: {"path": more["to"]})
    inbox = conversations(qtbot, run, look, fake)
    press(inbox, "Export…")
    asked = dialog(inbox)
    assert asked.acceptMode() is QFileDialog.AcceptMode.AcceptSave
    assert Path(asked.selectedFiles()[0]).name == "What is 2 + 2.md"
    asked.filterSelected.emit(asked.nameFilters()[1])
    assert asked.defaultSuffix() == "json"
    to = str(tmp_path / "a.json")
    asked.fileSelected.emit(to)
    qtbot.waitUntil(lambda: "is exported" in notice(inbox), timeout=2000)
    assert fake.asked("export_conversations") == [{"conversations": [9], "to": to, "replace": True}]
    assert "a.json" in notice(inbox)


@pytest.mark.parametrize(
    ("done", "told"),
    [
        ({"imported": 3, "known": 0}, "Conversations imported: 3"),
        ({"imported": 0, "known": 2}, "Here already: 2"),
    ],
)
def test_an_import_says_what_came_of_it(
    qtbot: QtBot, run: Run, look: Theme, done: dict[str, int], told: str
) -> None:
    fake = Old(import_conversations=lambda **_: done)
    inbox = conversations(qtbot, run, look, fake)
    assert inbox.bring.isVisible()
    inbox.bring.click()
    dialog(inbox).fileSelected.emit("/x/export.zip")
    qtbot.waitUntil(lambda: told in notice(inbox), timeout=2000)
    assert fake.asked("import_conversations") == [{"path": "/x/export.zip"}]
    inbox.show_view("inbox")
    assert not inbox.bring.isVisible()


def test_what_goes_wrong_is_told(qtbot: QtBot, run: Run, look: Theme) -> None:
    def refuse(**_: Any) -> None:
        raise LoomError("a.zip: The archive is damaged.", hint="Download it again.")

    inbox = conversations(qtbot, run, look, Old(import_conversations=refuse))
    inbox.exchange.read("/x/a.zip")
    qtbot.waitUntil(lambda: "archive is damaged" in notice(inbox), timeout=2000)
    assert "Download it again." in notice(inbox)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({}, "Questions: 1"),
        ({"parent": 3}, "Questions: 1  ·  Branch"),
        ({"service": "chatgpt"}, "Questions: 1  ·  Imported from ChatGPT"),
    ],
)
def test_a_line_says_where_it_came_from(
    qtbot: QtBot, run: Run, look: Theme, more: dict[str, Any], text: str
) -> None:
    inbox = conversations(qtbot, run, look, Old(conversations=lambda **_: [{**TALK, **more}]))
    row = inbox.list.row("conversation:9")
    assert row is not None
    assert row.text == text


@pytest.mark.parametrize(
    ("title", "name"),
    [("a/b: c?", "a b c"), ("..", ""), ("x" * 99, "x" * 60), ('"\n', ""), ("Tee ü", "Tee ü")],
)
def test_a_title_becomes_a_name_that_every_system_takes(title: str, name: str) -> None:
    assert _file_name(title) == name
