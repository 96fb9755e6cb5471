from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from app import prompt
from app.prompt import Prompt
from app.theme import Theme

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

KEY = Qt.Key


@pytest.fixture
def field(qtbot: QtBot, look: Theme) -> Prompt:
    made = Prompt(look)
    qtbot.addWidget(made)
    made.resize(600, 60)
    made.show()
    made.edit.setFocus()
    return made


def chips(field: Prompt) -> list[str]:
    return [
        one.accessibleName()
        for one in field.findChildren(QPushButton)
        if one.accessibleName().startswith("Remove") and one.isVisibleTo(field)
    ]


def test_enter_sends_and_shift_enter_breaks_the_line(field: Prompt, qtbot: QtBot) -> None:
    QTest.keyClicks(field.edit, "one")
    QTest.keyClick(field.edit, KEY.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(field.edit, "two")
    with qtbot.waitSignal(field.sent, timeout=1000):
        QTest.keyClick(field.edit, KEY.Key_Return)
    assert field.take() == ("one\ntwo", ())
    assert field.edit.toPlainText() == ""


def test_nothing_is_sent_when_there_is_nothing_or_an_answer_still_comes(
    field: Prompt, qtbot: QtBot
) -> None:
    with qtbot.assertNotEmitted(field.sent):
        QTest.keyClick(field.edit, KEY.Key_Return)
        field.put("something")
        field.set_streaming(True)
        QTest.keyClick(field.edit, KEY.Key_Return)
    assert field.text == "something"
    assert field.stop_button.isVisible()
    assert not field.send_button.isVisible()


def test_up_brings_back_what_was_asked_and_down_goes_forward(field: Prompt, qtbot: QtBot) -> None:
    for text in ("first", "second"):
        field.put(text)
        field.take()
    seen = []
    for key in (KEY.Key_Up, KEY.Key_Up, KEY.Key_Up, KEY.Key_Down, KEY.Key_Down):
        QTest.keyClick(field.edit, key)
        seen.append(field.edit.toPlainText())
    assert seen == ["second", "first", "first", "second", ""]


def test_up_moves_the_cursor_in_a_text_that_is_being_written(field: Prompt, qtbot: QtBot) -> None:
    field.remember("old")
    field.put("a\nb")
    QTest.keyClick(field.edit, KEY.Key_Up)
    assert field.edit.toPlainText() == "a\nb"
    assert field.edit.textCursor().blockNumber() == 0


def test_it_grows_with_the_text_up_to_a_limit(field: Prompt) -> None:
    heights = []
    for lines in (1, 3, prompt.MOST_LINES, 40):
        field.put("\n".join("x" * lines))
        heights.append(field.edit.height())
    assert heights[0] < heights[1] < heights[2] == heights[3]


def test_files_become_chips_that_can_be_taken_away(field: Prompt, tmp_path: Path) -> None:
    names = ["a & b.txt", "evil\u202etxt.exe"]
    for name in names:
        (tmp_path / name).write_text("x")
    paths = [str(tmp_path / name) for name in names]
    field.attach([*paths, paths[0]])
    assert field.files == tuple(paths)
    assert chips(field) == ["Remove a & b.txt", "Remove evil⟨202E⟩txt.exe"]
    assert field.send_button.isEnabled()
    field.findChildren(QPushButton)
    next(
        one for one in field.findChildren(QPushButton) if one.accessibleName() == chips(field)[0]
    ).click()
    assert field.files == (paths[1],)
    assert field.take() == ("", (paths[1],))
    assert chips(field) == []


def test_folders_missing_files_and_too_many_are_refused_with_a_reason(
    field: Prompt, tmp_path: Path
) -> None:
    told: list[tuple[str, str]] = []
    field.refused.connect(lambda message, hint: told.append((message, hint)))
    many = []
    for number in range(prompt.MOST_FILES + 1):
        (tmp_path / f"{number}.txt").write_text("x")
        many.append(str(tmp_path / f"{number}.txt"))
    field.attach([str(tmp_path), str(tmp_path / "gone.txt")])
    assert field.files == ()
    field.attach(many)
    assert len(field.files) == prompt.MOST_FILES
    assert len(told) == 3
    assert all(message.endswith(".") and hint for message, hint in told)


def mime(text: str = "", paths: tuple[str, ...] = ()) -> QMimeData:
    data = QMimeData()
    if text:
        data.setText(text)
    if paths:
        data.setUrls([QUrl.fromLocalFile(path) for path in paths])
    return data


def test_a_long_paste_folds_and_is_sent_whole(field: Prompt) -> None:
    long = "word " * 1000
    field.edit.insertFromMimeData(mime("short"))
    field.edit.insertFromMimeData(mime(long))
    field.edit.insertFromMimeData(mime("line\n" * 60))
    assert field.edit.toPlainText() == "short"
    assert len(chips(field)) == 2
    text, _ = field.take()
    assert text == f"short\n\n{long}\n\n{'line' + chr(10)}" + "line\n" * 59


def test_a_paste_beyond_measure_is_refused(field: Prompt, qtbot: QtBot) -> None:
    with qtbot.waitSignal(field.refused, timeout=1000):
        field.edit.insertFromMimeData(mime("x" * (prompt.MOST_CHARACTERS + 1)))
    assert field.text == ""


def test_pasted_files_are_attached(field: Prompt, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x")
    data = mime(paths=(str(path),))
    assert field.edit.canInsertFromMimeData(data)
    field.edit.insertFromMimeData(data)
    assert field.files == (str(path),)


def test_the_ring_shows_where_the_focus_is(field: Prompt, qtbot: QtBot) -> None:
    field.activateWindow()
    field.edit.setFocus()
    qtbot.waitUntil(lambda: field.property("focused") is True)
    field.attach_button.setFocus()
    qtbot.waitUntil(lambda: field.property("focused") is False)
