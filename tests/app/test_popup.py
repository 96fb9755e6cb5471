from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QRect, QSize, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication, QHideEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QWidget,
)

from app.crossing import Engine
from app.ground import clamped
from app.popup import SHARE_OF_SCREEN, Popup
from app.theme import Theme
from loom_desktop.errors import Unavailable
from loom_desktop.event import Event
from tests.app.fake_engine import FakeEngine

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

KEY, CTRL = Qt.Key, Qt.KeyboardModifier.ControlModifier
Open = Callable[..., tuple[Popup, FakeEngine]]


@pytest.fixture
def open_popup(
    run: Callable[[FakeEngine], Engine], look: Theme, qtbot: QtBot
) -> Callable[..., tuple[Popup, FakeEngine]]:
    def make(**verbs: Any) -> tuple[Popup, FakeEngine]:
        fake = FakeEngine(
            {
                "ask": lambda **_: {"turn": 7, "conversation": 5},
                "cancel": lambda **_: {"cancelled": 1},
                **verbs,
            }
        )
        engine = run(fake)
        popup = Popup(engine, look)
        qtbot.addWidget(popup)

        def hear(events: list[Event]) -> None:
            for event in events:
                popup.hear(event)

        engine.posted.connect(hear)
        popup.prebuild()
        popup.summon()
        return popup, fake

    return make


def asks(popup: Popup, fake: FakeEngine, qtbot: QtBot, text: str = "How much?") -> None:
    popup.prompt.put(text)
    QTest.keyClick(popup.prompt.edit, KEY.Key_Return)
    qtbot.waitUntil(lambda: popup._turn == 7)


def shown(popup: Popup) -> str:
    return popup.transcript.toPlainText()


def chips(popup: Popup) -> list[QPushButton]:
    return [b for b in popup._chips.findChildren(QPushButton) if b.isVisibleTo(popup)]


def test_a_question_is_asked_and_its_answer_streams_in(open_popup: Open, qtbot: QtBot) -> None:
    popup, fake = open_popup()
    asks(popup, fake, qtbot)
    assert fake.asked("ask") == [{"text": "How much?", "files": [], "conversation": 0}]
    assert popup.prompt.stop_button.isVisible()
    fake.say("chat.streamed", turn=7, text="Forty ")
    fake.say("chat.streamed", turn=7, text="**two**")
    qtbot.waitUntil(lambda: "Forty two" in shown(popup))
    fake.say(
        "chat.answered", turn=7, text="Forty **two**", route="local", model="m", seconds=0.4,
        cost=0, chips=[{"label": "Why?", "ask": "Explain it"}, {"label": "", "ask": "x"}],
    )  # fmt: skip
    qtbot.waitUntil(lambda: not popup.transcript.streaming)
    assert popup._meta.text() == "local · m · 0.4 s · free"
    assert [chip.text() for chip in chips(popup)] == ["Why?", "Copy"]
    chips(popup)[0].click()
    qtbot.waitUntil(lambda: len(fake.asked("ask")) == 2)
    assert fake.asked("ask")[1] == {"text": "Explain it", "files": [], "conversation": 5}


def test_pieces_that_come_before_the_reply_to_ask_are_not_lost(
    open_popup: Open, qtbot: QtBot
) -> None:
    popup, fake = open_popup()

    def ask(**_: Any) -> dict[str, int]:
        fake.bus.publish(Event(topic="chat.asked", id=7, payload={"text": "How much?"}))
        fake.bus.publish(Event(topic="chat.streamed", payload={"turn": 7, "text": "At once"}))
        fake.bus.publish(Event(topic="chat.answered", payload={"turn": 7, "text": "At once."}))
        return {"turn": 7, "conversation": 5}

    fake.verbs["ask"] = ask
    popup.ask("How much?")
    qtbot.waitUntil(lambda: "At once." in shown(popup))
    assert shown(popup).count("How much?") == 1
    assert not popup.transcript.streaming


