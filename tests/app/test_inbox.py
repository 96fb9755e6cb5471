from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QLineEdit

from app.card import CardView
from app.detail import Detail
from app.inbox import Inbox
from loom_desktop.errors import Unavailable
from loom_desktop.event import Event
from tests.app.fake_engine import FakeEngine
from tests.app.made import NOW, action, item

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.theme import Theme
    from tests.app.conftest import Run

DAY = 86_400
REMINDER = {
    "id": 4, "text": "Stretch", "at": "2026-11-21T08:30:00+00:00", "zone": "UTC", "rrule": "",
    "words": "tomorrow at 8:30", "state": "active", "said": "",
}  # fmt: skip
TALK = {"conversation": 9, "title": "What is 2 + 2?", "time": NOW - 60, "turns": 1}


class Old(FakeEngine):
    """An engine with things in it; ``more`` replaces verbs."""

    def __init__(self, **more: Any) -> None:
        self.items = [
            item(1, "approval", created=NOW - 60),
            item(2, created=NOW - 120, state="expired"),
            action(3, undo=3, time=NOW - DAY),
            action(4, state="undone", time=NOW - 4 * DAY),
        ]
        super().__init__(
            {
                "inbox": lambda **_: self.items,
                "reminders": lambda: [REMINDER],
                "conversations": lambda **_: [TALK],
                "left_today": lambda: {"connections": 0, "bytes_out": 0, "bytes_in": 0},
                "status": lambda: {"local_only": False},
                **more,
            }
        )


def opened(qtbot: QtBot, run: Run, look: Theme, fake: FakeEngine, kind: str = "") -> Inbox:
    inbox = Inbox(run(fake), look, clock=lambda: NOW)
    qtbot.addWidget(inbox)
    inbox.summon(kind)
    qtbot.waitUntil(lambda: bool(fake.asked("status")), timeout=2000)
    qtbot.waitUntil(lambda: bool(inbox.left_today.text()), timeout=2000)
    return inbox


def headings(inbox: Inbox) -> list[str]:
    model = inbox.list.model()
    rows = [model.index(number, 0) for number in range(model.rowCount())]
    return [str(row.data()) for row in rows if not row.flags() & Qt.ItemFlag.ItemIsSelectable]


def press(inbox: Inbox, words: str) -> None:
    page = inbox.page
    assert page is not None
    found = next(one for one in page.findChildren(QAbstractButton) if one.text() == words)
    QTest.mouseClick(found, Qt.MouseButton.LeftButton)


def wait_for_kind(qtbot: QtBot, fake: FakeEngine, kind: str) -> None:
    qtbot.waitUntil(lambda: bool(fake.asked("inbox")[-1]["kind"] == kind), timeout=2000)


def wait_for_reminder(qtbot: QtBot, fake: FakeEngine, verb: str) -> None:
    qtbot.waitUntil(lambda: fake.asked(verb) == [{"reminder": 4}], timeout=2000)


def test_everything_is_listed_by_day(qtbot: QtBot, run: Run, look: Theme) -> None:
    inbox = opened(qtbot, run, look, Old())
    assert inbox.list.order() == ["card:1", "card:2", "action:3", "action:4"]
    assert headings(inbox)[:2] == ["Today", "Yesterday"]
    assert "16 November" in headings(inbox)[2] or "November 16" in headings(inbox)[2]


