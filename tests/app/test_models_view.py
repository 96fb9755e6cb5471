from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton

from app.models_view import Endpoint, Models
from loom_desktop.errors import SettingsError
from tests.app.fake_engine import FakeEngine

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.theme import Theme
    from tests.app.conftest import Run

FOUND = {
    "name": "ollama", "kind": "openai", "api_base": "http://127.0.0.1:11434/v1",
    "model": "llama3.2", "found": True, "local": True, "working": True, "detail": "3 models",
}  # fmt: skip
SET = FOUND | {"name": "deepseek", "found": False, "local": False, "working": False}


def made(qtbot: QtBot, run: Run, look: Theme, fake: FakeEngine) -> Endpoint:
    form = Endpoint(run(fake), look)
    qtbot.addWidget(form)
    form.show()
    form.name.setText("deepseek")
    form.address.setText("https://api.deepseek.com/v1")
    form.model.setText("deepseek-chat")
    return form


def test_an_endpoint_is_written_in_one_piece_after_its_key_is_kept(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    fake = FakeEngine(
        {"set_secret": lambda **_: {"place": "keyring"}, "change_setting": lambda **_: {}}
    )
    form = made(qtbot, run, look, fake)
    form.key.setText("sk-123")
    with qtbot.waitSignal(form.added, timeout=2000):
        QTest.mouseClick(form.add, Qt.MouseButton.LeftButton)
    assert [verb for verb, _ in fake.calls] == ["set_secret", "change_setting"]
    assert fake.asked("set_secret") == [{"name": "deepseek", "value": "sk-123"}]
    written = fake.asked("change_setting")[0]
    assert (written["table"], written["key"]) == ("llm", "deepseek")
    assert written["value"] == {
        "kind": "openai",
        "api_base": "https://api.deepseek.com/v1",
        "model": "deepseek-chat",
        "api_key": "keyring:deepseek",
    }
    assert "sk-123" not in str(written)
    assert form.key.text() == ""


def test_a_server_without_a_key_needs_none(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = FakeEngine({"change_setting": lambda **_: {}})
    form = made(qtbot, run, look, fake)
    with qtbot.waitSignal(form.added, timeout=2000):
        form.send()
    assert "api_key" not in fake.asked("change_setting")[0]["value"]


@pytest.mark.parametrize(
    ("field", "text"),
    [("name", "a.b"), ("name", ""), ("address", "api.deepseek.com"), ("model", " ")],
)
def test_what_is_missing_is_said_before_anything_is_done(
    qtbot: QtBot, run: Run, look: Theme, field: str, text: str
) -> None:
    fake = FakeEngine()
    form = made(qtbot, run, look, fake)
    getattr(form, field).setText(text)
    form.send()
    assert form.trouble.isVisible()
    assert fake.calls == []


def test_what_the_engine_refuses_is_said_and_nothing_typed_is_lost(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    def refuse(**_: Any) -> None:
        raise SettingsError("loom.toml cannot be written.")

    form = made(qtbot, run, look, FakeEngine({"change_setting": refuse}))
    form.send()
    qtbot.waitUntil(lambda: form.trouble.isVisible(), timeout=2000)
    assert form.trouble.text() == "loom.toml cannot be written."
    assert form.name.text() == "deepseek"
    assert form.add.isEnabled()


def test_the_key_is_not_shown_and_all_fields_have_names(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    form = made(qtbot, run, look, FakeEngine())
    assert form.key.echoMode() == QLineEdit.EchoMode.Password
    assert all(one.accessibleName() for one in form.findChildren(QLineEdit))


def test_models_say_where_they_are_and_those_set_can_be_removed(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    fake = FakeEngine({"models": lambda: [FOUND, SET], "change_setting": lambda **_: {}})
    models = Models(run(fake), look)
    qtbot.addWidget(models)
    models.refresh()
    qtbot.waitUntil(lambda: len(models.rows) == 2, timeout=2000)
    said = "\n".join(one.text() for one in models.findChildren(QLabel))
    for words in ("on this computer", "elsewhere", "found by itself", "does not answer"):
        assert words in said
    removes = [one for one in models.findChildren(QPushButton) if one.text() == "Remove"]
    assert [one.accessibleName() for one in removes] == ["Remove deepseek"]
    QTest.mouseClick(removes[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(fake.asked("change_setting")), timeout=2000)
    assert fake.asked("change_setting") == [{"table": "llm", "key": "deepseek", "value": None}]


def test_without_any_it_says_that_loom_works_all_the_same(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    models = Models(run(FakeEngine({"models": list})), look)
    qtbot.addWidget(models)
    models.refresh()
    qtbot.waitUntil(lambda: "without one" in models.said.text(), timeout=2000)