def test_stop_ends_it_here_at_once_and_in_the_engine(open_popup: Open, qtbot: QtBot) -> None:
    popup, fake = open_popup()
    asks(popup, fake, qtbot)
    fake.say("chat.streamed", turn=7, text="Half")
    qtbot.waitUntil(lambda: "Half" in shown(popup))
    popup.stop()
    assert not popup.transcript.streaming
    assert popup._meta.text() == "Stopped"
    qtbot.waitUntil(lambda: fake.asked("cancel") == [{"conversation": 5}])
    fake.say("chat.streamed", turn=7, text=" late")
    fake.say("chat.answered", turn=7, text="Half late")
    fake.say("notice.raised", message="seen")
    qtbot.wait(60)
    assert "late" not in shown(popup)


def test_stop_works_before_the_engine_has_answered(open_popup: Open, qtbot: QtBot) -> None:
    import asyncio

    async def slowly(**_: Any) -> dict[str, int]:
        await asyncio.sleep(30)
        return {"turn": 7, "conversation": 5}

    popup, fake = open_popup(ask=slowly)
    popup.ask("Well?")
    qtbot.waitUntil(lambda: bool(fake.asked("ask")))
    popup.stop()
    assert not popup.transcript.streaming
    popup.ask("Again?")
    assert popup.transcript.streaming


@pytest.mark.parametrize("answered", [True, False])
def test_stop_reaches_a_new_conversation_whose_name_is_still_on_its_way(
    open_popup: Open, qtbot: QtBot, answered: bool
) -> None:
    import threading

    gate = threading.Event()

    def slowly(**_: Any) -> dict[str, int]:
        assert gate.wait(5)
        return {"turn": 7, "conversation": 5}

    popup, fake = open_popup(ask=slowly)
    popup.ask("Well?")
    asking = popup._asking
    assert asking is not None
    if answered:
        gate.set()
        asking.result(5)  # the windows' thread has not heard of it yet
    popup.stop()
    assert not popup.transcript.streaming
    gate.set()
    qtbot.waitUntil(lambda: fake.asked("cancel") == [{"conversation": 5}])
    assert popup.conversation == 0


def test_an_answer_to_a_page_that_was_left_does_not_come_back(
    open_popup: Open, qtbot: QtBot
) -> None:
    import asyncio
    import threading

    gate = threading.Event()

    async def slowly(**_: Any) -> dict[str, int]:
        await asyncio.to_thread(gate.wait, 5)
        return {"turn": 7, "conversation": 5}

    popup, fake = open_popup(ask=slowly, last=lambda: 1)
    popup.ask("Well?")
    popup.new_conversation()
    gate.set()
    done: list[object] = []
    qtbot.waitUntil(lambda: bool(fake.asked("ask")))
    popup._engine.request("last", done.append)
    qtbot.waitUntil(lambda: bool(done))
    fake.say("chat.answered", turn=7, text="Late.")
    qtbot.wait(50)
    assert popup.conversation == 0
    assert shown(popup) == ""


def test_a_failure_says_what_to_do_and_is_tried_again(open_popup: Open, qtbot: QtBot) -> None:
    popup, fake = open_popup(retry=lambda **_: {"turn": 9, "conversation": 8})
    asks(popup, fake, qtbot)
    fake.say("chat.streamed", turn=7, text="Half")
    fake.say("chat.failed", turn=7, text="Half", message="It went away.", hint="Start it.")
    qtbot.waitUntil(lambda: "It went away." in shown(popup))
    assert "Start it." in shown(popup)
    popup.transcript.retry.emit()
    qtbot.waitUntil(lambda: popup.conversation == 8)
    assert fake.asked("retry") == [{"turn": 7, "conversation": 5}]
    assert len(fake.asked("ask")) == 1, "asked anew it would lose its labels and what was copied"
    assert shown(popup).count("How much?") == 1
    assert "It went away." not in shown(popup)
    assert "Half" not in shown(popup)


