from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QMimeData
from PySide6.QtGui import QGuiApplication

from app import clipboard
from app.clipboard import Clipboard, readable

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def data(text: str = "", **formats: bytes) -> QMimeData:
    made = QMimeData()
    if text:
        made.setText(text)
    for name, value in formats.items():
        made.setData(name.replace("__", "/").replace("_", " "), value)
    return made


@pytest.mark.parametrize(
    ("formats", "text"),
    [
        ({}, "words"),
        ({"Clipboard_Viewer_Ignore": b""}, ""),
        ({'application__x-qt-windows-mime;value="Clipboard_Viewer_Ignore"': b"x"}, ""),
        ({"ExcludeClipboardContentFromMonitorProcessing": b"\1"}, ""),
        ({"org.nspasteboard.ConcealedType": b"1"}, ""),
        ({"CanIncludeInClipboardHistory": b"\0\0\0\0"}, ""),
        ({"CanIncludeInClipboardHistory": b"\1\0\0\0"}, "words"),
        ({"CanUploadToCloudClipboard": b"\0\0\0\0"}, ""),
    ],
)
def test_what_is_marked_as_secret_is_not_read(
    qtbot: QtBot, formats: dict[str, bytes], text: str
) -> None:
    assert readable(data("words", **formats), 100) == text


def test_too_long_and_no_text_are_nothing(qtbot: QtBot) -> None:
    assert readable(data("x" * 101), 100) == ""
    assert readable(data(image__png=b"x"), 100) == ""


def test_a_copy_is_told_and_of_a_secret_only_that_there_was_one(qtbot: QtBot) -> None:
    heard: list[tuple[list[str], str]] = []
    source = Clipboard(lambda formats, text: heard.append((formats, text)))
    QGuiApplication.clipboard().setText("Grüße")
    qtbot.waitUntil(lambda: len(heard) == 1)
    formats, text = heard[0]
    assert text == "Grüße"
    assert any(one.startswith("text/plain") for one in formats)
    QGuiApplication.clipboard().setMimeData(data("pw", Clipboard_Viewer_Ignore=b""))
    qtbot.waitUntil(lambda: len(heard) == 2)
    assert heard[1][1] == ""
    source.deleteLater()


def test_only_where_the_engine_has_no_reader_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for platform, needed in (("linux", False), ("win32", True), ("darwin", True)):
        monkeypatch.setattr(sys, "platform", platform)
        assert clipboard.needed() is needed
