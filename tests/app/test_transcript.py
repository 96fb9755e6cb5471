from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication, QTextDocument
from PySide6.QtWidgets import QPushButton

from app.theme import Theme
from app.transcript import AT_ONCE, LONGEST_SHOWN, Message, Meta, Transcript

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def page(qtbot: QtBot, look: Theme) -> Transcript:
    made = Transcript(look)
    qtbot.addWidget(made)
    made.resize(640, 400)
    look.dress(made)
    made.show()
    return made


def buttons(page: Transcript, name: str) -> list[QPushButton]:
    found = page.viewport().findChildren(QPushButton)
    return [one for one in found if one.accessibleName() == name and one.isVisible()]


def test_question_answer_and_who_gave_it_stand_in_order(page: Transcript) -> None:
    page.add(Message("user", "How much?"))
    page.stream("Forty ")
    page.stream("**two**.")
    page.finish("Forty **two**.", Meta("local", "llama", 0.42, 0))
    lines = [line for line in page.toPlainText().splitlines() if line]
    assert lines == ["How much?", "Forty two.", "local · llama · 0.4 s · free"]
    assert page.last_answer() == "Forty **two**."
    assert not page.streaming


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        (Meta(), ""),
        (Meta("offline", "offline", 0.04, 0), "offline · < 0.1 s · free"),
        (Meta("cloud", "m", 12.34, 0.0012), "cloud · m · 12 s · $0.0012"),
        (Meta("cloud", "m", 1, 0.5), "cloud · m · 1.0 s · $0.50"),
        (Meta.of({"route": None, "model": 3, "seconds": "x", "cost": float("nan")}), "3"),
    ],
)
def test_the_small_line_tells_what_is_known(page: Transcript, meta: Meta, words: str) -> None:
    assert page.words(meta) == words


def test_it_follows_the_end_only_when_the_reader_is_there(page: Transcript) -> None:
    bar = page.verticalScrollBar()
    page.begin()
    page.stream("line\n\n" * 60)
    page.flush()
    assert bar.maximum() > 100
    assert bar.value() == bar.maximum()
    bar.setValue(40)
    page.stream("more\n\n" * 20)
    page.flush()
    page.finish()
    assert bar.value() == 40


def test_code_can_be_copied_as_it_was_written(page: Transcript, qtbot: QtBot) -> None:
    page.stream("Look:\n\n```python\nif x:\n\n    y()\n```\n\nDone.")
    page.finish()
    (copy,) = buttons(page, "Copy code")
    copy.click()
    assert QGuiApplication.clipboard().text() == "if x:\n\n    y()"
    assert copy.text() == "Copied"
    qtbot.waitUntil(lambda: copy.text() == "Copy", timeout=4000)


def test_code_can_be_copied_while_it_still_comes(page: Transcript) -> None:
    page.stream("```\none\ntwo\nthr")
    page.flush()
    buttons(page, "Copy code")[0].click()
    assert QGuiApplication.clipboard().text() == "one\ntwo\nthr"


def test_buttons_are_there_for_what_is_visible_only(page: Transcript) -> None:
    page.stream("```\na\n```\n\nwords\n\n" * 60)
    page.finish()
    assert 0 < len(buttons(page, "Copy code")) < 12
    page.verticalScrollBar().setValue(0)
    assert 0 < len(buttons(page, "Copy code")) < 12


def test_an_error_says_what_to_do_and_can_be_tried_again(page: Transcript, qtbot: QtBot) -> None:
    page.add(Message("error", "Ollama did not answer.", hint="Start it."))
    assert "Ollama did not answer." in page.toPlainText()
    assert "Start it." in page.toPlainText()
    with qtbot.waitSignal(page.retry, timeout=1000):
        buttons(page, "Try again")[0].click()
    page.add(Message("user", "never mind"))
    assert buttons(page, "Try again") == []