def test_a_refusal_of_the_question_is_an_answer_too(open_popup: Open, qtbot: QtBot) -> None:
    def refuse(**_: Any) -> None:
        raise Unavailable("The disk is full.", hint="Free some.")

    popup, fake = open_popup(ask=refuse, summarize_clipboard=refuse)
    popup.ask("Well?", (__file__,))
    qtbot.waitUntil(lambda: "The disk is full." in shown(popup))
    assert popup.prompt.send_button.isVisible()
    popup.transcript.retry.emit()
    qtbot.waitUntil(lambda: len(fake.asked("ask")) == 2)
    assert fake.asked("ask")[0] == fake.asked("ask")[1]
    popup.summarize_clipboard()
    qtbot.waitUntil(lambda: "The disk is full." in shown(popup))
    popup.transcript.retry.emit()
    qtbot.waitUntil(lambda: len(fake.asked("summarize_clipboard")) == 2)
    assert len(fake.asked("ask")) == 2, "what was copied is no question of the person's own"


def test_an_answer_asked_for_elsewhere_is_shown_from_its_beginning(
    open_popup: Open, qtbot: QtBot
) -> None:
    popup, _ = open_popup()
    popup.hide()
    popup.hear(Event(topic="chat.asked", id=9, payload={"text": "From a card"}))
    popup.hear(Event(topic="chat.streamed", payload={"turn": 9, "text": "First, "}))
    popup.requested(9)
    assert popup.isVisible()
    popup.hear(Event(topic="chat.streamed", payload={"turn": 9, "text": "then."}))
    popup.hear(Event(topic="chat.answered", payload={"turn": 9, "text": "First, then."}))
    assert [m.text for m in popup.transcript.messages] == ["From a card", "First, then."]
    popup.new_conversation()
    popup.requested(11)  # and the question may come after the request
    popup.hear(Event(topic="chat.asked", id=11, payload={"text": "Later"}))
    popup.hear(Event(topic="chat.answered", payload={"turn": 11, "text": "Yes."}))
    assert [m.text for m in popup.transcript.messages] == ["Later", "Yes."]


def test_a_draft_from_elsewhere_waits_in_the_input(open_popup: Open) -> None:
    popup, _ = open_popup()
    popup.show_commands()
    popup.requested(0, "Remind me ")
    assert popup.prompt.text == "Remind me"
    assert popup.prompt.isVisible()


def test_an_old_conversation_comes_back_and_goes_on(open_popup: Open, qtbot: QtBot) -> None:
    rows = [
        {"id": 1, "role": "user", "text": "Old question", "state": "done"},
        {"id": 2, "role": "assistant", "text": "Old *answer*", "route": "local", "state": "done"},
    ]
    popup, fake = open_popup(
        conversations=lambda **_: [{"conversation": 3, "title": "Old", "time": 1.0, "turns": 1}],
        conversation=lambda **_: rows,
    )
    popup.show_history()
    qtbot.waitUntil(lambda: popup.picker.current() == "3")
    QTest.keyClick(popup.picker.search, KEY.Key_Return)
    qtbot.waitUntil(lambda: "Old answer" in shown(popup))
    assert popup.conversation == 3
    assert [chip.text() for chip in chips(popup)] == ["Copy"]
    QTest.keyClick(popup.prompt.edit, KEY.Key_Up)
    assert popup.prompt.text == "Old question"
    popup.send()
    qtbot.waitUntil(lambda: bool(fake.asked("ask")))
    assert fake.asked("ask")[0]["conversation"] == 3


