from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtTest import QTest

from app import theme
from app.cards import FROM_EDGE, LEAST_TICK_MS, MOST, Cards, corner
from app.crossing import Engine
from loom_desktop.actions.consent import Question, digest
from loom_desktop.errors import Denied
from loom_desktop.event import Event
from tests.app.fake_engine import FakeEngine
from tests.app.made import NOW, card
from tests.app.real_engine import real_loom

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.theme import Theme
    from tests.app.conftest import Run


def offered(one: dict[str, Any]) -> Event:
    return Event(topic="card.offered", payload={"card": one})


def closed(number: int) -> Event:
    return Event(topic="card.closed", payload={"card": number, "state": "expired", "action": ""})


def made(qtbot: QtBot, run: Run, look: Theme, fake: FakeEngine | None = None, **more: Any) -> Cards:
    cards = Cards(run(fake or FakeEngine({"cards": list})), look, clock=lambda: NOW, **more)
    qtbot.addWidget(cards)
    return cards


def test_a_card_shows_without_taking_the_focus(qtbot: QtBot, run: Run, look: Theme) -> None:
    cards = made(qtbot, run, look)
    assert cards.testAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
    with qtbot.waitExposed(cards):
        cards.hear(offered(card(1)))
    assert [view.id for view in cards.views()] == [1]


def test_it_accepts_the_focus_only_when_it_is_wanted(qtbot: QtBot, run: Run, look: Theme) -> None:
    cards = made(qtbot, run, look)
    refuses = Qt.WindowType.WindowDoesNotAcceptFocus
    with qtbot.waitExposed(cards):
        cards.hear(offered(card(1)))
    assert cards.windowHandle().flags() & refuses
    cards.summon()
    assert not cards.windowHandle().flags() & refuses
    assert cards.isVisible()
    cards.hear(closed(1))
    cards.hear(offered(card(2)))
    assert cards.windowHandle().flags() & refuses


def test_it_dies_with_its_cause(qtbot: QtBot, run: Run, look: Theme) -> None:
    cards = made(qtbot, run, look)
    cards.hear(offered(card(1)))
    cards.hear(offered(card(2, "reminder")))
    cards.hear(closed(1))
    assert [view.id for view in cards.views()] == [2]
    assert cards.isVisible()
    cards.hear(closed(2))
    assert not cards.isVisible()


