from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QDate, QLocale

from app.words import (
    arguments_words,
    day_words,
    exact,
    flat,
    for_good,
    link_words,
    origin_words,
    reads_right,
    undo_words,
)

ENGLISH = QLocale(QLocale.Language.English, QLocale.Country.UnitedKingdom)
TODAY = QDate(2026, 11, 20)


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (QDate(2026, 11, 20), "Today"),
        (QDate(2026, 11, 19), "Yesterday"),
        (QDate(2026, 11, 21), "Tomorrow"),
        (QDate(2026, 11, 16), "Monday 16 November"),
        (QDate(2025, 11, 16), "16 November 2025"),
    ],
)
def test_days_are_named_as_people_name_them(day: QDate, words: str) -> None:
    assert day_words(day, TODAY, ENGLISH) == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("report\u202efdp.exe", "report⟨202E⟩fdp.exe"),
        ("a\u200bb", "a⟨200B⟩b"),
        ("a\x1b[2Jb", "a⟨001B⟩[2Jb"),
        ("a\u00a0b", "a⟨00A0⟩b"),
        ("a\u3164b", "a⟨3164⟩b"),
        ("a\u2028b", "a⟨2028⟩b"),
        ("über Ωmega עברית 漢字", "über Ωmega עברית 漢字"),
    ],
)
def test_signs_that_cannot_be_seen_become_marks(text: str, shown: str) -> None:
    assert exact(text) == shown


def test_a_line_break_is_a_mark_where_one_line_is_one_thing() -> None:
    assert exact("a\nb") == "a\nb"
    assert flat("a\nb") == "a⟨000A⟩b"


@given(st.text())
def test_what_is_flat_has_one_line_and_nothing_hidden(text: str) -> None:
    shown = flat(text)
    assert len(shown.splitlines()) <= 1
    assert all(sign.isprintable() for sign in shown)


def test_arguments_show_each_value_on_a_line_of_its_own() -> None:
    shown = arguments_words(
        {"moves": [{"source": "/a/b.txt", "target": "/c/d.txt"}], "words": "1 file", "to": []}
    )
    assert shown.splitlines() == [
        "moves 1", "  source  /a/b.txt", "  target  /c/d.txt", "words  1 file", "to  –",
    ]  # fmt: skip


def test_no_value_can_pose_as_another_line_or_push_it_out_of_sight() -> None:
    shown = arguments_words({"path": "/tmp/x\ntarget  /safe", "other": "a" + " " * 300 + "b"})
    assert shown.splitlines()[0] == "path  /tmp/x⟨000A⟩target␣␣/safe"
    assert "␣" * 300 in shown


def test_origins_are_said_in_words_and_a_missing_one_too() -> None:
    assert origin_words(["file", "user-typed"]) == "a file, what you typed"
    assert origin_words(["mcp:git\u202e"]) == "the program git⟨202E⟩"
    assert origin_words([]) == "unknown"


@pytest.mark.parametrize("effect", ["write-irreversible", "send", "execute", "spend", "", "odd"])
def test_what_may_be_beyond_undo_is_said_with_a_warning(effect: str) -> None:
    assert for_good(effect)
    assert "cannot" in undo_words(effect)


def test_a_link_of_the_chain_says_what_happened_and_about_what() -> None:
    said = link_words({"topic": "file.created", "text": "/home/ana/a\nb.pdf"})
    assert said == "A file arrived: /home/ana/a b.pdf"
    assert link_words({"topic": "odd.topic", "text": ""}) == "odd.topic"


@pytest.mark.parametrize(
    ("text", "right"),
    [("Ana", False), ("12 ملفات", True), ("Größe שלום", False), ("שלום Ana", True), ("…", False)],
)
def test_the_side_a_text_is_read_from_is_that_of_its_first_letter(text: str, right: bool) -> None:
    assert reads_right(text) == right