def test_a_conversation_that_is_still_answered_goes_on_streaming(
    open_popup: Open, qtbot: QtBot
) -> None:
    rows = [
        {"role": "user", "text": "Q", "turn": 9, "state": "done"},
        {"role": "assistant", "text": "Begun", "turn": 9, "state": "streaming"},
    ]
    popup, _ = open_popup(conversation=lambda **_: rows)
    popup.open_conversation(9)
    qtbot.waitUntil(lambda: popup.transcript.streaming)
    popup.hear(Event(topic="chat.answered", payload={"turn": 9, "text": "Begun and done."}))
    assert [m.text for m in popup.transcript.messages] == ["Q", "Begun and done."]


def test_forgetting_the_conversation_that_is_shown_empties_the_page(
    open_popup: Open, qtbot: QtBot
) -> None:
    popup, fake = open_popup(
        conversations=lambda **_: [{"conversation": 5, "title": "It", "time": 1.0, "turns": 1}],
        forget_conversation=lambda **_: {},
    )
    asks(popup, fake, qtbot)
    popup.stop()
    popup.show_history()
    qtbot.waitUntil(lambda: popup.picker.current() == "5")
    for _ in range(2):
        QTest.keyClick(popup.picker.search, KEY.Key_Delete, Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: fake.asked("forget_conversation") == [{"conversation": 5}])
    qtbot.waitUntil(lambda: popup.conversation == 0)
    assert shown(popup) == ""


@pytest.mark.parametrize(
    ("key", "does"),
    [
        (KEY.Key_N, lambda p: p._pages.currentWidget() is p._empty),
        (KEY.Key_K, lambda p: p.picker.isVisible() and p._picking == "commands"),
        (KEY.Key_H, lambda p: p.picker.isVisible() and p._picking == "history"),
        (KEY.Key_Period, lambda p: not p.transcript.streaming),
    ],
)
def test_every_act_has_its_key(
    open_popup: Open, qtbot: QtBot, key: Qt.Key, does: Callable[[Popup], bool]
) -> None:
    popup, fake = open_popup(conversations=lambda **_: [])
    asks(popup, fake, qtbot)
    popup.activateWindow()
    QTest.keyClick(popup.prompt.edit, key, CTRL)
    qtbot.waitUntil(lambda: does(popup))
    if popup.picker.isVisible():  # the same key, or Escape, goes back
        QTest.keyClick(popup.picker.search, KEY.Key_Escape)
        assert popup.prompt.isVisible()
        assert popup.isVisible()


def test_a_command_can_write_open_and_do(open_popup: Open, qtbot: QtBot) -> None:
    popup, _ = open_popup()
    popup.show_commands()
    popup.picker.chosen.emit("write:Note: ")
    assert popup.prompt.edit.toPlainText() == "Note: "
    popup.show_commands()
    with qtbot.waitSignal(popup.wanted, timeout=1000) as wanted:
        popup.picker.chosen.emit("settings")
    assert wanted.args == ["settings"]
    assert not popup.isVisible()


def test_escape_hides_and_the_same_key_shows_and_hides(open_popup: Open, qtbot: QtBot) -> None:
    popup, _ = open_popup()
    QTest.keyClick(popup.prompt.edit, KEY.Key_Escape)
    assert not popup.isVisible()
    popup.toggle()
    assert popup.isVisible()
    popup.toggle()
    assert not popup.isVisible()
    popup.summon()
    popup.close()
    assert not popup.isVisible()