def test_cards_that_were_open_before_are_shown(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = FakeEngine({"cards": lambda: [card(4, "reminder", expires=0)]})
    cards = made(qtbot, run, look, fake)
    qtbot.waitUntil(lambda: len(cards.views()) == 1, timeout=2000)
    assert cards.isVisible()


def test_what_an_earlier_run_told_is_in_the_inbox_and_not_shown_again(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    fake = FakeEngine(
        {
            "cards": lambda: [
                card(4, "notice", created=NOW - 3_600),
                card(5, "notice", created=NOW - 1),
                card(6, "reminder", created=NOW - 3_600),
            ]
        }
    )
    cards = made(qtbot, run, look, fake)
    qtbot.waitUntil(lambda: [view.id for view in cards.views()] == [5, 6], timeout=2000)


def test_a_slow_list_does_not_bring_back_a_card_that_is_over(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    fake = FakeEngine({"cards": lambda: [card(4)]})
    cards = made(qtbot, run, look, fake)
    cards.hear(offered(card(4)))
    cards.hear(closed(4))
    qtbot.waitUntil(lambda: bool(fake.calls), timeout=2000)
    cards._loaded([card(4)])
    assert cards.views() == []


def test_the_same_card_is_there_once(qtbot: QtBot, run: Run, look: Theme) -> None:
    cards = made(qtbot, run, look)
    cards.hear(offered(card(1)))
    cards.hear(offered(card(1)))
    assert len(cards.views()) == 1


def test_an_approval_has_room_before_anything_else(qtbot: QtBot, run: Run, look: Theme) -> None:
    cards = made(qtbot, run, look)
    for number in range(1, 10):
        cards.hear(offered(card(number, "notice")))
    assert len(cards._shown()) <= MOST
    cards.hear(offered(card(20, "approval")))
    assert 20 in {view.id for view in cards._shown()}
    hidden = len(cards.views()) - len(cards._shown())
    assert not cards.more.isHidden()
    assert cards.more.text().startswith(str(hidden))


def test_what_moves_makes_an_approval_wait_again(qtbot: QtBot, run: Run, look: Theme) -> None:
    cards = made(qtbot, run, look)
    cards.hear(offered(card(1)))
    cards.hear(offered(card(2, "approval")))
    allow = cards.views()[1].buttons[1]
    qtbot.waitUntil(allow.isEnabled, timeout=2000)
    cards.hear(closed(1))
    assert not allow.isEnabled()


def test_escape_dismisses_the_card_with_the_focus(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = FakeEngine({"cards": list, "answer": lambda **_: {"state": "declined"}})
    cards = made(qtbot, run, look, fake)
    cards.hear(offered(card(1)))
    cards.hear(offered(card(2, "reminder")))
    cards.summon()
    cards.views()[1].focus()
    QTest.keyClick(cards.views()[1].buttons[0], Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: [view.id for view in cards.views()] == [1], timeout=2000)
    assert fake.asked("answer") == [
        {"card": 2, "action": "dismiss", "digest": "", "door": "window"}
    ]


def test_summoned_the_keyboard_is_on_the_default_button(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    cards = made(qtbot, run, look)
    cards.hear(offered(card(1, "approval")))
    cards.summon()
    assert cards.focusWidget() is cards.views()[0].buttons[0]
    assert cards.views()[0].buttons[0].text() == "Do not"


def test_summoned_without_cards_it_is_the_inbox_that_is_wanted(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    cards = made(qtbot, run, look)
    with qtbot.waitSignal(cards.wanted, timeout=1000) as wanted:
        cards.summon()
    assert wanted.args == ["inbox"]


def test_it_ticks_seldom_and_only_while_something_runs_out(
    qtbot: QtBot, run: Run, look: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(theme, "motion_ms", lambda: 120)
    cards = made(qtbot, run, look)
    cards.hear(offered(card(1, "reminder", expires=0)))
    assert not cards._ticks.isActive()
    cards.hear(offered(card(2, expires=NOW + 1)))
    assert cards._ticks.isActive()
    assert cards._ticks.interval() >= LEAST_TICK_MS
    cards.hear(closed(2))
    assert not cards._ticks.isActive()


def test_nothing_ticks_where_stillness_is_asked_for(
    qtbot: QtBot, run: Run, look: Theme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(theme, "motion_ms", lambda: 0)
    cards = made(qtbot, run, look)
    cards.hear(offered(card(2, expires=NOW + 1)))
    assert not cards._ticks.isActive()


@pytest.mark.parametrize("area", [QRect(0, 0, 1280, 800), QRect(-1920, 40, 1920, 1040)])
def test_the_corner_is_inside_the_screen(area: QRect) -> None:
    size, shadow = QSize(384 + 44, 200), 22
    at = corner(size, area, shadow)
    seen = QRect(at + QPoint(shadow, shadow), size - QSize(2 * shadow, 2 * shadow))
    assert area.contains(seen)
    assert area.right() - seen.right() == FROM_EDGE


def test_a_narrow_screen_shows_its_left_side(qtbot: QtBot) -> None:
    assert corner(QSize(428, 200), QRect(0, 0, 300, 600), 22).x() == -22


def test_the_real_broker_does_what_was_shown_and_allowed(
    qtbot: QtBot, look: Theme, tmp_path: Path
) -> None:
    loom = real_loom(tmp_path)
    engine = Engine(lambda: loom)
    cards: list[Cards] = []
    ended: list[str] = []

    def hear(events: list[Event]) -> None:
        for event in events:
            if event.topic.startswith("card."):
                cards[0].hear(event)

    async def ask() -> None:
        arguments = {"moves": [{"source": "/a/b", "target": "/c/d\u202e"}], "words": "1 file"}
        question = Question(
            digest=digest("files.move", arguments), capability="files.move", arguments=arguments,
            words="Move 1 file", reason="The folder is not granted.", effect="write-reversible",
            agent="chat", thread=1, cause=1, origin=frozenset({"user-typed"}),
            expires=loom.clock() + 60,
        )  # fmt: skip
        try:
            await loom.broker.consent.wait(question)
            ended.append("allowed")
        except Denied as error:
            ended.append(error.message)

    engine.posted.connect(hear)
    with qtbot.waitSignal(engine.ready, timeout=20_000):
        engine.start()
    try:
        cards.append(Cards(engine, look))
        qtbot.addWidget(cards[0])
        for press, outcome in ((1, "allowed"), (0, "Move 1 file: you said no.")):
            asyncio.run_coroutine_threadsafe(ask(), engine._loop)  # type: ignore[arg-type]
            qtbot.waitUntil(lambda: len(cards[0].views()) == 1, timeout=5000)
            view = cards[0].views()[0]
            assert "target  /c/d⟨202E⟩" in view.detail.toPlainText()
            button = view.buttons[press]
            qtbot.waitUntil(button.isEnabled, timeout=2000)
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)
            qtbot.waitUntil(lambda: bool(ended), timeout=5000)
            assert ended.pop() == outcome
            qtbot.waitUntil(lambda: cards[0].views() == [], timeout=5000)
    finally:
        assert engine.stop()
