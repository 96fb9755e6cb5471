from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton

from app.popup import Popup
from loom_desktop.errors import NotFound
from tests.app.fake_engine import FakeEngine
from tests.app.test_popup import CTRL, KEY, Open, asks, open_popup, shown

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

__all__ = ["open_popup"]  # the fixture
SAID = [
    {"role": "user", "text": "Which tea?", "state": "done", "turn": 5},
    {"role": "assistant", "text": "Green.", "state": "done", "turn": 5},
    {"role": "user", "text": "Why?", "state": "done", "turn": 6},
    {"role": "assistant", "text": "Because.", "state": "done", "turn": 6},
]


@pytest.fixture
def talked(open_popup: Open, qtbot: QtBot) -> tuple[Popup, FakeEngine]:
    """A popup with the conversation 5, and an engine whose branches are the conversation 8."""
    branched = {"turn": 9, "conversation": 8}
    popup, fake = open_popup(
        conversation=lambda **_: SAID,
        edit=lambda **_: branched,
        retry=lambda **_: branched,
        branch=lambda **_: {"conversation": 8},
    )
    popup.open_conversation(5)
    qtbot.waitUntil(lambda: popup.conversation == 5 and "Because." in shown(popup))
    return popup, fake


def texts(popup: Popup) -> list[str]:
    return [one.text for one in popup.transcript.messages]


def test_the_last_question_is_changed_and_asked_in_a_branch(
    talked: tuple[Popup, FakeEngine], qtbot: QtBot
) -> None:
    popup, fake = talked
    QTest.keyClick(popup, KEY.Key_E, CTRL)
    assert popup.prompt.text == "Why?"
    assert "in a branch" in notice(popup)
    popup.prompt.put("Why that?")
    popup.prompt.attach([__file__])
    QTest.keyClick(popup.prompt.edit, KEY.Key_Return)
    qtbot.waitUntil(lambda: popup._turn == 9)
    assert fake.asked("edit") == [{"text": "Why that?", "files": [__file__], "conversation": 5}]
    assert fake.asked("ask") == []
    assert popup.conversation == 8
    assert texts(popup) == ["Which tea?", "Green.", "Why that?"]
    assert not popup.notice.isVisible()
    fake.say("chat.answered", turn=9, text="So.", route="local", seconds=0.1, cost=0)
    qtbot.waitUntil(lambda: "So." in shown(popup))
    popup.ask("More")
    qtbot.waitUntil(lambda: bool(fake.asked("ask")))
    assert fake.asked("ask")[0]["conversation"] == 8


@pytest.mark.parametrize("how", ["emptied", "closed"])
def test_an_emptied_input_or_a_closed_notice_ends_the_change(
    talked: tuple[Popup, FakeEngine], qtbot: QtBot, how: str
) -> None:
    popup, fake = talked
    QTest.keyClick(popup, KEY.Key_E, CTRL)
    if how == "emptied":
        popup.prompt.edit.clear()
    else:
        popup.notice.findChildren(QAbstractButton)[-1].click()
    assert not popup.notice.isVisible()
    popup.prompt.put("Something else")
    QTest.keyClick(popup.prompt.edit, KEY.Key_Return)
    qtbot.waitUntil(lambda: bool(fake.asked("ask")))
    assert fake.asked("edit") == []
    assert texts(popup)[-1] == "Something else"
    assert len(texts(popup)) == 5


def test_another_conversation_ends_the_change(
    talked: tuple[Popup, FakeEngine], qtbot: QtBot
) -> None:
    popup, fake = talked
    QTest.keyClick(popup, KEY.Key_E, CTRL)
    popup.new_conversation()
    asks(popup, fake, qtbot)
    assert fake.asked("edit") == []


def test_the_last_question_is_asked_once_more(
    talked: tuple[Popup, FakeEngine], qtbot: QtBot
) -> None:
    popup, fake = talked
    popup._picked("again")
    qtbot.waitUntil(lambda: popup._turn == 9)
    assert fake.asked("retry") == [{"conversation": 5}]
    assert texts(popup) == ["Which tea?", "Green.", "Why?"]
    assert popup.transcript.streaming


def test_a_branch_is_opened_and_said(talked: tuple[Popup, FakeEngine], qtbot: QtBot) -> None:
    popup, fake = talked
    popup._picked("branch")
    qtbot.waitUntil(lambda: popup.conversation == 8)
    assert fake.asked("branch") == [{"conversation": 5}]
    assert fake.asked("conversation")[-1] == {"conversation": 8}
    assert popup.notice.isVisible()

    def refuse(**_: Any) -> None:
        raise NotFound("There is no conversation 8.", hint="Look.")

    fake.verbs["branch"] = refuse
    popup._picked("branch")
    qtbot.waitUntil(lambda: "no conversation 8" in notice(popup))


@pytest.mark.parametrize("act", ["edit", "again", "branch"])
def test_without_an_answered_question_it_is_said(open_popup: Open, qtbot: QtBot, act: str) -> None:
    popup, fake = open_popup()
    popup._picked(act)
    assert "no answered question" in notice(popup)
    asks(popup, fake, qtbot)
    popup.notice.hide()
    popup._picked(act)  # while it is being answered
    assert "no answered question" in notice(popup)
    assert popup.prompt.text == ""
    assert [verb for verb, _ in fake.calls] == ["ask"]


def notice(popup: Popup) -> str:
    assert popup.notice.isVisible()
    return " ".join(one.text() for one in popup.notice.findChildren(type(popup._name)))