def test_a_link_opens_only_after_a_click_and_only_on_the_web(
    page: Transcript, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    page.stream("See [this](https://example.org/a).")
    page.finish()
    assert opened == []
    for url in ("file:///etc/passwd", "javascript:x", "https://example.org/a", "loom:other"):
        page.anchorClicked.emit(QUrl(url))
    assert opened == ["https://example.org/a"]
    assert page.source().isEmpty()


def test_nothing_is_ever_loaded_for_a_text(page: Transcript) -> None:
    for kind in QTextDocument.ResourceType:
        assert page.loadResource(kind.value, QUrl("file:///etc/passwd")) is None


def test_what_is_copied_from_it_is_plain_text(page: Transcript) -> None:
    page.stream("**bold** words")
    page.finish()
    page.selectAll()
    data = page.createMimeDataFromSelection()
    assert data.formats() == ["text/plain"]
    assert data.text() == "bold words"


def test_a_long_message_of_ones_own_is_folded(page: Transcript) -> None:
    page.add(Message("user", "word " * 2000, files=("/tmp/a b.pdf",)))
    text = page.toPlainText()
    assert len(text) < LONGEST_SHOWN + 100
    assert "more characters" in text
    assert text.endswith("a b.pdf")


def test_an_old_conversation_shows_its_end_and_more_when_asked(page: Transcript) -> None:
    messages = [Message("user" if n % 2 == 0 else "assistant", f"m{n}.") for n in range(200)]
    page.load(messages)
    assert "m199." in page.toPlainText()
    assert "m100." not in page.toPlainText()
    assert page.verticalScrollBar().value() == page.verticalScrollBar().maximum()
    assert page.toPlainText().count(".") == AT_ONCE
    page.anchorClicked.emit(QUrl("loom:earlier"))
    assert "m100." in page.toPlainText()
    page.anchorClicked.emit(QUrl("loom:earlier"))
    assert "m0." in page.toPlainText()
    assert "Earlier" not in page.toPlainText()


def test_another_palette_writes_it_all_again_also_while_it_streams(
    page: Transcript, look: Theme
) -> None:
    page.add(Message("user", "Q"))
    page.stream("A **b** c\n\n```\nco")
    page.flush()
    before = page.toPlainText()
    look.choose("dark")
    assert page.toPlainText() == before
    assert page.streaming
    page.stream("de\n```\n")
    page.finish()
    assert "code" in page.toPlainText()
    colors = page.toHtml().lower()
    assert look.tokens.text.lower() in colors
    assert "#14161c" not in colors


def test_ones_own_words_hug_the_far_side(page: Transcript) -> None:
    page.add(Message("user", "short"))
    form = page.document().begin().blockFormat()
    assert form.leftMargin() > 400
    page.resize(400, 400)
    narrower = page.document().begin().blockFormat()
    assert narrower.leftMargin() == pytest.approx(form.leftMargin() - 240)
    page.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    page.load([Message("user", "short")])
    mirrored = page.document().begin().blockFormat()
    assert mirrored.rightMargin() > mirrored.leftMargin()


def test_shapes_stay_behind_their_words_while_the_answer_streams(page: Transcript) -> None:
    page.add(Message("user", "Q"))
    for piece in ("> quo", "te\n\n| a |\n|--|\n| 1 |\n\n", "```\ncode\n```\n\n", "End"):
        page.stream(piece)
        page.flush()
    page.finish()
    shapes = [(card.kind, rect.top()) for _, card, rect in page._visible(0, 400)]
    assert [kind for kind, _ in shapes] == ["bubble", "quote", "code"]
    assert [top for _, top in shapes] == sorted(top for _, top in shapes)


def test_it_can_be_painted_in_every_state(page: Transcript) -> None:
    page.begin()
    page.grab()
    page.stream("> q\n\n---\n\n| a |\n|---|\n| 1 |\n\n```\nx\n" + "y\n" * 200)
    page.flush()
    page.grab()
    page.finish()
    page.add(Message("error", "No.", hint=""))
    page.verticalScrollBar().setValue(200)
    assert not page.grab().isNull()


def test_a_flush_that_is_dear_makes_the_next_wait_longer(qtbot: QtBot, look: Theme) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.05
        return now[0]

    page = Transcript(look, clock=clock)
    qtbot.addWidget(page)
    page.begin()
    page.stream("a")
    page._timer.start(1000)
    page.flush()
    assert page._timer.interval() >= 390


def test_writing_an_answer_takes_less_than_a_tenth_of_the_time(look: Theme, qtbot: QtBot) -> None:
    now, cost_s = [0.0], 0.0

    def clock() -> float:
        now[0] += cost_s
        return now[0]

    page = Transcript(look, clock=clock)
    qtbot.addWidget(page)
    page.begin()
    page.stream("A ")
    page.flush()
    cost_s = 0.030  # a long paragraph, a large table
    page.stream("word ")
    page._timer.stop()
    page.flush()  # as the timer does it, which has run out by then
    page.stream("and ")
    assert page._timer.interval() >= 270
    cost_s = 0.0
    page._timer.stop()
    page.flush()
    page.stream("another ")
    assert page._timer.interval() <= 50
    page.finish()
