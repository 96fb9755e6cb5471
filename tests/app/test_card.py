from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QToolButton

from app.card import Armed, CardView
from loom_desktop.actions.consent import digest
from loom_desktop.errors import Denied, NotFound
from tests.app.fake_engine import FakeEngine
from tests.app.made import NOW, card

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from app.theme import Theme
    from tests.app.conftest import Run

ARGUMENTS = {"moves": [{"source": "/a/re\u202efdp.exe", "target": "/b/c.pdf"}], "words": "1 file"}


class Steady:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def approval(**fields: Any) -> dict[str, Any]:
    data = {"capability": "files.move", "arguments": ARGUMENTS, **fields.pop("data", {})}
    return card(7, "approval", data=data, digest="of the engine", agent="chat", **fields)


def shown(qtbot: QtBot, run: Run, look: Theme, fake: FakeEngine, one: dict[str, Any]) -> CardView:
    view = CardView(run(fake), look, one, clock=lambda: NOW + 30)
    qtbot.addWidget(view)
    with qtbot.waitExposed(view):
        view.show()
    return view


def press(button: QPushButton) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.mark.parametrize("kind", ["suggestion", "approval", "reminder", "notice"])
@pytest.mark.parametrize("floating", [True, False])
def test_no_part_of_it_is_a_window_while_it_is_made(
    qtbot: QtBot, run: Run, look: Theme, strays: list[str], kind: str, floating: bool
) -> None:
    one = approval() if kind == "approval" else card(3, kind)
    view = CardView(run(FakeEngine({})), look, one, clock=lambda: NOW, floating=floating)
    qtbot.addWidget(view)
    assert strays == []


