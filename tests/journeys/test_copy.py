"""J2: copy a long text, get a quiet offer, one click gives the summary; secrets stay secret."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.journeys.application import Application
from tests.journeys.papers import (
    HUNG_OWNER,
    LARGE_OWNER,
    LONG_TEXT,
    SECRET_OWNER,
    python,
)
from tests.screen import Screen

pytestmark = [pytest.mark.journey, pytest.mark.x11]

OFFER = "Summarise what you copied?"


def copy_with(screen: Screen, source: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Copy with a program of our own; returns when it owns the clipboard."""
    owner = screen.start(*python(source, *arguments), stdout=subprocess.PIPE)
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"owns\n"
    return owner


def test_a_long_copy_is_offered_and_one_click_gives_its_summary(watching: Application) -> None:
    screen = watching._keys
    screen.clipboard_set(LONG_TEXT)
    card = watching.card(OFFER)
    assert card["text"].endswith("words in English")
    screen.accessibility.find("Summarise")
    assert not any(one.focused for one in screen.windows("Loom")), "a card took the focus"
    watching.click("Summarise")
    watching.until(lambda: watching.popup is not None, "popup with the summary")
    page = watching.page_has("offline")
    assert "Summarise what I copied" in page
    assert "lighthouse" in page
    answer = watching.answer()
    assert len(answer["text"]) < len(LONG_TEXT) * 0.8
    assert "lighthouse" in answer["text"]
    watching.no_cards()
    screen.accessibility.gone("Summarise")


def test_the_card_dies_with_the_next_copy(watching: Application) -> None:
    screen = watching._keys
    screen.clipboard_set(LONG_TEXT)
    first = watching.card(OFFER)
    screen.accessibility.find("Summarise")
    screen.clipboard_set("a short one")
    watching.no_cards()
    screen.accessibility.gone("Summarise")
    items = watching.verb("inbox")
    assert [item["state"] for item in items if item["id"] == first["id"]] == ["superseded"]
    screen.clipboard_set(LONG_TEXT.replace("1908", "1909"))
    second = watching.card(OFFER)
    screen.clipboard_set(LONG_TEXT.replace("1908", "1910"))
    watching.until(lambda: watching.card(OFFER)["id"] != second["id"], "card of the last copy")
    assert len(watching.cards()) == 1


def test_a_password_reaches_no_bus_no_file_and_no_log(watching: Application) -> None:
    screen, secret = watching._keys, "kiwi-Marker-4f7c" + " and many more words" * 60
    screen.clipboard_set(LONG_TEXT)
    watching.card(OFFER)
    owner = copy_with(screen, SECRET_OWNER, secret)
    watching.no_cards()  # the card of the copy before ended: the source has seen this one
    assert owner.stdout is not None
    asked = [owner.stdout.readline().strip()]
    refusal = watching.loom("ask", "Summarise what I copied", ok=False)
    assert "secret" in refusal or "password" in refusal, refusal
    screen.clipboard_set("something else")
    watching.until(lambda: watching.status()["state"] == "idle", "rest")
    screen.end(owner)
    assert b"UTF8_STRING" not in asked
    assert "kiwi-Marker" not in watching.loom("inbox", "--json")
    assert "kiwi-Marker" not in watching.loom("doctor", "--json")
    watching.stop()
    for path, content in watching.kept():
        assert b"kiwi-Marker" not in content, path
    watching.start()
    assert "kiwi-Marker" not in watching.loom("inbox", "--json")


def test_copied_text_is_in_no_file_either(watching: Application) -> None:
    watching._keys.clipboard_set("plum-Marker-77 " + LONG_TEXT)
    watching.card(OFFER)
    watching.stop()
    for path, content in watching.kept():
        assert b"plum-Marker" not in content, path
    watching.start()
    assert "plum-Marker" not in watching.loom("inbox", "--json")


def test_a_short_copy_is_left_alone(watching: Application) -> None:
    watching._keys.clipboard_set("only these few words")
    watching._keys.clipboard_set(LONG_TEXT)
    watching.card(OFFER)  # so the short one has been seen, too
    assert len(watching.verb("inbox")) == 1


def test_without_leave_nothing_is_looked_at(loom: Application) -> None:
    loom._keys.clipboard_set(LONG_TEXT)
    assert loom.verb("change_setting", table="sources.clipboard", key="enabled", value=True)
    loom.until(lambda: loom.settled("clipboard"), "clipboard watched")
    loom._keys.clipboard_set(LONG_TEXT.replace("1908", "1911"))
    loom.card(OFFER)
    assert len(loom.verb("inbox")) == 1


def test_paused_nothing_is_looked_at(watching: Application) -> None:
    screen = watching._keys
    watching.loom("pause", "10")
    screen.clipboard_set(LONG_TEXT)
    watching.loom("resume")
    screen.clipboard_set(LONG_TEXT.replace("1908", "1912"))
    watching.card(OFFER)
    assert len(watching.verb("inbox")) == 1


COPIER = """
import sys, time
from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
app = QGuiApplication([])
left = iter(range(200))
def copy():
    number = next(left, None)
    if number is None:
        print("done", flush=True)
        timer.stop()
    else:
        app.clipboard().setText(f"copy {number}: " + "some words to read " * 60)
timer = QTimer(); timer.timeout.connect(copy); timer.start(20)
app.exec()
"""


def test_two_hundred_copies_make_no_more_cards_than_the_budget(plain_desktop: Screen) -> None:
    with Application(plain_desktop, watching=True) as loom:
        program = plain_desktop.start(*python(COPIER), stdout=subprocess.PIPE)
        assert program.stdout is not None
        assert program.stdout.readline() == b"done\n"
        loom.until(lambda: loom.status()["state"] in ("idle", "asks"), "rest")
        cards = [one["card"] for one in loom.verb("inbox", limit=1000)]
        shown = [one for one in cards if 0 < one["expires"] - one["created"] < 3600]
        assert 1 <= len(shown) <= 6, [one["state"] for one in cards]
        assert len(loom.cards()) <= 1
        began = time.monotonic()
        loom.press_hotkey()
        assert time.monotonic() - began < 2


def test_a_program_that_hangs_with_the_clipboard_stops_nobody(plain_desktop: Screen) -> None:
    with Application(plain_desktop, watching=True) as loom:
        copy_with(plain_desktop, HUNG_OWNER)
        loom.ask("2 + 2")
        loom.page_has("= 4")
        plain_desktop.clipboard_set(LONG_TEXT)
        loom.card(OFFER)


def test_two_hundred_megabytes_on_the_clipboard_are_left_there(plain_desktop: Screen) -> None:
    with Application(plain_desktop, watching=True) as loom:
        assert loom.process is not None
        owner = copy_with(plain_desktop, LARGE_OWNER)
        loom.ask("2 + 2")
        loom.page_has("= 4")
        plain_desktop.clipboard_set(LONG_TEXT)
        loom.card(OFFER)
        plain_desktop.end(owner)
        assert len(loom.verb("inbox")) == 1
        with open(f"/proc/{loom.process.pid}/status", encoding="ascii") as file:
            peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
        assert peak < 400_000, f"{peak} kB"