def test_it_hides_when_the_focus_goes_but_not_to_a_dialog_of_its_own(
    open_popup: Open, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    popup, _ = open_popup()
    monkeypatch.setattr(popup, "isActiveWindow", lambda: False)
    dialog = QDialog(popup)
    dialog.show()
    popup._hide_unless_ours()
    assert popup.isVisible()
    dialog.close()
    popup._lost_focus.start()
    qtbot.waitUntil(lambda: not popup.isVisible())


def test_hiding_does_not_end_an_answer(open_popup: Open, qtbot: QtBot) -> None:
    popup, fake = open_popup()
    asks(popup, fake, qtbot)
    popup.hide()
    fake.say("chat.answered", turn=7, text="Done.")
    qtbot.waitUntil(lambda: "Done." in shown(popup))
    assert fake.asked("cancel") == []


def test_it_grows_with_the_answer_up_to_its_share_of_the_screen(
    open_popup: Open, qtbot: QtBot
) -> None:
    popup, fake = open_popup()
    asks(popup, fake, qtbot)
    heights = [popup.height()]
    for lines in (10, 200):
        fake.say("chat.streamed", turn=7, text="line\n\n" * lines)
        qtbot.waitUntil(lambda n=lines: shown(popup).count("line") >= n)  # type: ignore[misc]  # bound now
        QApplication.processEvents()
        heights.append(popup.height())
    area = popup.screen().availableGeometry()
    assert heights[0] < heights[1] <= heights[2]
    assert heights[2] <= area.height() * SHARE_OF_SCREEN + 2 * popup.margin()
    assert area.contains(popup.geometry())


@pytest.mark.parametrize("area", [QRect(0, 0, 1280, 800), QRect(-900, 100, 900, 600)])
@pytest.mark.parametrize("corner", ["topLeft", "topRight", "bottomLeft", "bottomRight"])
def test_it_is_never_off_the_screen(area: QRect, corner: str) -> None:
    size = QSize(684, 424)
    near = getattr(area, corner)()
    assert area.contains(QRect(clamped(size, near, area), size))
    assert area.contains(QRect(clamped(size, near + QPoint(5000, 5000), area), size))


def test_dropped_files_go_with_the_question(open_popup: Open, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x")
    popup, fake = open_popup()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)), QUrl("https://example.org/x")])
    popup.dropEvent(
        QDropEvent(
            QPointF(10, 10),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
    )
    asks(popup, fake, qtbot, "Read it")
    assert fake.asked("ask")[0]["files"] == [str(path)]
    assert "a.txt" in shown(popup)


def test_the_examples_of_the_empty_page_work(open_popup: Open, qtbot: QtBot) -> None:
    popup, fake = open_popup(
        summarize_clipboard=lambda **_: {"turn": 8, "conversation": 8},
    )
    rows = [b for b in popup._empty.findChildren(QPushButton) if b.property("look") == "row"]
    assert len(rows) == 3
    rows[1].click()
    qtbot.waitUntil(lambda: bool(fake.asked("ask")))
    assert fake.asked("ask")[0]["text"] == "What is 18 % of 249.90?"
    popup.new_conversation()
    rows[2].click()
    qtbot.waitUntil(lambda: popup._turn == 8)
    assert fake.asked("summarize_clipboard") == [{}]


def test_a_long_wait_is_told_in_seconds(open_popup: Open, qtbot: QtBot) -> None:
    popup, fake = open_popup()
    now = [0.0]
    popup._clock = lambda: now[0]
    asks(popup, fake, qtbot)
    popup._tick()
    assert popup._meta.text() == "Thinking…"
    now[0] = 3.2
    popup._tick()
    assert popup._meta.text() == "Thinking… 3 s"
    assert popup._ticks.isActive()
    popup.stop()
    assert not popup._ticks.isActive()


def test_a_notice_stays_until_it_is_closed(open_popup: Open) -> None:
    popup, _ = open_popup()
    before = popup.height()
    popup.tell("warn", "The key is taken.", "Choose another.")
    assert popup.notice.isVisible()
    assert popup.height() >= before
    close = next(
        b
        for b in popup.notice.findChildren(QPushButton)
        if b.accessibleName() == "Close this notice"
    )
    close.click()
    assert not popup.notice.isVisible()


def interactive(popup: Popup) -> list[QWidget]:
    kinds = (QAbstractButton, QLineEdit, QPlainTextEdit)
    return [w for w in popup.findChildren(QWidget) if isinstance(w, kinds)]


def test_everything_has_a_name_and_can_be_reached_by_tab(open_popup: Open, qtbot: QtBot) -> None:
    popup, fake = open_popup()
    asks(popup, fake, qtbot)
    fake.say("chat.answered", turn=7, text="```\nx\n```", chips=[{"label": "More", "ask": "More"}])
    qtbot.waitUntil(lambda: len(chips(popup)) == 2)
    for widget in interactive(popup):
        assert widget.accessibleName() or not widget.isVisibleTo(popup), widget
    popup.activateWindow()
    popup.prompt.edit.setFocus()
    seen: list[str] = []
    for _ in range(40):
        focus = QApplication.focusWidget()
        assert focus is not None
        if focus.accessibleName() in seen:
            break
        seen.append(focus.accessibleName())
        popup.focusNextChild()
    wanted = {w.accessibleName() for w in interactive(popup) if w.isVisible() and w.isEnabled()}
    assert wanted <= set(seen)
    assert seen[0] == "Ask Loom"


def test_it_can_be_painted_light_dark_mirrored_and_without_a_compositor(
    open_popup: Open, look: Theme
) -> None:
    popup, _ = open_popup()
    edge = popup.margin()
    assert edge > 0
    assert popup.grab().toImage().pixelColor(1, 1).alpha() < 40
    look.choose("dark")
    middle = popup.grab().toImage().pixelColor(popup.width() // 2, edge + 4)
    assert middle.name().upper() == look.tokens.surface
    popup.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    assert not popup.grab().isNull()
    popup._take_ground(False)
    popup._fit()
    assert popup.margin() == 0
    assert not popup.mask().isEmpty()
    assert not popup.mask().contains(QPoint(0, 0))


def test_the_clipboard_gets_the_answer_as_it_was_written(open_popup: Open, qtbot: QtBot) -> None:
    popup, fake = open_popup()
    asks(popup, fake, qtbot)
    fake.say("chat.answered", turn=7, text="**bold**")
    qtbot.waitUntil(lambda: bool(chips(popup)))
    chips(popup)[-1].click()
    assert QGuiApplication.clipboard().text() == "**bold**"


def test_help_is_not_offered_with_what_loom_copies_itself(open_popup: Open, qtbot: QtBot) -> None:
    popup, fake = open_popup(copying=lambda **_: {})
    asks(popup, fake, qtbot)
    fake.say("chat.answered", turn=7, text="Sum:\n\n```\n1 + 1\n```\n")
    qtbot.waitUntil(lambda: not popup.transcript.streaming)
    order: list[str] = []
    clipboard = QApplication.clipboard()
    clipboard.dataChanged.connect(lambda: order.append("copied"))
    popup.transcript.copying.connect(lambda _: order.append("told"))
    code = next(b for b in popup.findChildren(QPushButton) if b.accessibleName() == "Copy code")
    wanted = []
    for copy in (code.click, popup.copy_answer):
        copy()
        digest = hashlib.sha256(clipboard.text().encode()).hexdigest()
        wanted.append({"text_hash": digest})
        qtbot.waitUntil(lambda: fake.asked("copying") == wanted)
    assert order[:2] == ["told", "copied"]


def test_while_it_is_seen_the_engine_is_told(open_popup: Open) -> None:
    popup, _ = open_popup()
    assert popup._engine._visible == 1
    popup.hide()
    assert popup._engine._visible == 0
    popup.hideEvent(QHideEvent())
    assert popup._engine._visible == 0


@pytest.mark.parametrize("near", [(0, 0), (1279, 0), (640, 790), (1279, 799)])
def test_the_popup_leaves_the_column_of_the_cards_free(near: tuple[int, int]) -> None:
    area, size = QRect(0, 0, 1280, 800), QSize(640, 400)
    place = QRect(clamped(size, QPoint(*near), area), size)
    assert place.right() < 1280 - 400
    assert place.left() >= 24
    assert place.top() >= 24
    assert place.bottom() <= 800 - 24