def test_a_click_answers_and_the_card_is_settled(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = FakeEngine({"answer": lambda **_: {"state": "answered"}})
    view = shown(qtbot, run, look, fake, card(3))
    with qtbot.waitSignal(view.settled, timeout=2000) as settled:
        press(view.buttons[0])
    assert settled.args == [3]
    assert fake.asked("answer") == [
        {"card": 3, "action": "summarise", "digest": "", "door": "window"}
    ]


def test_a_second_click_while_it_works_asks_nothing_more(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    fake = FakeEngine({"answer": lambda **_: {"state": "answered"}})
    view = shown(qtbot, run, look, fake, card())
    with qtbot.waitSignal(view.settled, timeout=2000):
        view.answer("summarise")
        view.answer("summarise")
        view.never()
    assert len(fake.calls) == 1


def test_what_goes_wrong_is_said_in_the_card_and_it_can_be_tried_again(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    def refuse(**_: Any) -> None:
        raise Denied("The card was answered already.", hint="Nothing was done twice.")

    view = shown(qtbot, run, look, FakeEngine({"answer": refuse}), card())
    press(view.buttons[0])
    qtbot.waitUntil(lambda: not view.trouble.isHidden(), timeout=2000)
    assert view.trouble.text() == "The card was answered already. Nothing was done twice."
    assert view.buttons[0].isEnabled()


def test_dismissing_a_card_that_is_over_closes_it_all_the_same(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    def refuse(**_: Any) -> None:
        raise Denied("The card was expired already.")

    view = shown(qtbot, run, look, FakeEngine({"answer": refuse}), card())
    with qtbot.waitSignal(view.settled, timeout=2000):
        press(view.close_button)


def test_an_approval_shows_its_arguments_to_the_letter(qtbot: QtBot, run: Run, look: Theme) -> None:
    view = shown(qtbot, run, look, FakeEngine(), approval(detail="moves: something harmless"))
    detail = view.detail.toPlainText()
    assert detail.splitlines()[0] == "files.move"
    assert "source  /a/re⟨202E⟩fdp.exe" in detail
    assert "harmless" not in detail


def test_an_approval_is_bound_to_what_it_shows(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = FakeEngine({"answer": lambda **_: {"state": "answered"}})
    view = shown(qtbot, run, look, fake, approval())
    armed = view.buttons[1]
    qtbot.waitUntil(armed.isEnabled, timeout=2000)
    press(armed)
    qtbot.waitUntil(lambda: bool(fake.calls), timeout=2000)
    assert fake.asked("answer")[0]["digest"] == digest("files.move", ARGUMENTS)


def test_do_not_is_the_default_and_is_ready_at_once(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = FakeEngine({"answer": lambda **_: {"state": "declined"}})
    one = approval()
    one["actions"].reverse()
    view = shown(qtbot, run, look, fake, one)
    deny, allow = view.buttons
    assert deny.text() == "Do not"
    assert deny.isEnabled()
    assert not allow.isEnabled()
    view.focus()
    QTest.keyClick(deny, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(fake.calls), timeout=2000)
    assert fake.asked("answer")[0]["action"] == "deny"


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        ("write-reversible", "You can undo this for 30 days."),
        ("write-irreversible", "This cannot be undone."),
        ("", "Loom cannot promise that this can be undone."),
    ],
)
def test_an_approval_says_what_cannot_be_undone(
    qtbot: QtBot, run: Run, look: Theme, effect: str, words: str
) -> None:
    view = shown(qtbot, run, look, FakeEngine(), approval(data={"effect": effect}))
    assert view.undo_line.text() == words


def test_allow_waits_half_a_second_by_its_own_clock(qtbot: QtBot) -> None:
    clock = Steady()
    button = Armed("Move", clock=clock)
    qtbot.addWidget(button)
    button.show()
    button.setEnabled(True)  # as if the timer had come early
    clock.now += 0.49
    with qtbot.assertNotEmitted(button.allowed):
        press(button)
    clock.now += 0.01
    with qtbot.waitSignal(button.allowed, timeout=1000):
        press(button)


def test_allow_is_for_a_hand_alone(qtbot: QtBot) -> None:
    clock = Steady()
    button = Armed("Move", clock=clock)
    qtbot.addWidget(button)
    button.show()
    clock.now += 5
    button.setEnabled(True)
    with qtbot.assertNotEmitted(button.allowed):
        button.click()
        for kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease):
            where = QPointF(button.rect().center())
            left = Qt.MouseButton.LeftButton
            posted = QMouseEvent(kind, where, where, left, left, Qt.KeyboardModifier.NoModifier)
            QApplication.sendEvent(button, posted)
            if kind == QEvent.Type.MouseButtonPress:  # a hand that lets go does not make it one
                QTest.mouseRelease(button, left)
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Space):
        with qtbot.waitSignal(button.allowed, timeout=1000):
            QTest.keyClick(button, key)


def test_shown_again_or_moved_it_waits_again(qtbot: QtBot) -> None:
    clock = Steady()
    button = Armed("Move", clock=clock)
    qtbot.addWidget(button)
    button.show()
    clock.now += 5
    button.hide()
    button.show()
    assert not button.isEnabled()
    button.setEnabled(True)
    with qtbot.assertNotEmitted(button.allowed):
        press(button)


def test_why_unfolds_the_chain_in_words(qtbot: QtBot, run: Run, look: Theme) -> None:
    rows = [{"time": NOW, "topic": "clipboard.copied", "sender": "clipboard", "text": ""}]
    view = shown(qtbot, run, look, FakeEngine({"why": lambda **_: rows}), card(why="You copied."))
    press(view.why)
    qtbot.waitUntil(lambda: "You copied something" in view._chain.text(), timeout=2000)
    assert view._chain.text().startswith("You copied.\n")
    press(view.why)
    assert view._chain.isHidden()


def test_why_says_what_is_known_when_the_journal_has_forgotten(
    qtbot: QtBot, run: Run, look: Theme
) -> None:
    def gone(**_: Any) -> None:
        raise NotFound("Nothing is written down about this any more.")

    view = shown(qtbot, run, look, FakeEngine({"why": gone}), card(why="You copied."))
    view.explain()
    qtbot.waitUntil(lambda: "any more" in view._chain.text(), timeout=2000)
    assert "You copied." in view._chain.text()


def test_never_for_this_is_told_to_the_engine(qtbot: QtBot, run: Run, look: Theme) -> None:
    fake = FakeEngine({"never_for_this": lambda **_: {}})
    view = shown(qtbot, run, look, fake, card(5))
    with qtbot.waitSignal(view.settled, timeout=2000):
        view.never()
    assert fake.asked("never_for_this") == [{"card": 5}]


def test_foreign_text_is_never_read_as_html(qtbot: QtBot, run: Run, look: Theme) -> None:
    words = "<img src='file:///etc/passwd'><b>bold</b>"
    one = card(title=words, text=words, detail=words, why=words)
    one["actions"][0]["label"] = words
    view = shown(qtbot, run, look, FakeEngine(), one)
    for label in view.findChildren(QLabel):
        assert label.textFormat() == Qt.TextFormat.PlainText or not label.text()
    assert view.detail.toPlainText() == words


def test_the_line_runs_out_with_the_time(qtbot: QtBot, run: Run, look: Theme) -> None:
    now = NOW
    view = CardView(run(FakeEngine()), look, card(expires=NOW + 90), clock=lambda: now)
    qtbot.addWidget(view)
    assert view.left() == 1.0
    now = NOW + 45
    assert view.left() == pytest.approx(0.5)
    now = NOW + 1000
    assert view.left() == 0.0
    forever = CardView(run(FakeEngine()), look, card(expires=0), clock=lambda: now)
    qtbot.addWidget(forever)
    assert forever.left() == -1.0


def test_a_card_of_the_past_has_no_buttons(qtbot: QtBot, run: Run, look: Theme) -> None:
    view = shown(qtbot, run, look, FakeEngine(), card(state="expired"))
    assert view.buttons == []


@pytest.mark.parametrize("kind", ["suggestion", "approval", "reminder", "notice"])
def test_everything_to_press_has_a_name(qtbot: QtBot, run: Run, look: Theme, kind: str) -> None:
    view = shown(qtbot, run, look, FakeEngine(), card(1, kind))
    for kind_of in (QPushButton, QToolButton):
        for one in view.findChildren(kind_of):
            assert one.accessibleName()
            assert one.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert view.accessibleName()