def test_an_open_card_is_answered_from_here(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = Old(answer=lambda **_: {"state": "declined"})
    inbox = opened(qtbot, run, look, fake)
    assert isinstance(inbox.page, CardView)
    press(inbox, "Do not")
    qtbot.waitUntil(lambda: bool(fake.asked("answer")), timeout=2000)
    assert fake.asked("answer")[0]["action"] == "deny"


def test_what_only_tells_waits_for_nobody(qtbot: QtBot, run: Run, look: Theme) -> None:
    told = item(2, "notice")
    inbox = opened(qtbot, run, look, Old(inbox=lambda **_: [told]))
    assert inbox._item(told).state == ""
    assert inbox._item(item(1)).state == "Waits for you"
    page = inbox.page
    assert isinstance(page, CardView)
    assert page._eyebrow().startswith("Notice")
    assert "Waits" not in page._eyebrow()


def test_undo_is_where_something_can_be_undone(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = Old(undo=lambda **_: {"undone": [{"source": "a", "target": "b"}], "refused": []})
    inbox = opened(qtbot, run, look, fake)
    inbox.list.choose("action:4")
    assert isinstance(inbox.page, Detail)
    assert inbox.page.buttons == []
    inbox.list.choose("action:3")
    press(inbox, "Undo")
    qtbot.waitUntil(lambda: inbox.notice.isVisible(), timeout=2000)
    assert fake.asked("undo") == [{"act": 3}]


def test_what_undo_refuses_is_named(qtbot: QtBot, run: Run, look: Theme) -> None:
    refused = [{"path": "/a/b.txt", "reason": "It was changed since."}]
    inbox = opened(qtbot, run, look, Old(undo=lambda **_: {"undone": [], "refused": refused}))
    inbox.list.choose("action:3")
    press(inbox, "Undo")
    qtbot.waitUntil(lambda: inbox.notice.isVisible(), timeout=2000)
    assert "/a/b.txt: It was changed since." in inbox.notice.accessibleName()


def test_a_filter_asks_for_one_kind(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = Old()
    inbox = opened(qtbot, run, look, fake)
    for kind in ("suggestion", "approval", "reminder", "action", ""):
        QTest.mouseClick(inbox.kinds.chips[kind], Qt.MouseButton.LeftButton)
        wait_for_kind(qtbot, fake, kind)


def test_the_search_rests_before_it_asks(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = Old()
    inbox = opened(qtbot, run, look, fake)
    before = len(fake.asked("inbox"))
    QTest.keyClicks(inbox.search, "invoice")
    qtbot.waitUntil(lambda: fake.asked("inbox")[-1]["query"] == "invoice", timeout=2000)
    assert len(fake.asked("inbox")) - before <= 3  # seven keys
    assert inbox._rest.timerType() == Qt.TimerType.PreciseTimer


@pytest.mark.parametrize("topic", ["card.offered", "card.closed", "status.changed"])
def test_it_is_live(qtbot: QtBot, run: Run, look: Theme, topic: str) -> None:
    fake = Old()
    inbox = opened(qtbot, run, look, fake)
    fake.items.insert(0, item(77, created=NOW))
    for _ in range(50):
        inbox.hear(Event(topic=topic, payload={"card": 1}))
    before = len(fake.asked("inbox"))
    qtbot.waitUntil(lambda: "card:77" in inbox.list.order(), timeout=2000)
    assert len(fake.asked("inbox")) == before + 1


def test_a_stream_of_events_does_not_put_it_off(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = Old()
    inbox = opened(qtbot, run, look, fake)
    before = len(fake.asked("inbox"))

    def asked_meanwhile() -> bool:
        inbox.hear(Event(topic="status.changed", payload={}))
        return len(fake.asked("inbox")) > before

    qtbot.waitUntil(asked_meanwhile, timeout=2000)


def test_hidden_it_asks_nothing(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = Old()
    inbox = opened(qtbot, run, look, fake)
    inbox.hide()
    inbox.hear(Event(topic="card.offered", payload={}))
    assert not inbox._live.isActive()


def test_what_is_being_read_is_not_taken_away_by_a_refresh(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    fake = Old()
    inbox = opened(qtbot, run, look, fake)
    page = inbox.page
    fake.items.insert(0, item(77, created=NOW))
    inbox.refresh()
    qtbot.waitUntil(lambda: "card:77" in inbox.list.order(), timeout=2000)
    assert inbox.page is page


def test_nothing_is_said_in_words_and_so_is_a_failure(qtbot: QtBot, run: Run, look: Theme) -> None:
    inbox = opened(qtbot, run, look, Old(inbox=lambda **_: []))
    assert inbox.told.isVisible()
    assert inbox.told.title.text() == "Nothing here yet"

    broken: list[bool] = [True]

    def fail(**_: Any) -> list[Any]:
        if broken:
            raise Unavailable("The store is busy.", hint="Wait a moment.")
        return [item(1)]

    inbox = opened(qtbot, run, look, Old(inbox=fail))
    qtbot.waitUntil(lambda: inbox.told.title.text() == "The store is busy.", timeout=2000)
    assert inbox.told.sentence.text() == "Wait a moment."
    broken.clear()
    QTest.mouseClick(inbox.told.act, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: inbox.list.order() == ["card:1"], timeout=2000)


def test_a_search_that_finds_nothing_can_be_cleared(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = Old()
    fake.verbs["inbox"] = lambda **given: [] if given["query"] else fake.items
    inbox = opened(qtbot, run, look, fake)
    inbox.search.setText("xyzzy")
    qtbot.waitUntil(lambda: inbox.told.title.text() == "Nothing found", timeout=2000)
    QTest.mouseClick(inbox.told.act, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(inbox.list.order()) == 4, timeout=2000)
    assert inbox.search.text() == ""


def test_reminders_are_done_put_off_and_removed_with_a_way_back(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    verbs = ("reminder_done", "reminder_snooze", "reminder_remove", "reminder_restore")
    fake = Old(**{verb: lambda **_: {} for verb in verbs})
    inbox = opened(qtbot, run, look, fake, "reminder")
    qtbot.waitUntil(lambda: inbox.list.order() == ["reminder:4"], timeout=2000)
    assert headings(inbox) == ["Tomorrow"]
    for words, verb in (("Done", verbs[0]), ("In 10 minutes", verbs[1]), ("Remove", verbs[2])):
        press(inbox, words)
        wait_for_reminder(qtbot, fake, verb)
    qtbot.waitUntil(lambda: inbox.notice.isVisible(), timeout=2000)
    inbox._restore()
    qtbot.waitUntil(lambda: fake.asked(verbs[3]) == [{"reminder": 4}], timeout=2000)


def test_a_conversation_opens_in_the_popup(qtbot: QtBot, run: Run, look: Theme) -> None:
    inbox = opened(qtbot, run, look, Old())
    inbox.show_view("conversations")
    qtbot.waitUntil(lambda: inbox.list.order() == ["conversation:9"], timeout=2000)
    inbox.list.setFocus()
    with qtbot.waitSignal(inbox.conversation_wanted, timeout=1000) as wanted:
        QTest.keyClick(inbox.list, Qt.Key.Key_Return)
    assert wanted.args == [9]


def test_forgetting_is_asked_once_more(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = Old(forget_conversation=lambda **_: {})
    inbox = opened(qtbot, run, look, fake)
    inbox.show_view("conversations")
    qtbot.waitUntil(lambda: inbox.list.order() == ["conversation:9"], timeout=2000)
    press(inbox, "Forget…")
    assert fake.asked("forget_conversation") == []
    inbox._forget()
    qtbot.waitUntil(lambda: bool(fake.asked("forget_conversation")), timeout=2000)


def test_what_left_today_is_always_said(qtbot: QtBot, run: Run, look: Theme) -> None:
    inbox = opened(qtbot, run, look, Old())
    assert inbox.left_today.text() == "Nothing left this computer today"
    totals = {"connections": 3, "bytes_out": 34_211, "bytes_in": 9}
    inbox = opened(qtbot, run, look, Old(left_today=lambda: totals))
    assert inbox.left_today.text().startswith("34")
    assert "3" in inbox.left_today.text().partition("·")[2]


def test_local_only_is_switched_here_and_stays_off_when_refused(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    def refuse(**_: Any) -> None:
        raise Unavailable("loom.toml cannot be written.")

    fake = Old(change_setting=refuse)
    inbox = opened(qtbot, run, look, fake)
    QTest.mouseClick(inbox.local_only, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: inbox.notice.isVisible(), timeout=2000)
    assert not inbox.local_only.isChecked()
    assert fake.asked("change_setting") == [
        {"table": "privacy", "key": "local_only", "value": True}
    ]


def test_everything_to_press_or_write_in_has_a_name(qtbot: QtBot, run: Run, look: Theme) -> None:
    inbox = opened(qtbot, run, look, Old())
    for kind in (QAbstractButton, QLineEdit):
        for one in inbox.findChildren(kind):
            if one.isVisible() and one.focusPolicy() != Qt.FocusPolicy.NoFocus:
                assert one.accessibleName(), one
